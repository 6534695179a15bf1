//! The steps: every way in which this tool changes a machine. No I/O.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::command::words;
use crate::digest::Digest;
use crate::name::{ReleaseId, UserName};

mod build;
mod host;
mod release;
mod service;
mod words;

pub use build::{Adoption, Bound, BuildStep, Reusable, Sharing};
pub use host::{GuardStep, HostStep, Recovery};
pub use release::{Facts, ReleaseStep, Removal};
pub use service::{Handle, ServiceStep};

use words::shortened;

/// One change to a machine, fully decided. Doing it twice has the effect of doing it once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Step {
    /// Directories and files of an environment besides its releases.
    Files(FileStep),
    /// Releases: made, checked, removed. None of it is in use.
    Release(ReleaseStep),
    /// Which release is in use, and which were proven.
    Current(CurrentStep),
    /// Services: stopped, started, proven.
    Service(ServiceStep),
    /// What all environments of a host share: carried out under the lock of the host.
    Host(HostStep),
    /// The timer that recovers the environment if the deployer dies.
    Guard(GuardStep),
}

/// Directories and files of an environment besides its releases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileStep {
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
    /// Makes a file that is the operator's from then on: an existing one is left alone.
    CreateFile {
        /// Where.
        path: Utf8PathBuf,
        /// Its permission bits.
        mode: u32,
        /// What it holds at first. Never a secret.
        content: String,
    },
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
}

/// Which release is in use, and which were proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CurrentStep {
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

/// What a step means for the services of an environment. Apply and recovery decide by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Makes what is not in use yet: an interruption leaves services as they were.
    Prepare,
    /// Provides for the death of the deployer: an operation goes on without it.
    Guard,
    /// A service could notice it: from here on the operation finishes or goes back.
    Noticeable,
    /// Cleans up: its failure is a warning.
    Housekeeping,
}

impl Step {
    /// What the step does, without what may be done instead: for the time when it is done.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Step::Release(ReleaseStep::Build { build, .. }) => {
                format!("build {}: {}", build.name, shortened(&words(&build.run)))
            }
            step => step.to_string(),
        }
    }

    /// What the step means for the services.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self {
            Step::Files(step) => match step {
                FileStep::CreateDirectory { .. } | FileStep::CreateFile { .. } => Phase::Prepare,
                FileStep::RemoveDirectory { .. } | FileStep::RemoveFile { .. } => {
                    Phase::Housekeeping
                }
            },
            Step::Release(step) => match step {
                ReleaseStep::RemoveRelease { .. } => Phase::Housekeeping,
                ReleaseStep::BeginRelease { .. }
                | ReleaseStep::CopySource { .. }
                | ReleaseStep::UnpackArtifact { .. }
                | ReleaseStep::FetchCommit { .. }
                | ReleaseStep::ExportCommit { .. }
                | ReleaseStep::Build { .. }
                | ReleaseStep::WriteConfiguration { .. }
                | ReleaseStep::SealRelease { .. }
                | ReleaseStep::CheckRelease { .. } => Phase::Prepare,
            },
            Step::Current(step) => match step {
                CurrentStep::SwitchCurrent { .. }
                | CurrentStep::UnlinkCurrent { .. }
                | CurrentStep::MarkVerified { .. } => Phase::Noticeable,
                CurrentStep::WithdrawProof { .. } => Phase::Prepare,
            },
            Step::Service(step) => match step {
                ServiceStep::Stop { .. }
                | ServiceStep::Start { .. }
                | ServiceStep::Prove { .. } => Phase::Noticeable,
            },
            Step::Host(step) => match step {
                HostStep::CreateUser { .. } => Phase::Prepare,
                HostStep::WriteUnit { .. }
                | HostStep::RemoveUnit { .. }
                | HostStep::ReloadUnits
                | HostStep::EnableUnit { .. } => Phase::Noticeable,
                HostStep::InstallTool { .. } | HostStep::InstallRecovery { .. } => Phase::Guard,
                HostStep::RemoveRecovery { .. }
                | HostStep::RemoveTool
                | HostStep::RemoveUser { .. } => Phase::Housekeeping,
            },
            Step::Guard(step) => match step {
                GuardStep::Arm { .. } => Phase::Guard,
                GuardStep::Disarm { .. } => Phase::Housekeeping,
            },
        }
    }

    /// Whether a service could notice the step, or its interruption.
    #[must_use]
    pub fn is_noticeable(&self) -> bool {
        self.phase() == Phase::Noticeable
    }

    /// Whether the step proves a service.
    #[must_use]
    pub fn is_proof(&self) -> bool {
        matches!(self, Step::Service(ServiceStep::Prove { .. }))
    }

    /// Whether the step only cleans up.
    #[must_use]
    pub fn is_housekeeping(&self) -> bool {
        self.phase() == Phase::Housekeeping
    }
}

impl From<FileStep> for Step {
    fn from(step: FileStep) -> Step {
        Step::Files(step)
    }
}

impl From<ReleaseStep> for Step {
    fn from(step: ReleaseStep) -> Step {
        Step::Release(step)
    }
}

impl From<CurrentStep> for Step {
    fn from(step: CurrentStep) -> Step {
        Step::Current(step)
    }
}

impl From<ServiceStep> for Step {
    fn from(step: ServiceStep) -> Step {
        Step::Service(step)
    }
}

impl From<HostStep> for Step {
    fn from(step: HostStep) -> Step {
        Step::Host(step)
    }
}

impl From<GuardStep> for Step {
    fn from(step: GuardStep) -> Step {
        Step::Guard(step)
    }
}

#[cfg(test)]
mod tests;
