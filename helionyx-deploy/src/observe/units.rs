//! Looks at what systemd runs: unit files, what systemd makes of them, and their user.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;

use super::{all_services, recovery};
use crate::command::{Command, Output};
use crate::host::{Host, HostError};
use crate::layout::UNITS_DIR;
use crate::model::Environment;
use crate::name::{UnitKind, UnitName};
use crate::render::unit_file::effective;
use crate::state::unit::Shown;
use crate::state::{Account, HostState, Node, Overridden, UnitFile, UnitState};
use crate::tool::{account, systemctl};

/// The largest unit file that is read, in bytes.
const UNIT_LIMIT: u64 = 1024 * 1024;

/// The names of an environment's units: of its model, of releases that are here, and of what recovers it.
pub(super) struct Names {
    services: BTreeSet<UnitName>,
    recovery: [UnitName; 2],
}

impl Names {
    /// None where it has no units.
    pub fn of(environment: &Environment, state: &HostState) -> Option<Names> {
        let units = environment.units()?;
        let modelled = environment.services.iter().map(|service| units.of(&service.name));
        let deployed =
            all_services(state).filter_map(|service| Some(service.unit.as_ref()?.name.clone()));
        let recovery = [UnitKind::Service, UnitKind::Timer]
            .map(|kind| UnitName::recovery(&environment.app, &environment.name, kind));
        Some(Names { services: modelled.chain(deployed).collect(), recovery })
    }
}

/// Asks systemd about units; nothing where there are none.
pub(super) fn ask_systemd(
    host: &dyn Host,
    names: &[&Names],
) -> Result<BTreeMap<UnitName, Shown>, HostError> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let units = names.iter().flat_map(|names| names.recovery.iter().chain(&names.services));
    let shown = ask(host, "ask systemd about", &systemctl::show(units))?;
    Ok(systemctl::parse_show(&shown.text))
}

/// Looks at the files of units, and at what systemd makes of them.
pub(super) fn look(
    host: &dyn Host,
    environment: &Environment,
    names: Names,
    shown: &BTreeMap<UnitName, Shown>,
    state: &mut HostState,
) -> Result<(), HostError> {
    let shown = |name: &UnitName| shown.get(name).cloned().unwrap_or_default();
    for name in names.services {
        let file = file(host, &name)?;
        let shown = shown(&name);
        let overridden = match &file {
            // Of what systemd has not read yet it can show nothing.
            UnitFile::Text(text) if !shown.needs_reload => overridden(host, &name, text, &shown),
            _ => Vec::new(),
        };
        state.units.insert(name, UnitState { file, shown, overridden });
    }
    let [service, timer] = names.recovery.map(|name| {
        let shown = shown(&name);
        Ok(UnitState { file: file(host, &name)?, shown, overridden: Vec::new() })
    });
    state.recovery = Some(recovery::look(host, environment, service?, timer?)?);
    Ok(())
}

/// What counts for a unit and is not what its text says, with the drop-ins that set it.
pub(crate) fn overridden(
    host: &dyn Host,
    name: &UnitName,
    text: &str,
    shown: &Shown,
) -> Vec<Overridden> {
    if shown.load != "loaded" {
        return Vec::new();
    }
    let mut found = effective::overridden(name, text, &shown.effective);
    let drop_ins = if found.is_empty() { &[][..] } else { &shown.drop_ins };
    for path in drop_ins {
        // Who set it is worth knowing, but not being told so is no reason to stop.
        let drop_in = host.read(path, UNIT_LIMIT).unwrap_or_default();
        effective::attribute(&mut found, path, &drop_in);
    }
    found
}

/// The account of the environment's user; none where the host does not know it.
pub(crate) fn user(
    host: &dyn Host,
    environment: &Environment,
) -> Result<Option<Account>, HostError> {
    let Some(units) = environment.units() else { return Ok(None) };
    // It also ends with an error for a user that it does not know.
    let output = host.run(&account::look_up(&units.user), &mut |_| {})?;
    Ok(account::parse(&output.text, &units.user))
}

/// What lies where a unit's file should.
pub(crate) fn file(host: &dyn Host, name: &UnitName) -> Result<UnitFile, HostError> {
    let path = Utf8Path::new(UNITS_DIR).join(name.as_str());
    Ok(match host.node(&path)? {
        Node::Missing => UnitFile::Missing,
        Node::File { size, .. } if size <= UNIT_LIMIT => {
            match String::from_utf8(host.read(&path, UNIT_LIMIT)?) {
                Ok(text) => UnitFile::Text(text),
                Err(_) => UnitFile::Other("no text".to_owned()),
            }
        }
        Node::Link { target } => UnitFile::Other(format!("a symbolic link to {target}")),
        other => UnitFile::Other(other.to_string()),
    })
}

/// Runs a command that must end well.
///
/// # Errors
/// What it wrote, when it does not.
pub(crate) fn ask(
    host: &dyn Host,
    verb: &'static str,
    command: &Command,
) -> Result<Output, HostError> {
    ended_well(verb, command, host.run(command, &mut |_| {})?)
}

/// What a command wrote that must have ended well.
///
/// # Errors
/// What it wrote, when it did not.
pub(crate) fn ended_well(
    verb: &'static str,
    command: &Command,
    output: Output,
) -> Result<Output, HostError> {
    match output.status.success() {
        true => Ok(output),
        false => {
            let said = output.tail(3).join("; ");
            let why = if said.is_empty() { output.status.to_string() } else { said };
            Err(HostError::refused(verb, command.args.last().map_or("", String::as_str), why))
        }
    }
}
