//! A machine in memory with an app on it: what most tests begin with.

use std::time::Duration;

use camino::Utf8Path;
use helionyx_deploy::command::{Command, ExitStatus, Output};
use helionyx_deploy::event::{Event, Outcome, Report};
use helionyx_deploy::host::FakeHost;
use helionyx_deploy::host::fake::{Disk, FakeService};
use helionyx_deploy::model::{Catalog, Environment, SourceFile, Supervisor};
use helionyx_deploy::name::{Port, ReleaseId};
use helionyx_deploy::observe::observe;
use helionyx_deploy::operate::{self, Force, Goal, OperateError};
use helionyx_deploy::plan::Plan;
use helionyx_deploy::source::Wish;
use helionyx_deploy::state::HostState;

pub const ROOT: &str = "/opt/shop/dev";
pub const DATA: &str = "/var/lib/shop/dev";

/// The program that recovers, where systemd runs the app.
pub const TOOL: &str = "/usr/bin/helionyx-deploy";

/// A machine in memory, and an environment that is deployed to it.
pub struct World {
    pub host: FakeHost,
    pub environment: Environment,
}

/// The goal of an ordinary deploy.
pub fn deploy() -> Goal {
    Goal::Deploy { wish: Wish::default(), force: Force::IfNeeded }
}

const APP: &str = r#"
name = "shop"
[source.path]
dir = "/src"
[[build]]
name = "compile"
run = ["build", "--into", "bin"]
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
[variables.LEVEL]
kind = "text"
[retention]
releases = 3
"#;

const DEV: &str = r#"
supervisor = "process"
port = 8000
[variables]
LEVEL = "info"
"#;

impl World {
    /// The same app on a machine whose systemd has states, with its user, and nothing deployed.
    pub fn with_systemd() -> World {
        let mut world = World::new();
        world.environment = environment(APP, &DEV.replace("process", "systemd"));
        world.host.boot_systemd();
        world.host.put_file(TOOL, "the operators' program", 0o755);
        world.host.recover_by(Some(TOOL.into()));
        world.host.put_file("/etc/passwd", "shop-dev:x:998:997::/:/bin/false\n", 0o644);
        world.host.program("setpriv", compile);
        world
    }

    /// The same app under this supervisor, and nothing deployed.
    pub fn under(supervisor: Supervisor) -> World {
        match supervisor {
            Supervisor::Process => World::new(),
            Supervisor::Systemd => World::with_systemd(),
        }
    }

    /// A machine with the source of a healthy app, and nothing deployed.
    pub fn new() -> World {
        let host = FakeHost::new();
        host.put_file("/src/lib/web", FakeService::default().content(), 0o644);
        host.put_file("/src/README", "read me", 0o644);
        host.program("build", compile);
        World { host, environment: environment(APP, DEV) }
    }

    /// The same machine after a first deploy, with an event in the app's log.
    pub fn deployed() -> World {
        World::deployed_under(Supervisor::Process)
    }

    /// The same under this supervisor.
    pub fn deployed_under(supervisor: Supervisor) -> World {
        let world = World::under(supervisor);
        assert_eq!(world.run(&deploy()).outcome, Outcome::Deployed);
        world.host.put_file(format!("{DATA}/events.jsonl"), "{\"event\":1}\n", 0o640);
        world
    }

    /// The same machine with one release after the other on it.
    pub fn shipped(readmes: &[&str]) -> World {
        World::shipped_under(Supervisor::Process, readmes)
    }

    /// The same under this supervisor.
    pub fn shipped_under(supervisor: Supervisor, readmes: &[&str]) -> World {
        let world = World::deployed_under(supervisor);
        for text in readmes {
            world.ship_readme(text);
            world.run(&deploy());
        }
        world
    }

    /// Changes the app's behaviour: the next deploy has something to do.
    pub fn ship(&self, service: &FakeService) {
        self.host.put_file("/src/lib/web", service.content(), 0o644);
    }

    /// Changes something in the source that no build step reads.
    pub fn ship_readme(&self, text: &str) {
        self.host.put_file("/src/README", text, 0o644);
    }

    /// Changes a value of the environment's model.
    pub fn set_level(&mut self, level: &str) {
        self.environment = environment(APP, &DEV.replace("info", level));
    }

    /// The same app under systemd; `text` is what `systemctl show` says of its unit.
    pub fn under_systemd(text: &'static str) -> World {
        let mut world = World::new();
        world.environment = environment(APP, &DEV.replace("process", "systemd"));
        world.host.put_dir("/run/systemd/system");
        world.host.act_as(0);
        world.host.put_file(TOOL, "the operators' program", 0o755);
        world.host.recover_by(Some(TOOL.into()));
        let output = |text: &str| Output::new(ExitStatus::Code(0), text.to_owned());
        world.host.program("systemctl", move |_, _| output(text));
        world.host.program("setpriv", compile);
        world.host.program("getent", move |_, _| output("shop-dev:x:998:997::/:/bin/false\n"));
        world
    }

    /// The same app under systemd with more in its `app.toml`.
    pub fn under_systemd_with(&mut self, more: &str) {
        let dev = DEV.replace("process", "systemd");
        self.environment = environment(&format!("{APP}{more}"), &dev);
    }

    /// The same app with more in its `app.toml`.
    pub fn declare(&mut self, more: &str) {
        self.environment = environment(&format!("{APP}{more}"), DEV);
    }

    pub fn operate(&self, goal: &Goal) -> Result<Report, OperateError> {
        self.operate_with(goal, &mut |_| ())
    }

    pub fn operate_with(
        &self,
        goal: &Goal,
        events: &mut dyn FnMut(Event),
    ) -> Result<Report, OperateError> {
        operate::operate(&self.host, &self.environment, goal, Duration::ZERO, events)
    }

    pub fn take_over(&self, pid: u32) -> Result<Option<Report>, OperateError> {
        operate::take_over(&self.host, &self.environment, pid, &mut |_| ())
    }

    /// Does what is asked for; it must begin.
    pub fn run(&self, goal: &Goal) -> Report {
        self.operate(goal).unwrap_or_else(|error| panic!("{goal:?}: {error}"))
    }

    pub fn observe(&self) -> HostState {
        observe(&self.host, &self.environment).expect("the machine can be looked at")
    }

    pub fn plan(&self, goal: &Goal) -> Result<Plan, OperateError> {
        operate::plan(&self.host, &self.environment, goal)
    }

    /// The plan for a goal as people read it, with ids shortened to what tells them apart.
    pub fn shown(&self, goal: &Goal) -> String {
        match self.plan(goal) {
            Ok(plan) if plan.is_empty() => "nothing to do".to_owned(),
            Ok(plan) => {
                let reasons = plan.reasons.iter().map(|reason| format!("because {reason}"));
                let steps = plan.steps.iter().map(|step| format!("- {step}"));
                reasons.chain(steps).collect::<Vec<_>>().join("\n")
            }
            Err(OperateError::Refused(refusals)) => {
                let lines = refusals.iter().map(|r| format!("refused: {r}\n  help: {}", r.hint));
                lines.collect::<Vec<_>>().join("\n")
            }
            Err(error) => format!("error: {error}"),
        }
    }

    pub fn current(&self) -> ReleaseId {
        self.observe().current.release().expect("something is deployed").clone()
    }

    /// The release that the service's process really runs from.
    pub fn running(&self) -> Option<ReleaseId> {
        let state = self.observe();
        let main = state.services.values().next()?.main()?.clone();
        main.release
    }
}

/// The app's build step.
fn compile(command: &Command, disk: &mut Disk) -> Output {
    let content = disk.read_text(command.directory.join("lib/web")).unwrap_or_default();
    if content == "broken" {
        let text = "error: it does not compile\n".to_owned();
        return Output::new(ExitStatus::Code(2), text);
    }
    disk.put_file(command.directory.join("bin/web"), content, 0o755);
    Output::new(ExitStatus::Code(0), "compiling\ndone\n".to_owned())
}

/// The environment that these two models describe; they must be right.
pub fn environment(app: &str, dev: &str) -> Environment {
    let file = |path: &str, text: &str| SourceFile { path: path.into(), text: text.into() };
    let files = [file("envs/shop/app.toml", app), file("envs/shop/dev.toml", dev)];
    let (catalog, findings) = Catalog::parse(&files, Utf8Path::new("/project"));
    assert!(findings.is_empty(), "{findings:?}");
    catalog.select(Some("shop/dev")).expect("the model is valid").clone()
}

pub fn port(number: i64) -> Port {
    Port::try_from(number).expect("a port")
}
