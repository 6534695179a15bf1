//! Looks at what systemd runs: unit files and what systemd makes of them.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;
use systemd_unit_file::effective::{self, Overridden};

use crate::host::{Host, HostError, ask};
use crate::layout::UNITS_DIR;
use crate::model::{Environment, Runtime, Units};
use crate::name::{UnitKind, UnitName};
use crate::release::Managed;
use crate::state::unit::Shown;
use crate::state::{Account, HostState, Node, SystemdState, UnitFile, UnitState};
use crate::supervise::{Answer, recovery};
use crate::tool::systemctl;

/// The largest unit file that is read, in bytes.
const UNIT_LIMIT: u64 = 1024 * 1024;

/// The names of an environment's units: of its model, of releases that are here, and of what
/// recovers it.
pub(super) struct Names {
    services: BTreeSet<UnitName>,
    recovery: [UnitName; 2],
}

impl Names {
    pub fn of(environment: &Environment, units: &Units, recorded: &HostState) -> Names {
        let modelled = environment.services.iter().map(|service| units.of(&service.name));
        let deployed =
            recorded.services_of_releases().filter_map(|service| match &service.managed {
                Managed::Systemd(unit) => Some(unit.name.clone()),
                Managed::Process => None,
            });
        let recovery = [UnitKind::Service, UnitKind::Timer]
            .map(|kind| UnitName::recovery(&environment.app, &environment.name, kind));
        Names { services: modelled.chain(deployed).collect(), recovery }
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

/// Asks systemd about the units of several environments at once, and answers for each; none where
/// systemd does not answer: what it refuses to say of all, it may say of some.
pub(in crate::supervise) fn ask_together(
    host: &dyn Host,
    environments: &[(&Environment, &HostState)],
) -> Option<Vec<Answer>> {
    // What systemd is asked about, or the answer of who need not be asked.
    let names: Vec<Result<Names, Answer>> = environments
        .iter()
        .map(|(environment, recorded)| match &environment.runtime {
            Runtime::Process => Err(Answer::Process),
            Runtime::Systemd(units) => Ok(Names::of(environment, units, recorded)),
        })
        .collect();
    let shown = ask_systemd(host, &names.iter().flatten().collect::<Vec<_>>()).ok()?;
    let answers = names.into_iter().map(|names| match names {
        Ok(_) => Answer::Systemd(shown.clone()),
        Err(answer) => answer,
    });
    Some(answers.collect())
}

/// Looks at the files of units, and puts them together with what systemd says.
pub(super) fn state(
    host: &dyn Host,
    environment: &Environment,
    names: Names,
    shown: &BTreeMap<UnitName, Shown>,
    user: Option<Account>,
) -> Result<SystemdState, HostError> {
    let shown = |name: &UnitName| shown.get(name).cloned().unwrap_or_default();
    let mut units = BTreeMap::new();
    for name in names.services {
        let file = unit_file(host, &name)?;
        let shown = shown(&name);
        let overridden = match &file {
            // Of what systemd has not read yet it can show nothing.
            UnitFile::Text(text) if !shown.needs_reload => overridden(host, &name, text, &shown),
            UnitFile::Text(_) | UnitFile::Missing | UnitFile::Other(_) => Vec::new(),
        };
        units.insert(name, UnitState { file, shown, overridden });
    }
    let [service, timer] = names.recovery.map(|name| {
        let shown = shown(&name);
        Ok(UnitState { file: unit_file(host, &name)?, shown, overridden: Vec::new() })
    });
    let recovery = recovery::look(host, environment, service?, timer?)?;
    Ok(SystemdState { units, recovery, user })
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
    let mut found = effective::overridden(name.as_str(), text, &shown.effective);
    let drop_ins = if found.is_empty() { &[][..] } else { &shown.drop_ins };
    for path in drop_ins {
        // Who set it is worth knowing, but not being told so is no reason to stop.
        let drop_in = host.read(path, UNIT_LIMIT).unwrap_or_default();
        effective::attribute(&mut found, path, &drop_in);
    }
    found
}

/// What lies where a unit's file should.
pub(crate) fn unit_file(host: &dyn Host, name: &UnitName) -> Result<UnitFile, HostError> {
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
