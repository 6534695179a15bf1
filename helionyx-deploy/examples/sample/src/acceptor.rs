//! Accepting connections, each answered in a thread of its own, until told to
//! stop.
//!
//! The listening socket may be shared: with the service manager, and with the
//! release that takes over. So it is neither shut down nor made non-blocking,
//! which the others would feel, and every connection that was accepted is
//! answered, even one accepted at the very end.

use crate::answers::{State, answer};
use crate::fault::CRASHED;
use crate::request::{self, Trouble};
use crate::wire;
use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream};
use std::process;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// How long a client may keep silent before it has sent its request.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait for one wake-up to work before the next is tried.
const WAKE_UP: Duration = Duration::from_millis(2);

/// The accepting thread.
pub struct Acceptor {
    /// Disconnected as soon as nothing is accepted and answered any more.
    under_way: Receiver<()>,
    /// Disconnected as soon as nothing is accepted any more.
    accepting: Receiver<()>,
    wake_up: std::net::SocketAddr,
}

impl Acceptor {
    /// Begins to accept. `broken` is called if that comes to an untimely end.
    pub fn start(
        listener: TcpListener,
        state: Arc<State>,
        broken: impl FnOnce(io::Error) + Send + 'static,
    ) -> io::Result<Self> {
        let wake_up = listener.local_addr()?;
        let (busy, under_way) = mpsc::channel();
        let (open, accepting) = mpsc::channel();
        thread::Builder::new().spawn(move || {
            if let Err(e) = accept(&listener, &state, &busy) {
                broken(e);
            }
            // The socket is closed before the word is out that it is.
            drop(listener);
            drop(open);
        })?;
        Ok(Self { under_way, accepting, wake_up })
    }

    /// Stops accepting, once [`State::stopping`] is set, and waits for the
    /// answers under way, but no longer than `grace`. Says whether all of them
    /// were finished.
    pub fn stop(self, grace: Duration) -> bool {
        let deadline = Instant::now() + grace;
        let left = || deadline.saturating_duration_since(Instant::now());
        loop {
            // A connection wakes whoever waits for one. With a shared socket
            // that may be the other process, so it is tried again.
            let _ = TcpStream::connect_timeout(&self.wake_up, WAKE_UP);
            if is_over(&self.accepting, WAKE_UP) || left().is_zero() {
                break;
            }
        }
        is_over(&self.under_way, left())
    }
}

/// Waits for the other end to be dropped: nothing is ever sent.
fn is_over(channel: &Receiver<()>, limit: Duration) -> bool {
    channel.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Disconnected)
}

/// `busy` is passed to every answering thread and dropped when it ends.
fn accept(listener: &TcpListener, state: &Arc<State>, busy: &Sender<()>) -> io::Result<()> {
    while !state.stopping.load(Ordering::SeqCst) {
        match listener.accept() {
            Ok((stream, _)) => {
                let (own_state, busy) = (Arc::clone(state), busy.clone());
                let work = move || {
                    serve(&stream, &own_state);
                    drop(busy);
                };
                if let Err(e) = thread::Builder::new().spawn(work) {
                    state.settings.log(&format!("cannot start a thread for an answer: {e}"));
                }
            }
            // The service manager sets this anew whenever it hands the shared
            // socket to another process.
            Err(e) if e.kind() == ErrorKind::WouldBlock => listener.set_nonblocking(false)?,
            Err(e) if e.kind() == ErrorKind::ConnectionAborted => {}
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Answers the one request of a connection. A client that leaves is no error.
fn serve(stream: &TcpStream, state: &State) {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let reply = match request::read(stream) {
        Ok(request) => state.reply(&request),
        Err(Trouble::Refused(status, why)) => answer(status, &[("error", why.into())]),
        Err(Trouble::Gone) => return,
    };
    let mut to = stream;
    let _ = wire::send(&reply, &mut to);
    if state.crashes() {
        state.settings.log("crashing as told");
        process::exit(CRASHED);
    }
}
