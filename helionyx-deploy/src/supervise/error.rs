//! Why a service could not be started or stopped.

use camino::Utf8PathBuf;

use crate::host::HostError;

/// Why a service could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The machine refused.
    #[error(transparent)]
    Host(#[from] HostError),
    /// An environment file has lines that cannot be read without doubt.
    #[error("{path}: {problems}")]
    EnvironmentFile {
        /// The file.
        path: Utf8PathBuf,
        /// What is wrong, line by line, without values.
        problems: String,
    },
    /// A service did not stop.
    #[error("{service} did not stop: {left} still lives after KILL")]
    NotStopped {
        /// The service.
        service: String,
        /// A process that is left.
        left: String,
    },
    /// systemd did not start a unit.
    #[error("{unit} did not start: {why}")]
    NotStarted {
        /// The unit.
        unit: String,
        /// Why.
        why: String,
    },
    /// What systemd would start is not the release: something else than its unit decides.
    #[error("{unit} would not run this release: {what}")]
    Overridden {
        /// The unit.
        unit: String,
        /// What counts instead.
        what: String,
    },
    /// The process that was proven is not the one that systemd started.
    #[error("{service} runs as pid {pid}, which is not the main process of {unit}")]
    OutsideOfUnit {
        /// The service.
        service: String,
        /// The process.
        pid: u32,
        /// The unit.
        unit: String,
    },
    /// The release was made for another supervisor than the one that was to start the service.
    #[error("the release does not say how {service} is run by {supervisor}")]
    NotManaged {
        /// The service.
        service: String,
        /// The supervisor.
        supervisor: crate::model::Supervisor,
    },
}
