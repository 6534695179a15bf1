//! What an environment lacks on its host, said before anything is begun, together with what else is
//! in the way.

use super::{Goal, OperateError};
use crate::event::chain;
use crate::host::{Host, HostError};
use crate::model::Environment;
use crate::observe;
use crate::plan::prerequisites::{self, OF_THE_HOST};
use crate::plan::step::{FileStep, HostStep, ReleaseStep};
use crate::plan::{Plan, Refusal, Step};
use crate::state::HostState;

/// Whether this goal may begin something on a host that has never seen the environment.
fn begins(goal: &Goal) -> bool {
    matches!(goal, Goal::Deploy { .. } | Goal::Setup | Goal::Apply(_))
}

/// A plan, if nothing is missing for it; of what is in the way all at once.
pub(super) fn or_missing(
    host: &dyn Host,
    environment: &Environment,
    goal: &Goal,
    found: &HostState,
    planned: Result<Plan, OperateError>,
) -> Result<Plan, OperateError> {
    match planned {
        Ok(plan) => match for_plan(host, environment, goal, found, &plan) {
            missing if missing.is_empty() => Ok(plan),
            missing => Err(OperateError::Refused(missing)),
        },
        Err(error) => Err(with_missing(host, environment, goal, Some(found), error)),
    }
}

/// What is missing for a plan. Where it builds and makes nothing, nothing is looked for.
pub(super) fn for_plan(
    host: &dyn Host,
    environment: &Environment,
    goal: &Goal,
    found: &HostState,
    plan: &Plan,
) -> Vec<Refusal> {
    let makes = |step: &Step| {
        matches!(
            step,
            Step::Release(ReleaseStep::BeginRelease { .. })
                | Step::Files(FileStep::CreateDirectory { .. })
                | Step::Host(HostStep::CreateUser { .. })
        )
    };
    match begins(goal) && plan.steps.iter().any(makes) {
        true => lacking(host, environment, Some(found)),
        false => Vec::new(),
    }
}

/// What is on the host; where it cannot be looked at, all that is missing.
pub(super) fn look(
    host: &dyn Host,
    environment: &Environment,
    goal: &Goal,
) -> Result<HostState, OperateError> {
    let found = observed(host, environment, goal).map_err(OperateError::from);
    found.map_err(|error| with_missing(host, environment, goal, None, error))
}

/// What is on the host. Who goes back is told of damage wherever it is.
pub(super) fn observed(
    host: &dyn Host,
    environment: &Environment,
    goal: &Goal,
) -> Result<HostState, HostError> {
    match goal {
        Goal::Rollback(_) => observe::observe_whole(host, environment),
        _ => observe::observe(host, environment),
    }
}

/// An error, with all that is missing besides. What only follows from something that is missing is
/// not said.
pub(super) fn with_missing(
    host: &dyn Host,
    environment: &Environment,
    goal: &Goal,
    found: Option<&HostState>,
    error: OperateError,
) -> OperateError {
    if !begins(goal) || matches!(error, OperateError::Changed(_) | OperateError::Journal(_)) {
        return error;
    }
    let mut missing = lacking(host, environment, found);
    if missing.is_empty() {
        return error;
    }
    let has = |codes: &[&str]| missing.iter().any(|one| codes.contains(&one.code.as_str()));
    match error {
        OperateError::Refused(refusals) => {
            // Of the port, the plan knows which service wants it.
            let planned = refusals.iter().any(|one| one.code == "port-held");
            missing.retain(|one| !planned || one.code != "port-held");
            missing.extend(refusals);
        }
        OperateError::Source(_) if has(&["missing-program", "lacking-program"]) => {}
        OperateError::Source(error) => {
            let hint = "mend the source, or what the model says of it below [source]";
            missing.push(Refusal::new("source", chain(&error), hint));
        }
        OperateError::Host(error) if !has(&["no-systemd", "no-rights"]) => {
            let hint = "mend it, or run the command as a user who may look at it";
            missing.push(Refusal::new("unreadable", chain(&error), hint));
        }
        _ => {}
    }
    OperateError::Refused(missing)
}

/// Whether it is refused for what no other deployer can bring about: then there is nothing to wait
/// for, and no lock is taken.
pub(super) fn is_of_the_host(error: &OperateError) -> bool {
    let OperateError::Refused(refusals) = error else { return false };
    refusals.iter().any(|one| OF_THE_HOST.contains(&one.code.as_str()))
}

/// All that an environment lacks on its host, without what else may be in the way: looks only.
#[must_use]
pub fn missing(host: &dyn Host, environment: &Environment) -> Vec<Refusal> {
    lacking(host, environment, None)
}

fn lacking(host: &dyn Host, environment: &Environment, found: Option<&HostState>) -> Vec<Refusal> {
    let bytes = found.map_or(0, prerequisites::release_bytes);
    prerequisites::missing(environment, &observe::prerequisites(host, environment), bytes)
}
