//! How a release is made. No I/O.

use std::collections::BTreeSet;

use super::{Case, bring, explain, places, superseded};
use crate::digest::Digest;
use crate::model::Source;
use crate::name::{BuildName, ReleaseId};
use crate::plan::desired::{self, Recipe};
use crate::plan::step::{CurrentStep, Facts, ReleaseStep, Reusable, Sharing, Step};
use crate::plan::{Part, prune};
use crate::release::Origin;

/// Makes a release from a recipe and goes to it.
pub(super) fn build(case: &Case<'_>, recipe: &Recipe, identity: Digest) -> (Part, ReleaseId) {
    let content = recipe.origin.content_id();
    let id = ReleaseId::next(recipe.at, &content, case.found.ids.iter());
    let mut part = Part { reasons: explain::reasons(case, recipe), ..Part::default() };
    part.then(places::create_what_is_missing(case));
    part.then(prune::unfinished(case.found));
    part.then(make(case, recipe, identity, &id));
    let from = case.found.current.release().cloned();
    let switch = CurrentStep::SwitchCurrent { from, to: id.clone() };
    let services = desired::services(case.environment, &id);
    part.then(bring(case, &id, &services, Some(switch.into())));
    if case.is_whole() {
        let (release, previous) = (id.clone(), case.last_good());
        let verified = CurrentStep::MarkVerified { release, identity, previous: previous.clone() };
        part.step(verified);
        part.then(superseded(case, &id, previous.as_ref()));
    }
    (part, id)
}

/// Makes the files of a release.
fn make(case: &Case<'_>, recipe: &Recipe, identity: Digest, id: &ReleaseId) -> Vec<Step> {
    let environment = case.environment;
    let release = id.clone();
    let mut steps = vec![ReleaseStep::BeginRelease { release }];
    steps.extend(fill(case, id, &recipe.origin));
    steps.extend(builds(case, id, recipe));
    let content = desired::configuration(environment, id);
    steps.push(ReleaseStep::WriteConfiguration { release: id.clone(), content });
    let bindings = environment.bindings(&case.layout.release(id));
    let facts = Box::new(Facts {
        identity,
        source: recipe.origin.clone(),
        built_at: recipe.at,
        built_by: recipe.by.clone(),
        services: desired::services(environment, id),
        variables: desired::variables(environment, &bindings),
    });
    steps.push(ReleaseStep::SealRelease { release: id.clone(), facts });
    steps.into_iter().map(Step::Release).collect()
}

fn fill(case: &Case<'_>, id: &ReleaseId, origin: &Origin) -> Vec<ReleaseStep> {
    let release = id.clone();
    match origin.clone() {
        Origin::Path { dir, content } => {
            let exclude = match &case.environment.source {
                Source::Path { exclude, .. } => exclude.clone(),
                Source::Artifact { .. } | Source::Git { .. } => Vec::new(),
            };
            vec![ReleaseStep::CopySource { release, dir, exclude, content }]
        }
        Origin::Artifact { file, content } => {
            vec![ReleaseStep::UnpackArtifact { release, file, content }]
        }
        Origin::Git { url, reference, commit } => {
            let current = case.found.current.release().and_then(|id| case.found.manifest(id));
            let replaces = current.and_then(|manifest| manifest.source.commit().cloned());
            let fetched = commit.clone();
            vec![
                ReleaseStep::FetchCommit { url, reference, commit: fetched, replaces },
                ReleaseStep::ExportCommit { release, commit },
            ]
        }
    }
}

/// A release that was asked for by force takes nothing over.
fn builds(case: &Case<'_>, id: &ReleaseId, recipe: &Recipe) -> Vec<ReleaseStep> {
    let environment = case.environment;
    let bindings = environment.bindings(&case.layout.release(id));
    let last = environment.builds.len().saturating_sub(1);
    let step = |(index, build)| {
        let mut build = desired::build_step(build, &bindings);
        let reuse = match recipe.newer_than {
            Some(_) => Vec::new(),
            None => reusable(case, &build.name),
        };
        // What no step comes after is sealed next.
        if index == last {
            build.adoption.sharing = Sharing::Linked;
        }
        let user = case.rules.user().cloned();
        ReleaseStep::Build { release: id.clone(), build, user, reuse }
    };
    environment.builds.iter().enumerate().map(step).collect()
}

/// Releases whose outputs of a build step can be taken over: complete ones, verified ones first, of
/// these the newest.
fn reusable(case: &Case<'_>, name: &BuildName) -> Vec<Reusable> {
    let complete = case.found.releases.iter().rev().filter(|(_, state)| state.is_complete());
    let mut complete: Vec<_> = complete.collect();
    complete.sort_by_key(|(_, state)| !state.is_verified());
    let records = complete.into_iter().filter_map(|(id, state)| {
        let record = state.manifest.as_ref()?.builds.iter().find(|b| b.name == *name)?;
        Some(Reusable { release: id.clone(), inputs: record.inputs })
    });
    let mut known = BTreeSet::new();
    records.filter(|reusable| known.insert(reusable.inputs)).collect()
}
