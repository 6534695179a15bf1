//! The steps: every way in which this tool changes a machine. No I/O.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::command::words;
use crate::digest::Digest;
use crate::name::{CommitId, ReleaseId, ServiceName, UnitName, UserName, VariableName};
use crate::release::{Actor, Origin, Service, Unit};
use crate::time::Timestamp;

mod build;
mod words;

pub use build::{Adoption, Bound, BuildStep, Reusable, Sharing};

use words::shortened;

/// One change to a machine, fully decided. Doing it twice has the effect of doing it once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Makes a directory, and those above it.
    CreateDirectory {
        /// Where.
        path: Utf8PathBuf,
        /// Its permission bits.
        mode: u32,
        /// Whose it will be, where it is not to be ours.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<UserName>,
    },
    /// Makes a system user with a group of its own, who cannot log in.
    CreateUser {
        /// Its name.
        user: UserName,
        /// Its home, which is not made.
        home: Utf8PathBuf,
    },
    /// Makes a file that is the operator's from then on: an existing one is left alone.
    CreateFile {
        /// Where.
        path: Utf8PathBuf,
        /// Its permission bits.
        mode: u32,
        /// What it holds at first. Never a secret.
        content: String,
    },
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
    /// Points `current` to a release.
    SwitchCurrent {
        /// Where it pointed.
        from: Option<ReleaseId>,
        /// Where it will point.
        to: ReleaseId,
    },
    /// Removes `current`: the way back of a first deploy.
    UnlinkCurrent {
        /// Where it pointed.
        from: Option<ReleaseId>,
    },
    /// Stops a service, with all its processes.
    StopService {
        /// Which.
        service: ServiceName,
        /// How long it may take before it is killed.
        timeout_ms: u64,
        /// The unit that runs it; none in the embedded runtime.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<UnitName>,
    },
    /// Puts a unit's file in place.
    WriteUnit {
        /// The unit, with its text.
        unit: Box<Unit>,
    },
    /// Has a unit no longer started with the machine, and removes its file.
    RemoveUnit {
        /// Which.
        unit: UnitName,
    },
    /// Has systemd read all unit files anew.
    ReloadUnits,
    /// Has a unit started with the machine.
    EnableUnit {
        /// Which.
        unit: UnitName,
    },
    /// Installs the program that we are for systemd and for people.
    InstallTool {
        /// Where it lies.
        program: Utf8PathBuf,
    },
    /// Has systemd recover the environment: at boot, and by a timer.
    InstallRecovery {
        /// With what.
        recovery: Box<Recovery>,
    },
    /// Starts the timer that recovers if we die.
    ArmRecovery {
        /// The timer.
        timer: UnitName,
    },
    /// Stops it.
    DisarmRecovery {
        /// The timer.
        timer: UnitName,
    },
    /// Removes what recovers the environment.
    RemoveRecovery {
        /// The service.
        service: UnitName,
        /// The timer that starts it.
        timer: UnitName,
    },
    /// Removes the program that was installed for systemd and people.
    RemoveTool,
    /// Removes a directory of the environment, with all in it.
    RemoveDirectory {
        /// Which.
        path: Utf8PathBuf,
    },
    /// Removes a file of the environment.
    RemoveFile {
        /// Which.
        path: Utf8PathBuf,
    },
    /// Removes the user that services ran as.
    RemoveUser {
        /// Which.
        user: UserName,
    },
    /// Starts a service.
    StartService {
        /// Which, and how.
        service: Box<Service>,
        /// From which release.
        release: ReleaseId,
    },
    /// Waits until a service is proven to be this release and healthy.
    ProveService {
        /// Which, and how.
        service: Box<Service>,
        /// Which release.
        release: ReleaseId,
    },
    /// Records that a release was proven: from now on it can be rolled back to.
    MarkVerified {
        /// Which.
        release: ReleaseId,
        /// What was proven.
        identity: Digest,
        /// Where a rollback from it goes.
        previous: Option<ReleaseId>,
    },
    /// Removes the record that a release was proven: the proof did not hold.
    WithdrawProof {
        /// Which.
        release: ReleaseId,
    },
}

/// What systemd needs to recover an environment when a deployer died.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// The environment's model, to be kept in its root.
    pub model: String,
    /// The service that recovers: enabled, so that it is started at boot.
    pub service: Unit,
    /// The timer that starts it.
    pub timer: Unit,
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
    pub variables: std::collections::BTreeMap<VariableName, String>,
}

impl Step {
    /// What is done, without what might be done instead: for the time when it is done.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Step::Build { build, .. } => {
                format!("build {}: {}", build.name, shortened(&words(&build.run)))
            }
            step => step.to_string(),
        }
    }

    /// Whether an interruption right after this step, or its failure, leaves something behind that
    /// a service could run into: from here on we finish or go back, but never just stop.
    #[must_use]
    pub fn is_past_the_switch(&self) -> bool {
        matches!(
            self,
            Step::SwitchCurrent { .. }
                | Step::UnlinkCurrent { .. }
                | Step::WriteUnit { .. }
                | Step::RemoveUnit { .. }
                | Step::ReloadUnits
                | Step::EnableUnit { .. }
                | Step::StopService { .. }
                | Step::StartService { .. }
                | Step::ProveService { .. }
                | Step::MarkVerified { .. }
        )
    }

    /// Whether it only provides for the death of the deployer: an operation goes on without it.
    #[must_use]
    pub fn is_guard(&self) -> bool {
        matches!(
            self,
            Step::InstallTool { .. } | Step::InstallRecovery { .. } | Step::ArmRecovery { .. }
        )
    }

    /// Whether it only cleans up, so that its failure does not matter to the service.
    #[must_use]
    pub fn is_housekeeping(&self) -> bool {
        matches!(
            self,
            Step::RemoveRelease { .. }
                | Step::DisarmRecovery { .. }
                | Step::RemoveRecovery { .. }
                | Step::RemoveTool
                | Step::RemoveDirectory { .. }
                | Step::RemoveFile { .. }
                | Step::RemoveUser { .. }
        )
    }
}
