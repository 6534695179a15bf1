//! What is on a host of what an environment needs there before anything is begun. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;

use super::{Instance, Listener};
use crate::model::Requirement;
use crate::name::Port;

/// What was found of all that an environment needs. What could not be looked at is not in here:
/// nobody is refused for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prerequisites {
    /// The user that we are.
    pub uid: u32,
    /// systemd, where it is needed.
    pub systemd: Option<Systemd>,
    /// The programs that are needed, and what became of asking for them.
    pub programs: Vec<(Requirement, Asked)>,
    /// How much may still be written to the file systems of these directories, in bytes.
    pub free: BTreeMap<Utf8PathBuf, u64>,
    /// Where somebody wants file systems mounted, and in which file he says so.
    pub wanted_mounts: BTreeMap<Utf8PathBuf, Utf8PathBuf>,
    /// Where file systems are mounted.
    pub mounts: BTreeSet<Utf8PathBuf>,
    /// Who listens on the environment's ports.
    pub listeners: BTreeMap<Port, Vec<Listener<Instance>>>,
}

/// What there is of systemd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Systemd {
    /// It did not boot this machine, or is not installed.
    NotRunning,
    /// It runs; in this version, where it says so.
    Running(Option<u16>),
}

/// What became of asking a program for its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// There is no such program.
    Missing,
    /// It could not be run, or ended with an error: why.
    Failed(String),
    /// It said this.
    Said(String),
    /// It said this, but the command that must end well did not: what it said last.
    Lacking(String, String),
}
