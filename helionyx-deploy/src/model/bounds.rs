//! What keys may hold and what holds without them: read by validation and by the schema. No I/O.

use crate::name::{AppName, EnvironmentName};
use crate::template::Placeholder;

/// Variables with this prefix are set by the deployer: services are known again by them.
pub const MARKS: &str = "HELIONYX_";

/// The longest time that any duration may name.
const DAY_SECS: u64 = 24 * 60 * 60;
/// The same in milliseconds.
const DAY_MS: u64 = DAY_SECS * 1000;

/// A key that takes an integer.
#[derive(Clone, Copy, Debug)]
pub struct Integer {
    /// What holds where it is not written; none where nothing does.
    pub default: Option<u64>,
    /// The smallest.
    pub min: u64,
    /// The largest.
    pub max: u64,
}

const fn integer(default: u64, min: u64, max: u64) -> Integer {
    Integer { default: Some(default), min, max }
}

/// How long a build step may take.
pub const BUILD_DEADLINE_SECS: Integer = integer(600, 1, DAY_SECS);
/// How long a service may take to end after TERM.
pub const STOP_TIMEOUT_SECS: Integer = integer(10, 1, DAY_SECS);
/// How many starts are allowed within the interval.
pub const START_BURST: Integer = integer(5, 1, 10_000);
/// The interval in which starts are counted.
pub const START_INTERVAL_SECS: Integer = integer(10, 1, DAY_SECS);
/// How long a service may take to say that it is ready.
pub const START_TIMEOUT_SECS: Integer = integer(60, 1, DAY_SECS);
/// The pause before a restart.
pub const RESTART_DELAY_SECS: Integer = integer(1, 1, DAY_SECS);
/// The most memory of a service, in MiB.
pub const MEMORY_MAX_MIB: Integer = integer(1024, 16, 1024 * 1024);
/// The most processes and threads of a service.
pub const TASKS_MAX: Integer = integer(256, 1, 1_000_000);
/// The most open files of a service.
pub const OPEN_FILES_MAX: Integer = integer(65_536, 64, 1_048_576);
/// The status that a probe wants.
pub const STATUS: Integer = integer(200, 100, 599);
/// How long one try of a probe may take.
pub const TRY_TIMEOUT_MS: Integer = integer(2000, 1, DAY_MS);
/// From the begin of one try to that of the next.
pub const TRY_INTERVAL_MS: Integer = integer(100, 1, DAY_MS);
/// When all probes must have passed.
pub const HEALTH_DEADLINE_SECS: Integer = integer(30, 1, DAY_SECS);
/// How many tries must pass one after the other.
pub const PASSES: Integer = integer(3, 1, 1000);
/// For how long they must, at least.
pub const STABLE_MS: Integer = integer(1000, 0, DAY_MS);
/// How many verified releases are kept: the one in use and the one to go back to, at least.
pub const RELEASES: Integer = integer(5, 2, 1000);
/// An environment's port.
pub const PORT: Integer = Integer { default: None, min: 1, max: 65535 };

/// A key that takes a text with placeholders: those that have a value there.
#[derive(Clone, Copy, Debug)]
pub struct Text(pub &'static [Placeholder]);

/// Texts that are expanded when a release is there: all placeholders.
pub const ANY: Text = Text(&Placeholder::ALL);
/// What a build command may be made of: not the release's id, for its outputs may be taken over by
/// another release.
pub const BUILD: Text = Text(&[
    Placeholder::App,
    Placeholder::Cache,
    Placeholder::Data,
    Placeholder::Environment,
    Placeholder::Port,
    Placeholder::Project,
    Placeholder::Release,
    Placeholder::Root,
]);
/// What the addresses of a source may be made of.
pub const SOURCE: Text =
    Text(&[Placeholder::App, Placeholder::Environment, Placeholder::Project, Placeholder::Root]);

/// A key that takes a text which follows from the environment's name where it is not written.
#[derive(Clone, Copy, Debug)]
pub struct Derived {
    /// What holds where it is not written; of placeholders, only app and environment.
    pub default: &'static str,
    /// The placeholders that it may be made of.
    pub text: Text,
}

impl Derived {
    /// What holds for an environment where nothing is written.
    pub fn of(&self, app: &AppName, environment: &EnvironmentName) -> String {
        let text = self.default.replace("{app}", app.as_str());
        text.replace("{environment}", environment.as_str())
    }
}

const NAMES: Text = Text(&[Placeholder::App, Placeholder::Environment]);

/// Where releases lie.
pub const ROOT: Derived = Derived {
    default: "/opt/{app}/{environment}",
    text: Text(&[Placeholder::App, Placeholder::Environment, Placeholder::Project]),
};
/// Where data lies.
pub const DATA: Derived = Derived { default: "/var/lib/{app}/{environment}", text: SOURCE };
/// Where backups lie.
pub const BACKUPS: Derived =
    Derived { default: "/var/lib/{app}/backups/{environment}", text: SOURCE };
/// The user that services run as.
pub const USER: Derived = Derived { default: "{app}-{environment}", text: NAMES };
/// What units' names end in.
pub const UNIT_SUFFIX: Derived = Derived { default: "-{environment}", text: NAMES };
