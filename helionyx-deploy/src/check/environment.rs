//! What one environment lacks on its host: each look finds what it finds, and none ends the others.
//! Changes nothing.

use camino::{Utf8Path, Utf8PathBuf};

use super::{HostFinding, code, secrets};
use crate::event::chain;
use crate::hint;
use crate::host::Host;
use crate::isolation::links;
use crate::model::{Environment, Source};
use crate::observe::observe_whole;
use crate::operate::planning::{self, Known, Request};
use crate::operate::{Force, Goal, MEND_ACCESS, MEND_SOURCE, OperateError, lacking};
use crate::plan::Refusal;
use crate::plan::runtime::rules;
use crate::source::{SourceError, Wish};
use crate::state::{Condition, HostState, Node};
use crate::status;

/// What the environment lacks on its host.
pub(super) fn findings(
    host: &dyn Host,
    environment: &Environment,
    path: &[Utf8PathBuf],
) -> Vec<HostFinding> {
    let observed = observe_whole(host, environment);
    let missing = lacking(host, environment, observed.as_ref().ok());
    let refused = missing.iter().cloned().map(|one| HostFinding::refused(environment, one));
    let mut findings: Vec<HostFinding> = refused.collect();
    findings.extend(programs(host, environment, path));
    findings.extend(secrets::findings(host, environment));
    findings.extend(volatile_journal(host, environment));
    let has = |code| findings.iter().any(|one| one.code == code);
    let rest = match observed {
        Ok(found) => {
            // What is missing is said already, and what follows from it need not be.
            let (held, hidden) = (has(code::PORT_HELD), has(code::MISSING_PROGRAM));
            let is_said = |one: &HostFinding| {
                held && one.code == code::PORT_HELD || hidden && one.code == code::SOURCE
            };
            let deployed = [drift(environment, &found), damaged(environment, &found)];
            let mut rest = in_the_way(host, environment, found, missing);
            rest.retain(|one| !is_said(one));
            rest.extend(deployed.into_iter().flatten());
            rest
        }
        Err(_) if has(code::NO_SYSTEMD) => Vec::new(),
        Err(error) => {
            let place = error.subject.clone();
            vec![HostFinding::error("unreadable", &place, chain(&error), MEND_ACCESS)]
        }
    };
    findings.extend(rest);
    findings
}

/// What would keep a deploy from beginning besides what is missing: the source, and what is in the way
/// on the host.
fn in_the_way(
    host: &dyn Host,
    environment: &Environment,
    found: HostState,
    missing: Vec<Refusal>,
) -> Vec<HostFinding> {
    let goal = &Goal::Deploy { wish: Wish::default(), force: Force::IfNeeded };
    let known = Known { origin: None, found: Some(found), missing: Some(missing) };
    let planned = planning::plan(host, Request { environment, others: &[], goal }, known);
    match planned.err().and_then(|unplanned| unplanned.cause) {
        None => Vec::new(),
        Some(OperateError::Refused(refusals)) => {
            let refused = refusals.into_iter().map(|one| HostFinding::refused(environment, one));
            refused.collect()
        }
        Some(OperateError::Source(error)) => vec![no_source(environment, &error)],
        Some(error) => {
            vec![HostFinding::error("unreadable", &environment.id(), chain(&error), MEND_ACCESS)]
        }
    }
}

fn no_source(environment: &Environment, error: &SourceError) -> HostFinding {
    let place = match &environment.source {
        Source::Path { dir, .. } => dir.to_string(),
        Source::Artifact { file } => file.to_string(),
        Source::Git { url, .. } => url.clone(),
    };
    HostFinding::error(code::SOURCE, &place, chain(error), MEND_SOURCE)
}

/// What is deployed and is not as it was sealed or started. That a service is stopped or sick is a
/// matter of `status`.
fn drift(environment: &Environment, found: &HostState) -> Vec<HostFinding> {
    let place = environment.layout.root.as_str();
    let mut drifts: Vec<HostFinding> = Vec::new();
    for service in status::status(environment, found) {
        let drifted = service.findings.into_iter().filter(|one| code::DRIFT.contains(&one.code));
        let drifted = drifted.map(|one| HostFinding::error(one.code, place, one.message, one.hint));
        // What is wrong with the environment as a whole every service says.
        let new: Vec<_> = drifted.filter(|drift| !drifts.contains(drift)).collect();
        drifts.extend(new);
    }
    drifts
}

/// Releases that are not in use and cannot be gone back to, because they are not as they were sealed.
fn damaged(environment: &Environment, found: &HostState) -> Vec<HostFinding> {
    let others = found.releases.iter().filter(|(id, _)| found.current.release() != Some(*id));
    let damaged = others.filter_map(|(id, state)| match &state.condition {
        Condition::Damaged(what) => {
            let place = environment.layout.release(id);
            let message = format!("the release is damaged: {what}; a rollback cannot go to it");
            let releases = hint::run("releases", &environment.id());
            let hint = releases.and(": it says where one goes");
            let code = code::DAMAGED_RELEASE;
            Some(HostFinding::warning(code, place.as_str(), message, hint))
        }
        Condition::Complete | Condition::Unfinished | Condition::Foreign => None,
    });
    damaged.collect()
}

/// Whether the logs of units outlive a reboot (HEL-59).
fn volatile_journal(host: &dyn Host, environment: &Environment) -> Option<HostFinding> {
    let kept = Utf8Path::new("/var/log/journal");
    match host.node(kept) {
        _ if !rules(environment).needs().systemd => None,
        Ok(Node::Directory { .. }) => None,
        _ => {
            let message = "the journal is kept in memory: a reboot ends what services wrote";
            let make = hint::shell(["mkdir", kept.as_str()]);
            let restart = hint::shell(["systemctl", "restart", "systemd-journald"]);
            let hint = hint!("run ", make, " and then ", restart);
            let place = kept.as_str();
            Some(HostFinding::warning(code::VOLATILE_JOURNAL, place, message.to_owned(), hint))
        }
    }
}

/// Programs of build steps that are not there.
fn programs(host: &dyn Host, environment: &Environment, path: &[Utf8PathBuf]) -> Vec<HostFinding> {
    let bindings = environment.bindings(&environment.layout.root.join("releases/check"));
    let commands = environment.builds.iter().flat_map(|build| {
        std::iter::once(&build.run).chain(&build.then).map(move |words| (&build.name, words))
    });
    let mut findings = Vec::new();
    for (build, words) in commands {
        let program = words.first().map(|word| word.expand(&bindings)).unwrap_or_default();
        let is_named = environment.requires.iter().any(|one| one.program == program);
        if !is_named && is_missing(host, environment, path, &program) {
            let message = format!("build step {build} needs `{program}`, which is not here");
            let (code, hint) = (code::MISSING_PROGRAM, format!("install {program}"));
            findings.push(HostFinding::error(code, &environment.id(), message, hint));
        }
    }
    findings
}

fn is_missing(
    host: &dyn Host,
    environment: &Environment,
    path: &[Utf8PathBuf],
    program: &str,
) -> bool {
    let file = Utf8Path::new(program);
    // A program inside of the release is made by a build step before.
    if file.starts_with(&environment.layout.root) {
        return false;
    }
    if program.contains('/') {
        return file.is_absolute() && host.node(file).is_ok_and(|node| node == Node::Missing);
    }
    let is_program = |directory: &Utf8PathBuf| {
        let file = links::resolve(host, &directory.join(program));
        let node = file.and_then(|file| host.node(&file));
        matches!(node, Ok(Node::File { mode, .. }) if mode & 0o111 != 0)
    };
    !path.iter().any(is_program)
}
