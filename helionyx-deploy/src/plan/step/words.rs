//! What each step does, in a line for people. No I/O.

use std::fmt;

use super::{
    BuildStep, CurrentStep, FileStep, GuardStep, HostStep, ReleaseStep, Removal, Reusable,
    ServiceStep, Step,
};
use crate::command::words;

/// How many characters of a build step's command are shown.
const COMMAND_LENGTH: usize = 60;

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Files(step) => step.fmt(f),
            Step::Host(step) => step.fmt(f),
            Step::Release(step) => step.fmt(f),
            Step::Current(step) => step.fmt(f),
            Step::Service(step) => step.fmt(f),
            Step::Guard(step) => step.fmt(f),
        }
    }
}

impl fmt::Display for FileStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileStep::CreateDirectory { path, owner: Some(owner), .. } => {
                write!(f, "create directory {path} for {owner}")
            }
            FileStep::CreateDirectory { path, .. } => {
                write!(f, "create directory {path}")
            }
            FileStep::CreateFile { path, .. } => {
                write!(f, "create {path} for the operator to fill in")
            }
            FileStep::RemoveDirectory { path } => {
                write!(f, "remove {path} with all in it")
            }
            FileStep::RemoveFile { path } => write!(f, "remove {path}"),
        }
    }
}

impl fmt::Display for HostStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostStep::CreateUser { user, .. } => write!(f, "create the user {user}"),
            HostStep::WriteUnit { unit } => write!(f, "install {}", unit.name),
            HostStep::RemoveUnit { unit } => write!(f, "remove {unit}"),
            HostStep::ReloadUnits => f.write_str("have systemd read its units"),
            HostStep::EnableUnit { unit } => write!(f, "enable {unit}"),
            HostStep::InstallTool { program } => {
                write!(f, "install {program} as the recovery program")
            }
            HostStep::InstallRecovery { recovery } => {
                write!(f, "install and enable {}", recovery.service.name)
            }
            HostStep::RemoveRecovery { service, .. } => {
                write!(f, "remove {service} and its timer")
            }
            HostStep::RemoveTool => {
                f.write_str("remove the installed program: nobody needs it any more")
            }
            HostStep::RemoveUser { user } => write!(f, "remove the user {user}"),
        }
    }
}

impl fmt::Display for ReleaseStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReleaseStep::RemoveRelease { release, because } => {
                write!(f, "remove release {release} ({because})")
            }
            ReleaseStep::BeginRelease { release } => {
                write!(f, "begin release {release}")
            }
            ReleaseStep::CopySource { dir, .. } => write!(f, "copy {dir}"),
            ReleaseStep::UnpackArtifact { file, .. } => write!(f, "unpack {file}"),
            ReleaseStep::FetchCommit { reference, commit, .. } if reference == commit.as_str() => {
                write!(f, "fetch commit {}", commit.short())
            }
            ReleaseStep::FetchCommit { reference, commit, .. } => {
                write!(f, "fetch commit {} of {reference}", commit.short())
            }
            ReleaseStep::ExportCommit { commit, .. } => {
                write!(f, "export commit {}", commit.short())
            }
            ReleaseStep::Build { build, reuse, .. } => fmt_build(f, build, reuse.first()),
            ReleaseStep::WriteConfiguration { .. } => f.write_str("write release.env"),
            ReleaseStep::SealRelease { release, .. } => {
                write!(f, "seal release {release}")
            }
            ReleaseStep::CheckRelease { release } => {
                write!(f, "check every file of release {release}")
            }
        }
    }
}

impl fmt::Display for CurrentStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CurrentStep::SwitchCurrent { from: Some(from), to } => {
                write!(f, "switch current from {from} to {to}")
            }
            CurrentStep::SwitchCurrent { from: None, to } => {
                write!(f, "point current to {to}")
            }
            CurrentStep::UnlinkCurrent { .. } => f.write_str("remove current"),
            CurrentStep::MarkVerified { release, .. } => {
                write!(f, "record {release} as verified")
            }
            CurrentStep::WithdrawProof { release } => {
                write!(f, "withdraw the proof of {release}")
            }
        }
    }
}

impl fmt::Display for ServiceStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServiceStep::Stop { service, .. } => write!(f, "stop {service}"),
            ServiceStep::Start { service, .. } => {
                write!(f, "start {}", service.name)
            }
            ServiceStep::Prove { service, .. } => {
                let asked = if service.health.is_some() { " and is healthy" } else { "" };
                write!(f, "prove that {} runs this release{asked}", service.name)
            }
        }
    }
}

impl fmt::Display for GuardStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GuardStep::Arm { timer } => write!(f, "arm {timer}, in case we die"),
            GuardStep::Disarm { timer } => write!(f, "disarm {timer}"),
        }
    }
}

fn fmt_build(
    f: &mut fmt::Formatter<'_>,
    build: &BuildStep,
    reuse: Option<&Reusable>,
) -> fmt::Result {
    write!(f, "build {}: {}", build.name, shortened(&words(&build.run)))?;
    match reuse {
        Some(best) => write!(f, " (or reuse that of {} if its inputs are the same)", best.release),
        None => Ok(()),
    }
}

/// The begin of a long command: all of it is in the model.
pub(super) fn shortened(command: &str) -> String {
    match command.char_indices().nth(COMMAND_LENGTH) {
        Some((at, _)) => format!("{}…", command[..at].trim_end()),
        None => command.to_owned(),
    }
}

impl fmt::Display for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Removal::Unfinished => "unfinished",
            Removal::NeverVerified => "never verified",
            Removal::Damaged => "damaged",
            Removal::Old => "old",
            Removal::Uninstalled => "uninstalled",
        })
    }
}
