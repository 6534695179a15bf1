//! A world: a machine with an app, and what is known of it besides what lies there. No I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use camino::Utf8Path;

use super::action::{Action, Ended};
use super::nature::{Nature, Told};
use super::random::Random;
use super::report::{Tally, Violation};
use crate::command::{Command, ExitStatus, Output};
use crate::digest::Digest;
use crate::host::FakeHost;
use crate::host::fake::{Disk, FakeService, Operator};
use crate::journal::Entry;
use crate::model::{Catalog, Environment, SourceFile, Supervisor};
use crate::name::{ReleaseId, UnitKind, UnitName};

pub(super) const ROOT: &str = "/opt/shop/dev";
pub(super) const DATA: &str = "/var/lib/shop/dev/events.jsonl";
pub(super) const SECRETS: &str = "/opt/shop/dev/shared/.env";
pub(super) const WHAT_THE_DATA_IS: &str = "{\"event\":1}\n";
pub(super) const WHAT_THE_SECRETS_ARE: &str = "TOKEN=hunter2\n";
pub(super) const PORT: i64 = 8000;
/// The program that the operators' command line is.
const TOOL: &str = "/usr/local/bin/helionyx-deploy-new";

const APP: &str = r#"
name = "shop"
[source.path]
dir = "/src"
[[build]]
name = "compile"
run = ["build"]
inputs = ["lib"]
outputs = ["bin"]
[[service]]
name = "web"
exec = ["{release}/bin/web"]
stop_timeout_secs = 1
[service.health]
try_timeout_ms = 500
deadline_secs = 1
passes = 2
stable_ms = 100
interval_ms = 100
[[service.health.probe]]
path = "/health"
fields = { status = "healthy" }
[[service.health.probe]]
path = "/health/ready"
fields = { release = "{release_id}" }
[variables.PORT]
kind = "port"
value = "{port}"
[variables.TOKEN]
kind = "secret"
[retention]
releases = 3
"#;

/// A machine with an app, and what is known of it.
pub(super) struct World {
    pub host: FakeHost,
    pub environment: Environment,
    pub supervisor: Supervisor,
    pub random: Random,
    pub events: Vec<String>,
    pub tally: Tally,
    pub known: Known,
    /// The entries of the journal, as far as it was read, in bytes, and whether more is torn there.
    pub entries: Vec<Entry>,
    pub read: usize,
    pub is_torn: bool,
    /// The number of the last operator.
    operator: u32,
}

/// What is known of a world from what was done to it and from reports.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Whether a healthy service should run, unless something keeps it from that.
    pub should_run: bool,
    /// Whether the last operation that had an effect was a stop.
    pub is_stopped: bool,
    /// Whether the last operation ended as stuck.
    pub is_stuck: bool,
    /// Whether the disk is full.
    pub is_full: bool,
    /// A process that has the port.
    pub stranger: Option<u32>,
    /// Releases that a stranger has touched.
    pub touched: BTreeSet<ReleaseId>,
    /// Releases that failed and were never proven.
    pub failed: BTreeSet<ReleaseId>,
    /// Releases that were proven.
    pub proven: BTreeSet<ReleaseId>,
    /// Whether a stranger has touched a unit or drop-in.
    pub is_unit_touched: bool,
}

impl World {
    pub fn new(random: Random, supervisor: Supervisor) -> World {
        let host = FakeHost::new();
        host.put_file("/src/lib/web", FakeService::default().content(), 0o644);
        host.put_file("/src/README", "0", 0o644);
        host.program("build", compile);
        let dev = format!("supervisor = \"{}\"\nport = {PORT}\n", super::word(supervisor));
        if supervisor == Supervisor::Systemd {
            host.boot_systemd();
            host.put_file(TOOL, "the operators' program", 0o755);
            host.recover_by(Some(TOOL.into()));
            host.program("setpriv", compile);
        }
        let environment = environment(&dev);
        World {
            host,
            environment,
            supervisor,
            random,
            events: Vec::new(),
            tally: Tally { worlds: 1, ..Tally::default() },
            known: Known::default(),
            entries: Vec::new(),
            read: 0,
            is_torn: false,
            operator: 0,
        }
    }

    /// Lives through so many operations.
    pub fn live(mut self, seed: u64, operations: u64) -> Result<Tally, Box<Violation>> {
        self.lay_out();
        while self.tally.operations < operations {
            if let Err((number, what)) = self.round() {
                let (operation, supervisor) = (self.tally.operations, self.supervisor);
                let events = self.events;
                let found = Violation { number, what, seed, operation, supervisor, events };
                return Err(Box::new(found));
            }
        }
        let all = self.events.join("\n") + &self.host.snapshot();
        self.tally.trace = Some(Digest::of(all.as_bytes()));
        Ok(self.tally)
    }

    /// The host is set up, and the operator has put data and secrets there.
    fn lay_out(&mut self) {
        let setup = Action::Setup;
        self.act(&[setup], Nature::none());
        self.host.put_file(SECRETS, WHAT_THE_SECRETS_ARE, 0o600);
        self.host.put_file(DATA, WHAT_THE_DATA_IS, 0o640);
    }

    /// Something happens, then operators are at work, disturbed or not; then all is looked at.
    fn round(&mut self) -> Result<(), (u32, String)> {
        self.something_happens();
        let actions = self.choose_actions();
        let nature = self.choose_nature(actions.len());
        self.check_round(&actions, nature)
    }

    /// Has operators do this at once; how each ended.
    pub fn act(&mut self, actions: &[Action], nature: Nature) -> (Vec<Ended>, Told) {
        let environment = &self.environment;
        let mut numbers = Vec::new();
        let mut work: Vec<(u32, Operator<'_, Ended>)> = Vec::new();
        for action in actions {
            self.operator += 1;
            numbers.push(self.operator);
            let view = self.host.operator(self.operator);
            let waits = Duration::from_secs(self.random.one_of(&[0, 0, 2]));
            if self.random.chance(30) {
                view.hang();
            }
            let action = action.clone();
            let work_of = move |host: &FakeHost| action.perform(host, environment, waits);
            work.push((self.operator, Box::new(work_of)));
        }
        self.tally.operations += actions.len() as u64;
        let watch = nature.watch(&self.host, self.supervisor, self.random.fork());
        let ended = self.host.at_once(work, watch.chooser());
        let told = Told { fault_fired: self.host.fault_fired(), ..watch.told() };
        self.host.disarm();
        self.read_journal();
        self.events.extend(told.events.iter().cloned());
        for what in &told.disturbances {
            *self.tally.disturbances.entry(what.clone()).or_default() += 1;
        }
        for ((action, end), number) in actions.iter().zip(&ended).zip(numbers) {
            let name = format!("{} {}", action.name(), end.word());
            self.events
                .push(format!("{:>8} ms operator {number}: {action:?}: {end}", self.millis()));
            *self.tally.ends.entry(name).or_default() += 1;
        }
        (ended, told)
    }

    pub fn note(&mut self, what: &str, more: &str) {
        *self.tally.disturbances.entry(what.to_owned()).or_default() += 1;
        let millis = self.millis();
        self.events.push(format!("{millis:>8} ms {what} {more}"));
    }

    pub fn millis(&self) -> u128 {
        crate::host::Clock::elapsed(&self.host).as_millis()
    }

    pub fn last_operator(&self) -> u32 {
        self.operator
    }

    /// The unit that recovers the environment.
    pub fn recovery(&self, kind: UnitKind) -> UnitName {
        UnitName::recovery(&self.environment.app, &self.environment.name, kind)
    }

    /// All files by their paths, but logs: services write these themselves.
    pub fn disk(&self) -> BTreeMap<String, Option<String>> {
        let paths = self.host.paths().into_iter();
        let paths = paths.filter(|path| !path.starts_with(Utf8Path::new(ROOT).join("log")));
        paths.map(|path| (path.to_string(), self.host.read_text(&path))).collect()
    }
}

/// The app's build step.
fn compile(command: &Command, disk: &mut Disk) -> Output {
    let content = disk.read_text(command.directory.join("lib/web")).unwrap_or_default();
    if content == "broken" {
        return Output::new(ExitStatus::Code(2), "error: it does not compile\n".to_owned());
    }
    disk.put_file(command.directory.join("bin/web"), content, 0o755);
    Output::new(ExitStatus::Code(0), "done\n".to_owned())
}

#[expect(clippy::expect_used, reason = "the models stand above")]
fn environment(dev: &str) -> Environment {
    let file = |path: &str, text: &str| SourceFile { path: path.into(), text: text.into() };
    let files = [file("envs/shop/app.toml", APP), file("envs/shop/dev.toml", dev)];
    let (catalog, findings) = Catalog::parse(&files, Utf8Path::new("/project"));
    assert!(findings.is_empty(), "{findings:?}");
    catalog.select(Some("shop/dev")).expect("the model is valid").clone()
}
