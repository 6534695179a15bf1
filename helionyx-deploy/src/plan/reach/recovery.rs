//! What recovers an environment when the deployer dies: installed, armed before the first step that
//! a service could notice, disarmed after the last. No I/O.

use super::Planner;
use crate::layout::UNITS_DIR;
use crate::name::{UnitKind, UnitName};
use crate::plan::desired::{self, Run, Way};
use crate::plan::step::{Recovery, Step};
use crate::release::Unit;
use crate::render::GENERATOR;
use crate::state::{RecoveryState, UnitFile, UnitState};

impl Planner<'_> {
    /// Arms and disarms. The way back is not armed: whoever had begun is, until that has ended.
    pub(super) fn guard(&mut self) {
        let Some(found) = &self.found.recovery else { return };
        let environment = self.environment;
        let timer = UnitName::recovery(&environment.app, &environment.name, UnitKind::Timer);
        let mut is_armed = found.is_armed();
        // A stop that is cut short harms nobody, and must not fail for want of anything else.
        if self.desired.way == Way::Forward
            && self.desired.run != Run::Stopped
            && let Some(first) = self.steps.iter().position(Step::is_past_the_switch)
        {
            let mut arming = self.recovery_steps();
            arming.retain(|step| !self.steps.contains(step));
            arming.push(Step::ArmRecovery { timer: timer.clone() });
            self.steps.splice(first..first, arming);
            is_armed = true;
        }
        self.refuse_foreign_recovery();
        if is_armed {
            let last = self.steps.iter().rposition(Step::is_past_the_switch);
            let behind = last.map_or(self.steps.len(), |last| last + 1);
            self.steps.insert(behind, Step::DisarmRecovery { timer });
        }
    }

    /// Units of these names that somebody else wrote are not ours to change.
    fn refuse_foreign_recovery(&mut self) {
        let installs = |step: &Step| match step {
            Step::InstallRecovery { recovery } => Some(recovery.clone()),
            _ => None,
        };
        let Some(wanted) = self.steps.iter().find_map(installs) else { return };
        let Some(found) = &self.found.recovery else { return };
        for (unit, state) in [(&wanted.service, &found.service), (&wanted.timer, &found.timer)] {
            let path = format!("{UNITS_DIR}/{}", unit.name);
            let what = match &state.file {
                UnitFile::Missing => continue,
                UnitFile::Text(text) if text.is_empty() || text.contains(GENERATOR) => continue,
                UnitFile::Text(_) => "was not made by us".to_owned(),
                UnitFile::Other(what) => format!("is {what}"),
            };
            let hint = format!("look what it is, then `mv {path} {path}.aside`");
            self.refuse("foreign-unit", format!("{path} {what}"), hint);
        }
    }

    /// What is to be done so that systemd could recover.
    pub(super) fn recovery_steps(&self) -> Vec<Step> {
        let wanted = desired::recovery(self.environment);
        let (Some(found), Some(wanted)) = (&self.found.recovery, wanted) else { return Vec::new() };
        let mut steps = Vec::new();
        if let Some(program) = found.other_tool.clone() {
            steps.push(Step::InstallTool { program });
        }
        if !is_ready(found, &wanted) {
            steps.push(Step::InstallRecovery { recovery: Box::new(wanted) });
        }
        steps
    }
}

fn is_ready(found: &RecoveryState, wanted: &Recovery) -> bool {
    let is_installed = |state: &UnitState, unit: &Unit| {
        state.file == UnitFile::Text(unit.text.clone())
            && state.shown.load == "loaded"
            && !state.shown.needs_reload
    };
    found.model.as_ref() == Some(&wanted.model)
        && is_installed(&found.service, &wanted.service)
        && is_installed(&found.timer, &wanted.timer)
        && found.is_ready()
}
