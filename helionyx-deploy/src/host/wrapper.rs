//! Hosts that stand before another one and look through it. No I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Answer, Clock, Host, HostError, Look, OpenFile, Ourselves, ProbeError, Searched};
use crate::command::ExitStatus;
use crate::digest::Digest;
use crate::name::Port;
use crate::release::{Actor, FilePath, FileRecords};
use crate::state::{Listener, Node, Process, ProcessKey};
use crate::time::Timestamp;

/// A host that stands before another one: the wrapper looks through it, and decides in
/// [`Host::change`] which changes are passed on.
pub trait Wrapper: Sync {
    /// The host behind.
    fn inner(&self) -> &dyn Host;
}

/// Methods that do the same on the host behind.
macro_rules! forward {
    ($($method:ident($($name:ident: $type:ty),*) $(-> $result:ty)?;)*) => {$(
        fn $method(&self, $($name: $type),*) $(-> $result)? {
            self.inner().$method($($name),*)
        }
    )*};
}

impl<T: Wrapper> Look for T {
    forward! {
        node(path: &Utf8Path) -> Result<Node, HostError>;
        list(dir: &Utf8Path) -> Result<Vec<String>, HostError>;
        nodes(dir: &Utf8Path) -> Result<BTreeMap<FilePath, Node>, HostError>;
        read(path: &Utf8Path, limit: u64) -> Result<Vec<u8>, HostError>;
        read_tail(path: &Utf8Path, limit: u64) -> Result<Vec<u8>, HostError>;
        open(path: &Utf8Path) -> Result<Option<Box<dyn OpenFile>>, HostError>;
        free(dir: &Utf8Path) -> Result<u64, HostError>;
        digest(path: &Utf8Path) -> Result<Digest, HostError>;
        tree(dir: &Utf8Path, exclude: &[String], known: &FileRecords)
            -> Result<FileRecords, HostError>;
        search(dir: &Utf8Path, paths: &[FilePath], text: &str)
            -> Result<BTreeMap<FilePath, Searched>, HostError>;
        exit_of(process: ProcessKey) -> Option<ExitStatus>;
        processes(root: &Utf8Path) -> Result<Vec<Process>, HostError>;
        listeners(port: Port) -> Result<Vec<Listener>, HostError>;
        connects(name: &str, port: Port, timeout: Duration) -> Result<(), ProbeError>;
        get(port: Port, path: &str, timeout: Duration) -> Result<Answer, ProbeError>;
        both(one: &mut (dyn FnMut() + Send), other: &mut (dyn FnMut() + Send));
    }
}

impl<T: Wrapper> Clock for T {
    forward! {
        now() -> Timestamp;
        elapsed() -> Duration;
        pause(duration: Duration);
        interrupted() -> bool;
        actor() -> Actor;
        recovery_program() -> Result<Option<Utf8PathBuf>, HostError>;
        key() -> Result<[u8; 32], HostError>;
        ourselves() -> Ourselves;
        syncing() -> Duration;
    }
}
