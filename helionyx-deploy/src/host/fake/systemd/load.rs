//! What systemd reads of a unit, and whether that has changed since. No I/O.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use systemd_unit_file::{Context, Version, environment, exec};

use super::Machine;
use crate::host::fake::disk::Disk;
use crate::layout::UNITS_DIR;
use crate::name::UnitName;
use crate::state::Node;

/// The version whose grammar counts.
pub(super) const VERSION: Version = Version(252);
/// Where unit files lie, the first place first.
const PLACES: [&str; 3] = [UNITS_DIR, "/run/systemd/system", "/lib/systemd/system"];
/// What units are linked from that are started at boot.
pub(super) const WANTED: &str = "/etc/systemd/system/multi-user.target.wants";

/// A unit as it was read.
#[derive(Debug)]
pub(super) struct Loaded {
    /// Its file.
    pub(super) path: Utf8PathBuf,
    /// The files that change it.
    pub(super) drop_ins: Vec<Utf8PathBuf>,
    /// What was there when it was read.
    stamp: Vec<(Utf8PathBuf, Node)>,
    unit: systemd_unit_file::Unit,
    context: Context,
}

impl Loaded {
    /// Reads a unit; none where there is no file.
    pub(super) fn read(disk: &Disk, name: &UnitName) -> Option<Loaded> {
        let path = path_of(disk, name)?;
        let drop_ins = drop_ins(disk, name);
        let stamp = stamp(disk, &path, &drop_ins);
        let mut text = disk.read_text(&path).unwrap_or_default();
        if !text.is_empty() {
            for drop_in in &drop_ins {
                text += "\n";
                text += &disk.read_text(drop_in).unwrap_or_default();
            }
        }
        let unit = systemd_unit_file::Unit::parse(text.as_bytes());
        Some(Loaded { path, drop_ins, stamp, unit, context: Context::new(name.as_str()) })
    }

    /// `loaded`, `masked` or `bad-setting`.
    pub(super) fn word(&self) -> &'static str {
        match () {
            () if self.unit.masked => "masked",
            () if self.unit.is_refused() || self.command().is_none() && !self.is_timer() => {
                "bad-setting"
            }
            () => "loaded",
        }
    }

    pub(super) fn is_timer(&self) -> bool {
        self.path.as_str().ends_with(".timer")
    }

    pub(super) fn is_oneshot(&self) -> bool {
        self.service("Type") == "oneshot"
    }

    pub(super) fn service<'l>(&'l self, key: &'l str) -> &'l str {
        self.unit.last("Service", key).map_or("", |line| line.value.as_str())
    }

    pub(super) fn span(&self, section: &str, key: &str) -> Option<Duration> {
        parse_span(&self.unit.last(section, key)?.value)
    }

    /// How often a unit may be started within which time.
    pub(super) fn start_limit(&self) -> (Duration, u64) {
        let interval =
            self.span("Unit", "StartLimitIntervalSec").unwrap_or(Duration::from_secs(10));
        let burst = self.unit.last("Unit", "StartLimitBurst");
        (interval, burst.and_then(|line| line.value.parse().ok()).unwrap_or(5))
    }

    /// After which times a timer elapses, and what it starts then.
    pub(super) fn elapses(&self) -> Vec<Duration> {
        let lines = self.unit.list("Timer", "OnActiveSec");
        lines.iter().filter_map(|line| parse_span(&line.value)).collect()
    }

    pub(super) fn triggers(&self) -> Option<UnitName> {
        self.unit.last("Timer", "Unit")?.value.parse().ok()
    }

    /// What is executed.
    pub(super) fn command(&self) -> Option<exec::Command> {
        let line = self.unit.list("Service", "ExecStart").pop()?;
        exec::parse(&line.value, &self.context, VERSION).ok()?.commands.pop()
    }

    /// The variables that the unit itself sets.
    pub(super) fn variables(&self) -> environment::Variables {
        let lines = self.unit.list("Service", "Environment");
        environment::assigned(lines, &self.context, VERSION).variables
    }

    /// The files with more variables.
    pub(super) fn environment_files(&self) -> Vec<environment::EnvironmentFile> {
        environment::files(self.unit.list("Service", "EnvironmentFile"), &self.context, VERSION).0
    }
}

impl Machine {
    /// Has a unit be known, as it is read now where it was not read yet.
    pub(super) fn know(&mut self, name: &UnitName) -> &mut super::Unit {
        let unit = self.systemd.units.entry(name.clone()).or_default();
        if unit.loaded.is_none() {
            unit.loaded = Loaded::read(&self.disk, name);
        }
        unit
    }

    /// Reads all units anew; those that are gone and do not run are forgotten.
    pub(super) fn read_units(&mut self) {
        let disk = &self.disk;
        for (name, unit) in &mut self.systemd.units {
            unit.loaded = Loaded::read(disk, name);
        }
        self.systemd.units.retain(|_, unit| {
            unit.loaded.is_some()
                || unit.next_event().is_some()
                || unit.state != super::State::Inactive
        });
    }

    /// Whether the files of a unit have changed since they were read.
    pub(super) fn needs_reload(&self, name: &UnitName) -> bool {
        let Some(loaded) = self.systemd.units.get(name).and_then(|unit| unit.loaded.as_ref())
        else {
            return false;
        };
        let path = path_of(&self.disk, name).unwrap_or_else(|| loaded.path.clone());
        stamp(&self.disk, &path, &drop_ins(&self.disk, name)) != loaded.stamp
    }

    /// What `systemctl is-enabled` says; nothing where there is no file.
    pub(super) fn file_state(&self, name: &UnitName) -> &'static str {
        let Some(path) = path_of(&self.disk, name) else { return "" };
        let text = self.disk.read_text(path).unwrap_or_default();
        match () {
            () if text.is_empty() => "masked",
            () if !text.lines().any(|line| line.starts_with("WantedBy=")) => "static",
            () if self.disk.exists(Utf8Path::new(WANTED).join(name.as_str())) => "enabled",
            () => "disabled",
        }
    }
}

fn path_of(disk: &Disk, name: &UnitName) -> Option<Utf8PathBuf> {
    let paths = PLACES.iter().map(|place| Utf8Path::new(place).join(name.as_str()));
    paths.into_iter().find(|path| disk.exists(path))
}

fn drop_ins(disk: &Disk, name: &UnitName) -> Vec<Utf8PathBuf> {
    let dir = Utf8Path::new(UNITS_DIR).join(format!("{name}.d"));
    let names = disk.list(&dir).unwrap_or_default().into_iter();
    names.filter(|name| name.ends_with(".conf")).map(|name| dir.join(name)).collect()
}

fn stamp(disk: &Disk, path: &Utf8Path, drop_ins: &[Utf8PathBuf]) -> Vec<(Utf8PathBuf, Node)> {
    let paths = std::iter::once(path).chain(drop_ins.iter().map(Utf8PathBuf::as_path));
    let node = |path: &Utf8Path| (path.to_owned(), disk.node(path).unwrap_or(Node::Missing));
    paths.map(node).collect()
}

/// A span of time as our own units write it: `5s`, `250us`, `1s 500us`, or a number of seconds.
fn parse_span(text: &str) -> Option<Duration> {
    let words = text.split_whitespace().map(|word| {
        let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let number: u64 = digits.parse().ok()?;
        match &word[digits.len()..] {
            "" | "s" => Some(Duration::from_secs(number)),
            "ms" => Some(Duration::from_millis(number)),
            "us" => Some(Duration::from_micros(number)),
            "min" => Some(Duration::from_secs(number * 60)),
            _ => None,
        }
    });
    words.sum()
}
