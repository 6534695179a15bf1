//! What takes back all that setup and deploys made. No I/O.

use camino::Utf8PathBuf;

use super::Planner;
use crate::name::{ReleaseId, UnitKind, UnitName};
use crate::plan::desired::Leaving;
use crate::plan::prune;
use crate::plan::step::Step;
use crate::render::GENERATOR;
use crate::state::{Current, Node, UnitFile, UnitState};

impl Planner<'_> {
    /// First what runs and what a boot would start: until then a failure brings it all back. Then
    /// what lies there, as far as it can be removed: what is left, the next one removes.
    pub(super) fn uninstalled(&mut self, leaving: Leaving) -> Option<ReleaseId> {
        self.stop_all();
        if self.found.current != Current::Missing {
            let from = self.found.current.release().cloned();
            self.steps.push(Step::UnlinkCurrent { from });
        }
        self.remove_units();
        self.remove_recovery();
        self.steps.extend(prune::all(self.found));
        let layout = self.layout;
        let made =
            [layout.verified(), layout.cache(), layout.logs(), layout.mirror(), layout.evidence()];
        made.into_iter().for_each(|path| self.remove_directory(path));
        if let Some(Node::File { .. }) = self.found.nodes.get(&layout.model()) {
            self.steps.push(Step::RemoveFile { path: layout.model() });
        }
        if leaving == Leaving::Nothing {
            let theirs = [layout.data.clone(), self.environment.backups.clone(), layout.shared()];
            theirs.into_iter().for_each(|path| self.remove_directory(path));
            if let (Some(units), Some(_)) = (self.environment.units(), self.found.user) {
                self.steps.push(Step::RemoveUser { user: units.user.clone() });
            }
        }
        None
    }

    fn remove_directory(&mut self, path: Utf8PathBuf) {
        if let Some(Node::Directory { .. }) = self.found.nodes.get(&path) {
            self.steps.push(Step::RemoveDirectory { path });
        }
    }

    /// What recovers it; and the program, when no other environment is recovered with it.
    fn remove_recovery(&mut self) {
        let Some(found) = &self.found.recovery else { return };
        let name = |kind| UnitName::recovery(&self.environment.app, &self.environment.name, kind);
        let (service, timer) = (name(UnitKind::Service), name(UnitKind::Timer));
        let both = [(&service, &found.service), (&timer, &found.timer)];
        let ours: Vec<_> = both.into_iter().filter(|(_, state)| is_ours(state)).collect();
        let is_foreign = |state: &UnitState| state.file != UnitFile::Missing && !is_ours(state);
        if both.into_iter().any(|(_, state)| is_foreign(state)) {
            // What somebody else put there stays.
            let steps = ours.into_iter().map(|(unit, _)| Step::RemoveUnit { unit: unit.clone() });
            let steps: Vec<Step> = steps.collect();
            let reload = (!steps.is_empty()).then_some(Step::ReloadUnits);
            self.steps.extend(steps.into_iter().chain(reload));
        } else if !ours.is_empty() {
            self.steps.push(Step::RemoveRecovery { service, timer });
        }
        if found.has_tool && found.others == 0 {
            self.steps.push(Step::RemoveTool);
        }
    }
}

/// Whether we wrote a unit file; an empty one is what a power cut leaves of one.
fn is_ours(state: &UnitState) -> bool {
    matches!(&state.file, UnitFile::Text(text) if text.is_empty() || text.contains(GENERATOR))
}
