//! Entries for this machine's system journal, in the protocol of systemd-journald. Does I/O.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use camino::Utf8Path;

use super::super::HostError;
use super::context::Context;

/// Where systemd-journald takes entries.
const SOCKET: &str = "/run/systemd/journal/socket";
/// How long it may take to take one.
const PATIENCE: Duration = Duration::from_secs(2);

/// Hands one entry over; where no journal runs there is nobody to hand it to, and that is no error.
pub fn announce(entry: &[(&str, String)]) -> Result<(), HostError> {
    announce_to(Utf8Path::new(SOCKET), entry)
}

fn announce_to(path: &Utf8Path, entry: &[(&str, String)]) -> Result<(), HostError> {
    let socket = UnixDatagram::unbound().at("write to", path)?;
    socket.set_write_timeout(Some(PATIENCE)).at("write to", path)?;
    match socket.send_to(&datagram(entry), path) {
        Err(error) if is_absent(&error) => Ok(()),
        sent => sent.map(drop).at("write to", path),
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
    use super::super::scratch::Scratch;
    use super::*;

    #[test]
    fn an_entry_is_one_datagram_and_nobody_to_take_it_is_no_error() {
        let dir = Scratch::new();
        let path = dir.join("socket");
        let entry = [("MESSAGE", "deployed".to_owned()), ("PRIORITY", "6".to_owned())];
        announce_to(&path, &entry).expect("there is no socket");
        let journal = UnixDatagram::bind(&path).unwrap();
        announce_to(&path, &entry).unwrap();
        let mut bytes = [0; 100];
        let length = journal.recv(&mut bytes).unwrap();
        assert_eq!(&bytes[..length], b"MESSAGE=deployed\nPRIORITY=6\n");
        drop(journal);
        announce_to(&path, &entry).expect("nobody listens there any more");
        fs_err::remove_file(&path).unwrap();
        fs_err::write(&path, "").unwrap();
        announce_to(&path, &entry).expect("a file is no journal either");
        let long = [("MESSAGE", "x".repeat(16 * 1024 * 1024))];
        let _journal = UnixDatagram::bind(dir.join("other")).unwrap();
        let error = announce_to(&dir.join("other"), &long).unwrap_err().to_string();
        assert_eq!(error, format!("failed to write to `{}`", dir.join("other")));
    }

    #[test]
    fn no_value_can_become_a_field_of_its_own() {
        let entry = [("MESSAGE", "one\nPRIORITY=0".to_owned()), ("PRIORITY", "6".to_owned())];
        let length = 14u64.to_le_bytes();
        let expected = [b"MESSAGE\n", &length[..], b"one\nPRIORITY=0\nPRIORITY=6\n"].concat();
        assert_eq!(datagram(&entry), expected);
    }
}
