//! A release as plain data: what it is made of, its manifest, and the record of its proof. No I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Digester};
use crate::model::{Build, Limits, Timing};
use crate::name::{
    AppName, BuildName, CommitId, EnvironmentName, Port, PortName, ReleaseId, ServiceName,
    VariableName,
};
use crate::template::{Bindings, Placeholder, Template};
use crate::time::Timestamp;

mod files;
mod managed;

pub use files::{FileList, FilePath, FileRecord, FileRecords, look_of};
pub use managed::{Managed, Unit};

/// The manifest format that this version writes.
pub const FORMAT: u32 = 3;
/// The largest manifest that is read, in bytes.
pub(crate) const MANIFEST_LIMIT: u64 = 256 * 1024 * 1024;

/// What a release is: `release.json`, written last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The manifest's format.
    pub format: u32,
    /// The release.
    pub id: ReleaseId,
    /// Its app.
    pub app: AppName,
    /// Its environment.
    pub environment: EnvironmentName,
    /// The digest of all that decides what the release does: content, build steps, services and
    /// configuration. Two releases with the same identity are the same but for their path.
    pub identity: Digest,
    /// Where its code came from, exactly.
    pub source: Origin,
    /// When it was built.
    pub built_at: Timestamp,
    /// By whom.
    pub built_by: Actor,
    /// What was run to build it.
    pub builds: Vec<BuildRecord>,
    /// What runs from it.
    pub services: Vec<Service>,
    /// The values of its variables; secrets are not among them.
    pub variables: BTreeMap<VariableName, String>,
    /// Every file in it, but for the manifest and the list itself.
    pub files: FileList,
    /// The entry of the journal that announced this manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<Anchor>,
}

/// Names an entry of the journal from outside of it: the journal must still have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The entry's number.
    pub number: u64,
    /// The digest of its line.
    pub line: Digest,
}

/// Where code came from, exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// A directory with this content.
    Path {
        /// The directory.
        dir: Utf8PathBuf,
        /// The digest of its files.
        content: Digest,
    },
    /// A file with this content.
    Artifact {
        /// The file.
        file: Utf8PathBuf,
        /// Its digest.
        content: Digest,
    },
    /// A commit.
    Git {
        /// The repository's address.
        url: String,
        /// What was asked for: a branch, tag or commit.
        reference: String,
        /// The commit it stood for.
        commit: CommitId,
    },
}

impl Origin {
    /// The id of the content: the commit, or the digest of files.
    #[must_use]
    pub fn content_id(&self) -> String {
        match self {
            Origin::Path { content, .. } | Origin::Artifact { content, .. } => content.to_string(),
            Origin::Git { commit, .. } => commit.to_string(),
        }
    }

    /// The commit, where there is one.
    #[must_use]
    pub fn commit(&self) -> Option<&CommitId> {
        match self {
            Origin::Git { commit, .. } => Some(commit),
            Origin::Path { .. } | Origin::Artifact { .. } => None,
        }
    }
}

impl Origin {
    /// That this replaces another one, in words that say only what differs.
    #[must_use]
    pub fn instead_of(&self, other: &Origin) -> String {
        let changed = |path: &Utf8PathBuf, new: &Digest, old: &Digest| {
            format!("the content of {path} changed from {} to {}", old.short(), new.short())
        };
        match (self, other) {
            (Origin::Path { dir, content }, Origin::Path { dir: same, content: old })
                if dir == same =>
            {
                changed(dir, content, old)
            }
            (Origin::Artifact { file, content }, Origin::Artifact { file: same, content: old })
                if file == same =>
            {
                changed(file, content, old)
            }
            _ => format!("{self} instead of {other}"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Path { dir, content } => write!(f, "{dir} (content {})", content.short()),
            Origin::Artifact { file, content } => write!(f, "{file} (content {})", content.short()),
            Origin::Git { reference, commit, .. } if reference == commit.as_str() => {
                write!(f, "commit {}", commit.short())
            }
            Origin::Git { reference, commit, .. } => {
                write!(f, "commit {} of {reference}", commit.short())
            }
        }
    }
}

/// Who does something, from where, with which version of this tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The user; `root (sudo: operator)` names the one behind sudo.
    pub user: String,
    /// The host.
    pub host: String,
    /// The version of this tool.
    pub tool: String,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.host)
    }
}

/// How a build step came to its outputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildRecord {
    /// The step.
    pub name: BuildName,
    /// The digest of its command and of the content of its inputs.
    pub inputs: Digest,
    /// The outputs, as the step declares them.
    pub outputs: Vec<Utf8PathBuf>,
    /// The release whose outputs were taken over, when the step did not run.
    pub reused_from: Option<ReleaseId>,
    /// How long it took.
    pub duration_ms: u64,
}

/// A service bound to a release: all that is needed to start, stop and prove it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// Program and arguments.
    pub exec: Vec<String>,
    /// Where it runs: the release's directory.
    pub directory: Utf8PathBuf,
    /// Environment files, read in this order; a later one wins.
    pub environment_files: Vec<Utf8PathBuf>,
    /// The port it listens on, where it is the environment's only one.
    pub port: Option<Port>,
    /// The ports it listens on, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ports: BTreeMap<PortName, Port>,
    /// Services that are started before it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub after: BTreeSet<ServiceName>,
    /// Services that it cannot do without: it is stopped and brought back with them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub requires: BTreeSet<ServiceName>,
    /// How it is stopped and how often it may be started.
    pub limits: Limits,
    /// How it is proven to work.
    pub health: Option<Health>,
    /// What its supervisor is told of it.
    #[serde(flatten)]
    pub managed: Managed,
}

impl Service {
    /// All ports that the service listens on.
    pub fn all_ports(&self) -> impl Iterator<Item = Port> + '_ {
        self.port.iter().chain(self.ports.values()).copied()
    }

    /// The services that are started before this one.
    pub fn earlier(&self) -> impl Iterator<Item = &ServiceName> {
        self.after.iter().chain(&self.requires)
    }
}

/// How a service is proven to work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// What is asked; every probe must pass.
    pub probes: Vec<Probe>,
    /// When and how often.
    pub timing: Timing,
}

/// A question to a service: an HTTP GET on `127.0.0.1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The port that is asked, where it is not the only one of the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    /// The path, with its leading `/`.
    pub path: String,
    /// The status that is wanted.
    pub status: u16,
    /// Fields that the JSON body must have, with these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// Fields that must have these values where the body has them at all (HEL-26).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields_if_present: BTreeMap<String, String>,
}

/// The record that a release was proven: `verified/<release>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// The release.
    pub release: ReleaseId,
    /// The identity that was proven; another one does not count.
    pub identity: Digest,
    /// When it was proven last.
    pub at: Timestamp,
    /// The verified release that it replaced: where a rollback goes.
    pub previous: Option<ReleaseId>,
    /// The entry of the journal that announced this record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<Anchor>,
}

/// The digest of a build step's command: with the content of its inputs it decides whether the
/// step must run again.
///
/// Its words count as they are written and with `bindings` filled in: with another port it is
/// another command. In another release it is the same one. What the variables hold that it inherits
/// does not count, for that differs from one deployer's shell to the next.
#[must_use]
pub fn build_command_digest(build: &Build, bindings: &Bindings) -> Digest {
    let itself = |placeholder: Placeholder| format!("{{{}}}", placeholder.name());
    let anywhere = [Placeholder::Release, Placeholder::ReleaseId]
        .into_iter()
        .fold(bindings.clone(), |all, release| all.bind(release, itself(release)));
    let mut digester = Digester::default().field(build.name.as_str());
    for (kind, words) in [
        ("run", build.run.iter().map(|word| word.as_str().to_owned()).collect::<Vec<_>>()),
        ("expanded", build.run.iter().map(|word| word.expand(&anywhere)).collect()),
        ("inputs", build.inputs.iter().map(ToString::to_string).collect()),
        ("outputs", build.outputs.iter().map(ToString::to_string).collect()),
        ("then", build.then.iter().map(|command| words_of(command, Template::as_str)).collect()),
        (
            "then expanded",
            build
                .then
                .iter()
                .map(|command| words_of(command, |word| word.expand(&anywhere)))
                .collect(),
        ),
        ("inherit", build.inherit.iter().map(ToString::to_string).collect()),
    ] {
        digester = digester.field(kind);
        digester = words.iter().fold(digester, Digester::field);
    }
    digester.finish()
}

/// The words of a command as one text that no other command has.
fn words_of<'t, T: AsRef<str>>(
    command: &'t [Template],
    word: impl Fn(&'t Template) -> T,
) -> String {
    command.iter().map(|template| format!("{:?} ", word(template).as_ref())).collect()
}
