//! Timers, sockets and path units: what triggers them, and what they start. No I/O.

use super::dependencies::exists;
use super::number::boolean;
use super::{Code, Linter, calendar};
use crate::Assignment;

const TIMER: [&str; 8] = [
    "OnCalendar",
    "OnActiveSec",
    "OnBootSec",
    "OnStartupSec",
    "OnUnitActiveSec",
    "OnUnitInactiveSec",
    "OnClockChange",
    "OnTimezoneChange",
];
const SOCKET: [&str; 8] = [
    "ListenStream",
    "ListenDatagram",
    "ListenSequentialPacket",
    "ListenFIFO",
    "ListenSpecial",
    "ListenNetlink",
    "ListenMessageQueue",
    "ListenUSBFunction",
];
const PATH: [&str; 5] =
    ["PathExists", "PathExistsGlob", "PathChanged", "PathModified", "DirectoryNotEmpty"];

/// Checks what a unit waits for and what it starts.
pub fn check(lint: &Linter<'_>) {
    let (keys, example): (&[&str], _) = match lint.unit_type {
        "timer" => (&TIMER, "OnCalendar=daily"),
        "socket" => (&SOCKET, "ListenStream=/run/app/socket"),
        "path" => (&PATH, "PathChanged=/srv/app/trigger"),
        _ => return,
    };
    let own = lint.own_section();
    let header = lint.unit.sections.iter().find(|header| header.name == own);
    let line = header.map_or(0, |header| header.line);
    let counts = |at: &&Assignment| match at.key.as_str() {
        "OnCalendar" => calendar::check(&at.value).is_ok(),
        "OnClockChange" | "OnTimezoneChange" => boolean(&at.value) == Some(true),
        _ => !at.value.is_empty(),
    };
    // An empty value of one of them forgets what all of them said before.
    let all = lint.unit.assignments.iter().filter(|at| at.section == own);
    let all: Vec<_> = all.filter(|at| keys.contains(&at.key.as_str())).collect();
    let start = all.iter().rposition(|at| at.value.is_empty()).map_or(0, |at| at + 1);
    let any = all[start..].iter().any(counts);
    if !any {
        let message = "nothing triggers it: systemd refuses the unit";
        lint.error(line, Code::NoTrigger, message, &format!("add e.g. `{example}`"));
    }
    started(line, lint);
}

/// The unit that it starts: named, or of the same name.
fn started(line: usize, lint: &Linter<'_>) {
    let key = if lint.unit_type == "socket" { "Service" } else { "Unit" };
    let accepts = lint.own("Accept").is_some_and(|at| boolean(&at.value) == Some(true));
    if let Some(at) = lint.own(key) {
        if accepts {
            let message = "`Service` does not go with `Accept=yes`: systemd refuses the unit";
            lint.error(at.line, Code::Contradiction, message, "name the service like the socket");
        }
        if let Some(name) = lint.expand(&at.value) {
            exists(at, &name, lint);
        }
        return;
    }
    let stem = lint.name.rsplit_once('.').map_or(lint.name, |(stem, _)| stem);
    let name = if accepts { format!("{stem}@.service") } else { format!("{stem}.service") };
    lint.questions.borrow_mut().units.insert(name.clone());
    if lint.options.facts.units.get(&name) == Some(&false) {
        let message = format!("the host has no unit `{name}`, which it would start");
        let hint = format!("install it, or name another one with `{key}=`");
        lint.error(line, Code::Missing, message, &hint);
    }
}
