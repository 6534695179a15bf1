//! Units that we may not touch: somebody else wrote, masked or changed them. No I/O.

use super::path_of;
use crate::hint;
use crate::plan::Refusal;
use crate::release::Unit;
use crate::render::GENERATOR;
use crate::state::{UnitFile, UnitState};

/// What keeps systemd from starting a unit as the release says.
pub(super) fn start(unit: &Unit, state: Option<&UnitState>) -> Vec<Refusal> {
    let Some(state) = state else { return Vec::new() };
    let path = path_of(&unit.name);
    let foreign = foreign(unit, state, &path).into_iter();
    foreign.chain(shadowed(unit, state, &path)).chain(overridden(unit, state)).collect()
}

/// A unit that somebody else wrote or masked is not ours to change.
fn foreign(unit: &Unit, state: &UnitState, path: &str) -> Option<Refusal> {
    let hint = hint!("look at it, then ", hint::aside(path));
    let (message, hint) = match &state.file {
        UnitFile::Missing => return None,
        // An empty one is what a power cut leaves of a file that was not synced.
        UnitFile::Text(text) if text.is_empty() || text.contains(GENERATOR) => return None,
        UnitFile::Text(_) => (format!("{path} was not made by us"), hint),
        UnitFile::Other(what) if state.shown.load == "masked" => {
            let unmask = hint!("run ", hint::shell(["systemctl", "unmask", unit.name.as_str()]));
            (format!("{path} is {what}: the unit is masked"), unmask)
        }
        UnitFile::Other(what) => (format!("{path} is {what}"), hint),
    };
    Some(Refusal::new("foreign-unit", message, hint))
}

/// systemd reads the unit from another place than ours.
fn shadowed(unit: &Unit, state: &UnitState, path: &str) -> Option<Refusal> {
    let fragment = state.shown.fragment.as_ref().filter(|fragment| fragment.as_str() != path)?;
    match &state.file {
        // With nothing of ours there yet, it is the host's own: ours would take its place.
        UnitFile::Missing => {
            let message = format!("the host has a unit {} of its own in {fragment}", unit.name);
            let hint = "give the environment another `unit_suffix`";
            Some(Refusal::new("foreign-unit", message, hint))
        }
        UnitFile::Text(_) => {
            let message = format!("{} is read from {fragment}, not from {path}", unit.name);
            Some(Refusal::new("shadowed-unit", message, format!("remove {fragment}")))
        }
        UnitFile::Other(_) => None,
    }
}

/// What somebody adds to a unit on purpose is that operator's matter, unless what would run is not
/// the release any more (HEL-77).
fn overridden(unit: &Unit, state: &UnitState) -> Vec<Refusal> {
    let decisive = state.overridden.iter().filter(|one| one.is_decisive);
    let refuse = |one: &systemd_unit_file::effective::Overridden| {
        let hint = match one.by.last() {
            Some(path) => {
                let reload = hint::shell(["systemctl", "daemon-reload"]);
                hint!(format!("remove {path}, then run "), reload)
            }
            None => hint!("look at ", hint::shell(["systemctl", "cat", unit.name.as_str()])),
        };
        Refusal::new("unit-overridden", format!("{}: {one}", unit.name), hint)
    };
    decisive.map(refuse).collect()
}
