//! The rules of systemd: a unit for each service, written by us, enabled, run as a user of its own.
//! No I/O.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use camino::Utf8Path;

use crate::layout::UNITS_DIR;
use crate::model::{Environment, ServiceModel, Units};
use crate::name::{ReleaseId, ServiceName, UnitKind, UnitName, UserName};
use crate::plan::desired::{Directory, Leaving};
use crate::plan::guard::Guard;
use crate::plan::runtime::{Needs, Switch};
use crate::plan::step::{Handle, HostStep, Recovery, Step};
use crate::plan::{Refusal, fingerprint};
use crate::release::{Managed, Service, Unit};
use crate::render;
use crate::state::{
    HostState, Instance, ServiceView, SupervisorState, SystemdState, UnitFile, UnitState, mark,
};

mod owner;
mod refuse;
mod view;

/// What is known of systemd where nobody looked at it.
static UNKNOWN: LazyLock<SystemdState> = LazyLock::new(SystemdState::default);

pub(super) struct Rules<'e> {
    pub environment: &'e Environment,
    pub units: &'e Units,
}

/// What systemd was found to know.
fn state(found: &HostState) -> &SystemdState {
    match &found.supervisor {
        SupervisorState::Systemd(state) => state,
        SupervisorState::Process => &UNKNOWN,
    }
}

/// The units that a release wants, of those services that systemd runs.
fn units_of(services: &[Service]) -> Vec<&Unit> {
    services.iter().filter_map(unit_of).collect()
}

fn unit_of(service: &Service) -> Option<&Unit> {
    match &service.managed {
        Managed::Systemd(unit) => Some(unit),
        Managed::Process => None,
    }
}

impl super::Rules for Rules<'_> {
    fn user(&self) -> Option<&UserName> {
        Some(&self.units.user)
    }

    fn unit(&self, service: &ServiceName) -> Option<UnitName> {
        Some(self.units.of(service))
    }

    fn needs(&self) -> Needs {
        Needs { systemd: true, rights_and_room: true }
    }

    fn managed(&self, service: &ServiceModel) -> Managed {
        // A validated model can be rendered: `check` renders every unit.
        match render::service::unit(self.environment, self.units, service) {
            Ok(unit) => Managed::Systemd(unit),
            Err(_) => {
                let name = self.units.of(&service.name);
                Managed::Systemd(Unit { name, text: String::new() })
            }
        }
    }

    /// A unit is the same for all releases, so that the file of the release has the mark.
    fn configuration(&self, release: &ReleaseId) -> String {
        format!("{}={release}\n", mark::RELEASE)
    }

    fn directories(&self) -> Vec<Directory> {
        vec![Directory { path: self.environment.backups.clone(), mode: 0o700, owner: None }]
    }

    fn switch(&self) -> Switch {
        Switch::AfterTheStop
    }

    fn recovery(&self) -> Option<Recovery> {
        // A validated model can be rendered, as above.
        let services = self.environment.services.iter();
        let services = services.map(|service| self.units.of(&service.name)).collect();
        let units = render::recovery::for_services(self.environment, services).ok()?;
        let model = serde_json::to_string_pretty(self.environment).ok()? + "\n";
        Some(Recovery { model, service: units.service, timer: units.timer })
    }

    fn guard<'f>(&self, found: &'f HostState) -> Option<Guard<'f>> {
        let Environment { app, name, .. } = self.environment;
        let unit = |kind| UnitName::recovery(app, name, kind);
        Some(Guard {
            found: &state(found).recovery,
            wanted: self.recovery(),
            service: unit(UnitKind::Service),
            timer: unit(UnitKind::Timer),
        })
    }

    fn prepare(&self, found: &HostState) -> Vec<Step> {
        let (user, home) = (self.units.user.clone(), self.environment.layout.data.clone());
        let missing = state(found).user.is_none();
        missing.then_some(Step::Host(HostStep::CreateUser { user, home })).into_iter().collect()
    }

    fn refuse_unprepared(&self, found: &HostState) -> Vec<Refusal> {
        owner::refuse_without_user(self, state(found))
    }

    fn refuse_directory(
        &self,
        found: &HostState,
        directory: &Directory,
        mode: u32,
        uid: u32,
    ) -> Option<Refusal> {
        owner::refuse_wrong_owner(state(found), directory, mode, uid)
    }

    fn refuse_above(&self, found: &HostState) -> Vec<Refusal> {
        owner::refuse_what_others_may_replace(found)
    }

    fn refuse_start(&self, found: &HostState, service: &Service) -> Vec<Refusal> {
        match unit_of(service) {
            Some(unit) => refuse::start(unit, state(found).units.get(&unit.name)),
            None => Vec::from_iter(super::refuse_another_supervisor(self.environment, service)),
        }
    }

    fn why_restart(&self, found: &HostState, service: &Service) -> Option<String> {
        let Unit { name, text } = unit_of(service)?;
        match state(found).units.get(name).map(|state| &state.file) {
            None | Some(UnitFile::Missing) => Some(format!("{name} is not installed")),
            Some(UnitFile::Text(there)) if there == text => None,
            Some(_) => Some(format!("{name} is not what the release says")),
        }
    }

    fn why_foreign(&self, found: &HostState, service: &Service, main: &Instance) -> Option<String> {
        let unit = &unit_of(service)?.name;
        let shown = state(found).units.get(unit).and_then(|state| state.shown.main_pid);
        let is_main = shown == Some(main.process.key.pid);
        (!is_main).then(|| format!("{} runs outside of {unit}", service.name))
    }

    /// Puts units in place that are not what the release says, and has them started at boot.
    fn install(&self, found: &HostState, services: &[Service]) -> Vec<Step> {
        let known = &state(found).units;
        let units = units_of(services);
        let mut steps = Vec::new();
        let mut must_reload = false;
        for unit in &units {
            let state = known.get(&unit.name);
            if !is_installed(state, unit) {
                steps.push(Step::Host(HostStep::WriteUnit { unit: Box::new((*unit).clone()) }));
                must_reload = true;
            }
            must_reload |= state.is_some_and(|state| state.shown.needs_reload);
        }
        if must_reload {
            steps.push(Step::Host(HostStep::ReloadUnits));
        }
        for unit in units {
            if known.get(&unit.name).is_none_or(|state| state.shown.file_state != "enabled") {
                steps.push(Step::Host(HostStep::EnableUnit { unit: unit.name.clone() }));
            }
        }
        steps
    }

    /// The unit, where it runs, is about to, or waits to be started again.
    fn busy(&self, found: &HostState, service: &ServiceName) -> Option<Handle> {
        let unit = self.units.of(service);
        let state = state(found).units.get(&unit)?;
        state.shown.is_busy().then_some(Handle::Unit(unit))
    }

    /// Removes the units that we made: without `current` they would fail at the next boot.
    fn remove(&self, found: &HostState) -> Vec<Step> {
        let ours = state(found).units.iter().filter(|(_, state)| match &state.file {
            UnitFile::Text(text) => text.contains(render::GENERATOR),
            UnitFile::Missing | UnitFile::Other(_) => false,
        });
        let mut steps: Vec<Step> =
            ours.map(|(unit, _)| Step::Host(HostStep::RemoveUnit { unit: unit.clone() })).collect();
        if !steps.is_empty() {
            steps.push(Step::Host(HostStep::ReloadUnits));
        }
        steps
    }

    fn uninstall(&self, found: &HostState, leaving: Leaving) -> Vec<Step> {
        match (leaving, state(found).user) {
            (Leaving::Nothing, Some(_)) => {
                vec![Step::Host(HostStep::RemoveUser { user: self.units.user.clone() })]
            }
            (Leaving::Nothing, None) | (Leaving::Data, _) => Vec::new(),
        }
    }

    fn facts(&self, found: &HostState) -> fingerprint::Facts {
        let units: &BTreeMap<UnitName, UnitState> = &state(found).units;
        let fact = |(name, unit): (&UnitName, &UnitState)| {
            let (file, shown) = (fingerprint::describe_file(&unit.file), &unit.shown);
            let what = format!("{file}, {}, {}, {}", shown.load, shown.active, shown.file_state);
            (format!("unit {name}"), what)
        };
        units.iter().map(fact).collect()
    }

    fn view(
        &self,
        found: &HostState,
        name: &ServiceName,
        deployed: Option<&Service>,
    ) -> ServiceView {
        view::of(self, found, name, deployed.and_then(unit_of))
    }
}

fn is_installed(state: Option<&UnitState>, unit: &Unit) -> bool {
    state.is_some_and(|state| state.file == UnitFile::Text(unit.text.clone()))
}

/// Where the file of a unit lies.
fn path_of(unit: &UnitName) -> String {
    Utf8Path::new(UNITS_DIR).join(unit.as_str()).into_string()
}
