//! The fake machine's clock: it stands still but for calls and pauses. No I/O.

use std::time::Duration;

use camino::Utf8PathBuf;

use super::FakeHost;
use crate::host::{Clock, HostError, Ourselves};
use crate::release::Actor;
use crate::state::ProcessKey;
use crate::time::{Timestamp, millis};

/// 2026-01-01T00:00:00Z, in milliseconds since 1970.
const BEGIN_MILLIS: i64 = 1_767_225_600_000;

/// What time it is, and whether we shall stop.
#[derive(Debug)]
pub(super) struct Time {
    /// The time of day when `elapsed` was zero, in milliseconds since 1970.
    begin_millis: i64,
    elapsed: Duration,
    pub(super) interrupted: bool,
}

impl Default for Time {
    fn default() -> Self {
        Time { begin_millis: BEGIN_MILLIS, elapsed: Duration::ZERO, interrupted: false }
    }
}

impl Time {
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.begin_millis).plus(self.elapsed)
    }

    pub(super) fn now_ns(&self) -> i64 {
        self.now().as_millis().saturating_mul(1_000_000)
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.elapsed
    }

    pub(super) fn advance(&mut self, duration: Duration) {
        self.elapsed = self.elapsed.saturating_add(duration);
    }

    pub(super) fn set_now(&mut self, now: Timestamp) {
        let elapsed = i64::try_from(millis(self.elapsed)).unwrap_or(i64::MAX);
        self.begin_millis = now.as_millis().saturating_sub(elapsed);
    }
}

impl Clock for FakeHost {
    fn now(&self) -> Timestamp {
        self.machine().time.now()
    }

    fn elapsed(&self) -> Duration {
        self.machine().time.elapsed()
    }

    /// Time passes at once; only a millisecond of it when interrupted, so that loops with a
    /// deadline still end.
    fn pause(&self, duration: Duration) {
        self.step();
        let mut machine = self.machine();
        let short = duration.min(Duration::from_millis(1));
        let passed = if machine.time.interrupted { short } else { duration };
        machine.advance(passed);
    }

    fn interrupted(&self) -> bool {
        self.machine().time.interrupted
    }

    fn actor(&self) -> Actor {
        Actor {
            user: "operator".to_owned(),
            host: "node".to_owned(),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn key(&self) -> Result<[u8; 32], HostError> {
        // Nobody's secrets are here: the same in every run, so that a run can be repeated.
        Ok([7; 32])
    }

    fn ourselves(&self) -> Ourselves {
        let key = ProcessKey { pid: super::machine::deployer(self.operator), started_ticks: 1 };
        let command = vec!["helionyx-deploy".to_owned(), "deploy".to_owned()];
        let uid = self.machine().uid.unwrap_or(super::start::OUR_UID);
        Ourselves { key, uid, command }
    }

    fn recovery_program(&self) -> Result<Option<Utf8PathBuf>, HostError> {
        Ok(self.machine().recovery_program.clone())
    }

    /// Nothing is ever waited for.
    fn syncing(&self) -> Duration {
        Duration::ZERO
    }
}
