//! A way back is tried once more where the machine failed, and not where we refused.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use camino::Utf8Path;
use helionyx_deploy::command::{ExitStatus, Output};
use helionyx_deploy::event::{Event, Outcome};
use helionyx_deploy::host::fake::{FakeHealth, FakeService};
use helionyx_deploy::host::{
    Cause, Change, Changed, FakeHost, HeldLock, Host, HostError, LockError, Wrapper, ask,
};
use helionyx_deploy::operate;

use crate::world::{World, deploy};

/// A machine on which `current` cannot be switched a few times, for one cause.
struct Stubborn<'w> {
    host: &'w FakeHost,
    /// How many of the next switches fail.
    failures: AtomicUsize,
    cause: fn() -> Cause,
    /// How many switches were tried.
    tries: AtomicUsize,
}

impl Wrapper for Stubborn<'_> {
    fn inner(&self) -> &dyn Host {
        self.host
    }
}

impl Host for Stubborn<'_> {
    fn change(&self, change: Change<'_>) -> Result<Changed, HostError> {
        if let Change::ReplaceLink { path, .. } = &change {
            self.tries.fetch_add(1, Ordering::Relaxed);
            let less = |left: usize| left.checked_sub(1);
            if self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
                return Err(HostError::new("link", path, (self.cause)()));
            }
        }
        self.inner().change(change)
    }

    fn lock(&self, path: &Utf8Path, holder: &str) -> Result<Box<dyn HeldLock>, LockError> {
        self.inner().lock(path, holder)
    }

    fn take_lock(&self, path: &Utf8Path, holder: &str) -> Result<Box<dyn HeldLock>, HostError> {
        self.inner().take_lock(path, holder)
    }
}

/// How a sick release is taken back where that many switches fail, how often the way back switched,
/// and whether another attempt was announced.
fn taken_back(cause: fn() -> Cause, failures: usize) -> (Outcome, usize, bool) {
    let world = World::deployed();
    world.ship(&FakeService { health: FakeHealth::Sick, ..FakeService::default() });
    let (none, tries) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let host = Stubborn { host: &world.host, failures: none, cause, tries };
    let mut announced = false;
    let report =
        operate::operate(&host, &world.environment, &deploy(), Duration::ZERO, &mut |event| {
            match event {
                Event::RollingBack { .. } => {
                    host.failures.store(failures, Ordering::Relaxed);
                    host.tries.store(0, Ordering::Relaxed);
                }
                Event::Warning { message, .. } => announced |= message.contains("tried once more"),
                _ => {}
            }
        });
    (report.unwrap().outcome, host.tries.load(Ordering::Relaxed), announced)
}

#[test]
fn a_failure_of_the_machine_is_tried_once_more_and_a_refusal_of_ours_is_not() {
    let machine = || Cause::from(io::Error::other("the disk did not answer"));
    let refusal = || Cause::refused("this host has no such user");
    assert_eq!(taken_back(machine, 0), (Outcome::RolledBack, 1, false));
    assert_eq!(taken_back(machine, 1), (Outcome::RolledBack, 2, true));
    assert_eq!(taken_back(machine, 2), (Outcome::Stuck, 2, true));
    assert_eq!(taken_back(refusal, 1), (Outcome::Stuck, 1, false));
}

#[test]
fn a_program_that_fails_is_a_failure_of_the_machine() {
    let host = FakeHost::new();
    host.program("systemctl", |_, _| Output::new(ExitStatus::Code(1), "Connection timed out\n"));
    let command = helionyx_deploy::command::Command::new("systemctl", "/");
    let error = ask(&host, "start", &command).unwrap_err();
    assert!(!error.is_refusal(), "the next attempt may succeed");
    assert_eq!(error.source.to_string(), "Connection timed out");
}
