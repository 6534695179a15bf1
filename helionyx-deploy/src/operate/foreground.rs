//! Services in the foreground: started, shown for as long as somebody looks on, and stopped again. One
//! operation from begin to end: it holds the lock, and what is cut short is recovered to the stop.

use std::time::Duration;

use super::planning::{self, Known, Planned, Request};
use super::{Goal, OperateError, locked, wait_for_lock};
use crate::event::{Event, Operation, Report};
use crate::hint;
use crate::host::{Host, HostError};
use crate::journal::{self, Tip};
use crate::model::Environment;
use crate::plan::step::ServiceStep;
use crate::plan::{Plan, Refusal, Step};
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
        planned(host, environment)?;
    }
    let (lock, _) = wait_for_lock(host, environment, Operation::Run, wait, events)?;
    let report = locked(&lock, environment, &[], events, |session| {
        session.recover()?;
        let planned = planned(session.host, environment)?;
        Ok(session.run_in_foreground(planned, begin, watch)?)
    })?;
    events(Event::Report(report.clone()));
    Ok(report)
}

/// What would be done to start services, where none runs: looks only.
///
/// # Errors
/// Why they cannot be started, or that they run.
pub fn may_run(host: &dyn Host, environment: &Environment) -> Result<Plan, OperateError> {
    planned(host, environment).map(|planned| planned.plan)
}

/// The plan of a start, once a plan of a stop has found nothing to stop.
fn planned(host: &dyn Host, environment: &Environment) -> Result<Planned, OperateError> {
    let plan =
        |goal, known| planning::plan(host, Request { environment, others: &[], goal }, known);
    let stop = plan(&Goal::Stop, Known::default())?;
    let running = stop.plan.steps.iter().find_map(|step| match step {
        Step::Service(ServiceStep::Stop { service, .. }) => Some(service),
        _ => None,
    });
    if let Some(service) = running {
        let main = stop.found.services.get(service).and_then(|state| state.main());
        let which = main.map(|main| format!(": {}", main.process.describe())).unwrap_or_default();
        let message = format!("{service} runs already{which}");
        let hint = hint!("stop it first: ", hint::command_for("stop", &environment.id()));
        return Err(OperateError::Refused(vec![Refusal::new("runs-already", message, hint)]));
    }
    Ok(plan(&Goal::Start, Known { found: Some(stop.found), ..Known::default() })?)
}

/// Whether anything of these services runs, or is about to be started again.
///
/// # Errors
/// When the host could not be asked.
pub fn runs(host: &dyn Host, environment: &Environment) -> Result<bool, HostError> {
    modelled(host, environment).is_busy()
}
