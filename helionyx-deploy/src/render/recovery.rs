//! The units that recover an environment when a deployer died: at boot, and while an operation is
//! under way by a timer. No I/O.

use std::time::Duration;

use systemd_unit_file::{Section, UnitFile, Value, WriteError};

use super::NOTICE;
use crate::layout::{TOOL, tool_in_use};
use crate::model::{Environment, Runtime};
use crate::name::{UnitKind, UnitName};
use crate::release::Unit;

/// When the timer looks whether the deployer is still alive, in seconds after the operation came to
/// what a service could notice. Soon at first; and for a deployer that is suspended, seldom.
const LOOKS_SECS: [u64; 17] =
    [5, 10, 15, 20, 25, 30, 40, 50, 60, 90, 120, 180, 300, 600, 1200, 1800, 3600];
/// How long a recovery may take: it waits for the health of what it starts.
const DEADLINE: Duration = Duration::from_secs(3600);
/// What the program ends with when somebody is at work, which is no failure of the recovery.
const AT_WORK: u64 = 5;

/// The service that recovers an environment, and the timer that starts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Units {
    /// Started at boot, and by the timer.
    pub service: Unit,
    /// Started before what a service could notice, stopped after the proof.
    pub timer: Unit,
}

/// The units that recover an environment; none where systemd does not run it.
///
/// # Errors
/// What cannot be said in a unit file. A validated environment has no such thing.
pub fn units(environment: &Environment) -> Result<Option<Units>, WriteError> {
    match &environment.runtime {
        Runtime::Process => Ok(None),
        Runtime::Systemd(units) => {
            let services = environment.services.iter().map(|service| units.of(&service.name));
            for_services(environment, services.collect()).map(Some)
        }
    }
}

/// The units that recover an environment whose services run in these units.
///
/// # Errors
/// As [`units`].
pub fn for_services(
    environment: &Environment,
    services: Vec<UnitName>,
) -> Result<Units, WriteError> {
    let name = |kind| UnitName::recovery(&environment.app, &environment.name, kind);
    let (service, timer) = (name(UnitKind::Service), name(UnitKind::Timer));
    let timer_text = timer_text(environment, &service)?;
    let service = Unit { text: service_text(environment, &services)?, name: service };
    Ok(Units { service, timer: Unit { name: timer, text: timer_text } })
}

fn service_text(environment: &Environment, own: &[UnitName]) -> Result<String, WriteError> {
    let layout = &environment.layout;
    let mut unit = begun(environment)?;
    let own: Vec<&str> = own.iter().map(UnitName::as_str).collect();
    let program = tool_in_use().join(TOOL);
    let exec = [program.as_str(), "recover", "--root", layout.root.as_str()];
    // At boot after the services: what was cut short is taken back from under them.
    unit.set(Section::Unit, "After", Value::words(&own))?;
    unit.set(Section::Unit, "RequiresMountsFor", Value::paths(&[&layout.root, &layout.data]))?;
    let mut set = |key, value| unit.set(Section::Service, key, value).map(|_| ());
    set("Type", Value::word("oneshot"))?;
    set("User", Value::word("root"))?;
    set("ExecStart", Value::exec(&exec))?;
    set("SuccessExitStatus", Value::number(AT_WORK))?;
    set("TimeoutStartSec", Value::duration(DEADLINE))?;
    unit.set(Section::Install, "WantedBy", Value::word("multi-user.target"))?;
    Ok(unit.render())
}

fn timer_text(environment: &Environment, service: &UnitName) -> Result<String, WriteError> {
    let mut unit = begun(environment)?;
    for secs in LOOKS_SECS {
        unit.set(Section::Timer, "OnActiveSec", Value::duration(Duration::from_secs(secs)))?;
    }
    unit.set(Section::Timer, "AccuracySec", Value::duration(Duration::from_secs(1)))?;
    unit.set(Section::Timer, "Unit", Value::word(service.as_str()))?;
    Ok(unit.render())
}

fn begun(environment: &Environment) -> Result<UnitFile, WriteError> {
    let mut unit = UnitFile::new();
    let what = format!("Recovers {} when a deployer died.", environment.id());
    for line in [NOTICE, &what] {
        unit.comment(line)?;
    }
    let description = format!("Recovery of {}", environment.id());
    unit.set(Section::Unit, "Description", Value::text(&description))?;
    Ok(unit)
}
