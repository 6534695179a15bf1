//! Turns the errors of the system into errors that say what was tried. No I/O.

use super::super::{Cause, HostError};

/// Adds what was tried, and on what, to an error of the system.
pub trait Context<T> {
    /// The same result; its error says `failed to <verb> <subject>`.
    fn at(self, verb: &'static str, subject: impl ToString) -> Result<T, HostError>;
}

impl<T, E: Into<Cause>> Context<T> for Result<T, E> {
    fn at(self, verb: &'static str, subject: impl ToString) -> Result<T, HostError> {
        self.map_err(|error| HostError::new(verb, subject, error))
    }
}
