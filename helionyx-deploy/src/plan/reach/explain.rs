//! Why a new release is built, in words. No I/O.

use std::collections::BTreeSet;

use super::Case;
use crate::plan::desired::{self, Recipe};
use crate::release::Manifest;
use crate::state::{Condition, Current};

/// Why a release is made from a recipe although another one is in use.
pub(super) fn reasons(case: &Case<'_>, recipe: &Recipe) -> Vec<String> {
    let Some(current) = case.found.current.release() else {
        return vec![match &case.found.current {
            Current::Dangling(target) => format!("current points to {target}, which is gone"),
            _ => format!("nothing is deployed yet; first release from {}", recipe.origin),
        }];
    };
    let mut reasons = Vec::new();
    let condition = case.found.releases.get(current).map(|state| &state.condition);
    if let Some(Condition::Damaged(what)) = condition {
        reasons.push(format!("the current release is damaged: {what}"));
    }
    let Some(manifest) = case.found.manifest(current) else {
        reasons.push(format!("the current release {current} has no readable manifest"));
        return reasons;
    };
    if manifest.source.content_id() != recipe.origin.content_id() {
        reasons.push(recipe.origin.instead_of(&manifest.source));
    }
    reasons.extend(changed_variables(case, manifest));
    if reasons.is_empty() {
        reasons.push(match recipe.newer_than {
            Some(_) => "a new release was asked for with --force".to_owned(),
            None => "build steps, services or paths of the model changed".to_owned(),
        });
    }
    reasons
}

fn changed_variables(case: &Case<'_>, manifest: &Manifest) -> Vec<String> {
    let bindings = case.environment.bindings(&case.layout.release(&manifest.id));
    let wanted = desired::variables(case.environment, &bindings);
    let names: BTreeSet<_> = wanted.keys().chain(manifest.variables.keys()).collect();
    let changed = |name: &&_| wanted.get(*name) != manifest.variables.get(*name);
    let show = |value: Option<&String>| value.map_or("unset".into(), |v| format!("{v:?}"));
    let told = names.into_iter().filter(changed).map(|name| {
        let (old, new) = (show(manifest.variables.get(name)), show(wanted.get(name)));
        format!("{name} changes from {old} to {new}")
    });
    told.collect()
}
