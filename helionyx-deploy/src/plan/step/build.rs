//! Build steps as data: what is run, and what may be taken over instead. No I/O.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::name::{BuildName, ReleaseId, VariableName};

/// A build step with its placeholders filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildStep {
    /// Its name.
    pub name: BuildName,
    /// Program and arguments.
    pub run: Vec<String>,
    /// Further commands, run after it one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<Vec<String>>,
    /// Where its inputs lie, inside the release.
    pub inputs: Vec<Utf8PathBuf>,
    /// Where its outputs lie, inside the release.
    pub outputs: Vec<Utf8PathBuf>,
    /// How its outputs are taken over.
    #[serde(default)]
    pub adoption: Adoption,
    /// Variables of the deployer's environment that it may see. What they hold does not decide
    /// whether the step runs again.
    pub inherit: Vec<VariableName>,
    /// How long it may take.
    pub deadline_ms: u64,
    /// The digest of the command, the same in every release: part of the inputs' digest.
    pub command: Digest,
}

/// How outputs of another release are taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adoption {
    /// What becomes of those that hold the path of their release.
    pub bound: Bound,
    /// Whether the files are shared.
    pub sharing: Sharing,
}

/// What becomes of outputs that hold the path of their release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// They are not taken over: the step runs.
    #[default]
    Refused,
    /// The name of the release is replaced by that of the new one.
    Renamed,
}

/// Whether files of two releases are the same ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sharing {
    /// Each has its own: a step that comes later may change them.
    #[default]
    Copied,
    /// They are second names of the same files, sealed as they are: nothing changes them any more.
    Linked,
}

/// A release whose outputs of a build step may be taken over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reusable {
    /// The release.
    pub release: ReleaseId,
    /// The digest that its inputs had: the same inputs are required.
    pub inputs: Digest,
}
