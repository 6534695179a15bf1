//! Which releases nobody needs any more. No I/O.

use std::collections::BTreeSet;

use crate::name::ReleaseId;
use crate::plan::step::{ReleaseStep, Removal, Step};
use crate::state::{Condition, HostState, ReleaseState};

/// Removes what an interrupted build or removal left behind: it carries our mark, so it is ours. Not
/// what a process runs from: that goes when the process has ended.
pub fn unfinished(found: &HostState) -> Vec<Step> {
    let unfinished = found.releases.iter().filter(|(id, state)| {
        state.condition == Condition::Unfinished
            && state.pids.is_empty()
            && found.current.release() != Some(*id)
    });
    unfinished.map(|(id, _)| remove(id, Removal::Unfinished)).collect()
}

/// Removes releases once `target` has been verified in place of `current`.
///
/// Kept are: `target`; what is in use until then; the release that a rollback goes to; so many verified ones that
/// there are `keep` with the target; what a process runs from, unless it is one of the services'
/// that this plan stops; and everything that we do not recognise as ours.
pub fn superseded(
    found: &HostState,
    target: &ReleaseId,
    previous: Option<&ReleaseId>,
    keep: usize,
) -> Vec<Step> {
    let stopped: BTreeSet<u32> = found
        .services
        .values()
        .flat_map(|service| &service.instances)
        .map(|instance| instance.process.key.pid)
        .collect();
    let in_use = |state: &ReleaseState| state.pids.iter().any(|pid| !stopped.contains(pid));
    // What is in use now is what a failure goes back to, whatever is to be thought of it.
    let current = found.current.release();
    let needed = |id: &ReleaseId| id == target || Some(id) == previous || Some(id) == current;

    let mut verified: Vec<_> =
        found.releases.iter().filter(|(id, state)| state.is_verified() && !needed(id)).collect();
    verified.sort_by_key(|(id, state)| {
        (state.verification.as_ref().map(|verification| verification.at), *id)
    });
    let kept = keep.saturating_sub(1 + usize::from(previous.is_some()));
    let old = verified.iter().rev().skip(kept).rev().map(|(id, _)| ((*id).clone(), Removal::Old));

    let useless = found.releases.iter().filter(|(id, state)| !needed(id) && !state.is_verified());
    let useless = useless.filter_map(|(id, state)| match state.condition {
        Condition::Complete => Some((id.clone(), Removal::NeverVerified)),
        Condition::Damaged(_) if state.manifest.is_some() => Some((id.clone(), Removal::Damaged)),
        Condition::Damaged(_) | Condition::Foreign | Condition::Unfinished => None,
    });
    let removable = old.chain(useless).filter(|(id, _)| !in_use(&found.releases[id]));
    removable.map(|(id, because)| remove(&id, because)).collect()
}

/// Removes every release that is known to be ours.
pub fn all(found: &HostState) -> Vec<Step> {
    let ours = found.releases.iter().filter(|(_, state)| match state.condition {
        Condition::Complete | Condition::Unfinished => true,
        Condition::Damaged(_) => state.manifest.is_some(),
        Condition::Foreign => false,
    });
    ours.map(|(id, _)| remove(id, Removal::Uninstalled)).collect()
}

fn remove(release: &ReleaseId, because: Removal) -> Step {
    Step::Release(ReleaseStep::RemoveRelease { release: release.clone(), because })
}
