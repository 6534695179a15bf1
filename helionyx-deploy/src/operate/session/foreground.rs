//! Services in the foreground, under the lock.

use std::time::Duration;

use super::Session;
use super::ending::Ending;
use crate::event::{Operation, Outcome, Report, chain};
use crate::journal::{Before, JournalError};
use crate::operate::foreground::Watch;
use crate::operate::planning::Planned;
use crate::plan::step::GuardStep;
use crate::plan::{Desired, Step};
use crate::supervise::modelled;

impl Session<'_, '_> {
    /// Starts services by a plan, lets somebody look on, and stops them. What recovers them when we
    /// die stays armed until the end.
    ///
    /// # Errors
    /// As [`Session::carry_out`].
    pub(in crate::operate) fn run_in_foreground(
        &mut self,
        mut planned: Planned,
        begin: Duration,
        watch: Watch<'_>,
    ) -> Result<Report, JournalError> {
        let operation = Operation::Run;
        let release = planned.found.current.release().cloned();
        let before = Before { release, ..Before::nothing() };
        let disarms = |step: &Step| matches!(step, Step::Guard(GuardStep::Disarm { .. }));
        planned.plan.steps.retain(|step| !disarms(step));
        let (begun, applied) = self.begin(operation, &before, &planned)?;
        let Planned { desired, plan, .. } = planned;
        let mut ending = Ending::of(&applied);
        let on_purpose = applied.was_interrupted();
        let failure = match applied.failure {
            Some((_, error)) => Some(chain(&error)),
            None => self.shown(&desired, watch).err(),
        };
        self.journal.still_ours()?;
        ending.outcome = Outcome::Deployed;
        if let Some(error) = failure {
            ending.error = Some(error);
            ending.outcome = Outcome::Failed;
            if !on_purpose {
                ending.evidence = self.keep_evidence(begun, operation, &plan, &ending);
            }
        }
        if applied.past_the_switch {
            if let Err(error) = self.restore(&before, &mut ending) {
                let first = ending.error.take().map(|first| format!("{first}; then: "));
                ending.error = Some(first.unwrap_or_default() + &error);
                ending.outcome = Outcome::Stuck;
            }
            // Nobody waits to be let in again, and for none of the time did it not answer.
            (ending.downtime, ending.down_since) = (None, None);
        } else {
            self.stand_down();
        }
        Ok(self.end(operation, plan.from, &ending, begin))
    }

    /// Lets somebody look on; an error when services ended meanwhile that nobody had end.
    fn shown(&mut self, desired: &Desired, watch: Watch<'_>) -> Result<(), String> {
        watch(&mut *self.events);
        match modelled(self.host, &desired.environment).is_busy() {
            Ok(false) if !self.host.interrupted() => Err("it ended by itself".to_owned()),
            Ok(_) => Ok(()),
            Err(error) => Err(chain(&error)),
        }
    }
}
