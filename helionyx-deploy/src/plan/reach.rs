//! The one place that decides: from what is wanted and what was found to the steps between them.
//! No I/O.

use std::collections::BTreeSet;

use crate::layout::Layout;
use crate::model::Environment;
use crate::name::{ReleaseId, UnitKind, UnitName};
use crate::plan::desired::{self, Desired, Directory, Recipe, Run, Target, Way};
use crate::plan::step::{Facts, Reusable, Sharing, Step};
use crate::plan::{Plan, Refusal, Site, prune};
use crate::release::{Manifest, Origin};
use crate::render::env_file;
use crate::state::{Current, HostState, Node, RecoveryState};

mod explain;
mod recovery;
mod refuse;
mod services;
mod uninstall;
mod units;

/// The steps that make a host what it should be; none when it is.
///
/// # Errors
/// What is in the way, all of it at once: states of the host that we may not repair.
pub fn reach(desired: &Desired, found: &HostState) -> Result<Plan, Vec<Refusal>> {
    let mut planner = Planner {
        desired,
        environment: &desired.environment,
        layout: &desired.environment.layout,
        found,
        steps: Vec::new(),
        switch: None,
        reasons: Vec::new(),
        refusals: Vec::new(),
    };
    let to = planner.plan();
    planner.release_switch();
    planner.guard();
    if !planner.refusals.is_empty() {
        return Err(planner.refusals);
    }
    Ok(Plan {
        site: Site::of(&desired.environment),
        from: found.current.release().cloned(),
        to,
        reasons: planner.reasons,
        steps: planner.steps,
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
    if found.recovery.as_ref().is_some_and(RecoveryState::is_armed) {
        let timer = UnitName::recovery(&environment.app, &environment.name, UnitKind::Timer);
        plan.steps.push(Step::DisarmRecovery { timer });
    }
    plan
}

struct Planner<'a> {
    desired: &'a Desired,
    environment: &'a Environment,
    layout: &'a Layout,
    found: &'a HostState,
    steps: Vec<Step>,
    /// The switch, until what must be stopped before it is.
    switch: Option<Step>,
    reasons: Vec<String>,
    refusals: Vec<Refusal>,
}

impl Planner<'_> {
    fn plan(&mut self) -> Option<ReleaseId> {
        if self.desired.run == Run::Stopped && self.desired.way == Way::Forward {
            self.refuse_what_is_hidden();
        }
        // A service can be stopped whatever lies there.
        if self.desired.run != Run::Stopped || self.desired.target != Target::Keep {
            self.refuse_a_foreign_current();
        }
        match &self.desired.target {
            Target::Keep => self.keep(),
            Target::Nothing => self.nothing(),
            Target::Existing(id) => self.existing(&id.clone()),
            Target::Built(recipe) => self.built(&recipe.clone()),
            Target::Prepared => self.prepared(),
            Target::Uninstalled(leaving) => self.uninstalled(*leaving),
        }
    }

    /// What a first deploy needs: its user, directories, and a place for the secrets.
    fn prepared(&mut self) -> Option<ReleaseId> {
        self.create_the_user();
        self.create_what_is_missing();
        self.steps.extend(self.recovery_steps());
        self.found.current.release().cloned()
    }

    /// Leaves `current` where it is.
    fn keep(&mut self) -> Option<ReleaseId> {
        let Some(current) = self.found.current.release().cloned() else {
            if self.desired.run != Run::Stopped && self.refusals.is_empty() {
                let hint = format!("run `deploy --env {}` first", self.environment.id());
                self.refuse("nothing-deployed", "nothing is deployed here".into(), hint);
            }
            self.stop_all();
            return None;
        };
        if self.desired.run == Run::Stopped {
            self.stop_all();
            return Some(current);
        }
        match self.found.manifest(&current).cloned() {
            Some(manifest) => {
                self.run(&current, &manifest.services);
                self.mark_verified(&current, &manifest, self.verification_previous(&current));
            }
            None => self.refuse_damaged(&current),
        }
        Some(current)
    }

    /// Takes everything back that a first deploy did, but for what it built.
    fn nothing(&mut self) -> Option<ReleaseId> {
        self.stop_all();
        if self.found.current != Current::Missing {
            let from = self.found.current.release().cloned();
            self.steps.push(Step::UnlinkCurrent { from });
        }
        self.remove_units();
        None
    }

    /// Goes to a release that is there.
    fn existing(&mut self, id: &ReleaseId) -> Option<ReleaseId> {
        let Some(manifest) = self.found.manifest(id).cloned() else {
            self.refuse_damaged(id);
            return None;
        };
        self.switch(id);
        self.run_or_stop(id, &manifest.services);
        let previous = self.verification_previous(id);
        self.mark_verified(id, &manifest, previous);
        Some(id.clone())
    }

    /// Goes to a release that is made from the recipe, and makes it if there is none.
    fn built(&mut self, recipe: &Recipe) -> Option<ReleaseId> {
        self.refuse_without_user();
        self.refuse_missing_secrets();
        let identity = desired::identity(self.environment, &recipe.origin);
        let same = |id: &ReleaseId, manifest: &Manifest| {
            manifest.identity == identity
                && recipe.newer_than.as_ref().is_none_or(|newest| id > newest)
        };
        let candidates = self.found.releases.iter().filter(|(id, state)| {
            state.is_complete() && state.manifest.as_ref().is_some_and(|m| same(id, m))
        });
        let current = self.found.current.release();
        let best = candidates
            .map(|(id, state)| (Some(id) == current, state.is_verified(), id.clone()))
            .max();
        match best {
            Some((is_current, _, id)) => self.reuse_whole(&id, is_current),
            None => self.build(recipe, identity),
        }
    }

    /// The very release is there: no need to build it again.
    fn reuse_whole(&mut self, id: &ReleaseId, is_current: bool) -> Option<ReleaseId> {
        let manifest = self.found.manifest(id)?.clone();
        let replaced = self.last_good().filter(|good| good != id && !is_current);
        let previous = replaced.or_else(|| self.verification_previous(id));
        self.create_what_is_missing();
        if !is_current {
            self.reasons.push(format!("{id} was made from the same before: it is used again"));
        }
        self.switch(id);
        self.run_or_stop(id, &manifest.services);
        self.mark_verified(id, &manifest, previous.clone());
        if !is_current && self.desired.run != Run::Stopped {
            self.prune(id, previous.as_ref());
        }
        self.clean_up();
        Some(id.clone())
    }

    /// Removes what is half there: no deploy finds nothing to do as long as something is.
    fn clean_up(&mut self) {
        let left = prune::unfinished(self.found);
        if !left.is_empty() {
            self.reasons.push("a build or a removal was not brought to its end".to_owned());
        }
        self.steps.extend(left);
    }

    fn build(&mut self, recipe: &Recipe, identity: crate::digest::Digest) -> Option<ReleaseId> {
        self.explain(recipe);
        let content = recipe.origin.content_id();
        let id = ReleaseId::next(recipe.at, &content, self.found.ids.iter());
        self.create_what_is_missing();
        self.steps.extend(prune::unfinished(self.found));
        self.steps.push(Step::BeginRelease { release: id.clone() });
        self.fill(&id, &recipe.origin);
        self.run_builds(&id, recipe);
        let content = desired::configuration(self.environment, &id);
        self.steps.push(Step::WriteConfiguration { release: id.clone(), content });
        let services = desired::services(self.environment, &id);
        let bindings = self.environment.bindings(&self.layout.release(&id));
        let facts = Box::new(Facts {
            identity,
            source: recipe.origin.clone(),
            built_at: recipe.at,
            built_by: recipe.by.clone(),
            services: services.clone(),
            variables: desired::variables(self.environment, &bindings),
        });
        self.steps.push(Step::SealRelease { release: id.clone(), facts });
        let from = self.found.current.release().cloned();
        self.hold_switch(Step::SwitchCurrent { from, to: id.clone() });
        self.run_or_stop(&id, &services);
        let previous = self.last_good();
        if self.desired.run != Run::Stopped {
            let release = id.clone();
            self.steps.push(Step::MarkVerified { release, identity, previous: previous.clone() });
            self.prune(&id, previous.as_ref());
        }
        Some(id)
    }

    fn fill(&mut self, id: &ReleaseId, origin: &Origin) {
        let release = id.clone();
        match origin.clone() {
            Origin::Path { dir, content } => {
                let exclude = match &self.environment.source {
                    crate::model::Source::Path { exclude, .. } => exclude.clone(),
                    _ => Vec::new(),
                };
                self.steps.push(Step::CopySource { release, dir, exclude, content });
            }
            Origin::Artifact { file, content } => {
                self.steps.push(Step::UnpackArtifact { release, file, content });
            }
            Origin::Git { url, reference, commit } => {
                let current = self.found.current.release().and_then(|id| self.found.manifest(id));
                let replaces = current.and_then(|manifest| manifest.source.commit().cloned());
                let fetched = commit.clone();
                self.steps.push(Step::FetchCommit { url, reference, commit: fetched, replaces });
                self.steps.push(Step::ExportCommit { release, commit });
            }
        }
    }

    /// A release that was asked for by force takes nothing over.
    fn run_builds(&mut self, id: &ReleaseId, recipe: &Recipe) {
        let bindings = self.environment.bindings(&self.layout.release(id));
        let last = self.environment.builds.len().saturating_sub(1);
        for (index, build) in self.environment.builds.iter().enumerate() {
            let reuse = match recipe.newer_than {
                Some(_) => Vec::new(),
                None => self.reusable(&build.name),
            };
            let mut build = desired::build_step(build, &bindings);
            // What no step comes after is sealed next.
            if index == last {
                build.adoption.sharing = Sharing::Linked;
            }
            let user = self.environment.units().map(|units| units.user.clone());
            self.steps.push(Step::Build { release: id.clone(), build, user, reuse });
        }
    }

    /// Releases whose outputs of a build step can be taken over: complete ones, verified ones
    /// first, of these the newest.
    fn reusable(&self, name: &crate::name::BuildName) -> Vec<Reusable> {
        let complete = self.found.releases.iter().rev().filter(|(_, state)| state.is_complete());
        let mut complete: Vec<_> = complete.collect();
        complete.sort_by_key(|(_, state)| !state.is_verified());
        let records = complete.into_iter().filter_map(|(id, state)| {
            let record = state.manifest.as_ref()?.builds.iter().find(|b| b.name == *name)?;
            Some(Reusable { release: id.clone(), inputs: record.inputs })
        });
        let mut seen = BTreeSet::new();
        records.filter(|reusable| seen.insert(reusable.inputs)).collect()
    }

    /// Switches `current`, if need be. A release that did not just get sealed is checked first.
    fn switch(&mut self, to: &ReleaseId) {
        let from = self.found.current.release().cloned();
        if from.as_ref() == Some(to) {
            return;
        }
        // What is damaged and yet to be gone to is the state before: it ran so.
        if self.found.is_complete(to) {
            self.steps.push(Step::CheckRelease { release: to.clone() });
        }
        self.hold_switch(Step::SwitchCurrent { from, to: to.clone() });
    }

    /// What systemd runs looks its files up below `current`: it is stopped before the switch, so
    /// that no process ever sees two releases.
    fn hold_switch(&mut self, switch: Step) {
        match self.environment.units() {
            Some(_) => self.switch = Some(switch),
            None => self.steps.push(switch),
        }
    }

    /// Switches now, if that was held back.
    fn release_switch(&mut self) {
        self.steps.extend(self.switch.take());
    }

    fn mark_verified(&mut self, id: &ReleaseId, manifest: &Manifest, previous: Option<ReleaseId>) {
        let record = self.found.verification(id);
        let same = record.is_some_and(|record| record.previous == previous);
        let proves = self.steps.iter().any(|step| matches!(step, Step::ProveService { .. }));
        let holds = self.found.is_verified(id) && same && !proves;
        if self.desired.run == Run::Stopped || !self.found.is_complete(id) || holds {
            return;
        }
        let identity = manifest.identity;
        self.steps.push(Step::MarkVerified { release: id.clone(), identity, previous });
    }

    fn prune(&mut self, target: &ReleaseId, previous: Option<&ReleaseId>) {
        let keep = self.environment.retention.releases;
        self.steps.extend(prune::superseded(self.found, target, previous, keep));
    }

    fn create_what_is_missing(&mut self) {
        self.refuse_what_others_may_replace();
        for Directory { path, mode, owner } in desired::directories(self.environment) {
            match self.found.nodes.get(&path) {
                None | Some(Node::Missing) => {
                    self.steps.push(Step::CreateDirectory { path, mode, owner });
                }
                Some(Node::Directory { mode, uid }) => {
                    self.refuse_a_wrong_owner(&path, *mode, *uid, owner.as_ref());
                }
                Some(other) => {
                    let hint = format!("move {path} aside, or choose another root or data");
                    let message = format!("{path} should be a directory but is {other}");
                    self.refuse("not-a-directory", message, hint);
                }
            }
        }
        let path = self.layout.secrets();
        let missing = matches!(self.found.nodes.get(&path), None | Some(Node::Missing));
        if self.environment.has_secrets() && missing {
            let content = env_file::secrets(self.environment);
            self.steps.push(Step::CreateFile { path, mode: 0o600, content });
        }
    }

    fn verification_previous(&self, id: &ReleaseId) -> Option<ReleaseId> {
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
