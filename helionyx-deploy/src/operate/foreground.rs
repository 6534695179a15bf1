//! Services in the foreground: started, shown for as long as somebody looks on, and stopped again. One
//! operation from begin to end: it holds the lock, and what is cut short is recovered to the stop.

use std::time::Duration;

use super::session::Session;
use super::{Goal, OperateError, make_plan, wait_for_lock};
use crate::event::{Event, Operation, Report};
use crate::host::{Host, HostError};
use crate::journal::{self, Fenced, Tip};
use crate::model::Environment;
use crate::observe::observe;
use crate::plan::step::ServiceStep;
use crate::plan::{Desired, Plan, Refusal, Step};
use crate::state::HostState;
use crate::supervise::modelled;

/// Shows what services write, by events, until they shall end.
pub type Watch<'w> = &'w mut dyn FnMut(&mut dyn FnMut(Event));

/// Starts and proves the services of the release in use, as [`Goal::Start`] does, calls `watch`, and
/// stops them when that returns.
///
/// # Errors
/// Why it did not begin, e.g. services that run already; what happened after that is in the report.
pub fn run_in_foreground(
    host: &dyn Host,
    environment: &Environment,
    wait: Duration,
    events: &mut dyn FnMut(Event),
    watch: Watch<'_>,
) -> Result<Report, OperateError> {
    let begin = host.elapsed();
    // What was cut short before is brought to an end under the lock, and may be what runs.
    if !journal::tip(host, &environment.layout)?.as_ref().is_some_and(Tip::is_open) {
        may_run(host, environment)?;
    }
    let (lock, _) = wait_for_lock(host, environment, Operation::Run, wait, events)?;
    let report = {
        let (mut journal, host) = (lock.journal()?, &Fenced::new(&lock));
        let mut session = Session::new(host, environment, &mut journal, events);
        session.recover()?;
        let (found, desired, plan) = may_run(host, environment)?;
        session.run_in_foreground(&desired, plan, &found, begin, watch)
    };
    lock.still_ours()?;
    let report = report?;
    events(Event::Report(report.clone()));
    Ok(report)
}

/// What would be done to start services, where none runs.
///
/// # Errors
/// Why they cannot be started, or that they run.
pub fn may_run(
    host: &dyn Host,
    environment: &Environment,
) -> Result<(HostState, Desired, Plan), OperateError> {
    let found = observe(host, environment)?;
    let (_, stop) = make_plan(host, environment, &Goal::Stop, None, &found)?;
    let running = stop.steps.iter().find_map(|step| match step {
        Step::Service(ServiceStep::Stop { service, .. }) => Some(service),
        _ => None,
    });
    if let Some(service) = running {
        let main = found.services.get(service).and_then(|state| state.main());
        let which = main.map(|main| format!(": {}", main.process.describe())).unwrap_or_default();
        let message = format!("{service} runs already{which}");
        let hint = format!("stop it first: `stop --env {}`", environment.id());
        return Err(OperateError::Refused(vec![Refusal::new("runs-already", message, hint)]));
    }
    let (desired, plan) = make_plan(host, environment, &Goal::Start, None, &found)?;
    Ok((found, desired, plan))
}

/// Whether anything of these services runs, or is about to be started again.
///
/// # Errors
/// When the host could not be asked.
pub fn runs(host: &dyn Host, environment: &Environment) -> Result<bool, HostError> {
    modelled(host, environment).is_busy()
}
