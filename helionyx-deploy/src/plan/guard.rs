//! What recovers an environment when the deployer dies: installed, armed before the first step that
//! a service could notice, disarmed after the last. No I/O.

use super::{Part, Refusal};
use crate::hint;
use crate::layout::UNITS_DIR;
use crate::name::UnitName;
use crate::plan::step::{GuardStep, HostStep, Recovery, Step};
use crate::release::Unit;
use crate::render::GENERATOR;
use crate::state::{RecoveryState, UnitFile, UnitState};

/// What recovers an environment: as it was found, and as it should be.
pub struct Guard<'f> {
    /// What was found of it.
    pub found: &'f RecoveryState,
    /// What should be installed; none where the model cannot be rendered.
    pub wanted: Option<Recovery>,
    /// The service that recovers.
    pub service: UnitName,
    /// The timer that starts that service.
    pub timer: UnitName,
}

/// Whether an operation is guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arming {
    /// It is, from the first step on that a service could notice.
    Armed,
    /// It is not: it is the way back of one that is, or its end harms nobody.
    Unarmed,
}

impl Guard<'_> {
    /// Steps after which systemd can recover the environment.
    #[must_use]
    pub fn install(&self) -> Vec<Step> {
        let Some(wanted) = &self.wanted else { return Vec::new() };
        let program = self.found.other_tool.clone();
        let mut steps: Vec<Step> = program
            .map(|program| Step::Host(HostStep::InstallTool { program }))
            .into_iter()
            .collect();
        if !is_ready(self.found, wanted) {
            let recovery = Box::new(wanted.clone());
            steps.push(Step::Host(HostStep::InstallRecovery { recovery }));
        }
        steps
    }

    /// Puts the steps of the guard around those of a part.
    pub(super) fn put_around(&self, part: &mut Part, arming: Arming) {
        let steps = &mut part.steps;
        let first = steps.iter().position(Step::is_noticeable);
        let mut is_armed = self.found.is_armed();
        if let (Arming::Armed, Some(first), true) = (arming, first, self.found.has_program()) {
            let mut arm = self.install();
            arm.retain(|step| !steps.contains(step));
            arm.push(Step::Guard(GuardStep::Arm { timer: self.timer.clone() }));
            steps.splice(first..first, arm);
            is_armed = true;
        }
        if is_armed {
            let last = steps.iter().rposition(Step::is_noticeable);
            let behind = last.map_or(steps.len(), |last| last + 1);
            steps.insert(behind, self.disarm());
        }
        let refusals = self.refuse_foreign(&part.steps);
        part.refusals.extend(refusals);
    }

    /// The step after which nothing waits for the deployer to die any more.
    #[must_use]
    pub fn disarm(&self) -> Step {
        Step::Guard(GuardStep::Disarm { timer: self.timer.clone() })
    }

    /// Nothing new is begun where nothing would end it if the deployer died. Who goes back, starts or
    /// restarts is not kept from it.
    #[must_use]
    pub(super) fn refuse_without_program(&self, environment: &str) -> Option<Refusal> {
        let message = "no recovery program is installed, and this deployer brings none: nothing would \
                       end an operation that is cut short";
        let setup = hint::shell(["helionyx-deploy", "setup", "--env", environment]);
        let hint = hint!("run ", setup);
        let refusal = Refusal::new("no-recovery-program", message, hint);
        (!self.found.has_program()).then_some(refusal)
    }

    /// Units of these names that somebody else wrote are not ours to change.
    fn refuse_foreign(&self, steps: &[Step]) -> Vec<Refusal> {
        let installs = |step: &Step| matches!(step, Step::Host(HostStep::InstallRecovery { .. }));
        if !steps.iter().any(installs) {
            return Vec::new();
        }
        let units = [(&self.service, &self.found.service), (&self.timer, &self.found.timer)];
        let foreign = units.into_iter().filter_map(|(unit, state)| {
            let path = format!("{UNITS_DIR}/{unit}");
            let what = match &state.file {
                UnitFile::Missing => return None,
                UnitFile::Text(_) if is_ours(state) => return None,
                UnitFile::Text(_) => "was not made by us".to_owned(),
                UnitFile::Other(what) => format!("is {what}"),
            };
            let hint = hint!("look at it, then ", hint::aside(&path));
            Some(Refusal::new("foreign-unit", format!("{path} {what}"), hint))
        });
        foreign.collect()
    }

    /// Steps that remove what recovers the environment; and the program, when no other environment
    /// of the host is recovered with it.
    pub(super) fn remove(&self) -> Vec<Step> {
        let both = [(&self.service, &self.found.service), (&self.timer, &self.found.timer)];
        let ours: Vec<_> = both.into_iter().filter(|(_, state)| is_ours(state)).collect();
        let is_foreign = |state: &UnitState| state.file != UnitFile::Missing && !is_ours(state);
        let mut steps = Vec::new();
        if both.into_iter().any(|(_, state)| is_foreign(state)) {
            // What somebody else put there stays.
            let remove =
                |(unit, _): &(&UnitName, _)| HostStep::RemoveUnit { unit: (*unit).clone() };
            steps.extend(ours.iter().map(|one| Step::Host(remove(one))));
            if !steps.is_empty() {
                steps.push(Step::Host(HostStep::ReloadUnits));
            }
        } else if !ours.is_empty() {
            let (service, timer) = (self.service.clone(), self.timer.clone());
            steps.push(Step::Host(HostStep::RemoveRecovery { service, timer }));
        }
        if self.found.has_tool && self.found.others == 0 {
            steps.push(Step::Host(HostStep::RemoveTool));
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
        && found.service.shown.file_state == "enabled"
}

/// Whether we wrote a unit file; an empty one is what a power cut leaves of one.
pub(super) fn is_ours(state: &UnitState) -> bool {
    matches!(&state.file, UnitFile::Text(text) if text.is_empty() || text.contains(GENERATOR))
}
