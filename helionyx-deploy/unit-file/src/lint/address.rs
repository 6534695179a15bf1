//! What a socket listens on. No I/O.

use std::net::{IpAddr, Ipv6Addr};

use super::kind::Problem;

/// Whether it is an address: a path, `@name`, a port, `address:port`, `vsock:…`.
pub fn listen(key: &str, value: &str) -> Result<(), Problem> {
    let valid = match key {
        "ListenFIFO" | "ListenSpecial" | "ListenUSBFunction" => value.starts_with('/'),
        "ListenMessageQueue" => value.starts_with('/') && !value[1..].contains('/'),
        "ListenNetlink" => true,
        _ => socket(value),
    };
    if valid {
        return Ok(());
    }
    Err(Problem::new(
        "not an address: systemd ignores it",
        "e.g. `127.0.0.1:8000`, `/run/app/socket`",
    ))
}

fn socket(value: &str) -> bool {
    if value.starts_with('/') || value.starts_with("vsock:") {
        return value.len() <= 107;
    }
    if let Some(name) = value.strip_prefix('@') {
        return !name.is_empty() && name.len() <= 106;
    }
    if port(value) {
        return true;
    }
    let Some((address, number)) = value.rsplit_once(':') else { return false };
    let bracketed = address.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let address = match bracketed {
        // `[fe80::1]%eth0`: the interface may stand after it.
        Some((inner, zone)) => {
            (zone.is_empty() || zone.starts_with('%')) && inner.parse::<Ipv6Addr>().is_ok()
        }
        None => address.parse::<IpAddr>().is_ok_and(|address| address.is_ipv4()),
    };
    address && port(number)
}

fn port(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}
