//! What an operator wrote, checked: an [`Environment`] can be deployed without a further question.
//!
//! `envs/<app>/app.toml` says what an app is, `envs/<app>/<environment>.toml` where it runs. No I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::hint::Hint;
use crate::layout::Layout;
use crate::name::{
    AppName, BuildName, EnvironmentName, HostName, Port, PortName, ServiceName, VariableName,
};
use crate::template::{Bindings, Placeholder, Template};

mod bounds;
pub mod catalog;
pub mod code;
mod decode;
pub mod finding;
mod requirement;
#[cfg(feature = "schema")]
pub mod schema;
mod spanned;
pub mod spec;
pub(crate) mod suggest;
mod supervision;
mod validate;

pub(crate) use bounds::MARKS;
pub use catalog::{Catalog, SelectError, SourceFile};
pub use finding::{Finding, Severity};
pub use requirement::{ProgramVersion, Requirement};
pub(crate) use suggest::closest;
pub use supervision::{Restart, Runtime, Sandbox, ServiceType, Supervision, Supervisor, Units};
pub(crate) use validate::apart::at_risk;

/// One environment of one app, validated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// The app's name.
    pub app: AppName,
    /// The environment's name.
    pub name: EnvironmentName,
    /// What runs its services.
    pub runtime: Runtime,
    /// The host that it runs on; any where none is named.
    pub host: Option<HostName>,
    /// Where its files lie.
    pub layout: Layout,
    /// Where its backups lie.
    pub backups: Utf8PathBuf,
    /// Directories below its data directory that its services need, by their paths inside it.
    pub data_dirs: Vec<Utf8PathBuf>,
    /// The directory that holds the models' directory.
    pub project: Utf8PathBuf,
    /// The port of the service that listens, where only one does.
    pub port: Option<Port>,
    /// Ports by name, where services listen on several.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ports: BTreeMap<PortName, Port>,
    /// Where its code comes from.
    pub source: Source,
    /// The programs that its host must have.
    pub requires: Vec<Requirement>,
    /// The machines that its services ask over HTTPS.
    pub reaches: Vec<HostName>,
    /// What is done to the code before it can run, in this order.
    pub builds: Vec<Build>,
    /// What runs, in the order in which it is started.
    pub services: Vec<ServiceModel>,
    /// The variables that its services receive.
    pub variables: BTreeMap<VariableName, Variable>,
    /// What is kept.
    pub retention: Retention,
}

/// Where code comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// A directory on the host.
    Path {
        /// The directory.
        dir: Utf8PathBuf,
        /// Names of files and directories, at any depth, that are no part of the source.
        exclude: Vec<String>,
    },
    /// A file on the host: an archive (`.tar`, `.tar.gz`, `.tgz`), or the program itself.
    Artifact {
        /// The file.
        file: Utf8PathBuf,
    },
    /// A git repository.
    Git {
        /// Its address, as git understands it.
        url: String,
        /// The branch that is deployed when nothing else is asked for.
        branch: String,
    },
}

/// A build step: a command that runs in the release's directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Its name.
    pub name: BuildName,
    /// Program and arguments.
    pub run: Vec<Template>,
    /// Further commands, run after it one by one.
    pub then: Vec<Vec<Template>>,
    /// Files and directories of the release whose content decides whether the step must run again.
    pub inputs: Vec<Utf8PathBuf>,
    /// Files and directories that it makes: what is taken over when it need not run again.
    pub outputs: Vec<Utf8PathBuf>,
    /// Whether outputs that hold the path of their release can be taken over: the release's name is
    /// replaced in them.
    pub relocate: bool,
    /// Variables of the deployer's own environment that the command may see.
    pub inherit: Vec<VariableName>,
    /// How long it may take.
    pub deadline: Duration,
}

/// A service of an app, before it is bound to a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceModel {
    /// Its name inside the app.
    pub name: ServiceName,
    /// Program and arguments.
    pub exec: Vec<Template>,
    /// The names of the ports that it listens on; where there is none, a service with `health` listens
    /// on the environment's port.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortName>,
    /// Services that are started before it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub after: BTreeSet<ServiceName>,
    /// Services that it cannot do without.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub requires: BTreeSet<ServiceName>,
    /// How it is stopped and how often it may be started.
    pub limits: Limits,
    /// What systemd is told of it.
    pub supervision: Supervision,
    /// How it is proven to work; without it, the process alone is proof.
    pub health: Option<HealthModel>,
}

impl ServiceModel {
    /// Whether the service listens on the environment's one port.
    #[must_use]
    pub fn listens_on_the_port(&self) -> bool {
        self.health.is_some() && self.ports.is_empty()
    }
}

/// How a service is stopped, and how often it may start again by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How long a service may take to end after TERM before its whole group is killed.
    pub stop_timeout_ms: u64,
    /// So many starts within the interval are allowed before systemd leaves it down.
    pub start_burst: u32,
    /// The interval in which starts are counted.
    pub start_interval_ms: u64,
}

/// How a service is proven to work, before it is bound to a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthModel {
    /// What is asked; every probe must pass.
    pub probes: Vec<ProbeModel>,
    /// When and how often.
    pub timing: Timing,
}

/// A question to a service, before it is bound to a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeModel {
    /// The name of the port that is asked; the first that the service listens on where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<PortName>,
    /// The path, with its leading `/`.
    pub path: String,
    /// The status that is wanted.
    pub status: u16,
    /// Fields that the JSON body must have, with these values.
    pub fields: BTreeMap<String, Template>,
    /// Fields that must have these values where the body has them at all (HEL-26).
    pub fields_if_present: BTreeMap<String, Template>,
}

/// When probes are asked, and when they have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// How long one try may take.
    pub try_timeout_ms: u64,
    /// From the begin of one try to that of the next.
    pub interval_ms: u64,
    /// When all must have passed, counted from the start of the service.
    pub deadline_ms: u64,
    /// So many tries must pass one after the other.
    pub passes: u32,
    /// From the first of these tries to the last, at least: the process must stay the same for it.
    pub stable_ms: u64,
}

/// A declared variable and what it is in this environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// What kind of value it takes.
    pub kind: Kind,
    /// Its value; none for a secret, which only the host knows, and where it may go without one.
    pub value: Option<Template>,
    /// What it is for, in one line.
    pub about: Option<String>,
    /// Whether this environment cannot do without a value.
    pub is_required: bool,
    /// Whether no other environment on the host may have the same value.
    pub is_distinct: bool,
}

/// What kind of value a variable takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Any text without control characters.
    Text,
    /// A port.
    Port,
    /// An absolute path.
    Path,
    /// An `http` or `https` address.
    Url,
    /// A number.
    Number,
    /// One of these.
    Choice(Vec<String>),
    /// A value that stands only in the host's own environment file.
    Secret,
}

impl Kind {
    /// What is wrong with a value of this kind, and what to write instead; none when nothing is.
    /// The value is in neither.
    #[must_use]
    pub fn mismatch(&self, value: &str) -> Option<(&'static str, Hint)> {
        validate::kind::mismatch(self, value)
    }
}

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// So many verified releases, `current` among them.
    pub releases: usize,
}

impl Environment {
    /// Whether it runs on a machine of this name, with or without its domain.
    #[must_use]
    pub fn runs_on(&self, machine: &str) -> bool {
        self.host.as_ref().is_none_or(|host| host.is_same(machine))
    }

    /// `app/environment`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.app, self.name)
    }

    /// What every placeholder stands for when a release lies in `release`.
    #[must_use]
    pub fn bindings(&self, release: &Utf8Path) -> Bindings {
        let bindings = Bindings::new(&self.app, &self.name, self.port);
        let ports = self.ports.iter();
        ports
            .fold(bindings, |bindings, (name, port)| bindings.bind_port(name, *port))
            .bind(Placeholder::Root, self.layout.root.as_str())
            .bind(Placeholder::Data, self.layout.data.as_str())
            .bind(Placeholder::Cache, self.layout.cache().as_str())
            .bind(Placeholder::Project, self.project.as_str())
            .bind(Placeholder::Release, release.as_str())
            .bind(Placeholder::ReleaseId, release.file_name().unwrap_or_default())
    }

    /// All ports that its services listen on.
    pub fn all_ports(&self) -> impl Iterator<Item = Port> + '_ {
        self.port.iter().chain(self.ports.values()).copied()
    }

    /// Whether the operator has to supply secrets on the host.
    #[must_use]
    pub fn has_secrets(&self) -> bool {
        self.variables.values().any(|variable| variable.kind == Kind::Secret)
    }
}
