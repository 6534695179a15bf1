//! The real sample service, in a directory of its own, deployed to this very machine.

use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use helionyx_deploy::event::{Event, Report};
use helionyx_deploy::host::{Clock as _, Host as _, LocalHost, Look as _};
use helionyx_deploy::model::{Environment, Timing};
use helionyx_deploy::name::Port;
use helionyx_deploy::observe::observe;
use helionyx_deploy::operate::{self, Goal, OperateError};
use helionyx_deploy::state::Process;

use crate::world::{self, port};

/// An environment below a temporary directory; its service is stopped in the end.
pub struct Rig {
    pub host: LocalHost,
    pub environment: Environment,
    pub port: Port,
    pub dir: Utf8PathBuf,
    _guard: tempfile::TempDir,
}

pub const APP: &str = r#"
name = "shop"
SOURCE
[[service]]
name = "web"
exec = ["{release}/bin/sample"]
stop_timeout_secs = 1
start_burst = 5
start_interval_secs = 10
[service.health]
try_timeout_ms = 20000
deadline_secs = 60
passes = 3
stable_ms = 300
interval_ms = 40
[[service.health.probe]]
path = "/health"
fields = { status = "healthy" }
[[service.health.probe]]
path = "/health/ready"
fields = { status = "ready", release = "{release_id}", environment = "{environment}" }
[variables.PORT]
kind = "port"
value = "{port}"
[variables.ENVIRONMENT]
kind = "text"
value = "{environment}"
[variables.EVENT_LOG]
kind = "path"
value = "{data}/events.jsonl"
"#;

pub const DEV: &str = r#"
supervisor = "process"
root = "DIR/root"
data = "DIR/data"
port = PORT
BRANCH
"#;

impl Rig {
    /// With a directory as source: `bin/sample`, and a `note` that tells releases apart.
    pub fn new() -> Rig {
        Rig::with_source("[source.path]\ndir = \"DIR/source\"", "")
    }

    /// How the next release is to be proven. The ones before are proven as they were.
    pub fn timing(&mut self) -> &mut Timing {
        &mut self.environment.services[0].health.as_mut().unwrap().timing
    }

    /// With another source; `DIR` in it stands for the rig's directory.
    pub fn with_source(source: &str, branch: &str) -> Rig {
        let guard = tempfile::tempdir().unwrap();
        let dir = Utf8PathBuf::from_path_buf(guard.path().canonicalize().unwrap()).unwrap();
        let port = free_port();
        let [app, dev] = [APP, DEV].map(|text| fill_in(text, &dir, source, port, branch));
        let environment = world::environment(&app, &dev);
        let rig = Rig { host: LocalHost::new(), environment, port, dir, _guard: guard };
        fs_err::create_dir_all(rig.dir.join("source/bin")).unwrap();
        fs_err::copy(sample(), rig.dir.join("source/bin/sample")).unwrap();
        rig.change("first");
        rig
    }

    /// Makes the source another one.
    pub fn change(&self, note: &str) {
        fs_err::write(self.dir.join("source/note"), note).unwrap();
    }

    /// Makes the source one that misbehaves.
    pub fn change_fault(&self, fault: &str) {
        fs_err::write(self.dir.join("source/fault"), fault).unwrap();
    }

    pub fn operate(&self, goal: &Goal) -> Result<Report, OperateError> {
        operate::operate(&self.host, &self.environment, goal, Duration::ZERO, &mut |_| ())
    }

    pub fn run(&self, goal: &Goal) -> Report {
        self.run_with(goal, &mut |_| ())
    }

    /// Does what is asked for; it must begin.
    pub fn run_with(&self, goal: &Goal, events: &mut dyn FnMut(Event)) -> Report {
        operate::operate(&self.host, &self.environment, goal, Duration::ZERO, events)
            .unwrap_or_else(|error| panic!("{goal:?}: {error}"))
    }

    /// The service's living processes.
    pub fn processes(&self) -> Vec<Process> {
        let state = observe(&self.host, &self.environment).unwrap();
        state
            .services
            .into_values()
            .flat_map(|service| service.instances)
            .map(|one| one.process)
            .collect()
    }

    pub fn main(&self) -> Process {
        self.processes().into_iter().next().expect("the service runs")
    }

    /// What the service answers.
    pub fn ask(&self, path: &str) -> serde_json::Value {
        let answer = self.host.get(self.port, path, Duration::from_secs(60)).unwrap();
        serde_json::from_slice(&answer.body).unwrap()
    }

    pub fn wait_until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = self.host.elapsed() + Duration::from_secs(60);
        while !holds() {
            assert!(self.host.elapsed() < deadline, "in vain waited until {what}");
            self.host.pause(Duration::from_millis(5));
        }
    }

    /// Changes a sealed file behind the tool's back, and hides that as far as one can.
    pub fn unseal_and_write(&self, path: &Utf8Path, bytes: &[u8], modified: SystemTime) {
        let mut mode = fs_err::metadata(path).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o644);
        fs_err::set_permissions(path, mode).unwrap();
        fs_err::write(path, bytes).unwrap();
        let file = fs_err::OpenOptions::new().write(true).open(path).unwrap();
        file.file().set_modified(modified).unwrap();
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = self.operate(&Goal::Stop);
        for process in observe(&self.host, &self.environment)
            .into_iter()
            .flat_map(|state| state.services.into_values())
            .flat_map(|service| service.instances)
        {
            let _ = self.host.signal(process.process.key, helionyx_deploy::host::Signal::Kill);
        }
    }
}

/// A model with its blanks filled in.
pub fn fill_in(text: &str, dir: &Utf8Path, source: &str, port: Port, branch: &str) -> String {
    text.replace("SOURCE", source)
        .replace("DIR", dir.as_str())
        .replace("= PORT", &format!("= {port}"))
        .replace("BRANCH", branch)
}

/// A port that nobody listens on: taken from the range that the kernel does not hand out itself. It
/// stays this process's: others that run these tests at the same time know by a name that it is taken.
pub fn free_port() -> Port {
    static TAKEN: Mutex<Vec<UnixListener>> = Mutex::new(Vec::new());
    let taken = &mut *TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut numbers = 20_000..32_000;
    let (number, name) = numbers
        .find_map(|number| {
            let name = SocketAddr::from_abstract_name(format!("helionyx-test-port-{number}"));
            let name = UnixListener::bind_addr(&name.unwrap()).ok()?;
            TcpListener::bind(("0.0.0.0", number)).ok().map(|_| (number, name))
        })
        .expect("a port is free");
    taken.push(name);
    port(number.into())
}

/// The sample service's program, built once.
pub fn sample() -> &'static Utf8Path {
    static SAMPLE: OnceLock<Utf8PathBuf> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let package = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/sample");
        let target = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/sample");
        duct::cmd!(
            env!("CARGO"),
            "build",
            "--quiet",
            "--locked",
            "--manifest-path",
            package.join("Cargo.toml"),
            "--target-dir",
            &target
        )
        .run()
        .expect("the sample service is built");
        target.join("debug/sample")
    })
}
