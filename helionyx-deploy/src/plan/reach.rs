//! The one place that decides: from what is wanted and what was found to the steps between them.
//! No I/O.

use crate::hint;
use crate::layout::Layout;
use crate::model::Environment;
use crate::name::ReleaseId;
use crate::plan::desired::{Desired, Recipe, Target, Wanted, Way};
use crate::plan::guard::Arming;
use crate::plan::runtime::{Rules, rules};
use crate::plan::step::{CurrentStep, ReleaseStep, Step};
use crate::plan::{Part, Plan, Refusal, Site, desired, prune};
use crate::release::Manifest;
use crate::state::{Current, HostState};

mod build;
mod explain;
mod places;
mod refuse;
mod services;
mod uninstall;

use services::{bring, stop_all};

/// The steps that make a host what it should be; none when it is.
///
/// # Errors
/// What is in the way, all of it at once: states of the host that we may not repair.
pub fn reach(desired: &Desired, found: &HostState) -> Result<Plan, Vec<Refusal>> {
    let case = Case::new(desired, found);
    let (mut part, to) = toward(&case);
    if let Some(guard) = case.rules.guard(found) {
        guard.put_around(&mut part, case.arming());
    }
    if !part.refusals.is_empty() {
        return Err(part.refusals);
    }
    Ok(Plan {
        site: Site::of(&desired.environment),
        from: found.current.release().cloned(),
        to,
        reasons: part.reasons,
        steps: part.steps,
    })
}

/// The steps that remove what an interrupted build left behind; they touch nothing that runs.
#[must_use]
pub fn clean_up(environment: &Environment, found: &HostState) -> Plan {
    let current = found.current.release().cloned();
    Plan {
        site: Site::of(environment),
        from: current.clone(),
        to: current,
        reasons: Vec::new(),
        steps: prune::unfinished(found),
    }
}

/// The same, and the end of what waits for the deployer to die: nothing is under way any more.
#[must_use]
pub fn stand_down(environment: &Environment, found: &HostState) -> Plan {
    let mut plan = clean_up(environment, found);
    let guard = rules(environment).guard(found);
    plan.steps.extend(guard.filter(|guard| guard.found.is_armed()).map(|guard| guard.disarm()));
    plan
}

/// What a plan is made from.
struct Case<'a> {
    desired: &'a Desired,
    environment: &'a Environment,
    layout: &'a Layout,
    found: &'a HostState,
    rules: Box<dyn Rules + 'a>,
}

impl<'a> Case<'a> {
    fn new(desired: &'a Desired, found: &'a HostState) -> Case<'a> {
        let environment = &desired.environment;
        let rules = rules(environment);
        Case { desired, environment, layout: &environment.layout, found, rules }
    }

    fn is_forward(&self) -> bool {
        self.desired.way == Way::Forward
    }

    fn is_stop(&self) -> bool {
        self.desired.run.is_stop()
    }

    /// Whether all services are to run: the proof of a part is no proof of the release.
    fn is_whole(&self) -> bool {
        self.desired.run.services == Wanted::All
    }

    /// A stop that is cut short harms nobody, and must not fail for want of anything else. The way
    /// back is not armed: the operation that it is of was, until that has ended.
    fn arming(&self) -> Arming {
        match self.is_forward() && !self.is_stop() {
            true => Arming::Armed,
            false => Arming::Unarmed,
        }
    }

    fn previous_of(&self, id: &ReleaseId) -> Option<ReleaseId> {
        self.found.verification(id)?.previous.clone()
    }

    /// The release that a rollback from the next one goes to: `current` if it was ever verified,
    /// else the one that was verified last.
    fn last_good(&self) -> Option<ReleaseId> {
        let good = |id: &&ReleaseId| self.found.is_verified(id);
        let current = self.found.current.release().filter(good);
        current.cloned().or_else(|| self.found.last_verified())
    }
}

/// The steps toward a target, and the release that `current` names after them.
fn toward(case: &Case<'_>) -> (Part, Option<ReleaseId>) {
    let mut part = Part::default();
    if case.is_stop() && case.is_forward() {
        part.then(refuse::hidden_processes(case));
    }
    // A service can be stopped whatever lies there.
    if !case.is_stop() || case.desired.target != Target::Keep {
        part.then(refuse::foreign_current(case));
    }
    let is_refused = !part.refusals.is_empty();
    let (toward, to) = match &case.desired.target {
        Target::Keep => keep(case, is_refused),
        Target::Nothing => (nothing(case), None),
        Target::Existing(id) => existing(case, id),
        Target::Built(recipe) => built(case, recipe),
        Target::Prepared => (prepared(case), case.found.current.release().cloned()),
        Target::Uninstalled(leaving) => (uninstall::uninstalled(case, *leaving), None),
    };
    part.then(toward);
    (part, to)
}

/// What a first deploy needs: its user, directories, and a place for the secrets.
fn prepared(case: &Case<'_>) -> Part {
    let mut part = Part::from(refuse_without_recovery(case));
    part.then(case.rules.prepare(case.found));
    part.then(places::create_what_is_missing(case));
    let guard = case.rules.guard(case.found);
    part.then(guard.map(|guard| guard.install()).unwrap_or_default());
    part
}

fn refuse_without_recovery(case: &Case<'_>) -> Option<Refusal> {
    case.rules.guard(case.found)?.refuse_without_program(&case.environment.id())
}

/// Leaves `current` where it is.
fn keep(case: &Case<'_>, is_refused: bool) -> (Part, Option<ReleaseId>) {
    let Some(current) = case.found.current.release().cloned() else {
        let mut part = Part::default();
        if !case.is_stop() && !is_refused {
            let hint = hint::run("deploy", &case.environment.id()).and(" first");
            part.then(Refusal::new("nothing-deployed", "nothing is deployed here", hint));
        }
        part.then(stop_all(case));
        return (part, None);
    };
    let part = match case.found.manifest(&current) {
        _ if case.is_stop() => stop_all(case).into(),
        Some(manifest) => {
            let mut part = bring(case, &current, &manifest.services, None);
            part.then(mark_verified(case, manifest, case.previous_of(&current), &part));
            part
        }
        None => refuse::damaged(case, &current).into(),
    };
    (part, Some(current))
}

/// Takes everything back that a first deploy did, but for what it built.
fn nothing(case: &Case<'_>) -> Part {
    let mut part = Part::from(stop_all(case));
    part.then(unlink_current(case));
    part.then(case.rules.remove(case.found));
    part
}

fn unlink_current(case: &Case<'_>) -> Vec<Step> {
    match &case.found.current {
        Current::Missing => Vec::new(),
        found => {
            let from = found.release().cloned();
            vec![Step::Current(CurrentStep::UnlinkCurrent { from })]
        }
    }
}

/// Goes to a release that is there.
fn existing(case: &Case<'_>, id: &ReleaseId) -> (Part, Option<ReleaseId>) {
    let Some(manifest) = case.found.manifest(id) else {
        return (refuse::damaged(case, id).into(), None);
    };
    let mut part = go_to(case, manifest);
    part.then(mark_verified(case, manifest, case.previous_of(id), &part));
    (part, Some(id.clone()))
}

/// Goes to a release that is made from the recipe, and makes it if there is none.
fn built(case: &Case<'_>, recipe: &Recipe) -> (Part, Option<ReleaseId>) {
    let mut part = Part::default();
    if case.is_forward() {
        part.then(case.rules.refuse_unprepared(case.found));
        part.then(refuse_without_recovery(case));
        part.then(refuse::missing_secrets(case));
    }
    let identity = desired::identity(case.environment, &recipe.origin);
    let is_same = |id: &ReleaseId, manifest: &Manifest| {
        manifest.identity == identity && recipe.newer_than.as_ref().is_none_or(|newest| id > newest)
    };
    let current = case.found.current.release();
    let usable = case.found.releases.iter().filter_map(|(id, state)| {
        let manifest = state.manifest.as_ref().filter(|_| state.is_complete())?;
        let rank = (Some(id) == current, state.is_verified(), id);
        is_same(id, manifest).then_some((rank, manifest))
    });
    let (then, id) = match usable.max_by_key(|(rank, _)| *rank) {
        Some(((is_current, _, id), manifest)) => {
            (reuse_whole(case, manifest, is_current), id.clone())
        }
        None => build::build(case, recipe, identity),
    };
    part.then(then);
    (part, Some(id))
}

/// The very release is there: no need to build it again.
fn reuse_whole(case: &Case<'_>, manifest: &Manifest, is_current: bool) -> Part {
    let id = &manifest.id;
    let replaced = case.last_good().filter(|good| good != id && !is_current);
    let previous = replaced.or_else(|| case.previous_of(id));
    let mut part = places::create_what_is_missing(case);
    if !is_current {
        part.reasons.push(format!("{id} was made from the same before: it is used again"));
    }
    part.then(go_to(case, manifest));
    part.then(mark_verified(case, manifest, previous.clone(), &part));
    if !is_current && case.is_whole() {
        part.then(superseded(case, id, previous.as_ref()));
    }
    // Removes what is half there: no deploy finds nothing to do as long as something is.
    let left = prune::unfinished(case.found);
    if !left.is_empty() {
        part.reasons.push("a build or a removal was not brought to its end".to_owned());
    }
    part.then(left);
    part
}

/// Switches `current`, if need be, and brings the services to it. A release that did not just get
/// sealed is checked first.
fn go_to(case: &Case<'_>, manifest: &Manifest) -> Part {
    let to = &manifest.id;
    let from = case.found.current.release().cloned();
    if from.as_ref() == Some(to) {
        return bring(case, to, &manifest.services, None);
    }
    let mut part = Part::default();
    // What is damaged and yet to be gone to is the state before: it ran so.
    if case.found.is_complete(to) {
        part.step(Step::Release(ReleaseStep::CheckRelease { release: to.clone() }));
    }
    let switch = CurrentStep::SwitchCurrent { from, to: to.clone() };
    part.then(bring(case, to, &manifest.services, Some(switch.into())));
    part
}

/// Records that a release was proven, where the record is not there or is about to be renewed by a
/// proof among the steps `before`.
fn mark_verified(
    case: &Case<'_>,
    manifest: &Manifest,
    previous: Option<ReleaseId>,
    before: &Part,
) -> Vec<Step> {
    let id = &manifest.id;
    let record = case.found.verification(id);
    let is_same = record.is_some_and(|record| record.previous == previous);
    let holds = case.found.is_verified(id) && is_same && !before.proves();
    if !case.is_whole() || !case.found.is_complete(id) || holds {
        return Vec::new();
    }
    let (release, identity) = (id.clone(), manifest.identity);
    vec![Step::Current(CurrentStep::MarkVerified { release, identity, previous })]
}

fn superseded(case: &Case<'_>, target: &ReleaseId, previous: Option<&ReleaseId>) -> Vec<Step> {
    prune::superseded(case.found, target, previous, case.environment.retention.releases)
}
