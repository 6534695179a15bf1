//! The one way to a plan, for every command: what is looked at, in which order, and what is told when
//! there is no plan. Looks through `host`, changes nothing.
//!
//! 1. The source and the host are looked at together: neither needs the other.
//! 2. The plan is decided from both ([`reach`]).
//! 3. Where there is something to do, the other environments of the host are looked at, while it is
//!    looked for what the environment lacks on the host.
//! 4. Where there is no plan, the refusals are told together with everything that is missing.

use std::collections::BTreeSet;

use super::missing::{self, Unplanned};
use super::{Force, Goal, OperateError};
use crate::host::{Host, HostError, both};
use crate::isolation::neighbours::Fingerprints;
use crate::journal;
use crate::model::Environment;
use crate::name::ServiceName;
use crate::observe::{observe, observe_whole};
use crate::plan::desired::rollback_target;
use crate::plan::runtime::rules;
use crate::plan::select::{self, main_processes};
use crate::plan::{Desired, Plan, Recipe, Refusal, Run, Target, Way, reach};
use crate::release::Origin;
use crate::source::{SourceError, resolve};
use crate::state::HostState;

/// What is asked for, of which environment.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) environment: &'a Environment,
    /// The other environments of the host.
    pub(crate) others: &'a [&'a Environment],
    pub(crate) goal: &'a Goal,
}

/// What was looked at before and is not looked at again.
#[derive(Default)]
pub(crate) struct Known {
    /// What the source stands for.
    pub(crate) origin: Option<Origin>,
    /// What is on the host.
    pub(crate) found: Option<HostState>,
    /// What the environment lacks on the host.
    pub(crate) missing: Option<Vec<Refusal>>,
}

/// A plan, and everything that it was decided from.
pub(crate) struct Planned {
    pub(crate) origin: Option<Origin>,
    pub(crate) found: HostState,
    pub(crate) desired: Desired,
    /// The services that were named; none where it is for all.
    pub(crate) named: BTreeSet<ServiceName>,
    pub(crate) plan: Plan,
    /// The other environments of the host, where the plan is not empty.
    pub(crate) neighbours: Fingerprints,
}

/// Plans what is asked for.
///
/// # Errors
/// Why there is no plan: everything that is in the way and everything that is missing, at once.
pub(crate) fn plan(
    host: &dyn Host,
    request: Request<'_>,
    known: Known,
) -> Result<Planned, Box<Unplanned>> {
    let lacking = |found: Option<&HostState>| match &known.missing {
        Some(missing) => missing.clone(),
        None => missing::lacking(host, request.environment, found),
    };
    let (origin, found) = look(host, request, known.origin, known.found);
    let origin = origin.map_err(|error| {
        Unplanned::because(error, request.goal, None, || lacking(found.as_ref().ok()))
    })?;
    let because = |error: OperateError, found: Option<&HostState>| {
        Unplanned::because(error, request.goal, origin.clone(), || lacking(found))
    };
    let found = found.map_err(|error| because(error.into(), None))?;
    let decided = decide(host, request, origin.as_ref(), &found);
    let (desired, plan) = decided.map_err(|error| because(error, Some(&found)))?;
    let missing_for_plan = || match missing::matters(request.goal, &plan) {
        true => lacking(Some(&found)),
        false => Vec::new(),
    };
    let (missing, neighbours) = match plan.is_empty() {
        true => (Vec::new(), Fingerprints::default()),
        false => both(host, missing_for_plan, || Fingerprints::of(host, request.others)),
    };
    if !missing.is_empty() {
        return Err(Box::new(Unplanned { origin, missing, cause: None }));
    }
    if let Goal::Apply(saved) = request.goal {
        saved.check_plan(&plan).map_err(|error| because(error, Some(&found)))?;
    }
    let named = request.goal.named();
    Ok(Planned { origin, found, desired, named, plan, neighbours })
}

/// What the source stands for; nothing where the goal needs no source.
///
/// # Errors
/// As [`plan`].
pub(crate) fn source(
    host: &dyn Host,
    request: Request<'_>,
) -> Result<Option<Origin>, OperateError> {
    let Request { environment, goal, .. } = request;
    resolved(host, request).map_err(|error| {
        let lacking = || missing::lacking(host, environment, None);
        Unplanned::because(error, goal, None, lacking).into()
    })
}

/// Looks at what is not known yet of the source and the host: together, since a remote and the host
/// have nothing to do with each other.
fn look(
    host: &dyn Host,
    request: Request<'_>,
    origin: Option<Origin>,
    found: Option<HostState>,
) -> (Result<Option<Origin>, SourceError>, Result<HostState, HostError>) {
    let (source, state) = (|| resolved(host, request), || observed(host, request));
    match (origin, found) {
        (None, None) if request.goal.wish().is_some() => both(host, source, state),
        (origin, found) => {
            let origin = origin.map_or_else(source, |origin| Ok(Some(origin)));
            (origin, found.map_or_else(state, Ok))
        }
    }
}

fn resolved(host: &dyn Host, request: Request<'_>) -> Result<Option<Origin>, SourceError> {
    let wish = request.goal.wish();
    wish.map(|wish| resolve(host, request.environment, &wish)).transpose()
}

/// What is on the host. Who goes back is told of damage wherever it is.
fn observed(host: &dyn Host, request: Request<'_>) -> Result<HostState, HostError> {
    match request.goal {
        Goal::Rollback(_) => observe_whole(host, request.environment),
        _ => observe(host, request.environment),
    }
}

fn decide(
    host: &dyn Host,
    request: Request<'_>,
    origin: Option<&Origin>,
    found: &HostState,
) -> Result<(Desired, Plan), OperateError> {
    let Request { environment, goal, .. } = request;
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
        (
            Goal::Deploy { .. } | Goal::Start | Goal::Stop | Goal::Restart | Goal::Services(..),
            _,
        ) => Target::Keep,
    };
    let run = run(host, request, found)?;
    let environment = environment.clone();
    let desired = Desired { environment, target, run, way: Way::Forward };
    let plan = reach(&desired, found).map_err(OperateError::Refused)?;
    Ok((desired, plan))
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

fn run(
    host: &dyn Host,
    Request { environment, goal, .. }: Request<'_>,
    found: &HostState,
) -> Result<Run, OperateError> {
    Ok(match goal {
        Goal::Stop | Goal::Uninstall(_) => Run::stopped(),
        Goal::Restart => Run { anew: main_processes(found, |_| true), ..Run::all() },
        Goal::Deploy { .. } | Goal::Apply(_) | Goal::Rollback(_) | Goal::Start | Goal::Setup => {
            Run::all()
        }
        Goal::Services(act, names) => {
            let current = found.current.release().and_then(|id| found.manifest(id));
            // Without a release there is nothing to name: the plan says so.
            let Some(manifest) = current else { return Ok(Run::all()) };
            let went_down = journal::went_down_with(host, &environment.layout, names)?;
            let services = (manifest.services.as_slice(), found);
            select::run(*act, names, &|name| went_down.has(name), services, &*rules(environment))
                .map_err(OperateError::Refused)?
        }
    })
}
