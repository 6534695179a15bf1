//! Signals that ask us to stop: the first is heeded where it can do no harm, the second ends us.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// Sets `interrupt` at INT, TERM and HUP; a second INT ends the process.
///
/// # Errors
/// When the system refuses a handler.
pub(super) fn watch(interrupt: &Arc<AtomicBool>) -> std::io::Result<()> {
    // Registered first, so that it runs first: it must not see the flag of its own signal.
    flag::register_conditional_default(SIGINT, Arc::clone(interrupt))?;
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        flag::register(signal, Arc::clone(interrupt))?;
    }
    Ok(())
}
