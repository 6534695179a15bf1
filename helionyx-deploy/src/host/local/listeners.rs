//! Who listens on a TCP port, as the kernel shows it in /proc. Does I/O, and changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::fs::{Dir, Mode, OFlags};

use super::super::HostError;
use super::context::Context;
use super::proc::{self, Reader};
use crate::name::Port;
use crate::state::{Listener, Process};

/// The listening sockets of this port, on any address, with the processes that hold them.
pub fn listeners(port: Port) -> Result<Vec<Listener>, HostError> {
    let mut listeners = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        listeners.extend(rows(table, port).at("read", table)?);
    }
    if !listeners.is_empty() {
        let mut holders = holders(&listeners).at("list", "/proc")?;
        for listener in &mut listeners {
            listener.holders = holders.remove(&listener.inode).unwrap_or_default();
        }
    }
    Ok(listeners)
}

/// The kernel lists what listens first, and then every connection of the machine: those may be
/// many, and are not read.
fn rows(table: &str, port: Port) -> io::Result<Vec<Listener>> {
    let file = match File::open(table) {
        // A machine without IPv6 has no table of it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let mut found = Vec::new();
    for line in BufReader::new(file).lines().skip(1) {
        let line = line?;
        if state(&line) != Some(LISTENS) {
            break;
        }
        found.extend(parse(&line, port));
    }
    Ok(found)
}

fn state(line: &str) -> Option<&str> {
    line.split_ascii_whitespace().nth(3)
}

/// A line of the table, where it is a listener on this port.
fn parse(line: &str, port: Port) -> Option<Listener> {
    let mut fields = line.split_ascii_whitespace();
    let (address, state) = (fields.nth(1)?, fields.nth(1)?);
    let (ip, number) = address.split_once(':')?;
    if state != LISTENS || u16::from_str_radix(number, 16).ok()? != port.get() {
        return None;
    }
    let uid = fields.nth(3)?.parse().ok()?;
    let inode = fields.nth(1)?.parse().ok()?;
    let address = SocketAddr::new(parse_ip(ip)?, port.get()).to_string();
    Some(Listener { address, inode, uid, holders: Vec::new() })
}

/// TCP_LISTEN.
const LISTENS: &str = "0A";

/// Words of 32 bits, each as the machine holds it in memory.
fn parse_ip(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let digits = hex.get(8 * at..8 * at + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let mut bytes = [0; 16];
            for (at, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(at)?);
            }
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
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
    use super::*;

    #[test]
    fn the_kernel_s_table_is_read_by_port_and_state() {
        let row = |address: &str, state: &str| {
            format!(
                "   0: {address} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0"
            )
        };
        let v6 = |ip: &str| format!("{ip}:1F40");
        let port = Port::try_from(8000).unwrap();
        for (line, expected) in [
            (row("0100007F:1F40", "0A"), Some("127.0.0.1:8000")),
            (row("00000000:1F40", "0A"), Some("0.0.0.0:8000")),
            (row(&v6(&"0".repeat(32)), "0A"), Some("[::]:8000")),
            (row(&v6("00000000000000000000000001000000"), "0A"), Some("[::1]:8000")),
            (row("0100007F:1F41", "0A"), None),
            (row("0100007F:1F40", "01"), None),
            ("  sl  local_address rem_address   st".to_owned(), None),
            (String::new(), None),
        ] {
            let found = parse(&line, port);
            assert_eq!(found.as_ref().map(|found| found.address.as_str()), expected, "{line}");
            assert!(found.is_none_or(|found| (found.uid, found.inode) == (1000, 4711)), "{line}");
        }
    }
}
