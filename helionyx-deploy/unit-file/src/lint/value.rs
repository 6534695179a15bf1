//! Values that systemd ignores with a warning and exit status 0, or refuses. No I/O.

use super::kind::{Empty, Kind, kind_of};
use super::resource::Grammar;
use super::{Code, Linter};
use crate::Assignment;
use crate::directive::{Lookup, lookup};
use crate::specifier::is_known;

/// Checks every value whose kind is known.
pub fn check(lint: &Linter<'_>) {
    for at in &lint.unit.assignments {
        let Lookup::Known(directive) = lookup(&at.section, &at.key, lint.version()) else {
            continue;
        };
        deprecated(at, lint);
        let (kind, empty) = kind_of(&at.section, &at.key, directive.kind);
        if at.value.is_empty() {
            if empty == Empty::Refused {
                let message = format!("`{}` has no value: it is ignored", at.key);
                lint.error(at.line, Code::BadValue, message, "remove the line, or give a value");
            }
            continue;
        }
        if kind.has_specifiers() && specifiers(at, lint) {
            continue;
        }
        match super::kind::check(kind, at, lint) {
            Err(problem) => {
                let message = format!("`{}={}`: {}", at.key, shown(at), problem.message);
                lint.error(at.line, Code::BadValue, message, &problem.hint);
            }
            Ok(()) => octal(kind, at, lint),
        }
        if kind == Kind::User {
            user(at, lint);
        }
    }
}

/// What a message can bear of a value.
fn shown(at: &Assignment) -> String {
    const LIMIT: usize = 60;
    let value = &at.value;
    // What may be a secret is not shown at all.
    if at.key.starts_with("SetCredential") || at.key.starts_with("StandardInput") {
        return "…".to_owned();
    }
    match value.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.clone(),
    }
}

/// Says which number is another one than it looks like.
fn octal(kind: Kind, at: &Assignment, lint: &Linter<'_>) {
    let reads_octal = match kind {
        Kind::Integer(..) | Kind::Tasks | Kind::Weight(..) | Kind::Percent => true,
        Kind::Signal | Kind::Statuses | Kind::Errno => true,
        Kind::Special(Grammar::Cpus | Grammar::Bind) => true,
        Kind::ResourceLimit => super::number::counts(&at.key),
        _ => false,
    };
    if let Some((number, meant)) = super::number::octal(&at.value).filter(|_| reads_octal) {
        let message = format!("`{}`: systemd reads `{number}` as {meant}", at.key);
        lint.warning(at.line, Code::Octal, message, "write the number without a zero before it");
    }
}

/// Says which specifier is unknown; true when one is.
fn specifiers(at: &Assignment, lint: &Linter<'_>) -> bool {
    let mut rest = at.value.as_str();
    while let Some((_, after)) = rest.split_once('%') {
        let Some(c) = after.chars().next() else { return false };
        rest = &after[c.len_utf8()..];
        if c.is_ascii_alphanumeric() && !is_known(c, lint.version()) {
            let message = format!("`{}`: unknown specifier `%{c}`", at.key);
            lint.error(at.line, Code::Specifier, message, "write `%%` for a percent sign");
            return true;
        }
    }
    false
}

fn user(at: &Assignment, lint: &Linter<'_>) {
    let Some(name) = lint.expand(&at.value) else { return };
    if at.key == "User" && name == "nobody" {
        let message = "`User=nobody`: whatever else runs as it can reach this service";
        lint.warning(at.line, Code::SpecialUser, message, "name a user of its own");
    }
    let is_group = at.key.ends_with("Group") || at.key.ends_with("Groups");
    for name in name.split_whitespace() {
        if name.chars().all(|c| c.is_ascii_digit()) || lint.is_invented(name) {
            continue;
        }
        let dynamic = lint.own("DynamicUser").is_some_and(|dynamic| {
            super::number::boolean(&dynamic.value) == Some(true) && at.key != "SupplementaryGroups"
        });
        if dynamic {
            continue;
        }
        let mut questions = lint.questions.borrow_mut();
        let (asked, known, what) = match is_group {
            true => (&mut questions.groups, &lint.options.facts.groups, "group"),
            false => (&mut questions.users, &lint.options.facts.users, "user"),
        };
        asked.insert(name.to_owned());
        let known = known.get(name).copied();
        drop(questions);
        if known == Some(false) {
            let message = format!("the host has no {what} `{name}`");
            lint.error(at.line, Code::Missing, message, "create it first");
        }
    }
}

/// Keys that systemd warns about, and what to write instead.
const OLD: [(&str, &str); 10] = [
    ("BlockIODeviceWeight", "IODeviceWeight"),
    ("BlockIOReadBandwidth", "IOReadBandwidthMax"),
    ("BlockIOWeight", "IOWeight"),
    ("BlockIOWriteBandwidth", "IOWriteBandwidthMax"),
    ("CPUShares", "CPUWeight"),
    ("MemoryLimit", "MemoryMax"),
    ("RequiresOverridable", "Requires"),
    ("RequisiteOverridable", "Requisite"),
    ("StartupBlockIOWeight", "StartupIOWeight"),
    ("StartupCPUShares", "StartupCPUWeight"),
];

fn deprecated(at: &Assignment, lint: &Linter<'_>) {
    if let Some((_, new)) = OLD.iter().find(|(old, _)| *old == at.key) {
        let message = format!("`{}` is deprecated: systemd warns, and will drop it", at.key);
        lint.warning(at.line, Code::Deprecated, message, &format!("write `{new}`"));
    }
    let (value, key) = (at.value.as_str(), at.key.as_str());
    let output = matches!(key, "StandardOutput" | "StandardError") && value.starts_with("syslog");
    if output {
        let message = format!("`{key}={value}` is deprecated: systemd takes it for `journal`");
        lint.warning(at.line, Code::Deprecated, message, "write `journal`");
    }
    if key == "KillMode" && value == "none" {
        let message = "`KillMode=none` is deprecated: processes outlive their service";
        lint.warning(at.line, Code::Deprecated, message, "write `mixed` or `control-group`");
    }
    let run = lint.expand(value).filter(|value| value.starts_with("/var/run/"));
    if key == "PIDFile" && run.is_some() && lint.version().0 >= 253 {
        let message = "`PIDFile` lies below /var/run, which systemd replaces by /run";
        lint.warning(at.line, Code::Deprecated, message, "write `/run/…`");
    }
}
