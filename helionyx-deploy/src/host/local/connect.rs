//! Whether somebody answers at a port of another machine, bounded in time. Does I/O.

use std::io;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::super::ProbeError;
use crate::name::Port;

/// Looks the name up and connects to one of its addresses. A resolver has deadlines of its own, long
/// ones: its thread is left to them.
pub fn connects(name: &str, port: Port, timeout: Duration) -> Result<(), ProbeError> {
    let (send, receive) = mpsc::channel();
    let target = (name.to_owned(), port.get());
    thread::spawn(move || {
        // Who asked may have gone on.
        let _ = send.send(try_each(&target, timeout));
    });
    let tried = receive.recv_timeout(timeout).map_err(|_| ProbeError::TimedOut(timeout))?;
    tried.map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => ProbeError::Refused,
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => ProbeError::TimedOut(timeout),
        _ => ProbeError::Other(error.to_string()),
    })
}

fn try_each(target: &(String, u16), timeout: Duration) -> io::Result<()> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in target.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A port that stays ours and that nobody listens on, as long as the socket is kept.
#[cfg(test)]
pub fn port_without_listener() -> (Port, std::os::fd::OwnedFd) {
    use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};
    let reserved = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&reserved, &std::net::SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = std::net::SocketAddr::try_from(getsockname(&reserved).unwrap()).unwrap();
    (Port::try_from(i64::from(address.port())).unwrap(), reserved)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn who_answers_is_told_from_who_does_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = Port::try_from(i64::from(listener.local_addr().unwrap().port())).unwrap();
        let wait = Duration::from_secs(60);
        assert_eq!(connects("localhost", port, wait), Ok(()), "HEL-04");
        let (free, _reserved) = port_without_listener();
        assert_eq!(connects("127.0.0.1", free, wait), Err(ProbeError::Refused), "HEL-04");
        // Where no resolver answers, that is an error, too.
        let unknown = connects("no-such-host.invalid", port, Duration::from_secs(5));
        assert!(unknown.is_err(), "HEL-04: {unknown:?}");
    }
}
