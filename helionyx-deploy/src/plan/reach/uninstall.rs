//! What takes back all that setup and deploys made. No I/O.

use camino::Utf8PathBuf;

use super::{Case, stop_all, unlink_current};
use crate::plan::desired::Leaving;
use crate::plan::step::{FileStep, Step};
use crate::plan::{Part, prune};
use crate::state::Node;

/// First what runs and what a boot would start: until then a failure brings it all back. Then what
/// lies there, as far as it can be removed: what is left, the next uninstallation removes.
pub(super) fn uninstalled(case: &Case<'_>, leaving: Leaving) -> Part {
    let (rules, layout) = (&case.rules, case.layout);
    let mut part = Part::from(stop_all(case));
    part.then(unlink_current(case));
    part.then(rules.remove(case.found));
    part.then(rules.guard(case.found).map(|guard| guard.remove()).unwrap_or_default());
    part.then(prune::all(case.found));
    let made =
        [layout.verified(), layout.cache(), layout.logs(), layout.mirror(), layout.evidence()];
    part.then(remove_directories(case, made));
    if let Some(Node::File { .. }) = case.found.nodes.get(&layout.model()) {
        part.step(FileStep::RemoveFile { path: layout.model() });
    }
    if leaving == Leaving::Nothing {
        let theirs = [layout.data.clone(), case.environment.backups.clone(), layout.shared()];
        part.then(remove_directories(case, theirs));
    }
    part.then(rules.uninstall(case.found, leaving));
    part
}

fn remove_directories(case: &Case<'_>, paths: impl IntoIterator<Item = Utf8PathBuf>) -> Vec<Step> {
    let is_there =
        |path: &Utf8PathBuf| matches!(case.found.nodes.get(path), Some(Node::Directory { .. }));
    let there = paths.into_iter().filter(is_there);
    there.map(|path| Step::Files(FileStep::RemoveDirectory { path })).collect()
}
