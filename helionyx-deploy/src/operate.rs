//! What operators ask for, from the question to the report: observe, plan, apply, prove, and, when
//! that fails, reach the state before.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::event::{Event, Operation, Outcome, Report};
use crate::host::{Host, HostError};
use crate::isolation::neighbours::Fingerprints;
use crate::journal::{self, Fenced, JournalError, Lock};
use crate::model::Environment;
use crate::name::{ReleaseId, ServiceName};
use crate::plan::desired::rollback_target;
use crate::plan::{Desired, Leaving, Plan, Recipe, Refusal, Run, Target, Way, reach};
use crate::release::Origin;
use crate::source::{SourceError, Wish, resolve};
use crate::state::{HostState, ProcessKey};

mod first;
mod foreground;
mod missing;
mod recovery;
mod remains;
mod saved;
mod session;

pub use foreground::{may_run, run_in_foreground, runs};
pub use missing::missing;
pub use recovery::{recover, take_over};
pub use saved::Saved;

use first::{First, Seen, look_first};
use session::{Session, Taken, unchanged};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// A release of the source, running.
    Deploy {
        /// What of the source.
        wish: Wish,
        /// Whether a new release is built even if the same one is there.
        force: Force,
    },
    /// A release that was verified before, running: this one, or the one before.
    Rollback(Option<ReleaseId>),
    /// The services to run.
    Start,
    /// The services not to run.
    Stop,
    /// The services to run in new processes.
    Restart,
    /// All that a first deploy needs on the host: user, directories, a place for the secrets.
    Setup,
    /// What was planned before, if all is as it was then.
    Apply(Box<Saved>),
    /// Nothing on the host of what setup and deploys made.
    Uninstall(Leaving),
}

/// Whether a new release is built even if the same one is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// A release that is there will do.
    IfNeeded,
    /// A new one is built.
    Always,
}

impl Goal {
    /// The operation that it makes.
    #[must_use]
    pub fn operation(&self) -> Operation {
        match self {
            Goal::Deploy { .. } | Goal::Apply(_) => Operation::Deploy,
            Goal::Rollback(_) => Operation::Rollback,
            Goal::Start => Operation::Start,
            Goal::Stop => Operation::Stop,
            Goal::Restart => Operation::Restart,
            Goal::Setup => Operation::Setup,
            Goal::Uninstall(_) => Operation::Uninstall,
        }
    }
}

/// Why an operation did not begin: nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// Something is in the way.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Refused(Vec<Refusal>),
    /// Not all is as it was when the plan was made.
    #[error("not all is as it was when the plan was made:\n  {}", .0.join("\n  "))]
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

/// What would be done: looks only.
///
/// # Errors
/// Why nothing could be planned.
pub fn plan(host: &dyn Host, environment: &Environment, goal: &Goal) -> Result<Plan, OperateError> {
    let origin = resolve_origin(host, environment, goal)?;
    let found = missing::look(host, environment, goal)?;
    make_plan(host, environment, goal, origin.as_ref(), &found).map(|(_, plan)| plan)
}

/// What a deploy would do, to be kept and carried out later ([`Goal::Apply`]): looks only.
///
/// # Errors
/// Why nothing could be planned.
pub fn save(
    host: &dyn Host,
    environment: &Environment,
    wish: &Wish,
    force: Force,
) -> Result<Saved, OperateError> {
    let goal = Goal::Deploy { wish: wish.clone(), force };
    let origin = resolve(host, environment, wish).map_err(OperateError::from);
    let origin =
        origin.map_err(|error| missing::with_missing(host, environment, &goal, None, error))?;
    let found = missing::look(host, environment, &goal)?;
    let recipe = recipe(host, &origin, force, &found);
    let run = Run::all();
    let target = Target::Built(recipe.clone());
    let desired = Desired { environment: environment.clone(), target, run, way: Way::Forward };
    let plan = reach(&desired, &found).map_err(OperateError::Refused);
    let plan = missing::or_missing(host, environment, &goal, &found, plan)?;
    Ok(Saved::new(&desired.environment, &found, recipe, plan))
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

/// What came of an operation.
#[derive(Clone, Debug)]
pub struct Done {
    /// Its report.
    pub report: Report,
    /// What was found on the host, where nothing was to be done: it need not be looked at again.
    pub found: Option<HostState>,
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
    let (origin, first) = look_first(host, environment, others, goal)?;
    let done = match first {
        First::Nothing(found) => {
            let report = unchanged(host, goal.operation(), &found, begin);
            Done { report, found: Some(*found) }
        }
        First::Something(seen) => {
            let before = match &seen {
                Some(seen) => seen.neighbours.clone(),
                None => Fingerprints::of(host, others),
            };
            for loaded in seen.iter().flat_map(|seen| before.loaded_by(&seen.plan)) {
                let message = format!("{} ({})", loaded.message, loaded.hint);
                events(Event::Warning { message });
            }
            let work = (environment, others, goal, origin, seen);
            let (report, after) = under_the_lock(host, work, wait, events)?;
            let after = after.unwrap_or_else(|| Fingerprints::of(host, others));
            let neighbours = before.compared(&after);
            Done { report: Report { neighbours, ..report }, found: None }
        }
    };
    events(Event::Report(done.report.clone()));
    Ok(done)
}

/// What is done under the lock: for which environment, beside which others, to what end, with what
/// the source stands for, and what was seen so far.
type Work<'a> =
    (&'a Environment, &'a [&'a Environment], &'a Goal, Option<Origin>, Option<Box<Seen>>);

/// What came of it, and what the others were like after it, where they were looked at.
fn under_the_lock(
    host: &dyn Host,
    (environment, others, goal, origin, seen): Work<'_>,
    wait: Duration,
    events: &mut dyn FnMut(Event),
) -> Result<(Report, Option<Fingerprints>), OperateError> {
    let begin = host.elapsed();
    let (lock, waited) = wait_for_lock(host, environment, goal.operation(), wait, events)?;
    let origin = if waited { resolve_origin(host, environment, goal)? } else { origin };
    let seen = seen.filter(|_| !waited);
    let work = (environment, others, goal, origin, seen);
    let ended = while_locked(&lock, work, begin, events);
    // Whatever came of it: what counts is what the one did who has the lock now.
    lock.still_ours()?;
    match goal {
        Goal::Uninstall(leaving) => {
            Ok((remains::take(host, environment, *leaving, ended?.0), None))
        }
        _ => ended,
    }
}

fn while_locked(
    lock: &Lock<'_>,
    (environment, others, goal, origin, seen): Work<'_>,
    begin: Duration,
    events: &mut dyn FnMut(Event),
) -> Result<(Report, Option<Fingerprints>), OperateError> {
    let (mut journal, host) = (lock.journal()?, &Fenced::new(lock));
    let mut session = Session::new(host, environment, &mut journal, events).beside(others);
    let tip = journal::tip(host, &environment.layout)?;
    let recovered = session.recover()?;
    // Nobody was at work since the first look: what it saw holds.
    let seen = seen.filter(|seen| recovered.is_none() && seen.tip == tip);
    if let Some((report, Taken::Back)) = recovered
        && *goal == Goal::Rollback(None)
    {
        // The release before is back already: one step further would be one too many.
        let outcome = Outcome::Deployed;
        return Ok((Report { operation: Operation::Rollback, outcome, ..report }, None));
    }
    let (found, desired, plan) = match seen.map(|seen| *seen) {
        Some(Seen { found, desired, plan, .. }) => (found, desired, plan),
        None => {
            let found = missing::observed(host, environment, goal)?;
            let (desired, plan) = make_plan(host, environment, goal, origin.as_ref(), &found)?;
            (found, desired, plan)
        }
    };
    match plan.is_empty() {
        true => Ok((unchanged(host, goal.operation(), &found, begin), None)),
        false => {
            let report = session.carry_out(goal.operation(), &desired, &plan, &found, begin)?;
            Ok((report, session.neighbours.take()))
        }
    }
}

/// The lock, and whether somebody else had it first.
fn wait_for_lock<'h>(
    host: &'h dyn Host,
    environment: &Environment,
    operation: Operation,
    wait: Duration,
    events: &mut dyn FnMut(Event),
) -> Result<(Lock<'h>, bool), JournalError> {
    let attempt = || Lock::acquire(host, &environment.layout, operation);
    let waiting = &mut |holder| events(Event::Waiting { holder });
    journal::wait_for(host, wait, &|| host.interrupted(), waiting, &attempt)
}

/// What the source stands for; where it cannot be had, all that is missing.
fn resolve_origin(
    host: &dyn Host,
    environment: &Environment,
    goal: &Goal,
) -> Result<Option<Origin>, OperateError> {
    let origin = origin_of(host, environment, goal).map_err(OperateError::from);
    origin.map_err(|error| missing::with_missing(host, environment, goal, None, error))
}

fn origin_of(
    host: &dyn Host,
    environment: &Environment,
    goal: &Goal,
) -> Result<Option<Origin>, SourceError> {
    match goal {
        Goal::Deploy { wish, .. } => resolve(host, environment, wish).map(Some),
        Goal::Apply(saved) => match &saved.recipe.origin {
            // A commit stays what it is, wherever its branch goes.
            Origin::Git { .. } => Ok(None),
            Origin::Path { .. } => resolve(host, environment, &Wish::default()).map(Some),
            Origin::Artifact { file, .. } => {
                let wish = Wish { artifact: Some(file.clone()), ..Wish::default() };
                resolve(host, environment, &wish).map(Some)
            }
        },
        _ => Ok(None),
    }
}

fn make_plan(
    host: &dyn Host,
    environment: &Environment,
    goal: &Goal,
    origin: Option<&Origin>,
    found: &HostState,
) -> Result<(Desired, Plan), OperateError> {
    let desired = desired(host, environment, goal, origin, found)?;
    let plan = reach(&desired, found).map_err(OperateError::Refused);
    let plan = missing::or_missing(host, environment, goal, found, plan)?;
    check_saved(goal, &plan)?;
    Ok((desired, plan))
}

/// A kept plan is carried out only as it was kept.
fn check_saved(goal: &Goal, plan: &Plan) -> Result<(), OperateError> {
    match goal {
        Goal::Apply(saved) => saved.check_plan(plan),
        _ => Ok(()),
    }
}

fn desired(
    host: &dyn Host,
    environment: &Environment,
    goal: &Goal,
    origin: Option<&Origin>,
    found: &HostState,
) -> Result<Desired, OperateError> {
    let target = match (goal, origin) {
        (Goal::Deploy { force, .. }, Some(origin)) => {
            Target::Built(recipe(host, origin, *force, found))
        }
        (Goal::Apply(saved), _) => {
            saved.check(environment, origin, found)?;
            Target::Built(saved.recipe.clone())
        }
        (Goal::Rollback(named), _) => Target::Existing(
            rollback_target(environment, found, named.as_ref())
                .map_err(|refusal| OperateError::Refused(vec![*refusal]))?,
        ),
        (Goal::Setup, _) => Target::Prepared,
        (Goal::Uninstall(leaving), _) => Target::Uninstalled(*leaving),
        _ => Target::Keep,
    };
    let run = match goal {
        Goal::Stop | Goal::Uninstall(_) => Run::stopped(),
        Goal::Restart => Run { anew: main_processes(found), ..Run::all() },
        Goal::Deploy { .. } | Goal::Apply(_) | Goal::Rollback(_) | Goal::Start | Goal::Setup => {
            Run::all()
        }
    };
    Ok(Desired { environment: environment.clone(), target, run, way: Way::Forward })
}

fn recipe(host: &dyn Host, origin: &Origin, force: Force, found: &HostState) -> Recipe {
    Recipe {
        origin: origin.clone(),
        at: host.now(),
        by: host.actor(),
        newer_than: match force {
            Force::Always => found.releases.keys().next_back().cloned(),
            Force::IfNeeded => None,
        },
    }
}

fn main_processes(found: &HostState) -> BTreeMap<ServiceName, ProcessKey> {
    let mains = found.services.iter();
    mains.filter_map(|(name, state)| Some((name.clone(), state.main()?.process.key))).collect()
}
