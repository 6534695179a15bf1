//! Entries for this machine's system journal, in the protocol of systemd-journald. Does I/O.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::super::HostError;
use super::context::Context;

/// Where systemd-journald takes entries.
const SOCKET: &str = "/run/systemd/journal/socket";
/// How long it may take to take one.
const PATIENCE: Duration = Duration::from_secs(2);

/// Hands one entry over; where no journal runs there is nobody to hand it to, and that is no error.
pub fn announce(entry: &[(&str, String)]) -> Result<(), HostError> {
    let socket = UnixDatagram::unbound().at("write to", SOCKET)?;
    socket.set_write_timeout(Some(PATIENCE)).at("write to", SOCKET)?;
    match socket.send_to(&datagram(entry), SOCKET) {
        Err(error) if is_absent(&error) => Ok(()),
        sent => sent.map(drop).at("write to", SOCKET),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// `NAME=value`, a line each; a value of several lines goes behind its length.
fn datagram(entry: &[(&str, String)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in entry {
        bytes.extend(name.as_bytes());
        if value.contains('\n') {
            bytes.push(b'\n');
            bytes.extend((value.len() as u64).to_le_bytes());
        } else {
            bytes.push(b'=');
        }
        bytes.extend(value.as_bytes());
        bytes.push(b'\n');
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_can_become_a_field_of_its_own() {
        let entry = [("MESSAGE", "one\nPRIORITY=0".to_owned()), ("PRIORITY", "6".to_owned())];
        let length = 14u64.to_le_bytes();
        let expected = [b"MESSAGE\n", &length[..], b"one\nPRIORITY=0\nPRIORITY=6\n"].concat();
        assert_eq!(datagram(&entry), expected);
    }
}
