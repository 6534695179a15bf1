//! What is left of an environment after its uninstallation: what could not be removed, and, where
//! nothing is to be left, its record and the directories that held it. Does I/O through `host`.

use camino::{Utf8Path, Utf8PathBuf};

use super::planning::{self, Known, Request};
use super::{Goal, OperateError};
use crate::digest::Digest;
use crate::event::{Outcome, Report, chain};
use crate::host::{Host, HostError};
use crate::journal::witness;
use crate::model::Environment;
use crate::plan::Leaving;
use crate::plan::runtime::rules;
use crate::release::Anchor;
use crate::state::Node;

/// Looks what an uninstallation that went well has left, and removes the record if that is the last:
/// until then it says whose the rest is. The report, with what is left in it.
pub(super) fn take(
    host: &dyn Host,
    environment: &Environment,
    leaving: Leaving,
    report: Report,
) -> Report {
    if !matches!(report.outcome, Outcome::Deployed | Outcome::Unchanged) {
        return report;
    }
    let left = still_to_do(host, environment, leaving);
    if leaving == Leaving::Data || !left.is_empty() {
        return Report { left, ..report };
    }
    match remove(host, environment, &report) {
        Ok(()) => Report { outcome: Outcome::Deployed, ..report },
        Err(error) => Report { left: vec![chain(&error)], ..report },
    }
}

/// Whether this goal leaves nothing, and the record is there.
///
/// # Errors
/// When that cannot be looked at.
pub(super) fn has_record(
    host: &dyn Host,
    environment: &Environment,
    goal: &Goal,
) -> Result<bool, HostError> {
    if *goal != Goal::Uninstall(Leaving::Nothing) {
        return Ok(false);
    }
    let nodes = record(environment).map(|path| host.node(&path));
    Ok(nodes.into_iter().collect::<Result<Vec<_>, _>>()?.iter().any(|node| *node != Node::Missing))
}

/// The files of the record; the lock last.
fn record(environment: &Environment) -> [Utf8PathBuf; 3] {
    let layout = &environment.layout;
    [layout.journal(), layout.journal_head(), layout.lock()]
}

/// The steps of an uninstallation that are not done, in words.
fn still_to_do(host: &dyn Host, environment: &Environment, leaving: Leaving) -> Vec<String> {
    let goal = &Goal::Uninstall(leaving);
    let request = Request { environment, others: &[], goal };
    let planned = planning::plan(host, request, Known::default()).map_err(OperateError::from);
    match planned {
        Ok(planned) => planned.plan.steps.iter().map(ToString::to_string).collect(),
        Err(OperateError::Refused(refusals)) => refusals.iter().map(ToString::to_string).collect(),
        Err(error) => vec![chain(&error)],
    }
}

/// Removes the journal and its lock, and the directories that are empty then. Whatever else somebody
/// has put there stays, and with it what it lies in.
///
/// This is no step: it comes after the last entry of the journal that steps are written to. The
/// system's journal is told that ours ends here.
///
/// # Errors
/// What could not be removed; the next uninstallation tries again.
fn remove(host: &dyn Host, environment: &Environment, report: &Report) -> Result<(), HostError> {
    let layout = &environment.layout;
    for file in record(environment) {
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
    if rules(environment).needs().systemd {
        let gone = Anchor { number: 0, line: Digest::of(b"") };
        host.announce(&witness::testimony(environment, report, &host.actor(), gone))?;
    }
    Ok(())
}
