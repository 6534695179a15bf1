//! The way back to a state: observed and reached again, and tried once more when the machine, and not
//! the service, was what failed.

use super::Session;
use super::ending::Ending;
use crate::apply::{Heed, StepError};
use crate::event::chain;
use crate::host::HostError;
use crate::journal::Before;
use crate::observe::observe;
use crate::plan::step::{CurrentStep, ServiceStep};
use crate::plan::{Desired, Plan, Refusal, Step, Target, Way, clean_up, reach};
use crate::state::HostState;

/// How the state before came to be again.
pub(super) enum Restored {
    /// It was never left.
    NeverLeft,
    /// By steps that were done, and proven.
    Anew,
}

/// Why a way back did not lead there.
enum Astray {
    /// The machine failed: the next attempt may succeed.
    Machine(String),
    /// All was done, and the last look found something missing: a probe may have failed once.
    LastLook(String),
    /// The service or somebody else is at fault, or we refused: another attempt would change nothing.
    Broken(String),
}

impl Session<'_, '_> {
    /// Reaches the state before, with one more try where the first one failed for a reason that may
    /// have passed; the error in words.
    pub(super) fn restore(
        &mut self,
        before: &Before,
        ending: &mut Ending,
    ) -> Result<Restored, String> {
        let desired = Desired {
            environment: self.environment.clone(),
            target: before.release.clone().map_or(Target::Nothing, Target::Existing),
            run: before.run(),
            way: Way::Back,
        };
        let astray = match self.go(&desired, ending) {
            Err(astray) if self.journal.still_ours().is_ok() => astray,
            Err(astray) => return Err(astray.into()),
            Ok(restored) => return Ok(restored),
        };
        let again = match &astray {
            Astray::Broken(_) => return Err(astray.into()),
            Astray::Machine(error) | Astray::LastLook(error) => {
                self.warn(format!("the way back is tried once more: {error}"));
                self.go_again(&desired, &astray, ending)
            }
        };
        again.map(|()| Restored::Anew).map_err(String::from)
    }

    fn go(&mut self, desired: &Desired, ending: &mut Ending) -> Result<Restored, Astray> {
        let found = observe(self.host, self.environment)?;
        let plan = reach(desired, &found)?;
        if plan.steps.iter().all(Step::is_housekeeping) {
            self.apply(&plan, Heed::Nothing, None);
            return Ok(Restored::NeverLeft);
        }
        match self.apply_back(&plan, ending) {
            Some((_, error)) => Err(error.into()),
            None => self.is_reached(desired).map(|()| Restored::Anew).map_err(Astray::LastLook),
        }
    }

    /// The second try. What runs is proven in any case: that it looks well was believed once already.
    fn go_again(
        &mut self,
        desired: &Desired,
        first: &Astray,
        ending: &mut Ending,
    ) -> Result<(), Astray> {
        let found = observe(self.host, self.environment)?;
        let mut plan = match first {
            // All was done: only the proof is taken again, nothing is started anew.
            Astray::LastLook(_) => clean_up(self.environment, &HostState::default()),
            Astray::Machine(_) | Astray::Broken(_) => reach(desired, &found)?,
        };
        if !plan.steps.iter().any(Step::is_proof) {
            plan.steps.extend(proofs(desired, &found));
        }
        match self.apply_back(&plan, ending) {
            // Proven is proven, also where it cannot be written down.
            Some((step, StepError::Host(error)))
                if matches!(*step, Step::Current(CurrentStep::MarkVerified { .. })) =>
            {
                self.warn(format!("the proof is not recorded: {}", chain(&error)));
                self.needs_only_a_record(desired)
            }
            Some((_, error)) => Err(error.into()),
            None => self.is_reached(desired).map_err(Astray::Broken),
        }
    }

    fn apply_back(&mut self, plan: &Plan, ending: &mut Ending) -> Option<(Box<Step>, StepError)> {
        let applied = self.apply(plan, Heed::Nothing, ending.down_since);
        ending.steps += applied.done;
        ending.downtime = ending.downtime.max(applied.downtime);
        ending.down_since = applied.down_since;
        applied.failure
    }

    /// Whether nothing is left to do but to write down what was proven.
    fn needs_only_a_record(&self, desired: &Desired) -> Result<(), Astray> {
        let plan = reach(desired, &observe(self.host, self.environment)?)?;
        let records = |step: &&Step| {
            matches!(
                step,
                Step::Service(ServiceStep::Prove { .. })
                    | Step::Current(CurrentStep::MarkVerified { .. })
            ) || step.is_housekeeping()
        };
        match plan.steps.iter().find(|step| !records(step)) {
            None => Ok(()),
            Some(step) => Err(Astray::Broken(format!("one step is still needed: {step}"))),
        }
    }
}

/// The proofs of all services that are to run.
fn proofs(desired: &Desired, found: &HostState) -> Vec<Step> {
    let Target::Existing(release) = &desired.target else { return Vec::new() };
    let services = found.manifest(release).into_iter().flat_map(|manifest| &manifest.services);
    let services = services.filter(|service| desired.run.wants(&service.name));
    let prove = |service| Step::Service(ServiceStep::Prove { service, release: release.clone() });
    services.map(|service| prove(Box::new(service.clone()))).collect()
}

impl From<HostError> for Astray {
    fn from(error: HostError) -> Astray {
        match error.is_refusal() {
            true => Astray::Broken(chain(&error)),
            false => Astray::Machine(chain(&error)),
        }
    }
}

impl From<StepError> for Astray {
    fn from(error: StepError) -> Astray {
        match error.is_of_the_machine() {
            true => Astray::Machine(chain(&error)),
            false => Astray::Broken(chain(&error)),
        }
    }
}

impl From<Vec<Refusal>> for Astray {
    fn from(refusals: Vec<Refusal>) -> Astray {
        let first = refusals.first().map(ToString::to_string);
        Astray::Broken(first.unwrap_or_default())
    }
}

impl From<Astray> for String {
    fn from(astray: Astray) -> String {
        match astray {
            Astray::Machine(error) | Astray::LastLook(error) | Astray::Broken(error) => error,
        }
    }
}
