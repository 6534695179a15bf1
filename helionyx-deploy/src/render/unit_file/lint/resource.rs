//! Processors, devices, networks, buses: values with a grammar of their own. No I/O.

use std::net::IpAddr;

use super::kind::Problem;
use super::number;

/// A grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grammar {
    /// `0-3 5`
    Cpus,
    /// `/dev/null rw`, `char-rtc r`
    Device,
    /// `/dev/sda 10M`
    DeviceValue,
    /// `any`, `localhost`, `10.0.0.0/8`
    Networks,
    /// `eth0 ~lo`
    Interfaces,
    /// `tcp:8000-8010`, `any`
    Bind,
    /// `org.example.Service`
    Bus,
    /// `KEY=value`
    Field,
    /// `name:value`
    Pair,
    /// `/bin:/usr/bin`
    SearchPath,
    /// `/images/x.raw:/mnt`
    Images,
    /// `50us`, `100ns`
    Nanoseconds,
    /// One word without `/`
    Name,
}

/// Whether the value follows the grammar.
pub fn check(grammar: Grammar, value: &str) -> Result<(), Problem> {
    let words = || value.split_whitespace();
    let (valid, example) = match grammar {
        Grammar::Cpus => (value == "numa" || value == "all" || cpus(value), "0-3,5"),
        Grammar::Device => (device(value), "/dev/null rw"),
        Grammar::DeviceValue => (value.starts_with('/') && words().count() == 2, "/dev/sda 10M"),
        Grammar::Networks => (words().all(network), "localhost 10.0.0.0/8"),
        Grammar::Interfaces => {
            (value.trim_start_matches('~').split_whitespace().all(interface), "eth0")
        }
        Grammar::Bind => (value.split(':').all(bind), "tcp:8000"),
        Grammar::Bus => (bus(value), "org.example.Service"),
        Grammar::Field => (words().all(|word| word.contains('=')) || quoted(value), "KEY=value"),
        Grammar::Pair => (value.contains(':'), "name:value"),
        Grammar::SearchPath => {
            (value.split(':').all(|path| path.starts_with('/')), "/usr/bin:/bin")
        }
        Grammar::Images => (
            words().all(|word| word.trim_start_matches('-').starts_with('/')),
            "/images/app.raw:/mnt",
        ),
        Grammar::Nanoseconds => (nanoseconds(value), "50us"),
        Grammar::Name => (!value.contains(['/', ' ', '"']), "app"),
    };
    if valid {
        return Ok(());
    }
    Err(Problem::new("systemd ignores this", format!("e.g. `{example}`")))
}

fn quoted(value: &str) -> bool {
    value.contains(['"', '\'']) && value.contains('=')
}

fn cpus(value: &str) -> bool {
    let number = |text: &str| text.parse::<u16>().is_ok_and(|cpu| cpu < 8192);
    value.split([' ', '\t', ',']).filter(|item| !item.is_empty()).all(|item| {
        item.split_once('-').map_or(number(item), |(from, to)| number(from) && number(to))
    })
}

fn device(value: &str) -> bool {
    let mut words = value.split_whitespace();
    let node = words.next().unwrap_or_default();
    let known = ["/dev/", "/run/systemd/inaccessible/", "char-", "block-"];
    let access = words.next().is_none_or(|access| access.chars().all(|c| "rwm".contains(c)));
    known.iter().any(|begin| node.starts_with(begin)) && access && words.next().is_none()
}

fn network(word: &str) -> bool {
    let (address, bits) = word.split_once('/').map_or((word, None), |(a, b)| (a, Some(b)));
    if ["any", "localhost", "link-local", "multicast"].contains(&word) {
        return true;
    }
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let most = if address.is_ipv4() { 32 } else { 128 };
    bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= most))
}

fn interface(word: &str) -> bool {
    let number = word.chars().all(|c| c.is_ascii_digit());
    word.len() < 128 && !number && !word.contains(['/', ':', '%', '"', '\''])
}

fn bind(word: &str) -> bool {
    let port = |text: &str| text.parse::<u16>().is_ok_and(|port| port > 0);
    let range = word.split_once('-').map_or(port(word), |(from, to)| port(from) && port(to));
    range || ["any", "ipv4", "ipv6", "tcp", "udp"].contains(&word)
}

fn bus(value: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let part = |part: &str| {
        !part.starts_with(|c: char| c.is_ascii_digit())
            && !part.is_empty()
            && part.chars().all(letter)
    };
    value.contains('.') && value.split('.').all(part) && value.len() <= 255
}

fn nanoseconds(value: &str) -> bool {
    let plain = value.strip_suffix("nsec").or_else(|| value.strip_suffix("ns")).unwrap_or(value);
    plain.trim().parse::<u64>().is_ok() || number::span(value).is_ok()
}
