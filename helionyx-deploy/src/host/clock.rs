//! What time it is, who we are, and chance. No I/O.

use std::time::Duration;

use camino::Utf8PathBuf;

use super::HostError;
use crate::release::Actor;
use crate::state::ProcessKey;
use crate::time::Timestamp;

/// Time, who we are, and chance.
pub trait Clock {
    /// The time of day: for people and for ids, never for measuring.
    fn now(&self) -> Timestamp;
    /// A clock that never goes back, from an arbitrary begin.
    fn elapsed(&self) -> Duration;
    /// Waits; an interrupt ends one wait early, but not those that come after it.
    fn pause(&self, duration: Duration);
    /// Whether the operator or the system asked us to stop (INT, TERM, HUP).
    fn interrupted(&self) -> bool;
    /// Who does what we do.
    fn actor(&self) -> Actor;
    /// A key that nobody can guess, new each time.
    fn key(&self) -> Result<[u8; 32], HostError>;
    /// The process that we are.
    fn ourselves(&self) -> Ourselves;
    /// The program that systemd is to recover environments with; none where the deployer brings
    /// none.
    fn recovery_program(&self) -> Result<Option<Utf8PathBuf>, HostError>;
    /// How long changes have waited for the disk until now, on all machines of this process.
    fn syncing(&self) -> Duration;
}

/// The process that we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ourselves {
    /// Which one.
    pub key: ProcessKey,
    /// The user as whom it changes things.
    pub uid: u32,
    /// Its command line.
    pub command: Vec<String>,
}
