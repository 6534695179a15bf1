//! What the service exchanges with its surroundings besides HTTP: signals, the
//! service manager's notifications, log lines.

use crate::settings::Settings;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::env;
use std::io::{self, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// Catches TERM and INT from now on.
pub fn signals() -> Result<Signals, String> {
    Signals::new([SIGTERM, SIGINT]).map_err(|e| format!("cannot catch signals: {e}"))
}

pub fn signal_name(signal: i32) -> &'static str {
    if signal == SIGTERM { "TERM" } else { "INT" }
}

impl Settings {
    /// Writes one line to standard output. A reader that has gone away is no
    /// reason to fail.
    pub fn log(&self, text: &str) {
        let line = format!("{} {}: {text}\n", self.app, env!("CARGO_PKG_VERSION"));
        let _ = io::stdout().write_all(line.as_bytes());
    }

    /// Tells the service manager, if there is one, of a change of state. The
    /// service works without being heard, so a failure is only logged.
    pub fn notify(&self, state: &str) {
        if let Err(e) = send_state(state) {
            self.log(&format!("cannot send {state} to NOTIFY_SOCKET: {e}"));
        }
    }
}

/// An address that begins with `@` stands for a name outside the file system.
fn send_state(state: &str) -> io::Result<()> {
    let Some(target) = env::var_os("NOTIFY_SOCKET").filter(|target| !target.is_empty()) else {
        return Ok(());
    };
    let address = match target.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(&target)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(Duration::from_secs(1)))?;
    socket.send_to_addr(state.as_bytes(), &address).map(drop)
}
