//! Who listens on a TCP port. Does I/O, and changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use rustix::fs::{Dir, Mode, OFlags};

use super::super::HostError;
use super::context::Context;
use super::proc::{self, Reader};
use crate::name::Port;
use crate::state::{Listener, Process};

mod diag;
mod table;

/// The listening sockets of this port, on any address, with the processes that hold them.
pub fn listeners(port: Port) -> Result<Vec<Listener>, HostError> {
    let mut listeners = match diag::listeners(port) {
        Ok(listeners) => listeners,
        // A kernel without it, or a sandbox that does not let us ask.
        Err(_) => table::listeners(port)?,
    };
    if !listeners.is_empty() {
        let mut holders = holders(&listeners).at("list", "/proc")?;
        for listener in &mut listeners {
            listener.holders = holders.remove(&listener.inode).unwrap_or_default();
        }
    }
    Ok(listeners)
}

fn holders(listeners: &[Listener]) -> io::Result<BTreeMap<u64, Vec<Process>>> {
    let wanted: BTreeMap<Vec<u8>, u64> = listeners
        .iter()
        .map(|listener| (format!("socket:[{}]", listener.inode).into_bytes(), listener.inode))
        .collect();
    let mut reader = Reader::new()?;
    let mut holders: BTreeMap<u64, Vec<Process>> = BTreeMap::new();
    for pid in proc::pids()? {
        for inode in held(pid, &wanted).unwrap_or_default() {
            holders.entry(inode).or_default().extend(reader.process(pid));
        }
    }
    Ok(holders)
}

/// Which of the wanted sockets a process holds; an error where we may not look.
fn held(pid: u32, wanted: &BTreeMap<Vec<u8>, u64>) -> io::Result<BTreeSet<u64>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::openat(proc::open_dir(pid)?, c"fd", flags, Mode::empty())?;
    let mut found = BTreeSet::new();
    let mut buffer = Vec::new();
    for entry in Dir::read_from(&dir)? {
        let entry = entry?;
        let Ok(target) = rustix::fs::readlinkat(&dir, entry.file_name(), buffer) else {
            buffer = Vec::new();
            continue;
        };
        found.extend(wanted.get(target.to_bytes()));
        buffer = target.into_bytes();
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use rustix::net::{AddressFamily, SocketType};

    use super::*;

    #[test]
    fn both_ways_to_ask_the_kernel_say_the_same_of_every_listener_of_a_port() {
        let four = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = four.local_addr().unwrap().port();
        let six = TcpListener::bind(format!("[::1]:{port}"));
        let connected = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        rustix::net::connect(&connected, &four.local_addr().unwrap()).unwrap();
        let by_address = |mut found: Vec<Listener>| {
            found.sort_by(|one, other| one.address.cmp(&other.address));
            found
        };
        let port = Port::try_from(i64::from(port)).unwrap();
        let read = by_address(table::listeners(port).unwrap());
        // Where the kernel may not be asked, the table is all there is.
        if let Ok(asked) = diag::listeners(port) {
            assert_eq!(by_address(asked), read);
        }
        assert_eq!(read.len(), 1 + usize::from(six.is_ok()));
        assert_eq!(read[0].address, four.local_addr().unwrap().to_string());
        assert_eq!(read[0].uid, rustix::process::geteuid().as_raw());
        // Another test may fork while we look; a child has our sockets until it executes its program.
        let holders = listeners(port).unwrap().remove(0).holders;
        assert!(holders.iter().any(|holder| holder.key.pid == std::process::id()), "{holders:?}");
    }
}
