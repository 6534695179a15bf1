//! Operations that were cut short, or got stuck: brought to an end when that is asked for.

use std::time::Duration;

use super::{OperateError, locked, wait_for_lock};
use crate::event::{Event, Operation, Report};
use crate::host::Host;
use crate::journal::{self, JournalError, Lock, Tip};
use crate::model::Environment;
use crate::observe::observe;
use crate::plan::runtime::rules;

/// Brings an operation that was cut short to an end, and tries again where the last one could not
/// bring the state before back; nothing when there is neither.
///
/// # Errors
/// Why it did not begin.
pub fn recover(
    host: &dyn Host,
    environment: &Environment,
    wait: Duration,
    events: &mut dyn FnMut(Event),
) -> Result<Option<Report>, OperateError> {
    let layout = &environment.layout;
    let is_open = journal::tip(host, layout)?.as_ref().is_some_and(Tip::is_open);
    if !is_open && journal::left_stuck(&journal::recent(host, layout)?).is_none() {
        return stand_down(host, environment, wait, events).map(|()| None);
    }
    let (lock, _) = wait_for_lock(host, environment, Operation::Recover, wait, events)?;
    recover_under(&lock, environment, events)
}

/// With nothing to recover, nothing need wait for a deployer to die.
fn stand_down(
    host: &dyn Host,
    environment: &Environment,
    wait: Duration,
    events: &mut dyn FnMut(Event),
) -> Result<(), OperateError> {
    let found = observe(host, environment)?;
    if rules(environment).guard(&found).is_some_and(|guard| guard.found.is_armed()) {
        let (lock, _) = wait_for_lock(host, environment, Operation::Recover, wait, events)?;
        return locked(&lock, environment, &[], events, |session| {
            session.stand_down();
            Ok(())
        });
    }
    Ok(())
}

/// Takes the lock from the process that holds it, ends that process, and brings to an end what it
/// was at. Where nobody holds the lock it does what [`recover`] does.
///
/// # Errors
/// When another process than this one holds the lock; and why it did not begin.
pub fn take_over(
    host: &dyn Host,
    environment: &Environment,
    pid: u32,
    events: &mut dyn FnMut(Event),
) -> Result<Option<Report>, OperateError> {
    let layout = &environment.layout;
    let holder = match Lock::acquire(host, layout, Operation::Recover) {
        Ok(lock) => return recover_under(&lock, environment, events),
        Err(JournalError::Locked(Some(holder))) if holder.pid == pid => holder,
        Err(error) => return Err(error.into()),
    };
    events(Event::TakingOver { from: (*holder).clone() });
    let (lock, left) = Lock::take_over(host, layout, Operation::Recover, &holder)?;
    left.into_iter().for_each(|message| events(Event::warning(message)));
    recover_under(&lock, environment, events)
}

fn recover_under(
    lock: &Lock<'_>,
    environment: &Environment,
    events: &mut dyn FnMut(Event),
) -> Result<Option<Report>, OperateError> {
    let recovered = locked(lock, environment, &[], events, |session| {
        Ok(match session.recover()? {
            Some(recovered) => Some(recovered),
            None => session.try_again()?,
        })
    })?;
    let report = recovered.map(|recovered| recovered.report);
    report.iter().for_each(|report| events(Event::Report(report.clone())));
    Ok(report)
}
