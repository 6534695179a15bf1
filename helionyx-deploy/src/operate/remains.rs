//! The last of an environment that leaves nothing: its record, and the directories that held it. Does
//! I/O through `host`.

use camino::Utf8Path;

use crate::digest::Digest;
use crate::event::Report;
use crate::host::{Host, HostError};
use crate::journal::witness;
use crate::model::Environment;
use crate::release::Anchor;
use crate::state::Node;

/// Removes the journal and its lock, and the directories that are empty then. Whatever else somebody
/// has put there stays, and with it what it lies in.
///
/// This is no step: it comes after the last entry of the journal that steps are written to. The
/// system's journal is told that ours ends here.
///
/// # Errors
/// What could not be removed; the next uninstallation tries again.
pub(super) fn remove(
    host: &dyn Host,
    environment: &Environment,
    report: &Report,
) -> Result<(), HostError> {
    let layout = &environment.layout;
    for file in [layout.journal(), layout.journal_head(), layout.lock()] {
        host.remove(&file)?;
    }
    let above = |path: &Utf8Path| path.parent().map(Utf8Path::to_owned);
    let empty = [layout.releases(), layout.root.clone()];
    // Those that hold all environments of the app go with the last one.
    let shared = [above(&environment.backups), above(&layout.data), above(&layout.root)];
    let of_the_app =
        |path: &Utf8Path| path.components().any(|part| part.as_str() == environment.app.as_str());
    let shared = shared.into_iter().flatten().filter(|path| of_the_app(path));
    for dir in empty.into_iter().chain(shared) {
        if let Node::Directory { .. } = host.node(&dir)?
            && host.list(&dir)?.is_empty()
        {
            host.remove_tree(&dir)?;
        }
    }
    if environment.units().is_some() {
        let gone = Anchor { number: 0, line: Digest::of(b"") };
        host.announce(&witness::testimony(environment, report, &host.actor(), gone))?;
    }
    Ok(())
}
