//! What an environment's services wrote, told line by line. Does I/O through `host`.

use crate::host::Host;
use crate::model::Environment;
use crate::supervise::modelled;

pub use crate::supervise::log::{Filter, Log, LogError, LogEvent, LogQuery, ServiceLog, Since};

/// Tells what an environment's services wrote, oldest line first; a log that is followed until
/// `host` is interrupted.
///
/// # Errors
/// What cannot be answered, and why the log cannot be read.
pub fn logs(
    host: &dyn Host,
    environment: &Environment,
    query: &LogQuery,
    tell: &mut dyn FnMut(LogEvent),
) -> Result<(), LogError> {
    open(host, environment, query)?.read(host, tell)
}

/// Opens the log of an environment's services, to be read later: with [`Since::Opened`] it is read
/// from this moment on.
///
/// # Errors
/// What cannot be answered, and when a log cannot be opened.
pub fn open(
    host: &dyn Host,
    environment: &Environment,
    query: &LogQuery,
) -> Result<Box<dyn Log>, LogError> {
    modelled(host, environment).log(query)
}
