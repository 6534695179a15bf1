//! Values for the tests of the command line. No I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::digest::Digest;
use crate::event::{Operation, Outcome, Report};
use crate::journal::Holder;
use crate::layout::Layout;
use crate::model::{Environment, Kind, Retention, Runtime, Source, Supervisor, Variable};
use crate::name::ReleaseId;
use crate::plan::step::{CurrentStep, ReleaseStep};
use crate::plan::{Plan, Site, Step};
use crate::release::{Actor, Origin};
use crate::status::{RunState, Status};
use crate::time::Timestamp;

pub(super) fn time() -> Timestamp {
    Timestamp::from_stamp("20261121T011037Z").unwrap()
}

pub(super) fn release(digits: &str) -> ReleaseId {
    ReleaseId::next(time(), digits, [].iter())
}

pub(super) fn actor() -> Actor {
    Actor { user: "operator".into(), host: "node1".into(), tool: "0.1.0".into() }
}

pub(super) fn holder() -> Holder {
    Holder {
        pid: 4711,
        started_ticks: 1,
        by: actor(),
        operation: Operation::Deploy,
        since: time(),
        command: "helionyx-deploy deploy --env live".into(),
    }
}

pub(super) fn report(outcome: Outcome) -> Report {
    Report {
        operation: Operation::Deploy,
        outcome,
        release: Some(release("aaaaaaa")),
        previous: None,
        commit: None,
        source: Some(Origin::Path { dir: "/src".into(), content: Digest::of(b"x") }),
        failed: None,
        error: None,
        steps: 9,
        duration_ms: 2345,
        downtime_ms: Some(41),
        sync_ms: 38,
        evidence: None,
        neighbours: Vec::new(),
        left: Vec::new(),
    }
}

pub(super) fn environment() -> Environment {
    Environment {
        ports: BTreeMap::new(),
        app: "sample".parse().unwrap(),
        name: "local".parse().unwrap(),
        runtime: Runtime::Process,
        host: None,
        backups: "/var/lib/sample-backups".into(),
        data_dirs: Vec::new(),
        requires: Vec::new(),
        reaches: Vec::new(),
        layout: Layout { root: "/opt/sample/local".into(), data: "/var/lib/sample".into() },
        project: "/project".into(),
        port: None,
        source: Source::Path { dir: "/src".into(), exclude: Vec::new() },
        builds: Vec::new(),
        services: Vec::new(),
        variables: BTreeMap::new(),
        retention: Retention { releases: 5 },
    }
}

pub(super) fn secret() -> Variable {
    let (value, about) = (None, None);
    Variable { kind: Kind::Secret, value, about, is_required: true, is_distinct: false }
}

pub(super) fn plan() -> Plan {
    let release = release("aaaaaaa");
    Plan {
        site: Site::of(&environment()),
        from: None,
        to: Some(release.clone()),
        reasons: vec!["nothing is deployed yet".into()],
        steps: vec![
            Step::Release(ReleaseStep::BeginRelease { release: release.clone() }),
            Step::Current(CurrentStep::SwitchCurrent { from: None, to: release.clone() }),
            Step::Current(CurrentStep::MarkVerified {
                release,
                identity: Digest::of(b"x"),
                previous: None,
            }),
        ],
    }
}

pub(super) fn status() -> Status {
    Status {
        ports: BTreeMap::new(),
        app: "sample".parse().unwrap(),
        environment: "local".parse().unwrap(),
        supervisor: Supervisor::Process,
        unit: "web".to_owned(),
        state: RunState::Running,
        enabled: false,
        release: Some(release("aaaaaaa")),
        commit: None,
        source: Some("/src (content 2d71164)".into()),
        running_release: Some(release("aaaaaaa")),
        healthy: Some(true),
        ready: Some(true),
        port: Some(18080.try_into().unwrap()),
        pid: Some(123),
        since: Some(time()),
        restarts: 0,
        memory_bytes: 3_200_000,
        findings: Vec::new(),
    }
}

pub(super) fn later() -> Timestamp {
    time().plus(Duration::from_secs(192))
}
