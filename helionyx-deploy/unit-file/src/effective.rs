//! Whether what counts for a unit is what its file says: its directives against the values that
//! `systemctl show` prints. No I/O.
//!
//! Compared is what a file of ours sets and systemd shows in a form that says the same: not
//! `SystemCallFilter=`, which is shown as the calls that it comes to, nor what a file does not set.

use std::collections::BTreeMap;
use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};

use serde::Serialize;

use crate::lint::number;
use crate::{Assignment, Context, Unit, Version, environment, exec, specifier};

mod shown;

pub use shown::units as parse_show;

use Form::{Exec, Files, Limit, Paths, Set, Size, Span, Text, Variables};

/// The keys below are read alike by the grammars of all versions.
const VERSION: Version = Version(252);
/// A property that every service has: where it is not shown, nothing was asked for.
const ALWAYS: &str = "User";

/// How a value is written in a file, and shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// As it is; booleans in any spelling.
    Text,
    /// A span of time.
    Span,
    /// A number of bytes.
    Size,
    /// A number that is shown twice: as the hard and as the soft limit.
    Limit,
    /// Words in any order and case.
    Set,
    /// Paths in their order.
    Paths,
    /// Paths of environment files in their order.
    Files,
    /// Variables: of them only names are told.
    Variables,
    /// Commands: of them only programs are told.
    Exec,
}

/// The values that count for a unit, by the names that systemd gives them, each as often as it was
/// said. Somebody may have put a secret into one of them: they are compared, never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Effective(pub BTreeMap<String, Vec<String>>);

/// A value that counts for a unit and is not what its file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Overridden {
    /// The key in the unit's file.
    pub key: &'static str,
    /// What is so and what was meant, after the unit's name. Of variables only their names.
    pub what: String,
    /// Whether another program would run, or it as another user, elsewhere, with another environment.
    pub is_decisive: bool,
    /// The files that set it.
    pub by: Vec<Utf8PathBuf>,
}

/// What is compared: section, key, the name that systemd gives it, how it is written.
const RULES: [(&str, &str, &str, Form); 46] = [
    ("Unit", "StartLimitIntervalSec", "StartLimitIntervalUSec", Span),
    ("Unit", "StartLimitBurst", "StartLimitBurst", Text),
    ("Service", "User", "User", Text),
    ("Service", "Group", "Group", Text),
    ("Service", "WorkingDirectory", "WorkingDirectory", Text),
    ("Service", "EnvironmentFile", "EnvironmentFiles", Files),
    ("Service", "ExecStart", "ExecStartEx", Exec),
    ("Service", "Environment", "Environment", Variables),
    ("Service", "Type", "Type", Text),
    ("Service", "NotifyAccess", "NotifyAccess", Text),
    ("Service", "SyslogIdentifier", "SyslogIdentifier", Text),
    ("Service", "Restart", "Restart", Text),
    ("Service", "RestartSec", "RestartUSec", Span),
    ("Service", "TimeoutStartSec", "TimeoutStartUSec", Span),
    ("Service", "TimeoutStopSec", "TimeoutStopUSec", Span),
    ("Service", "KillMode", "KillMode", Text),
    ("Service", "UMask", "UMask", Text),
    ("Service", "MemoryMax", "MemoryMax", Size),
    ("Service", "TasksMax", "TasksMax", Text),
    ("Service", "LimitNOFILE", "LimitNOFILE", Limit),
    ("Service", "LimitCORE", "LimitCORE", Limit),
    ("Service", "NoNewPrivileges", "NoNewPrivileges", Text),
    ("Service", "PrivateTmp", "PrivateTmp", Text),
    ("Service", "PrivateDevices", "PrivateDevices", Text),
    ("Service", "PrivateMounts", "PrivateMounts", Text),
    ("Service", "PrivateUsers", "PrivateUsers", Text),
    ("Service", "PrivateIPC", "PrivateIPC", Text),
    ("Service", "ProtectHome", "ProtectHome", Text),
    ("Service", "ProtectHostname", "ProtectHostname", Text),
    ("Service", "ProtectClock", "ProtectClock", Text),
    ("Service", "ProtectKernelTunables", "ProtectKernelTunables", Text),
    ("Service", "ProtectKernelModules", "ProtectKernelModules", Text),
    ("Service", "ProtectKernelLogs", "ProtectKernelLogs", Text),
    ("Service", "ProtectControlGroups", "ProtectControlGroups", Text),
    ("Service", "ProtectSystem", "ProtectSystem", Text),
    ("Service", "ProtectProc", "ProtectProc", Text),
    ("Service", "LockPersonality", "LockPersonality", Text),
    ("Service", "RestrictRealtime", "RestrictRealtime", Text),
    ("Service", "RestrictSUIDSGID", "RestrictSUIDSGID", Text),
    ("Service", "RestrictNamespaces", "RestrictNamespaces", Text),
    ("Service", "MemoryDenyWriteExecute", "MemoryDenyWriteExecute", Text),
    ("Service", "RestrictAddressFamilies", "RestrictAddressFamilies", Set),
    ("Service", "CapabilityBoundingSet", "CapabilityBoundingSet", Set),
    ("Service", "AmbientCapabilities", "AmbientCapabilities", Set),
    ("Service", "ReadWritePaths", "ReadWritePaths", Paths),
    ("Service", "InaccessiblePaths", "InaccessiblePaths", Paths),
];

/// With others, what runs is not what was meant, or not as its user, in its place, with its files.
const DECISIVE: [&str; 4] = ["User", "WorkingDirectory", "EnvironmentFile", "ExecStart"];

/// The names of what must be asked for: `systemctl show --property=…`.
pub fn properties() -> impl Iterator<Item = String> {
    let soft = RULES.iter().filter(|rule| rule.3 == Limit).map(|rule| format!("{}Soft", rule.2));
    RULES.iter().map(|rule| rule.2.to_owned()).chain(soft)
}

/// The words of a list as systemd shows it; the list as one word where they cannot be told apart.
#[must_use]
pub fn words(shown: &str) -> Vec<String> {
    shown::words(shown).unwrap_or_else(|| vec![shown.to_owned()])
}

/// What counts for a unit of this name and is not what its file's text says. Of values that were not
/// asked for nothing is said.
#[must_use]
pub fn overridden(name: &str, text: &str, effective: &Effective) -> Vec<Overridden> {
    if !effective.0.contains_key(ALWAYS) {
        return Vec::new();
    }
    let (unit, context) = (Unit::parse(text.as_bytes()), Context::new(name));
    let told = RULES.iter().filter_map(|(section, key, property, form)| {
        // What the file does not set is nobody's matter here.
        unit.last(section, key)?;
        let wanted = Wanted { key, lines: unit.list(section, key), context: &context };
        let what = wanted.differs(*form, property, effective)?;
        let is_decisive = DECISIVE.contains(key);
        Some(Overridden { key, what, is_decisive, by: Vec::new() })
    });
    told.collect()
}

impl fmt::Debug for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Effective({} values)", self.0.len())
    }
}

impl fmt::Display for Overridden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        let by: Vec<&str> = self.by.iter().map(|path| path.as_str()).collect();
        if by.is_empty() { Ok(()) } else { write!(f, " (from {})", by.join(", ")) }
    }
}

/// Notes of each value whether this drop-in sets it.
pub fn attribute(overridden: &mut [Overridden], path: &Utf8Path, drop_in: &[u8]) {
    let unit = Unit::parse(drop_in);
    for one in overridden {
        let sets = |section| unit.last(section, one.key).is_some();
        if ["Unit", "Service"].into_iter().any(sets) {
            one.by.push(path.to_owned());
        }
    }
}

/// What a file says of one key.
struct Wanted<'a> {
    key: &'static str,
    lines: Vec<&'a Assignment>,
    context: &'a Context,
}

impl Wanted<'_> {
    /// What is so and what was meant, where that is not the same.
    fn differs(&self, form: Form, property: &str, effective: &Effective) -> Option<String> {
        let none = Vec::new();
        // Of lists of structures systemd shows nothing at all when they are empty.
        let shown = match effective.0.get(property) {
            None if matches!(form, Exec | Files) => &none,
            shown => shown?,
        };
        let last = shown.last().map_or("", String::as_str);
        let meant = self.lines.last().map_or("", |line| line.value.as_str());
        let (key, is) = (self.key, |now: &str, meant: &str| self.told(now, meant));
        match form {
            Text => {
                let meant = self.expand(meant)?;
                (!is_same(last, &meant)).then(|| is(last, &meant))
            }
            Span => {
                let (now, then) = (number::parse_span(last).ok()?, number::parse_span(meant).ok()?);
                (now != then).then(|| is(last, meant))
            }
            Size => (bytes(last)? != bytes(meant)?).then(|| is(&short(last), meant)),
            Limit => {
                let soft = effective.0.get(&format!("{property}Soft"))?.last()?;
                let now = if soft == last { last.to_owned() } else { format!("{soft}:{last}") };
                (now != meant).then(|| is(&now, meant))
            }
            Set => {
                let (mut now, mut then) = (shown::words(last)?, self.words());
                let lower = |word: &String| word.to_ascii_lowercase();
                now.sort();
                then.sort();
                let is_same = now.iter().map(lower).eq(then.iter().map(lower));
                (!is_same).then(|| is(&now.join(" "), &then.join(" ")))
            }
            Paths => {
                let (now, then) = (shown::words(last)?, self.paths()?);
                (now != then).then(|| is(&now.join(" "), &then.join(" ")))
            }
            Files => {
                let (now, then) = (shown::files(shown)?, self.files());
                (now != then).then(|| is(&now.join(", "), &then.join(", ")))
            }
            Variables => self.variables(last),
            Exec => {
                let (now, then) = (shown::commands(shown)?, self.commands()?);
                let programs = |all: &[shown::Command]| {
                    all.iter().map(|one| one.program.clone()).collect::<Vec<_>>().join(", ")
                };
                let (program, meant) = (programs(&now), programs(&then));
                (now != then).then(|| match program == meant {
                    true => format!("{key} has other arguments or rights"),
                    false => is(&program, &meant),
                })
            }
        }
    }

    fn told(&self, now: &str, meant: &str) -> String {
        let or_nothing = |text: &str| if text.is_empty() { "nothing" } else { text }.to_owned();
        format!("{} is {}, not {}", self.key, or_nothing(now), or_nothing(meant))
    }

    fn expand(&self, value: &str) -> Option<String> {
        let bytes = specifier::expand(value.as_bytes(), self.context, VERSION).ok()?;
        String::from_utf8(bytes).ok()
    }

    fn words(&self) -> Vec<String> {
        let words = self.lines.iter().flat_map(|line| line.value.split_whitespace());
        words.map(str::to_owned).collect()
    }

    fn paths(&self) -> Option<Vec<String>> {
        let words = self
            .lines
            .iter()
            .map(|line| crate::words::split_text(&line.value, crate::words::Escapes::Plain).ok());
        let words: Option<Vec<Vec<String>>> = words.collect();
        words?.concat().iter().map(|word| self.expand(word)).collect()
    }

    fn files(&self) -> Vec<String> {
        let (files, _) = environment::files(self.lines.iter().copied(), self.context, VERSION);
        let optional = |is: bool| if is { "-" } else { "" };
        files.into_iter().map(|file| format!("{}{}", optional(file.optional), file.path)).collect()
    }

    fn commands(&self) -> Option<Vec<shown::Command>> {
        let lines = self.lines.iter().map(|line| exec::parse(&line.value, self.context, VERSION));
        let lines = lines.collect::<Result<Vec<_>, _>>().ok()?;
        Some(lines.iter().flat_map(|line| &line.commands).map(shown::Command::of).collect())
    }

    /// A value may be a secret of whoever set it: only names are told.
    fn variables(&self, shown: &str) -> Option<String> {
        let lines = self.lines.iter().copied();
        let meant = environment::assigned(lines, self.context, VERSION).variables;
        let now = shown::variables(shown)?;
        let differ = |name: &String| {
            let value = |all: &[(String, String)]| {
                all.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone())
            };
            match (value(&now), value(&meant)) {
                (now, meant) if now == meant => None,
                (None, _) => Some(format!("has no {name}")),
                (_, None) => Some(format!("has {name} besides")),
                _ => Some(format!("has another {name}")),
            }
        };
        let mut names: Vec<&String> = meant.iter().chain(&now).map(|(name, _)| name).collect();
        names.sort();
        names.dedup();
        let told: Vec<String> = names.into_iter().filter_map(differ).collect();
        (!told.is_empty()).then(|| format!("{} {}", self.key, told.join(", ")))
    }
}

fn is_same(now: &str, meant: &str) -> bool {
    let flags = (number::boolean(now), number::boolean(meant));
    now == meant || matches!(flags, (Some(now), Some(meant)) if now == meant)
}

/// A number of bytes; `infinity` is more than any.
fn bytes(text: &str) -> Option<u64> {
    if text == "infinity" {
        return Some(u64::MAX);
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match &text[digits.len()..] {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// A number of bytes in the largest unit that it is a whole number of.
fn short(text: &str) -> String {
    let Ok(bytes) = text.parse::<u64>() else { return text.to_owned() };
    let units = [("T", 40), ("G", 30), ("M", 20), ("K", 10)];
    let unit = units.into_iter().find(|(_, shift)| bytes > 0 && bytes % (1 << shift) == 0);
    unit.map_or_else(|| text.to_owned(), |(unit, shift)| format!("{}{unit}", bytes >> shift))
}

#[cfg(test)]
mod tests;
