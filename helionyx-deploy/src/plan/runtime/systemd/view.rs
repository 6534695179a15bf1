//! How a service is doing by what systemd says of its unit. No I/O.

use super::{Rules, state};
use crate::hint;
use crate::hint::Hint;
use crate::name::ServiceName;
use crate::release::Unit;
use crate::state::unit::Shown;
use crate::state::{HostState, RunState, ServiceView, StatusFinding, UnitFile, UnitState};

/// How a service is doing; `wanted` is its unit as the release in use has it.
pub(super) fn of(
    rules: &Rules<'_>,
    found: &HostState,
    service: &ServiceName,
    wanted: Option<&Unit>,
) -> ServiceView {
    let unit = rules.units.of(service);
    let shown = state(found).units.get(&unit);
    let runs = found.services.get(service).is_some_and(|service| service.main().is_some());
    ServiceView {
        unit: unit.to_string(),
        state: run_state(shown, runs, found),
        enabled: shown.is_some_and(|unit| unit.shown.file_state == "enabled"),
        restarts: shown.map_or(0, |unit| unit.shown.restarts),
        findings: wanted
            .zip(shown)
            .map(|(wanted, shown)| findings(rules, wanted, shown))
            .unwrap_or_default(),
    }
}

fn run_state(unit: Option<&UnitState>, runs: bool, found: &HostState) -> RunState {
    match unit.map(|unit| unit.shown.active.as_str()) {
        Some("activating" | "reloading") => RunState::Starting,
        Some("failed") if !runs => RunState::Failed,
        _ => RunState::of(runs, found),
    }
}

/// What is wrong with a unit that a release wants.
fn findings(rules: &Rules<'_>, unit: &Unit, found: &UnitState) -> Vec<StatusFinding> {
    let (id, name, shown) = (rules.environment.id(), &unit.name, &found.shown);
    let deploy = |id: &str| hint::run("deploy", id);
    let mut findings = Vec::new();
    let mut add = |code, message: String, hint: Hint| {
        findings.push(StatusFinding { code, message, hint });
    };
    match &found.file {
        UnitFile::Text(text) if *text == unit.text => {}
        UnitFile::Missing => {
            add("unit-not-installed", format!("{name} is not installed"), deploy(&id));
        }
        UnitFile::Text(_) => {
            add("unit-changed", format!("{name} is not what the release says"), deploy(&id));
        }
        UnitFile::Other(what) => {
            let unmask = hint::shell(["systemctl", "unmask", name.as_str()]);
            let hint = hint!("look at it, then ", unmask, " or move it aside");
            add("foreign-unit", format!("{name} is {what}"), hint);
        }
    }
    if shown.needs_reload {
        let message = format!("{name} has changed since systemd read it");
        add("unit-not-read", message, deploy(&id));
    }
    for drop_in in &shown.drop_ins {
        let message = format!("{drop_in} changes {name}");
        add("drop-in", message, "remove it, or say it in the model".into());
    }
    for one in &found.overridden {
        let hint = match one.by.last() {
            Some(path) => format!("remove {path}, or say it in the model").into(),
            None => hint!("look at ", hint::shell(["systemctl", "cat", name.as_str()])),
        };
        add("unit-overridden", format!("{name}: {one}"), hint);
    }
    if shown.file_state != "enabled" && shown.load == "loaded" {
        add("not-enabled", format!("{name} does not start with the machine"), deploy(&id));
    }
    if let Some(why) = shown.failure().filter(|_| !shown.is_running()) {
        let message = format!("{name}: {why}{}", restarts(shown));
        add("unit-failed", message, hint::look_and_restart(&id));
    }
    findings
}

/// How often systemd has started a unit again that is down, and whether it goes on: of a start limit
/// that crashes came to, systemd's own result says nothing.
fn restarts(shown: &Shown) -> String {
    let times = match shown.restarts {
        0 => return String::new(),
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    // The try that the limit refused is counted, too.
    match shown.active.as_str() {
        "failed" => format!("; systemd tried to start it again {times}, and leaves it down now"),
        _ => format!("; systemd has started it again {times}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_loop_is_told_from_a_crash() {
        let said = |active: &str, times| {
            restarts(&Shown { active: active.to_owned(), restarts: times, ..Shown::default() })
        };
        assert_eq!(said("failed", 0), "");
        assert_eq!(said("activating", 1), "; systemd has started it again once");
        assert_eq!(
            said("failed", 4),
            "; systemd tried to start it again 4 times, and leaves it down now",
            "HEL-74"
        );
    }
}
