//! What must be done to units, and which of them we may not touch. No I/O.

use camino::Utf8Path;

use super::Planner;
use crate::layout::UNITS_DIR;
use crate::name::{ServiceName, UnitName, UserName};
use crate::plan::desired::Way;
use crate::plan::step::Step;
use crate::release::{Service, Unit};
use crate::render::GENERATOR;
use crate::state::{Node, UnitFile, UnitState};

impl Planner<'_> {
    /// Makes the user that services run as, if there is none.
    pub(super) fn create_the_user(&mut self) {
        let Some(units) = self.environment.units() else { return };
        if self.found.user.is_none() {
            let (user, home) = (units.user.clone(), self.layout.data.clone());
            self.steps.push(Step::CreateUser { user, home });
        }
    }

    /// Without its user a unit does not start, and nobody owns its data.
    pub(super) fn refuse_without_user(&mut self) {
        let Some(units) = self.environment.units() else { return };
        if self.found.user.is_none() && self.desired.way == Way::Forward {
            let message = format!("this host has no user {}", units.user);
            let hint = format!("run `setup --env {}`: it makes the user", self.environment.id());
            self.refuse("no-user", message, hint);
        }
    }

    /// Data that the service may not write to, or a root that others may: whose a directory is that
    /// somebody else made is for him to say (HEL-20).
    pub(super) fn refuse_a_wrong_owner(
        &mut self,
        path: &Utf8Path,
        mode: u32,
        uid: u32,
        owner: Option<&UserName>,
    ) {
        let (Some(_), Way::Forward) = (self.environment.units(), self.desired.way) else { return };
        let (hint, wrong) = match (owner, self.found.user) {
            (Some(owner), Some(account)) if uid != account.uid => {
                (format!("chown {owner}: {path}"), format!("it belongs to user id {uid}"))
            }
            (Some(owner), None) => {
                let make = format!("useradd --system --user-group --no-create-home {owner}");
                (format!("{make} && chown {owner}: {path}"), format!("it belongs to user id {uid}"))
            }
            (None, _) if uid != 0 => {
                (format!("chown root: {path}"), format!("it belongs to user id {uid}"))
            }
            (None, _) if mode & 0o022 != 0 => {
                (format!("chmod go-w {path}"), format!("others may write to it ({mode:04o})"))
            }
            _ => return,
        };
        let hint = format!("look what lies in it, then run `{hint}`");
        self.refuse("wrong-owner", format!("{path}: {wrong}"), hint);
    }

    /// What root does below a directory that somebody else may write to, he can turn elsewhere: he
    /// puts a link in its place at the right moment.
    pub(super) fn refuse_what_others_may_replace(&mut self) {
        if self.environment.units().is_none() || self.desired.way == Way::Back {
            return;
        }
        let found = self.found;
        for (path, node) in &found.above {
            let Node::Directory { mode, uid } = node else { continue };
            // In a sticky one, only the owner of an entry may replace it.
            let is_open = mode & 0o022 != 0 && mode & 0o1000 == 0;
            let (hint, wrong) = match (*uid, is_open) {
                (0, false) => continue,
                (0, true) => ("chmod go-w", format!("others may write to it ({mode:04o})")),
                (uid, _) => ("chown root:", format!("it belongs to user id {uid}")),
            };
            let message = format!("{path}: {wrong}, and root would write below it");
            let hint = format!("run `{hint} {path}`, or choose another root or data");
            self.refuse("wrong-owner", message, hint);
        }
    }

    /// Puts units in place that are not what the release says, and has them started at boot.
    pub(super) fn install_units(&mut self, services: &[Service]) {
        let units: Vec<&Unit> =
            services.iter().filter_map(|service| service.unit.as_ref()).collect();
        let mut must_reload = false;
        for unit in &units {
            let state = self.found.units.get(&unit.name);
            if !is_installed(state, unit) {
                self.steps.push(Step::WriteUnit { unit: Box::new((*unit).clone()) });
                must_reload = true;
            }
            must_reload |= state.is_some_and(|state| state.shown.needs_reload);
        }
        if must_reload {
            self.steps.push(Step::ReloadUnits);
        }
        for unit in units {
            let state = self.found.units.get(&unit.name);
            if state.is_none_or(|state| state.shown.file_state != "enabled") {
                self.steps.push(Step::EnableUnit { unit: unit.name.clone() });
            }
        }
    }

    /// Removes the units that we made: without `current` they would fail at the next boot.
    pub(super) fn remove_units(&mut self) {
        let ours = self.found.units.iter().filter(|(_, state)| match &state.file {
            UnitFile::Text(text) => text.contains(GENERATOR),
            _ => false,
        });
        let before = self.steps.len();
        self.steps.extend(ours.map(|(unit, _)| Step::RemoveUnit { unit: unit.clone() }));
        if self.steps.len() > before {
            self.steps.push(Step::ReloadUnits);
        }
    }

    /// Why a service must be started anew because of its unit, if it must.
    pub(super) fn why_unit(&self, unit: &Unit) -> Option<String> {
        let state = self.found.units.get(&unit.name);
        let name = &unit.name;
        match state.map(|state| &state.file) {
            None | Some(UnitFile::Missing) => Some(format!("{name} is not installed")),
            Some(UnitFile::Text(text)) if *text == unit.text => None,
            Some(_) => Some(format!("{name} is not what the release says")),
        }
    }

    /// Whether systemd knows this process as the unit's main process.
    pub(super) fn is_main(&self, unit: &UnitName, pid: u32) -> bool {
        self.found.units.get(unit).is_some_and(|state| state.shown.main_pid == Some(pid))
    }

    /// Services whose units run, are about to, or wait to be started again.
    pub(super) fn busy_units(&self) -> Vec<ServiceName> {
        let names = self.environment.services.iter().map(|service| &service.name);
        names.filter(|name| self.unit_to_stop(name).is_some()).cloned().collect()
    }

    /// The unit of a service, where it has something to stop.
    pub(super) fn unit_to_stop(&self, service: &ServiceName) -> Option<UnitName> {
        let unit = self.environment.unit(service)?;
        let state = self.found.units.get(&unit)?;
        state.shown.is_busy().then_some(unit)
    }

    /// A unit that somebody else wrote, masked, or put another one in front of is not ours to change.
    pub(super) fn refuse_a_foreign_unit(&mut self, service: &Service) {
        let Some(unit) = &service.unit else {
            if self.environment.units().is_some() {
                let message = format!("{} has no unit", service.name);
                let hint =
                    "this release was made for the embedded runtime: deploy again".to_owned();
                self.refuse("no-unit", message, hint);
            }
            return;
        };
        let Some(state) = self.found.units.get(&unit.name) else { return };
        let path = format!("{UNITS_DIR}/{}", unit.name);
        let hint = format!("look what it is, then `mv {path} {path}.aside`");
        match &state.file {
            UnitFile::Missing => {}
            UnitFile::Text(text) if text.contains(GENERATOR) => {}
            // An empty one is what a power cut leaves of a file that was not synced.
            UnitFile::Text(text) if text.is_empty() => {}
            UnitFile::Text(_) => {
                let message = format!("{path} was not made by us");
                self.refuse("foreign-unit", message, hint);
            }
            UnitFile::Other(what) => {
                let masked = if state.shown.load == "masked" { ": the unit is masked" } else { "" };
                let message = format!("{path} is {what}{masked}");
                let hint = if masked.is_empty() {
                    hint
                } else {
                    format!("run `systemctl unmask {}`", unit.name)
                };
                self.refuse("foreign-unit", message, hint);
            }
        }
        self.refuse_a_shadow(unit, state, &path);
        self.refuse_what_would_not_run_the_release(unit, state);
    }

    /// What somebody adds to a unit on purpose is his matter, unless what would run is not the
    /// release any more (HEL-77).
    fn refuse_what_would_not_run_the_release(&mut self, unit: &Unit, state: &UnitState) {
        for one in state.overridden.iter().filter(|one| one.is_decisive) {
            let hint = match one.by.last() {
                Some(path) => format!("remove {path}, then run `systemctl daemon-reload`"),
                None => format!("look at `systemctl cat {}`", unit.name),
            };
            self.refuse("unit-overridden", format!("{}: {one}", unit.name), hint);
        }
    }

    fn refuse_a_shadow(&mut self, unit: &Unit, state: &UnitState, path: &str) {
        let Some(fragment) = &state.shown.fragment else { return };
        if fragment.as_str() == path {
            return;
        }
        // With nothing of ours there yet, it is the host's own: ours would take its place.
        if state.file == UnitFile::Missing {
            let message = format!("the host has a unit {} of its own in {fragment}", unit.name);
            let hint = "give the environment another `unit_suffix`".to_owned();
            self.refuse("foreign-unit", message, hint);
        } else if matches!(state.file, UnitFile::Text(_)) {
            let message = format!("{} is read from {fragment}, not from {path}", unit.name);
            self.refuse("shadowed-unit", message, format!("remove {fragment}"));
        }
    }
}

fn is_installed(state: Option<&UnitState>, unit: &Unit) -> bool {
    state.is_some_and(|state| state.file == UnitFile::Text(unit.text.clone()))
}
