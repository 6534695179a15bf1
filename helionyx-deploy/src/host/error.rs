//! Why a machine was not looked at or changed: the machine failed, or we refused. No I/O.

use std::io;
use std::time::Duration;

use super::Answer;

/// Something that was not done to a machine.
#[derive(Debug, thiserror::Error)]
#[error("failed to {verb} `{subject}`")]
pub struct HostError {
    /// What was to be done.
    pub verb: &'static str,
    /// To what.
    pub subject: String,
    /// Why not.
    #[source]
    pub source: Cause,
}

/// Why something was not done to a machine.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The machine failed. The next attempt may succeed.
    #[error(transparent)]
    Machine(#[from] io::Error),
    /// We refused, in words. The next attempt is refused for the same reason.
    #[error("{0}")]
    Refused(String),
}

impl HostError {
    /// An error of the machine, or another cause.
    pub fn new(verb: &'static str, subject: impl ToString, source: impl Into<Cause>) -> HostError {
        HostError { verb, subject: subject.to_string(), source: source.into() }
    }

    /// A refusal of our own, in words.
    pub fn refused(verb: &'static str, subject: impl ToString, why: impl Into<String>) -> Self {
        HostError::new(verb, subject, Cause::refused(why))
    }

    /// Whether we refused, and the machine did not fail.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self.source, Cause::Refused(_))
    }
}

impl Cause {
    /// A refusal of our own, in words.
    pub fn refused(why: impl Into<String>) -> Cause {
        Cause::Refused(why.into())
    }

    /// The kind of the machine's error; [`io::ErrorKind::Other`] of a refusal.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            Cause::Machine(error) => error.kind(),
            Cause::Refused(_) => io::ErrorKind::Other,
        }
    }
}

impl From<rustix::io::Errno> for Cause {
    fn from(error: rustix::io::Errno) -> Cause {
        Cause::Machine(error.into())
    }
}

/// Why a lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else holds it; what he left there.
    #[error("the lock is held")]
    Held(String),
    /// It could not be tried.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// Why there was no answer to a probe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// Nobody listens.
    #[error("connection refused")]
    Refused,
    /// No whole answer in time.
    #[error("no whole answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// More body than we read.
    #[error("the answer is longer than {} bytes", Answer::LIMIT)]
    TooLong,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}
