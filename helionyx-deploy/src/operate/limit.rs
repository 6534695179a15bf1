//! How often services may be started by hand. Reads the journal.

use super::OperateError;
use crate::host::Host;
use crate::journal;
use crate::model::Environment;
use crate::plan::{Plan, Refusal, Step};
use crate::time::Timestamp;

/// A service that somebody's script starts over and over is not started once more.
pub(super) fn refuse_too_many_starts(
    host: &dyn Host,
    environment: &Environment,
    plan: &Plan,
) -> Result<(), OperateError> {
    let entries = journal::recent(host, &environment.layout)?;
    let mut refusals = Vec::new();
    for step in &plan.steps {
        let Step::StartService { service, .. } = step else { continue };
        let limits = service.limits;
        let interval = i64::try_from(limits.start_interval_ms).unwrap_or(i64::MAX);
        let since = Timestamp::from_millis(host.now().as_millis().saturating_sub(interval));
        let starts = journal::starts(&entries, &service.name, since);
        if starts >= limits.start_burst as usize {
            let seconds = limits.start_interval_ms as f64 / 1000.0;
            let message = format!("{} was started {starts} times in {seconds} s", service.name);
            let id = environment.id();
            let hint = format!(
                "look at `logs --env {id}` first, then wait a little; `deploy` and `rollback` start it \
                 all the same"
            );
            refusals.push(Refusal::new("start-limit", message, hint));
        }
    }
    if refusals.is_empty() { Ok(()) } else { Err(OperateError::Refused(refusals)) }
}
