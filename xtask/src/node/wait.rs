//! Waits for something with a deadline. Knows the clock.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(5);
/// How long the kernel may take for what it does after the fact: reaping, unmounting, detaching.
const KERNEL: Duration = Duration::from_secs(60);

/// Looks until there is something; no longer than `limit`.
///
/// # Errors
/// Of a look; `failed to {goal} within … s`.
pub fn until<T>(
    goal: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let begin = now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if begin.elapsed() > limit {
            bail!("failed to {goal} within {} s", limit.as_secs());
        }
        pause();
    }
}

/// Waits for the kernel.
pub(crate) fn for_kernel(goal: &str, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    until(goal, KERNEL, || Ok(done()?.then_some(())))
}

#[expect(clippy::disallowed_methods, reason = "the door of the clock")]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "a pause between two looks, with a deadline")]
fn pause() {
    std::thread::sleep(PAUSE);
}
