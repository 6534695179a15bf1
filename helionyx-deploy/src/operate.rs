//! What operators ask for, from the question to the report: observe, plan, apply, prove, and, when
//! that fails, reach the state before.

use std::time::Duration;

use crate::event::{Event, Report};
use crate::host::{Host, HostError};
use crate::isolation::neighbours::Fingerprints;
use crate::journal::{self, JournalError};
use crate::model::Environment;
use crate::plan::{Plan, Refusal};
use crate::source::SourceError;
use crate::state::HostState;

mod first;
mod foreground;
mod goal;
mod locked;
mod missing;
pub(crate) mod planning;
mod recovery;
mod remains;
mod saved;
mod session;

pub use foreground::{may_run, run_in_foreground, runs};
pub use goal::{Force, Goal};
pub use missing::missing;
pub(crate) use missing::{MEND_ACCESS, MEND_SOURCE, lacking};
pub use recovery::{recover, take_over};
pub use saved::{Saved, save};

use first::{FirstLook, ToDo};
use locked::{locked, wait_for_lock};
use planning::{Known, Request};
use session::{Session, unchanged};

/// Why an operation did not begin: nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// Something is in the way.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Refused(Vec<Refusal>),
    /// Not all is as it was when the plan was made.
    #[error("the plan is out of date:\n  {}", .0.join("\n  "))]
    Changed(Vec<String>),
    /// The source could not be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The lock is held, or the journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The machine refused.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// What came of an operation.
#[derive(Clone, Debug)]
pub struct Done {
    /// Its report.
    pub report: Report,
    /// What was found on the host, where nothing was to be done: it need not be looked at again.
    pub found: Option<HostState>,
}

/// What would be done: looks only.
///
/// # Errors
/// Why nothing could be planned.
pub fn plan(host: &dyn Host, environment: &Environment, goal: &Goal) -> Result<Plan, OperateError> {
    let request = Request { environment, others: &[], goal };
    Ok(planning::plan(host, request, Known::default())?.plan)
}

/// Does what is asked for, proves it, and goes back when that fails. With nothing to do it touches
/// nothing, not even the lock.
///
/// # Errors
/// Why it did not begin; what happened after that is in the report.
pub fn operate(
    host: &dyn Host,
    environment: &Environment,
    goal: &Goal,
    wait: Duration,
    events: &mut dyn FnMut(Event),
) -> Result<Report, OperateError> {
    operate_beside(host, environment, &[], goal, wait, events).map(|done| done.report)
}

/// The same on a host with other environments: the report says what became of them meanwhile.
///
/// # Errors
/// As [`operate`].
pub fn operate_beside(
    host: &dyn Host,
    environment: &Environment,
    others: &[&Environment],
    goal: &Goal,
    wait: Duration,
    events: &mut dyn FnMut(Event),
) -> Result<Done, OperateError> {
    let begin = host.elapsed();
    let request = Request { environment, others, goal };
    let done = match first::look(host, request)? {
        FirstLook::NothingToDo(found) => {
            let report = unchanged(host, goal.operation(), &found, begin);
            Done { report, found: Some(*found) }
        }
        FirstLook::ToDo(first) => {
            first.warnings().for_each(&mut *events);
            let before = first.neighbours.clone();
            let (report, after) = change(host, request, *first, wait, events)?;
            let after = after.unwrap_or_else(|| Fingerprints::of(host, others));
            Done { report: Report { neighbours: before.compared(&after), ..report }, found: None }
        }
    };
    events(Event::Report(done.report.clone()));
    Ok(done)
}

/// Changes the host under the lock. The report, and the other environments after the last step,
/// where they were looked at.
fn change(
    host: &dyn Host,
    request: Request<'_>,
    first: ToDo,
    wait: Duration,
    events: &mut dyn FnMut(Event),
) -> Result<(Report, Option<Fingerprints>), OperateError> {
    let Request { environment, others, goal } = request;
    let begin = host.elapsed();
    let (lock, waited) = wait_for_lock(host, environment, goal.operation(), wait, events)?;
    let first = if waited { first.outdated() } else { first };
    let work = |session: &mut Session<'_, '_>| change_locked(session, request, first, begin);
    let (report, after) = locked(&lock, environment, others, events, work)?;
    match goal {
        Goal::Uninstall(leaving) => Ok((remains::take(host, environment, *leaving, report), None)),
        _ => Ok((report, after)),
    }
}

/// Recovers what was cut short, plans again where the first look does not hold any more, and carries
/// the plan out.
fn change_locked(
    session: &mut Session<'_, '_>,
    request: Request<'_>,
    mut first: ToDo,
    begin: Duration,
) -> Result<(Report, Option<Fingerprints>), OperateError> {
    let (host, operation) = (session.host, request.goal.operation());
    let tip = journal::tip(host, &request.environment.layout)?;
    let recovered = session.recover()?;
    if let Some(rolled_back) = recovered.as_ref().and_then(|done| done.as_rollback(request.goal)) {
        return Ok((rolled_back, None));
    }
    let planned = match first.holding(tip.as_ref()).filter(|_| recovered.is_none()) {
        Some(planned) => planned,
        None => {
            // What the others were like before is known.
            let request = Request { others: &[], ..request };
            let known = Known { origin: first.origin, ..Known::default() };
            planning::plan(host, request, known)?
        }
    };
    if planned.plan.is_empty() {
        return Ok((unchanged(host, operation, &planned.found, begin), None));
    }
    let report = session.carry_out(operation, &planned, begin)?;
    Ok((report, session.neighbours.take()))
}
