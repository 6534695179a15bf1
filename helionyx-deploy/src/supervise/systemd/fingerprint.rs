//! What units are like at one moment, as facts.

use camino::Utf8Path;

use super::look::unit_file;
use crate::event::chain;
use crate::host::{Host, HostError};
use crate::layout::UNITS_DIR;
use crate::name::UnitName;
use crate::plan::fingerprint::{Facts, describe_file};
use crate::state::unit::Shown;
use crate::supervise::{Answer, Fingerprint};

/// The files of units, and what systemd says of them.
pub(super) fn of(
    host: &dyn Host,
    units: impl Iterator<Item = UnitName>,
    answer: &Result<Answer, HostError>,
) -> Fingerprint {
    let (mut facts, mut unread) = (Facts::new(), Vec::new());
    for unit in units {
        let path = Utf8Path::new(UNITS_DIR).join(unit.as_str());
        let file = unit_file(host, &unit).map(|file| describe_file(&file));
        facts.insert(path.to_string(), file.unwrap_or_else(|error| chain(&error)));
        let shown = match answer {
            Ok(Answer::Systemd(shown)) => shown.get(&unit),
            Ok(Answer::Process) => None,
            Err(error) => {
                facts.insert(unit.to_string(), chain(error));
                continue;
            }
        };
        facts.insert(unit.to_string(), shown.map(describe).unwrap_or_default());
        if shown.is_some_and(|shown| shown.needs_reload) {
            unread.push(unit);
        }
    }
    Fingerprint { facts, unread }
}

fn describe(shown: &Shown) -> String {
    let pid = shown.main_pid.map_or("no process".to_owned(), |pid| format!("pid {pid}"));
    let read = match shown.needs_reload {
        true => "systemd has not read its file since that changed",
        false => "systemd has read its file",
    };
    let Shown { active, invocation, file_state, .. } = shown;
    let begun = invocation.get(..7).map(|begun| format!(" (start {begun})")).unwrap_or_default();
    let enabled = if file_state.is_empty() { "no unit file" } else { file_state };
    format!("{active}, {pid}{begun}, {enabled}, {read}")
}
