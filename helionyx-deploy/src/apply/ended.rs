//! How a service ended that ended while it was being proven.

use std::time::Duration;

use super::{Applier, StepError};
use crate::command::ExitStatus;
use crate::health::Unproven;
use crate::plan::Step;
use crate::state::ProcessKey;

/// How long a process that is gone may take to tell how it ended.
const EXIT_DEADLINE: Duration = Duration::from_millis(500);

impl Applier<'_, '_, '_> {
    /// A service that ended under our eyes: how, if we started it.
    pub(super) fn with_exit_status(&self, step: &Step, error: StepError) -> StepError {
        let (Step::ProveService { service, .. }, StepError::Unproven(Unproven::Ended { life, .. })) =
            (step, &error)
        else {
            return error;
        };
        let life = *life;
        if let Some(unit) = &service.unit {
            return self.unit_ended(unit, life).unwrap_or(error);
        }
        let started = self.started.get(&service.name);
        let status = started.and_then(|process| self.wait_for_exit(*process));
        Unproven::Ended { service: service.name.to_string(), life, status }.into()
    }

    /// A process loses its environment a moment before it can be waited for.
    fn wait_for_exit(&self, process: ProcessKey) -> Option<ExitStatus> {
        let host = self.work.host;
        let deadline = host.elapsed() + EXIT_DEADLINE;
        loop {
            let status = host.exit_of(process);
            if status.is_some() || host.elapsed() >= deadline {
                return status;
            }
            host.pause(Duration::from_millis(1));
        }
    }
}
