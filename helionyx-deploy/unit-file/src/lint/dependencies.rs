//! Requirements and orders between units. No I/O.

use super::{Code, Linter};
use crate::Assignment;
use crate::words::{Escapes, split_text};

/// Keys that pull other units in.
const REQUIRING: [&str; 3] = ["Requires", "Requisite", "BindsTo"];
/// Keys that name other units.
const NAMING: [&str; 10] = [
    "After",
    "Before",
    "Requires",
    "Requisite",
    "BindsTo",
    "Wants",
    "PartOf",
    "Conflicts",
    "Upholds",
    "OnFailure",
];
/// Keys that may name units which are not there: they only do nothing then.
const OPTIONAL: [&str; 6] = ["After", "Before", "Wants", "PartOf", "Conflicts", "Upholds"];
const ONLINE: &str = "network-online.target";
/// What every unit comes after by itself.
const IMPLIED: [&str; 3] = ["sysinit.target", "basic.target", "-.mount"];

/// Checks requirements and orders.
pub fn check(lint: &Linter<'_>) {
    for key in NAMING {
        for (at, name) in named(lint, "Unit", key) {
            one(at, &name, lint);
        }
    }
    if lint.is_drop_in {
        // What it goes with may stand in the unit's own file.
        return install(lint);
    }
    let has = |keys: &[&str], name: &str| {
        keys.iter().any(|key| named(lint, "Unit", key).iter().any(|(_, other)| other == name))
    };
    for key in REQUIRING {
        for (at, name) in named(lint, "Unit", key) {
            let own_socket = name.strip_suffix(".socket") == lint.name.strip_suffix(".service");
            let implied =
                IMPLIED.contains(&name.as_str()) || name.ends_with(".slice") || own_socket;
            if !implied && !has(&["After", "Before"], &name) && lint.unit_type != "target" {
                let message = format!("`{key}={name}` without an order: both start at once");
                lint.warning(at.line, Code::Unordered, message, &format!("add `After={name}`"));
            }
        }
    }
    let wanting = ["Wants", "Requires", "Requisite", "BindsTo", "Upholds"];
    for (at, _) in named(lint, "Unit", "After").iter().filter(|(_, name)| name == ONLINE) {
        if !has(&wanting, ONLINE) {
            let message = format!("`After={ONLINE}` orders nothing when nobody wants it");
            lint.warning(at.line, Code::Unordered, message, &format!("add `Wants={ONLINE}`"));
        }
    }
    for (at, _) in named(lint, "Unit", "Wants").iter().filter(|(_, name)| name == ONLINE) {
        if !has(&["After"], ONLINE) {
            let message = format!("`Wants={ONLINE}` does not wait for it");
            lint.warning(at.line, Code::Unordered, message, &format!("add `After={ONLINE}`"));
        }
    }
    install(lint);
}

/// The units that a key names.
fn named<'a>(lint: &Linter<'a>, section: &str, key: &str) -> Vec<(&'a Assignment, String)> {
    let all = lint.unit.assignments.iter().filter(|at| at.section == section && at.key == key);
    let words = all.flat_map(|at| {
        let words = split_text(&at.value, Escapes::None).unwrap_or_default();
        words.into_iter().map(move |word| (at, word))
    });
    words.filter_map(|(at, word)| Some((at, lint.expand(&word)?))).collect()
}

fn one(at: &Assignment, name: &str, lint: &Linter<'_>) {
    if name == lint.name {
        let message = format!("`{}={name}`: the unit names itself: systemd drops it", at.key);
        return lint.warning(at.line, Code::Itself, message, "remove it");
    }
    exists(at, name, lint);
}

/// Says so when the host is known not to have the unit.
pub fn exists(at: &Assignment, name: &str, lint: &Linter<'_>) {
    let stem = name.split('@').next().unwrap_or(name);
    if lint.is_invented(stem) {
        return;
    }
    lint.questions.borrow_mut().units.insert(name.to_owned());
    if lint.options.facts.units.get(name) != Some(&false) {
        return;
    }
    let message = format!("`{}`: the host has no unit `{name}`", at.key);
    let hint = "install it first, or correct the name";
    match OPTIONAL.contains(&at.key.as_str()) {
        true => lint.warning(at.line, Code::Missing, message, hint),
        false => lint.error(at.line, Code::Missing, message, hint),
    }
}

fn install(lint: &Linter<'_>) {
    for (at, name) in named(lint, "Install", "Alias") {
        let suffix = name.rsplit_once('.').map(|(_, suffix)| suffix);
        if suffix != Some(lint.unit_type) {
            let message = format!("`Alias={name}` is no .{} unit: it cannot be", lint.unit_type);
            let hint = format!("write a name that ends with `.{}`", lint.unit_type);
            lint.error(at.line, Code::Alias, message, &hint);
        }
    }
    for key in ["WantedBy", "RequiredBy", "UpheldBy", "Also"] {
        for (at, name) in named(lint, "Install", key) {
            if name.contains('.') {
                exists(at, &name, lint);
            } else {
                let message = format!("`{key}={name}` is no unit's name");
                let hint = format!("did you mean `{name}.target`?");
                lint.error(at.line, Code::BadValue, message, &hint);
            }
        }
    }
}
