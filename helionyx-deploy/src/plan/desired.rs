//! What a host should be: rendering of an environment and a source into releases and services.
//! No I/O.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Digester};
use crate::hint;
use crate::model::{Build, Environment, ProbeModel, ServiceModel};
use crate::name::{Port, PortName, ReleaseId, ServiceName, UserName, VariableName};
use crate::plan::Refusal;
use crate::plan::runtime::rules;
use crate::plan::step::{Adoption, Bound, BuildStep, Sharing};
use crate::release::{Actor, Health, Origin, Probe, Service, build_command_digest};
use crate::render::env_file;
use crate::state::{Condition, Current, HostState, ProcessKey};
use crate::template::{Bindings, Template};
use crate::time::Timestamp;

/// What a host should be.
#[derive(Clone, Debug)]
pub struct Desired {
    /// The environment.
    pub environment: Environment,
    /// The release that `current` should name.
    pub target: Target,
    /// What its services should do.
    pub run: Run,
    /// Whether this is new or was so before.
    pub way: Way,
}

/// Whether something is wanted anew or was so before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Anew: what would make a start fail is refused before anything is stopped.
    Forward,
    /// It was so before: as much of it as can be had is wanted, whatever is in the way of the rest.
    Back,
}

/// The release that `current` should name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The one that it names.
    Keep,
    /// One made from this.
    Built(Recipe),
    /// This one, which was verified once.
    Existing(ReleaseId),
    /// None: nothing was there before, and nothing shall be.
    Nothing,
    /// The one that it names; and all that a first deploy needs, but no release.
    Prepared,
    /// None, and nothing of what setup and deploys made, but for this.
    Uninstalled(Leaving),
}

/// What an uninstallation leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// What is the operator's: data, backups, secrets, the user that they belong to, and the journal.
    Data,
    /// Nothing.
    Nothing,
}

/// What a release is to be made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// The code.
    pub origin: Origin,
    /// When it is asked for: the base of the new release's id.
    pub at: Timestamp,
    /// By whom.
    pub by: Actor,
    /// Only a release newer than this one will do: `--force` builds a new one.
    pub newer_than: Option<ReleaseId>,
}

/// What services should do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Which run from the target; the others do not run.
    pub services: Wanted,
    /// Processes that are to be replaced by others, by service.
    pub anew: BTreeMap<ServiceName, ProcessKey>,
}

/// Which services run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All that the release has.
    All,
    /// These.
    Only(BTreeSet<ServiceName>),
    /// At most these: as they run, so they stay, and nothing is started.
    AtMost(BTreeSet<ServiceName>),
}

impl Run {
    /// All services run.
    #[must_use]
    pub fn all() -> Run {
        Run { services: Wanted::All, anew: BTreeMap::new() }
    }

    /// No service runs.
    #[must_use]
    pub fn stopped() -> Run {
        Run::only(BTreeSet::new())
    }

    /// These services run.
    #[must_use]
    pub fn only(services: BTreeSet<ServiceName>) -> Run {
        Run { services: Wanted::Only(services), anew: BTreeMap::new() }
    }

    /// Whether no service runs.
    #[must_use]
    pub fn is_stop(&self) -> bool {
        match &self.services {
            Wanted::All => false,
            Wanted::Only(services) | Wanted::AtMost(services) => services.is_empty(),
        }
    }

    /// Whether a service runs.
    #[must_use]
    pub fn wants(&self, service: &ServiceName) -> bool {
        match &self.services {
            Wanted::All => true,
            Wanted::Only(services) | Wanted::AtMost(services) => services.contains(service),
        }
    }
}

/// What a rollback goes to: the release named, or else the one that `current` replaced.
///
/// # Errors
/// When there is no such release, it was never verified, or it cannot be used any more.
pub fn rollback_target(
    environment: &Environment,
    found: &HostState,
    named: Option<&ReleaseId>,
) -> Result<ReleaseId, Box<Refusal>> {
    let list = hint::command_for("releases", &environment.id());
    let list = hint!(list, " shows what can be gone back to");
    let refuse = |code, message: String| Err(Box::new(Refusal::new(code, message, list.clone())));
    if let Some(id) = named {
        return match found.releases.get(id) {
            None => refuse("unknown-release", format!("there is no release {id}")),
            Some(state) if state.is_verified() => Ok(id.clone()),
            Some(state) => match &state.condition {
                Condition::Damaged(what) => {
                    refuse("damaged-release", format!("release {id} is damaged: {what}"))
                }
                _ => refuse("not-verified", format!("release {id} was never verified")),
            },
        };
    }
    let Some(current) = found.current.release() else {
        let path = environment.layout.current();
        let message = match &found.current {
            Current::Missing => "nothing is deployed that could be rolled back".to_owned(),
            other => format!("{path} {other}, so it does not say what to roll back"),
        };
        return refuse("nothing-deployed", message);
    };
    let previous = found.verification(current).and_then(|record| record.previous.clone());
    let verified = |id: &ReleaseId| found.is_verified(id);
    let older = || found.releases.keys().rev().find(|id| *id < current && verified(id)).cloned();
    match previous.filter(|id| verified(id) && id != current).or_else(older) {
        Some(id) => Ok(id),
        None => refuse("no-previous", format!("there is no verified release before {current}")),
    }
}

/// The digest of all that decides what a release does. It does not depend on the release's path.
#[must_use]
pub fn identity(environment: &Environment, origin: &Origin) -> Digest {
    let layout = &environment.layout;
    let anywhere = environment.bindings(Utf8Path::new("{release}"));
    let mut digester = Digester::default()
        .field(environment.id())
        .field(origin.content_id())
        .field(layout.root.as_str())
        .field(layout.data.as_str());
    for build in &environment.builds {
        digester = digester.field(build_command_digest(build, &anywhere).to_string());
    }
    for service in bind_services(environment, &anywhere, Utf8Path::new("{release}")) {
        digester = digester.field(serde_json::to_vec(&service).unwrap_or_default());
    }
    for (name, value) in variables(environment, &anywhere) {
        digester = digester.field(name.as_str()).field(value);
    }
    digester.finish()
}

/// The services of an environment, bound to a release's directory.
#[must_use]
pub fn services(environment: &Environment, release: &ReleaseId) -> Vec<Service> {
    let dir = environment.layout.release(release);
    bind_services(environment, &environment.bindings(&dir), &dir)
}

fn bind_services(environment: &Environment, bindings: &Bindings, dir: &Utf8Path) -> Vec<Service> {
    let rules = rules(environment);
    let bind = |service: &ServiceModel| Service {
        name: service.name.clone(),
        exec: service.exec.iter().map(|word| word.expand(bindings)).collect(),
        directory: dir.to_owned(),
        environment_files: environment_files(environment, dir),
        port: environment.port.filter(|_| service.listens_on_the_port()),
        ports: ports(environment, service),
        after: service.after.clone(),
        requires: service.requires.clone(),
        limits: service.limits,
        health: service.health.as_ref().map(|health| Health {
            timing: health.timing,
            probes: health
                .probes
                .iter()
                .map(|probe| bind_probe(environment, service, probe, bindings))
                .collect(),
        }),
        managed: rules.managed(service),
    };
    environment.services.iter().map(bind).collect()
}

fn environment_files(environment: &Environment, dir: &Utf8Path) -> Vec<Utf8PathBuf> {
    let mut files = vec![dir.join(crate::layout::RELEASE_ENV)];
    if environment.has_secrets() {
        files.push(environment.layout.secrets());
    }
    files
}

fn ports(environment: &Environment, service: &ServiceModel) -> BTreeMap<PortName, Port> {
    let known = |name: &PortName| Some((name.clone(), *environment.ports.get(name)?));
    service.ports.iter().filter_map(known).collect()
}

fn bind_probe(
    environment: &Environment,
    service: &ServiceModel,
    probe: &ProbeModel,
    bindings: &Bindings,
) -> Probe {
    let asked = probe.port.as_ref().or(service.ports.first());
    let expand = |fields: &BTreeMap<String, Template>| {
        fields.iter().map(|(name, value)| (name.clone(), value.expand(bindings))).collect()
    };
    Probe {
        port: asked.and_then(|name| environment.ports.get(name)).copied(),
        path: probe.path.clone(),
        status: probe.status,
        fields: expand(&probe.fields),
        fields_if_present: expand(&probe.fields_if_present),
    }
}

/// The values of the variables that are not secret.
#[must_use]
pub fn variables(environment: &Environment, bindings: &Bindings) -> BTreeMap<VariableName, String> {
    let known = environment.variables.iter().filter_map(|(name, variable)| {
        variable.value.as_ref().map(|value| (name.clone(), value.expand(bindings)))
    });
    known.collect()
}

/// The content of a release's environment file.
#[must_use]
pub fn configuration(environment: &Environment, release: &ReleaseId) -> String {
    let dir = environment.layout.release(release);
    let values = env_file::render(&variables(environment, &environment.bindings(&dir)));
    rules(environment).configuration(release) + &values
}

/// A build step with its placeholders filled in.
#[must_use]
pub fn build_step(build: &Build, bindings: &Bindings) -> BuildStep {
    let expand =
        |words: &[Template]| words.iter().map(|word| word.expand(bindings)).collect::<Vec<_>>();
    BuildStep {
        name: build.name.clone(),
        run: expand(&build.run),
        then: build.then.iter().map(|command| expand(command)).collect(),
        inputs: build.inputs.clone(),
        outputs: build.outputs.clone(),
        adoption: Adoption {
            bound: if build.relocate { Bound::Renamed } else { Bound::Refused },
            sharing: Sharing::Copied,
        },
        inherit: build.inherit.clone(),
        deadline_ms: crate::time::millis(build.deadline),
        command: build_command_digest(build, bindings),
    }
}

/// A directory that an environment needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// Where.
    pub path: Utf8PathBuf,
    /// The permission bits that a new one gets.
    pub mode: u32,
    /// Whose a new one is, where it is not to be ours.
    pub owner: Option<UserName>,
}

/// The directories that an environment needs. Only its data is the service's own: whoever may write
/// to the root or to `shared` says what runs, and as whom.
#[must_use]
pub fn directories(environment: &Environment) -> Vec<Directory> {
    let layout = &environment.layout;
    let ours = |path: Utf8PathBuf, mode| Directory { path, mode, owner: None };
    let rules = rules(environment);
    let user = rules.user().cloned();
    let data = |path: Utf8PathBuf| Directory { path, mode: 0o750, owner: user.clone() };
    let mut all = vec![
        ours(layout.root.clone(), 0o755),
        ours(layout.releases(), 0o755),
        ours(layout.verified(), 0o755),
        ours(layout.shared(), 0o750),
    ];
    // Build steps run as this user, too.
    all.push(Directory { path: layout.cache(), mode: 0o755, owner: user.clone() });
    all.extend(rules.directories());
    all.push(data(layout.data.clone()));
    all.extend(environment.data_dirs.iter().map(|dir| data(layout.data.join(dir))));
    all
}
