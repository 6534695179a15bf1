//! What each step does, in a line for people. No I/O.

use std::fmt;

use super::{BuildStep, Removal, Reusable, Step};
use crate::command::words;

/// How many characters of a build step's command are shown.
const COMMAND_LENGTH: usize = 60;

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::CreateDirectory { path, owner: Some(owner), .. } => {
                write!(f, "create directory {path} for {owner}")
            }
            Step::CreateDirectory { path, .. } => write!(f, "create directory {path}"),
            Step::CreateUser { user, .. } => write!(f, "create the user {user}"),
            Step::CreateFile { path, .. } => write!(f, "create {path} for the operator to fill in"),
            Step::RemoveRelease { release, because } => {
                write!(f, "remove release {release} ({because})")
            }
            Step::BeginRelease { release } => write!(f, "begin release {release}"),
            Step::CopySource { dir, .. } => write!(f, "copy {dir}"),
            Step::UnpackArtifact { file, .. } => write!(f, "unpack {file}"),
            Step::FetchCommit { reference, commit, .. } if reference == commit.as_str() => {
                write!(f, "fetch commit {}", commit.short())
            }
            Step::FetchCommit { reference, commit, .. } => {
                write!(f, "fetch commit {} of {reference}", commit.short())
            }
            Step::ExportCommit { commit, .. } => write!(f, "export commit {}", commit.short()),
            Step::Build { build, reuse, .. } => fmt_build(f, build, reuse.first()),
            Step::WriteConfiguration { .. } => f.write_str("write release.env"),
            Step::SealRelease { release, .. } => write!(f, "seal release {release}"),
            Step::CheckRelease { release } => write!(f, "check every file of release {release}"),
            Step::SwitchCurrent { from: Some(from), to } => {
                write!(f, "switch current from {from} to {to}")
            }
            Step::SwitchCurrent { from: None, to } => write!(f, "point current to {to}"),
            Step::UnlinkCurrent { .. } => f.write_str("remove current"),
            Step::StopService { service, .. } => write!(f, "stop {service}"),
            Step::WriteUnit { unit } => write!(f, "install {}", unit.name),
            Step::RemoveUnit { unit } => write!(f, "remove {unit}"),
            Step::ReloadUnits => f.write_str("have systemd read its units"),
            Step::EnableUnit { unit } => write!(f, "enable {unit}"),
            Step::InstallTool { .. } => f.write_str("install this program for systemd and people"),
            Step::InstallRecovery { recovery } => {
                write!(f, "install and enable {}", recovery.service.name)
            }
            Step::ArmRecovery { timer } => write!(f, "arm {timer}, in case we die"),
            Step::DisarmRecovery { timer } => write!(f, "disarm {timer}"),
            Step::RemoveRecovery { service, .. } => write!(f, "remove {service} and its timer"),
            Step::RemoveTool => {
                f.write_str("remove the installed program: nobody needs it any more")
            }
            Step::RemoveDirectory { path } => write!(f, "remove {path} with all in it"),
            Step::RemoveFile { path } => write!(f, "remove {path}"),
            Step::RemoveUser { user } => write!(f, "remove the user {user}"),
            Step::StartService { service, .. } => write!(f, "start {}", service.name),
            Step::ProveService { service, .. } => {
                let asked = if service.health.is_some() { " and is healthy" } else { "" };
                write!(f, "prove that {} runs this release{asked}", service.name)
            }
            Step::MarkVerified { release, .. } => write!(f, "record {release} as verified"),
            Step::WithdrawProof { release } => write!(f, "withdraw the proof of {release}"),
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
