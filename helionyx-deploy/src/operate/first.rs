//! The first look: what the source stands for and what is on the host, before any lock is taken.

use super::{Goal, OperateError, check_saved, desired, missing, remains, resolve_origin};
use crate::host::{Host, both};
use crate::isolation::neighbours::Fingerprints;
use crate::journal::{self, Tip};
use crate::model::Environment;
use crate::plan::{Desired, Plan, reach};
use crate::release::Origin;
use crate::state::{HostState, Node};

/// What a first look, without the lock, says.
pub(super) enum First {
    /// Nothing is to be done, and nobody is at work.
    Nothing(Box<HostState>),
    /// Something is, or somebody is at work: what, where that could be planned.
    Something(Option<Box<Seen>>),
}

/// What was found and planned while nobody was at work, and the end of the journal then: it holds as
/// long as that is the end.
pub(super) struct Seen {
    pub tip: Option<Tip>,
    pub found: HostState,
    pub desired: Desired,
    pub plan: Plan,
    pub neighbours: Fingerprints,
}

/// What the source stands for, and what is to be done. Takes no lock.
pub(super) fn look_first(
    host: &dyn Host,
    environment: &Environment,
    others: &[&Environment],
    goal: &Goal,
) -> Result<(Option<Origin>, First), OperateError> {
    let tip = journal::tip(host, &environment.layout)?;
    if tip.as_ref().is_some_and(Tip::is_open) {
        return Ok((resolve_origin(host, environment, goal)?, First::Something(None)));
    }
    // A remote and the host have nothing to do with each other.
    let (origin, found) = both(
        host,
        || resolve_origin(host, environment, goal),
        || missing::look(host, environment, goal),
    );
    let origin = origin?;
    let early = found.and_then(|found| {
        planned(host, (environment, others), goal, origin.as_ref(), found, tip.clone())
    });
    Ok((origin, first_of(host, environment, goal, tip, early)?))
}

/// The plan, and what the neighbours are like before it: looked at while we look for what is missing.
fn planned(
    host: &dyn Host,
    (environment, others): (&Environment, &[&Environment]),
    goal: &Goal,
    origin: Option<&Origin>,
    found: HostState,
    tip: Option<Tip>,
) -> Result<Seen, OperateError> {
    let desired = desired(host, environment, goal, origin, &found)?;
    let plan = reach(&desired, &found).map_err(OperateError::Refused);
    let (plan, neighbours) = match plan {
        Ok(plan) if !plan.is_empty() => {
            let (missing, neighbours) = both(
                host,
                || missing::for_plan(host, environment, goal, &found, &plan),
                || Fingerprints::of(host, others),
            );
            if !missing.is_empty() {
                return Err(OperateError::Refused(missing));
            }
            (plan, neighbours)
        }
        plan => {
            let plan = missing::or_missing(host, environment, goal, &found, plan)?;
            (plan, Fingerprints::default())
        }
    };
    check_saved(goal, &plan)?;
    Ok(Seen { tip, found, desired, plan, neighbours })
}

/// What the first look comes to.
fn first_of(
    host: &dyn Host,
    environment: &Environment,
    goal: &Goal,
    tip: Option<Tip>,
    early: Result<Seen, OperateError>,
) -> Result<First, OperateError> {
    let layout = &environment.layout;
    match early {
        // What was found may be somebody's half-done work: then his entries are in the journal.
        Ok(seen) if seen.plan.is_empty() && remains::has_record(host, environment, goal)? => {
            Ok(First::Something(None))
        }
        Ok(seen) if seen.plan.is_empty() && journal::tip(host, layout)? == tip => {
            Ok(First::Nothing(Box::new(seen.found)))
        }
        Ok(seen) if !seen.plan.is_empty() => Ok(First::Something(Some(Box::new(seen)))),
        // On a host where nothing was ever done, a refusal must not leave a root behind. On any
        // other, somebody may be at work right now: what counts is seen under the lock.
        Err(error) if missing::is_of_the_host(&error) => Err(error),
        Err(error) if host.node(&layout.root)? == Node::Missing => Err(error),
        Ok(_) | Err(_) => Ok(First::Something(None)),
    }
}
