//! What an environment lacks on its host, told together with what else keeps a plan from being made.
//! Looks through `host`, changes nothing.

use super::{Goal, OperateError};
use crate::event::chain;
use crate::host::Host;
use crate::model::Environment;
use crate::observe;
use crate::plan::prerequisites::{self, OF_THE_HOST};
use crate::plan::step::{FileStep, HostStep, ReleaseStep};
use crate::plan::{Plan, Refusal, Step};
use crate::release::Origin;
use crate::state::HostState;

/// What to do where something cannot be looked at.
pub(crate) const MEND_ACCESS: &str = "mend it, or run the command as a user who may look at it";
/// What to do where the source cannot be had.
pub(crate) const MEND_SOURCE: &str = "mend the source, or what the model says of it below [source]";

/// All that an environment lacks on its host, without what else may be in the way: looks only.
#[must_use]
pub fn missing(host: &dyn Host, environment: &Environment) -> Vec<Refusal> {
    lacking(host, environment, None)
}

/// The same, where it may be known which release is in use: the next one needs as much room.
pub(crate) fn lacking(
    host: &dyn Host,
    environment: &Environment,
    found: Option<&HostState>,
) -> Vec<Refusal> {
    let bytes = found.map_or(0, prerequisites::release_bytes);
    prerequisites::missing(environment, &observe::prerequisites(host, environment), bytes)
}

/// Whether it matters for a plan what is missing: only where something is built or made. To ask all
/// programs takes longer than everything else that is looked at.
pub(super) fn matters(goal: &Goal, plan: &Plan) -> bool {
    let makes = |step: &Step| {
        matches!(
            step,
            Step::Release(ReleaseStep::BeginRelease { .. })
                | Step::Files(FileStep::CreateDirectory { .. })
                | Step::Host(HostStep::CreateUser { .. })
        )
    };
    goal.begins() && plan.steps.iter().any(makes)
}

/// Why there is no plan.
#[derive(Debug)]
pub(crate) struct Unplanned {
    /// What the source stands for, where that was found out.
    pub(crate) origin: Option<Origin>,
    /// What the environment lacks on its host.
    pub(crate) missing: Vec<Refusal>,
    /// What else is in the way.
    pub(crate) cause: Option<OperateError>,
}

impl Unplanned {
    /// An error, with what is missing besides, where that says more.
    pub(super) fn because(
        cause: impl Into<OperateError>,
        goal: &Goal,
        origin: Option<Origin>,
        lacking: impl FnOnce() -> Vec<Refusal>,
    ) -> Box<Unplanned> {
        let cause = cause.into();
        let is_alone = matches!(cause, OperateError::Changed(_) | OperateError::Journal(_));
        let missing = if goal.begins() && !is_alone { lacking() } else { Vec::new() };
        Box::new(Unplanned { origin, missing, cause: Some(cause) })
    }

    /// Whether nobody who is at work on the environment can change it: the source cannot be had, or
    /// the host lacks what no deployer brings about. Then there is nothing to wait for, and no lock
    /// is taken.
    pub(super) fn is_final(&self) -> bool {
        let refused = match &self.cause {
            Some(OperateError::Source(_)) => return true,
            Some(OperateError::Refused(refusals)) => &refusals[..],
            _ => &[],
        };
        let mut all = self.missing.iter().chain(refused);
        all.any(|one| OF_THE_HOST.contains(&one.code.as_str()))
    }
}

/// Everything at once; what only follows from something that is missing is not said.
impl From<Box<Unplanned>> for OperateError {
    fn from(unplanned: Box<Unplanned>) -> OperateError {
        let Unplanned { mut missing, cause, .. } = *unplanned;
        let cause = match cause {
            Some(cause) if missing.is_empty() => return cause,
            cause => cause,
        };
        let has = |codes: &[&str]| missing.iter().any(|one| codes.contains(&one.code.as_str()));
        match cause {
            Some(OperateError::Refused(refusals)) => {
                // Of the port, the plan knows which service wants it.
                let planned = refusals.iter().any(|one| one.code == "port-held");
                missing.retain(|one| !planned || one.code != "port-held");
                missing.extend(refusals);
            }
            Some(OperateError::Source(_)) if has(&["missing-program", "lacking-program"]) => {}
            Some(OperateError::Source(error)) => {
                missing.push(Refusal::new("source", chain(&error), MEND_SOURCE));
            }
            Some(OperateError::Host(error)) if !has(&["no-systemd", "no-rights"]) => {
                missing.push(Refusal::new("unreadable", chain(&error), MEND_ACCESS));
            }
            _ => {}
        }
        OperateError::Refused(missing)
    }
}
