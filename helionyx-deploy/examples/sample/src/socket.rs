//! The listening socket: the one that was handed over, or else its own.

use listenfd::ListenFd;
use std::env;
use std::net::{SocketAddr, TcpListener};

/// The first socket handed over in the manner of systemd.
///
/// `LISTEN_PID` must be there and be this process: a parent may have left the
/// variables of its own sockets in the environment.
pub fn inherited() -> Result<Option<TcpListener>, String> {
    if env::var_os("LISTEN_PID").is_none_or(|pid| pid.is_empty()) {
        return Ok(None);
    }
    let explain = |e| format!("cannot use the socket handed over by LISTEN_FDS: {e}");
    let Some(listener) = ListenFd::from_env().take_tcp_listener(0).map_err(explain)? else {
        return Ok(None);
    };
    // The one who opened it may have wanted it otherwise, but it is waited on
    // by a thread of its own here.
    listener.set_nonblocking(false).map_err(explain)?;
    Ok(Some(listener))
}

/// Its own socket. The standard library sets `SO_REUSEADDR`, so that a
/// restart need not wait for old connections to be forgotten.
pub fn bind(address: Option<SocketAddr>) -> Result<TcpListener, String> {
    let address = address.ok_or("there is neither a PORT nor a socket")?;
    TcpListener::bind(address).map_err(|e| format!("cannot listen on {address} (PORT, BIND): {e}"))
}
