//! Who listens on a TCP port, as the kernel shows it in /proc: for who may not ask it. Does I/O.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::super::super::HostError;
use super::super::context::Context;
use crate::name::Port;
use crate::state::Listener;

/// The listening sockets of this port, on any address; who holds them is not said.
pub fn listeners(port: Port) -> Result<Vec<Listener>, HostError> {
    let mut listeners = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        listeners.extend(rows(table, port).at("read", table)?);
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
