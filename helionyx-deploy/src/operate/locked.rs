//! The lock around an operation: waited for, and asked at the end whether it is still ours. Does I/O
//! through `host`.

use std::time::Duration;

use super::OperateError;
use super::session::Session;
use crate::event::{Event, Operation};
use crate::host::Host;
use crate::journal::{self, Fenced, JournalError, Lock};
use crate::model::Environment;

/// The lock of an environment, and whether somebody else had it first.
///
/// # Errors
/// When somebody else holds the lock for longer than `wait`, or the lock cannot be tried.
pub(super) fn wait_for_lock<'h>(
    host: &'h dyn Host,
    environment: &Environment,
    operation: Operation,
    wait: Duration,
    events: &mut dyn FnMut(Event),
) -> Result<(Lock<'h>, bool), JournalError> {
    let attempt = || Lock::acquire(host, &environment.layout, operation);
    let waiting = &mut |holder| events(Event::Waiting { holder });
    journal::wait_for(host, wait, &|| host.interrupted(), waiting, &attempt)
}

/// Works with the journal that comes with the lock.
///
/// # Errors
/// Those of the work. When the lock was taken over meanwhile, that, whatever came of the work: what
/// counts is what its new holder does.
pub(super) fn locked<R>(
    lock: &Lock<'_>,
    environment: &Environment,
    others: &[&Environment],
    events: &mut dyn FnMut(Event),
    work: impl FnOnce(&mut Session<'_, '_>) -> Result<R, OperateError>,
) -> Result<R, OperateError> {
    let done = lock.journal().map_err(OperateError::from).and_then(|mut journal| {
        let host = &Fenced::new(lock);
        work(&mut Session::new(host, environment, others, &mut journal, events))
    });
    lock.still_ours()?;
    done
}
