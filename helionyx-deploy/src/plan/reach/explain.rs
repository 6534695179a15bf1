//! Why a new release is built, in words. No I/O.

use std::collections::BTreeSet;

use super::Planner;
use crate::plan::desired::{self, Recipe};
use crate::state::{Condition, Current};

impl Planner<'_> {
    pub(super) fn explain(&mut self, recipe: &Recipe) {
        let Some(current) = self.found.current.release() else {
            self.reasons.push(match &self.found.current {
                Current::Dangling(target) => format!("current points to {target}, which is gone"),
                _ => format!("nothing is deployed yet; first release from {}", recipe.origin),
            });
            return;
        };
        let condition = self.found.releases.get(current).map(|state| &state.condition);
        if let Some(Condition::Damaged(what)) = condition {
            self.reasons.push(format!("the current release is damaged: {what}"));
        }
        let Some(manifest) = self.found.manifest(current).cloned() else {
            self.reasons.push(format!("the current release {current} has no readable manifest"));
            return;
        };
        if manifest.source.content_id() != recipe.origin.content_id() {
            self.reasons.push(recipe.origin.instead_of(&manifest.source));
        }
        let bindings = self.environment.bindings(&self.layout.release(&manifest.id));
        let wanted = desired::variables(self.environment, &bindings);
        let names: BTreeSet<_> = wanted.keys().chain(manifest.variables.keys()).collect();
        let changed =
            names.into_iter().filter(|name| wanted.get(*name) != manifest.variables.get(*name));
        for name in changed.cloned().collect::<Vec<_>>() {
            let show = |value: Option<&String>| value.map_or("unset".into(), |v| format!("{v:?}"));
            let (old, new) = (show(manifest.variables.get(&name)), show(wanted.get(&name)));
            self.reasons.push(format!("{name} changes from {old} to {new}"));
        }
        if self.reasons.is_empty() {
            self.reasons.push(match recipe.newer_than {
                Some(_) => "a new release was asked for with --force".into(),
                None => "build steps, services or paths of the model changed".into(),
            });
        }
    }
}
