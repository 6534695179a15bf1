//! Steps that make, check and remove releases, as data. No I/O.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::{BuildStep, Reusable};
use crate::digest::Digest;
use crate::name::{CommitId, ReleaseId, UserName, VariableName};
use crate::release::{Actor, Origin, Service};
use crate::time::Timestamp;

/// Releases: made, checked, removed. None of it is in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseStep {
    /// Removes a release that nobody needs.
    RemoveRelease {
        /// Which.
        release: ReleaseId,
        /// Why.
        because: Removal,
    },
    /// Makes a release's directory, marked as unfinished.
    BeginRelease {
        /// Which.
        release: ReleaseId,
    },
    /// Fills a release from a directory.
    CopySource {
        /// The release.
        release: ReleaseId,
        /// The directory.
        dir: Utf8PathBuf,
        /// Names that are no part of the source.
        exclude: Vec<String>,
        /// The digest that its files had when the plan was made.
        content: Digest,
    },
    /// Fills a release from a file.
    UnpackArtifact {
        /// The release.
        release: ReleaseId,
        /// The file.
        file: Utf8PathBuf,
        /// The digest that it had when the plan was made.
        content: Digest,
    },
    /// Gets a commit into the mirror.
    FetchCommit {
        /// The repository.
        url: String,
        /// What was asked for.
        reference: String,
        /// The commit.
        commit: CommitId,
        /// The commit that it replaces: when neither is part of the other's history, that is said.
        replaces: Option<CommitId>,
    },
    /// Fills a release from a commit in the mirror.
    ExportCommit {
        /// The release.
        release: ReleaseId,
        /// The commit.
        commit: CommitId,
    },
    /// Runs a build step, or takes its outputs over from a release whose inputs were the same.
    Build {
        /// The release.
        release: ReleaseId,
        /// What to run.
        build: BuildStep,
        /// As whom, where not as ourselves.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<UserName>,
        /// Where its outputs may come from instead, the best first.
        reuse: Vec<Reusable>,
    },
    /// Writes the release's environment file.
    WriteConfiguration {
        /// The release.
        release: ReleaseId,
        /// What it holds: no secrets.
        content: String,
    },
    /// Writes the manifest, the last file of a release; makes all of it read-only and durable.
    SealRelease {
        /// The release.
        release: ReleaseId,
        /// What the manifest says besides its files and builds.
        facts: Box<Facts>,
    },
    /// Compares every file of a release with its manifest.
    CheckRelease {
        /// The release.
        release: ReleaseId,
    },
}

/// Why a release is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Removal {
    /// Its build was interrupted.
    Unfinished,
    /// It never proved itself.
    NeverVerified,
    /// Its files are not those of its manifest.
    Damaged,
    /// There are enough newer ones.
    Old,
    /// Nothing shall be left.
    Uninstalled,
}

/// What a manifest says besides its files and builds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// See [`crate::release::Manifest::identity`].
    pub identity: Digest,
    /// Where the code came from.
    pub source: Origin,
    /// When the release was begun.
    pub built_at: Timestamp,
    /// By whom.
    pub built_by: Actor,
    /// What runs from it.
    pub services: Vec<Service>,
    /// The values of its variables that are not secret.
    pub variables: BTreeMap<VariableName, String>,
}
