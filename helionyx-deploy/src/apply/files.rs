//! Steps that make and remove directories and files besides releases, and point `current` to them.

use crate::host::Host;
use crate::layout::Layout;
use crate::plan::step::{CurrentStep, FileStep};
use crate::release::{Anchor, Verification};
use crate::state::Node;

use super::StepError;
use super::host::account_of;
use super::release::encode;

/// Does one step.
pub(super) fn perform(host: &dyn Host, step: &FileStep) -> Result<(), StepError> {
    match step {
        FileStep::CreateDirectory { path, mode, owner: None } => host.create_dir(path, *mode)?,
        // The directory is the other user's from the moment on when it is there.
        FileStep::CreateDirectory { path, mode, owner: Some(owner) } => {
            let account = account_of(host, "create a directory for", owner)?;
            host.create_dir_for(path, *mode, account)?;
        }
        // The file is the operator's from then on: an existing one is left alone (HEL-12).
        FileStep::CreateFile { path, mode, content } => {
            if host.node(path)? == Node::Missing {
                host.write(path, content.as_bytes(), *mode)?;
            }
        }
        FileStep::RemoveDirectory { path } => host.remove_tree(path)?,
        FileStep::RemoveFile { path } => host.remove(path)?,
    }
    Ok(())
}

/// Does one step that says which release is in use, or which was proven; `head` is the entry of the
/// journal that announced it.
pub(super) fn perform_current(
    host: &dyn Host,
    layout: &Layout,
    head: Anchor,
    step: &CurrentStep,
) -> Result<(), StepError> {
    match step {
        CurrentStep::SwitchCurrent { to, .. } => {
            host.replace_link(&layout.current(), &Layout::current_target(to))?;
        }
        CurrentStep::UnlinkCurrent { .. } => host.remove(&layout.current())?,
        CurrentStep::WithdrawProof { release } => host.remove(&layout.verification(release))?,
        CurrentStep::MarkVerified { release, identity, previous } => {
            let record = Verification {
                release: release.clone(),
                identity: *identity,
                at: host.now(),
                previous: previous.clone(),
                journal: Some(head),
            };
            host.write(&layout.verification(release), &encode(&record)?, 0o644)?;
        }
    }
    Ok(())
}
