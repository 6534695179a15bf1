//! What is known of the host on which a unit is meant to run, and what should be. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;

/// What somebody found out about a host. What is not in here is not known, and nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// What is at a path.
    pub paths: BTreeMap<Utf8PathBuf, PathState>,
    /// Whether there is a user of this name.
    pub users: BTreeMap<String, bool>,
    /// Whether there is a group of this name.
    pub groups: BTreeMap<String, bool>,
    /// Whether there is a unit of this name.
    pub units: BTreeMap<String, bool>,
    /// The unit file itself is marked executable.
    pub is_executable: bool,
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathState {
    /// Nothing.
    Missing,
    /// A directory.
    Directory,
    /// A file that can be executed.
    Program,
    /// Any other file.
    File,
}

/// What to find out about a host before a unit can be judged completely.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Questions {
    /// Paths.
    pub paths: BTreeSet<Utf8PathBuf>,
    /// Users.
    pub users: BTreeSet<String>,
    /// Groups.
    pub groups: BTreeSet<String>,
    /// Units.
    pub units: BTreeSet<String>,
}
