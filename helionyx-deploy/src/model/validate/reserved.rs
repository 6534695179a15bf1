//! Names of variables that an app cannot declare: others set them. No I/O.

use crate::model::bounds::MARKS;

/// What systemd or we tell a service, or its loader obeys.
const NAMES: [&str; 6] = [
    "CREDENTIALS_DIRECTORY",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "MAINPID",
    "NOTIFY_SOCKET",
    "RUNTIME_DIRECTORY",
];
const PREFIXES: [&str; 3] = ["LD_", "LISTEN_", "WATCHDOG_"];

/// Why a variable cannot be declared; none where it can. PATH and HOME can: a unit sets them first.
pub fn reason(name: &str) -> Option<String> {
    if name.starts_with(MARKS) {
        return Some(format!("`{MARKS}…` are variables that the deployer sets"));
    }
    let is_taken = NAMES.contains(&name) || PREFIXES.iter().any(|begin| name.starts_with(begin));
    is_taken.then(|| format!("`{name}` is set by systemd, or changes what programs are loaded"))
}
