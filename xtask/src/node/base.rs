//! The root directory below a node: this machine's own, or another one that was named. Looks,
//! changes nothing.

use std::path::{Path, PathBuf};

/// Names another root directory for all nodes that are booted, e.g. with a newer systemd in it.
const VARIABLE: &str = "HELIONYX_NODE_ROOT";

/// This machine's own root directory.
#[must_use]
pub fn own() -> PathBuf {
    PathBuf::from("/")
}

/// What nodes are booted on: what `HELIONYX_NODE_ROOT` names, or else this machine's own root
/// directory.
#[must_use]
pub fn wanted() -> PathBuf {
    let named = std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
    named.map_or_else(own, |named| whole(Path::new(&named)))
}

/// A directory by its whole name: a node is found again from anywhere.
pub fn whole(directory: &Path) -> PathBuf {
    // What is not there is said when it is looked into.
    fs_err::canonicalize(directory).unwrap_or_else(|_| directory.to_owned())
}
