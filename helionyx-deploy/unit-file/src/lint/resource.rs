//! Processors, devices, networks, buses: values with a grammar of their own. No I/O.

use std::net::IpAddr;

use super::kind::Problem;
use super::{encoding, number};

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
    /// A path, also one below `/run`.
    PidFile,
    /// `all`, `private-anonymous elf-headers`, `0x33`
    CoredumpFilter,
    /// A path, or at least 16 bytes in hexadecimal digits.
    RootHash,
    /// A path, or `base64:` and what it announces.
    Signature,
    /// `aGVsbG8=`
    Base64,
    /// `ro`, `root:ro,nosuid`
    ImageOptions,
    /// `name:value`, encrypted ones in Base64.
    SetCredential,
}

/// Whether the value follows the grammar.
pub fn check(grammar: Grammar, key: &str, value: &str) -> Result<(), Problem> {
    let words = || value.split_whitespace();
    let (valid, example) = match grammar {
        Grammar::Cpus => (cpus(key, value), "0-3,5"),
        Grammar::Device => (device(value), "/dev/null rw"),
        Grammar::DeviceValue => (per_device(key, value), example_of(key)),
        Grammar::Networks => (words().all(network), "localhost 10.0.0.0/8"),
        Grammar::Interfaces => {
            (value.trim_start_matches('~').split_whitespace().all(interface), "eth0")
        }
        Grammar::Bind => (bind(value), "tcp:8000"),
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
        Grammar::PidFile => (!value.split('/').any(|part| part == ".."), "/run/app/pid"),
        Grammar::CoredumpFilter => (words().all(dumped), "default shared-file-backed"),
        Grammar::RootHash => (value.starts_with('/') || is_hash(value), "/images/app.roothash"),
        Grammar::Signature => {
            let inline = value.strip_prefix("base64:").is_some_and(encoding::is_base64);
            (value.starts_with('/') || inline, "/images/app.roothash.p7s")
        }
        Grammar::Base64 => (encoding::is_base64(value), "aGVsbG8="),
        Grammar::ImageOptions => (words().all(image_option), "root:ro,nosuid home:nodev"),
        Grammar::SetCredential => (credential(key, value), "name:value"),
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

fn cpus(key: &str, value: &str) -> bool {
    if matches!((key, value), ("CPUAffinity", "numa") | ("NUMAMask", "all")) {
        return true;
    }
    let number = |text: &str| number::whole(text).filter(|cpu| (0..8192).contains(cpu));
    value.split([' ', '\t', ',']).filter(|item| !item.is_empty()).all(|item| {
        let (from, to) = item.split_once('-').unwrap_or((item, item));
        number(from).zip(number(to)).is_some_and(|(from, to)| from <= to)
    })
}

/// A device, and what it may do.
fn per_device(key: &str, value: &str) -> bool {
    let Some((device, limit)) = value.split_once([' ', '\t']) else { return false };
    let limit = limit.trim_start();
    let is_limit = match key {
        "IODeviceWeight" => number::integer(limit, 1, 10_000).is_ok(),
        "IODeviceLatencyTargetSec" => number::span(limit).is_ok(),
        _ => number::memory(key, limit).is_ok() && !limit.ends_with(['%', '‰', '‱']),
    };
    device.starts_with('/') && !device.split('/').any(|part| part == "..") && is_limit
}

fn example_of(key: &str) -> &'static str {
    match key {
        "IODeviceWeight" => "/dev/sda 100",
        "IODeviceLatencyTargetSec" => "/dev/sda 50ms",
        _ => "/dev/sda 10M",
    }
}

/// What a core dump holds.
const DUMPED: [&str; 11] = [
    "all",
    "default",
    "private-anonymous",
    "shared-anonymous",
    "private-file-backed",
    "shared-file-backed",
    "elf-headers",
    "private-huge",
    "shared-huge",
    "private-dax",
    "shared-dax",
];

fn dumped(word: &str) -> bool {
    let mask = word.strip_prefix("0x").unwrap_or(word);
    DUMPED.contains(&word)
        || (1..=16).contains(&mask.len()) && mask.chars().all(|c| c.is_ascii_hexdigit())
}

fn is_hash(value: &str) -> bool {
    value.len() >= 32
        && value.len().is_multiple_of(2)
        && value.chars().all(|c| c.is_ascii_hexdigit())
}

/// Partitions of an image.
const PARTITIONS: [&str; 13] = [
    "root",
    "usr",
    "home",
    "srv",
    "esp",
    "xbootldr",
    "swap",
    "root-verity",
    "usr-verity",
    "root-verity-sig",
    "usr-verity-sig",
    "tmp",
    "var",
];

fn image_option(word: &str) -> bool {
    match word.split_once(':') {
        Some((partition, options)) => PARTITIONS.contains(&partition) && !options.contains(':'),
        None => true,
    }
}

fn credential(key: &str, value: &str) -> bool {
    let Some((name, content)) = value.split_once(':') else { return false };
    let is_encrypted = key == "SetCredentialEncrypted";
    super::path::is_credential_name(name) && (!is_encrypted || encoding::is_base64(content))
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
    bits.is_none_or(|bits| number::whole(bits).is_some_and(|bits| (0..=most).contains(&bits)))
}

fn interface(word: &str) -> bool {
    let number = word.chars().all(|c| c.is_ascii_digit());
    word.len() < 128 && !number && !word.contains(['/', ':', '%', '"', '\''])
}

/// `[ipv4|ipv6:][tcp|udp:]ports`, each of which may stand alone.
fn bind(value: &str) -> bool {
    let mut parts: Vec<&str> = value.split(':').collect();
    for known in [["ipv4", "ipv6"], ["tcp", "udp"]] {
        if parts.first().is_some_and(|part| known.contains(part)) {
            parts.remove(0);
        }
    }
    match parts[..] {
        [] | ["any"] => true,
        [ports] => {
            let port = |text: &str| number::whole(text).filter(|port| (1..=65_535).contains(port));
            let (from, to) = ports.split_once('-').unwrap_or((ports, ports));
            port(from).zip(port(to)).is_some_and(|(from, to)| from <= to)
        }
        _ => false,
    }
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
