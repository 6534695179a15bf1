//! What is asked of the logs of services, and what is answered: plain data. No I/O but that of a
//! [`Log`], through `host`.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::host::{Host, HostError};
use crate::name::ServiceName;
pub use crate::tool::journalctl::Filter;

/// The log of an environment's services, opened to be read.
pub trait Log {
    /// Tells what was asked for, oldest line first. A log that is followed is told until
    /// [`interrupted`](crate::host::Clock::interrupted) says so of `host`; what was written before
    /// that is told.
    ///
    /// # Errors
    /// Why the log cannot be read.
    fn read(&mut self, host: &dyn Host, tell: &mut dyn FnMut(LogEvent)) -> Result<(), LogError>;
}

/// What of a log is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogQuery {
    /// At most so many lines that are there already, the last ones: of each service where each
    /// has a file of its own.
    pub lines: usize,
    /// Nothing before this.
    pub since: Option<Since>,
    /// Nothing less urgent than this, in journalctl's words.
    pub priority: Option<String>,
    /// Whether to go on with what is written.
    pub follow: bool,
}

/// From when on a log is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Since {
    /// From when it is opened.
    Opened,
    /// From a time in journalctl's words.
    Time(String),
}

/// What is told while a log is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "log", rename_all = "kebab-case")]
pub enum LogEvent {
    /// The files that lines come from, before the first line. The system's journal is none.
    Files {
        /// The files, in the order of the services.
        files: Vec<ServiceLog>,
    },
    /// A line.
    Line {
        /// The service that wrote the line, where the line itself does not say so.
        service: Option<ServiceName>,
        /// The line without its end, as it was written: not always text.
        bytes: Vec<u8>,
    },
}

/// The file that a service writes its log to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceLog {
    /// The service.
    pub service: ServiceName,
    /// The file.
    pub path: Utf8PathBuf,
    /// Whether the file was there when the log was opened.
    pub exists: bool,
}

/// Why a log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The machine refused.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The log has nothing that lines could be chosen by.
    #[error(
        "{filter} cannot be answered for {environment}: the embedded runtime keeps plain lines"
    )]
    NotKept {
        /// What was to choose.
        filter: Filter,
        /// The environment.
        environment: String,
    },
    /// journalctl does not understand what was asked for.
    #[error("{filter}: {said}")]
    NotUnderstood {
        /// What was to choose.
        filter: Filter,
        /// What journalctl said.
        said: String,
    },
    /// journalctl failed.
    #[error("journalctl failed: {said}")]
    Journal {
        /// What journalctl said.
        said: String,
    },
}
