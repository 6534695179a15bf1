//! The unit files of an environment's services. No I/O.
//!
//! A unit runs what `current` names, so that one unit serves all releases and a switch changes no
//! file of systemd's. It is the same on every host: nothing in it comes from the machine that it is
//! rendered on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use systemd_unit_file::{Section, UnitFile, Value, WriteError};

use crate::layout::RELEASE_ENV;
use crate::model::{Environment, Restart, Runtime, ServiceModel, ServiceType, Units};
use crate::name::{ServiceName, UnitName};
use crate::release::Unit;
use crate::state::mark;
use crate::template::{Bindings, Placeholder};

use super::NOTICE;

mod sandbox;

/// Where programs are looked up. The default differs between versions of systemd.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The unit file of every service of an environment; none where no unit runs them.
///
/// # Errors
/// What cannot be said in a unit file. A validated environment has no such thing.
pub fn units(environment: &Environment) -> Result<BTreeMap<ServiceName, Unit>, WriteError> {
    match &environment.runtime {
        Runtime::Process => Ok(BTreeMap::new()),
        Runtime::Systemd(units) => {
            let each = environment.services.iter();
            each.map(|service| Ok((service.name.clone(), unit(environment, units, service)?)))
                .collect()
        }
    }
}

/// The unit file of one service.
///
/// # Errors
/// As [`units`].
pub fn unit(
    environment: &Environment,
    units: &Units,
    service: &ServiceModel,
) -> Result<Unit, WriteError> {
    let name = units.of(&service.name);
    let text = Service { environment, service, units, name: &name }.unit()?.render();
    Ok(Unit { name, text })
}

/// One service of an environment that systemd runs.
struct Service<'a> {
    environment: &'a Environment,
    service: &'a ServiceModel,
    units: &'a Units,
    name: &'a UnitName,
}

impl Service<'_> {
    fn unit(&self) -> Result<UnitFile, WriteError> {
        let mut unit = UnitFile::new();
        let what = format!("Service {} of {}.", self.service.name, self.environment.id());
        for line in [NOTICE, &what] {
            unit.comment(line)?;
        }
        self.unit_section(&mut unit)?;
        self.program(&mut unit)?;
        self.life(&mut unit)?;
        self.limits(&mut unit)?;
        sandbox::set(&mut unit, self.service.supervision.sandbox)?;
        self.places(&mut unit)?;
        unit.set(Section::Install, "WantedBy", Value::word("multi-user.target"))?;
        Ok(unit)
    }

    fn unit_section(&self, unit: &mut UnitFile) -> Result<(), WriteError> {
        let (environment, service) = (self.environment, self.service);
        let said = service.supervision.description.as_deref().unwrap_or(service.name.as_str());
        let description = format!("{said} ({})", environment.name);
        let network = || Value::word("network-online.target");
        // Also where they lie on a file system that is mounted later, or unlocked by hand (T-HEL-18).
        let mounts = [&environment.layout.root, &environment.layout.data];
        let interval = Duration::from_millis(service.limits.start_interval_ms);
        let burst = u64::from(service.limits.start_burst);
        let section = Section::Unit;
        unit.set(section, "Description", Value::text(&description))?;
        unit.set(section, "After", network())?;
        let units = |names: &BTreeSet<ServiceName>| {
            names.iter().map(|name| self.units.of(name).to_string()).collect::<Vec<_>>()
        };
        let earlier = units(&service.after.union(&service.requires).cloned().collect());
        for unit_name in &earlier {
            unit.set(section, "After", Value::word(unit_name))?;
        }
        unit.set(section, "Wants", network())?;
        for unit_name in &units(&service.requires) {
            unit.set(section, "Requires", Value::word(unit_name))?;
        }
        unit.set(section, "RequiresMountsFor", Value::paths(&mounts))?;
        unit.set(section, "StartLimitIntervalSec", Value::duration(interval))?;
        unit.set(section, "StartLimitBurst", Value::number(burst))?;
        Ok(())
    }

    /// What runs, as whom, where, with which variables. Secrets come from the operator's file:
    /// whatever stands in a unit file can be read by everybody on the host.
    fn program(&self, unit: &mut UnitFile) -> Result<(), WriteError> {
        let (environment, service) = (self.environment, self.service);
        let layout = &environment.layout;
        let bindings = self.bindings();
        let exec: Vec<_> = service.exec.iter().map(|word| word.expand(&bindings)).collect();
        let mut set = |key, value| unit.set(Section::Service, key, value).map(|_| ());
        set("Type", Value::word(type_word(service.supervision.service_type)))?;
        if service.supervision.service_type == ServiceType::Notify {
            set("NotifyAccess", Value::word("main"))?;
        }
        set("User", Value::word(self.units.user.as_str()))?;
        set("Group", Value::word(self.units.user.as_str()))?;
        set("WorkingDirectory", Value::path(&layout.current()))?;
        for (name, value) in self.variables() {
            set("Environment", Value::variable(name, value))?;
        }
        set("EnvironmentFile", Value::path(&layout.current().join(RELEASE_ENV)))?;
        if environment.has_secrets() {
            set("EnvironmentFile", Value::path(&layout.secrets()))?;
        }
        set("ExecStart", Value::exec(&exec))?;
        set("SyslogIdentifier", Value::word(self.name.stem()))
    }

    /// What every service of ours is told: by the marks its processes are known again.
    fn variables(&self) -> [(&'static str, &str); 6] {
        let environment = self.environment;
        [
            ("PATH", PATH),
            ("HOME", environment.layout.data.as_str()),
            (mark::APP, environment.app.as_str()),
            (mark::ENVIRONMENT, environment.name.as_str()),
            (mark::ROOT, environment.layout.root.as_str()),
            (mark::SERVICE, self.service.name.as_str()),
        ]
    }

    fn life(&self, unit: &mut UnitFile) -> Result<(), WriteError> {
        let (limits, supervision) = (self.service.limits, &self.service.supervision);
        let mut set = |key, value| unit.set(Section::Service, key, value).map(|_| ());
        let secs = |secs| Value::duration(Duration::from_secs(secs));
        set("Restart", Value::word(restart_word(supervision.restart)))?;
        set("RestartSec", secs(supervision.restart_delay_secs))?;
        set("TimeoutStartSec", secs(supervision.start_timeout_secs))?;
        set("TimeoutStopSec", Value::duration(Duration::from_millis(limits.stop_timeout_ms)))?;
        // TERM for the main process alone, KILL for whatever is left of its group.
        set("KillMode", Value::word("mixed"))
    }

    fn limits(&self, unit: &mut UnitFile) -> Result<(), WriteError> {
        let supervision = &self.service.supervision;
        let mut set = |key, value| unit.set(Section::Service, key, value).map(|_| ());
        set("MemoryMax", Value::word(&format!("{}M", supervision.memory_max_mib)))?;
        set("TasksMax", Value::number(supervision.tasks_max))?;
        set("LimitNOFILE", Value::number(supervision.open_files_max))?;
        // A core dump holds the secrets.
        set("LimitCORE", Value::number(0))
    }

    /// What it may write to, and what it may not even see: systemd reads the secrets before.
    fn places(&self, unit: &mut UnitFile) -> Result<(), WriteError> {
        let layout = &self.environment.layout;
        let mut set = |key, value| unit.set(Section::Service, key, value).map(|_| ());
        set("ReadWritePaths", Value::paths(&[&layout.data]))?;
        set("InaccessiblePaths", Value::optional_paths(&[layout.secrets()]))?;
        set("RuntimeDirectory", Value::word(self.name.stem()))?;
        set("RuntimeDirectoryMode", Value::word("0700"))
    }

    /// What placeholders stand for in a unit: the release is the one that `current` names.
    fn bindings(&self) -> Bindings {
        let current = self.environment.layout.current();
        self.environment.bindings(&current).bind(Placeholder::Release, current.as_str())
    }
}

fn type_word(service_type: ServiceType) -> &'static str {
    match service_type {
        ServiceType::Exec => "exec",
        ServiceType::Notify => "notify",
    }
}

fn restart_word(restart: Restart) -> &'static str {
    match restart {
        Restart::Always => "always",
        Restart::OnFailure => "on-failure",
        Restart::No => "no",
    }
}
