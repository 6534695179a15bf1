//! Ends the processes of a service by signals.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{ServiceError, Supervise};
use crate::host::Signal;
use crate::name::ServiceName;
use crate::state::Instance;

/// How long a process may take to be gone after KILL.
const KILL_DEADLINE: Duration = Duration::from_secs(5);
/// How often we look whether processes are gone.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// The processes of a service.
pub(super) struct Processes<'p> {
    pub supervisor: &'p dyn Supervise,
    pub service: &'p ServiceName,
}

impl Processes<'_> {
    /// TERM to every process of the service and its groups; KILL to what is left at the timeout.
    pub fn end(&self, timeout: Duration) -> Result<String, ServiceError> {
        if self.signal_and_wait(Signal::Term, timeout)?.is_empty() {
            return Ok(String::new());
        }
        let left = self.signal_and_wait(Signal::Kill, KILL_DEADLINE)?;
        match left.first() {
            None => Ok(killed(timeout)),
            Some(left) => Err(ServiceError::NotStopped {
                service: self.service.to_string(),
                left: left.process.describe(),
            }),
        }
    }

    /// The processes that live.
    pub fn living(&self) -> Result<Vec<Instance>, ServiceError> {
        Ok(self.supervisor.instances_of(self.service)?)
    }

    /// Signals all processes of a service, also those that appear while we wait; returns those that
    /// are left at the deadline.
    fn signal_and_wait(
        &self,
        signal: Signal,
        deadline: Duration,
    ) -> Result<Vec<Instance>, ServiceError> {
        let host = self.supervisor.host();
        let begin = host.elapsed();
        let mut signalled = BTreeSet::new();
        loop {
            let living = self.living()?;
            let keys = living.iter().map(|instance| instance.process.key);
            for key in keys.filter(|key| signalled.insert(*key)) {
                host.signal(key, signal)?;
            }
            if living.is_empty() || host.elapsed().saturating_sub(begin) >= deadline {
                return Ok(living);
            }
            host.pause(LOOK_INTERVAL);
        }
    }
}

/// What there is to say of a service that had to be killed.
pub(super) fn killed(timeout: Duration) -> String {
    format!("killed: it did not end within {:.1} s", timeout.as_secs_f64())
}
