//! What may stand in `[[service]]`. No I/O.

use serde::Deserialize;

use super::{Given, Named, Spanned, Words};
#[cfg(feature = "schema")]
use crate::model::bounds;
use crate::model::{Restart, Sandbox, ServiceType};

/// `[[service]]`
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table")]
#[cfg_attr(feature = "schema", schemars(extend("required" = ["name", "exec"])))]
pub struct ServiceSpec {
    /// The service's name.
    pub name: Given<String>,
    /// Program, with its absolute path, and arguments.
    #[cfg_attr(feature = "schema", schemars(extend("minItems" = 1), transform = { bounds::ANY }))]
    pub exec: Words,
    /// Names of the ports that it listens on, each of which is proven; without it a service with
    /// `health` listens on the environment's `port`.
    pub ports: Words,
    /// Services that are started before it, and stopped after it.
    pub after: Words,
    /// Services that it cannot do without: started before it, and it is stopped and brought back with
    /// them.
    pub requires: Words,
    /// What it is, in one line; its name when it is not written. For systemd.
    pub description: Given<String>,
    /// When systemd takes it for started.
    #[cfg_attr(feature = "schema", schemars(extend("default" = "exec")))]
    pub r#type: Given<ServiceType>,
    /// How long it may take to say that it is ready, where its type is `notify`. For systemd.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::START_TIMEOUT_SECS }))]
    pub start_timeout_secs: Given<i64>,
    /// When systemd starts it again by itself.
    #[cfg_attr(feature = "schema", schemars(extend("default" = "on-failure")))]
    pub restart: Given<Restart>,
    /// The pause before that. For systemd.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::RESTART_DELAY_SECS }))]
    pub restart_delay_secs: Given<i64>,
    /// What systemd keeps it from.
    #[cfg_attr(feature = "schema", schemars(extend("default" = "standard")))]
    pub sandbox: Given<Sandbox>,
    /// The most memory that it may use, in MiB. For systemd.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::MEMORY_MAX_MIB }))]
    pub memory_max_mib: Given<i64>,
    /// The most processes and threads that it may have. For systemd.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::TASKS_MAX }))]
    pub tasks_max: Given<i64>,
    /// The most files that it may have open. For systemd.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::OPEN_FILES_MAX }))]
    pub open_files_max: Given<i64>,
    /// How long it may take to end after TERM.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::STOP_TIMEOUT_SECS }))]
    pub stop_timeout_secs: Given<i64>,
    /// So many starts are allowed within the interval: a service that crashes so often stays down. What
    /// a deploy or an operator starts is not counted. For systemd.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::START_BURST }))]
    pub start_burst: Given<i64>,
    /// The interval in which starts are counted. For systemd.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::START_INTERVAL_SECS }))]
    pub start_interval_secs: Given<i64>,
    /// How it is proven to work.
    pub health: Given<HealthSpec>,
}

/// `[service.health]`
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table")]
#[cfg_attr(feature = "schema", schemars(extend("required" = ["probe"])))]
pub struct HealthSpec {
    /// What is asked.
    #[cfg_attr(feature = "schema", schemars(extend("minItems" = 1)))]
    pub probe: Vec<Spanned<ProbeSpec>>,
    /// How long one try may take.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::TRY_TIMEOUT_MS }))]
    pub try_timeout_ms: Given<i64>,
    /// From the begin of one try to that of the next.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::TRY_INTERVAL_MS }))]
    pub interval_ms: Given<i64>,
    /// When all must have passed.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::HEALTH_DEADLINE_SECS }))]
    pub deadline_secs: Given<i64>,
    /// So many tries must pass one after the other.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::PASSES }))]
    pub passes: Given<i64>,
    /// From the first of these to the last, at least.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::STABLE_MS }))]
    pub stable_ms: Given<i64>,
}

/// `[[service.health.probe]]`
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table")]
#[cfg_attr(feature = "schema", schemars(extend("required" = ["path"])))]
pub struct ProbeSpec {
    /// The path that is asked for.
    pub path: Given<String>,
    /// The name of the port that is asked; the first that the service listens on when it is not
    /// written.
    pub port: Given<String>,
    /// The status that is wanted.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::STATUS }))]
    pub status: Given<i64>,
    /// Fields that the JSON answer must have.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::ANY }))]
    pub fields: Named<String>,
    /// Fields that must have these values where the answer has them.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::ANY }))]
    pub fields_if_present: Named<String>,
}
