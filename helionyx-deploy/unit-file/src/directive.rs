//! Which directives there are: in which sections, of what type, since which version. No I/O.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::Version;
use crate::suggest::closest;

/// A directive in a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// The type that systemd gives it, e.g. `BOOLEAN`.
    pub kind: &'static str,
    /// The first version that knows it for sure; none where 252 does and nobody wrote since when.
    pub since: Option<Version>,
}

/// What systemd makes of a key in a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// It knows it.
    Known(&'static Directive),
    /// It comes with this version only: the host's ignores it.
    TooNew(Version),
    /// It is known in these sections, and ignored here.
    OtherSection(Vec<&'static str>),
    /// It is known nowhere; perhaps this one was meant.
    Unknown(Option<&'static str>),
}

/// Measured with `systemd --dump-configuration-items` on 252 and 257; the versions are those of the
/// manual pages of 257. `tests/it/measured.rs` fails when this file is not what
/// `tests/fixtures/directives.json` says, and prints what it should be.
const TABLE: &str = include_str!("directives.txt");

type Sections = BTreeMap<&'static str, BTreeMap<&'static str, Directive>>;

static SECTIONS: LazyLock<Sections> = LazyLock::new(|| {
    let mut sections = Sections::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.splitn(4, ' ');
        let mut column = || columns.next().unwrap_or_default();
        let (key, since, found_in, kind) = (column(), column(), column(), column());
        for section in found_in.split(',') {
            let since = since.parse().ok().map(Version);
            sections.entry(section).or_default().insert(key, Directive { kind, since });
        }
    }
    sections
});

/// Looks a key up.
#[must_use]
pub fn lookup(section: &str, key: &str, version: Version) -> Lookup {
    if let Some(directive) = SECTIONS.get(section).and_then(|keys| keys.get(key)) {
        return match directive.since.filter(|since| *since > version) {
            Some(since) => Lookup::TooNew(since),
            None => Lookup::Known(directive),
        };
    }
    let others = sections().filter(|other| SECTIONS[other].contains_key(key));
    let others: Vec<_> = others.collect();
    if !others.is_empty() {
        return Lookup::OtherSection(others);
    }
    let here = SECTIONS.get(section).into_iter().flat_map(BTreeMap::keys).copied();
    let anywhere = || SECTIONS.values().flat_map(BTreeMap::keys).copied();
    Lookup::Unknown(closest(key, here).or_else(|| closest(key, anywhere())))
}

/// Whether any section of any version knows the key.
#[must_use]
pub fn is_known(key: &str) -> bool {
    SECTIONS.values().any(|keys| keys.contains_key(key))
}

/// The sections that hold directives.
pub fn sections() -> impl Iterator<Item = &'static str> {
    SECTIONS.keys().copied()
}

/// The sections that a unit of this type has, e.g. `service`; none where there is no such type.
#[must_use]
pub fn sections_of(unit_type: &str) -> Option<Vec<&'static str>> {
    let own = match unit_type {
        "target" | "device" => "",
        "service" => "Service",
        "socket" => "Socket",
        "timer" => "Timer",
        "path" => "Path",
        "mount" => "Mount",
        "automount" => "Automount",
        "swap" => "Swap",
        "slice" => "Slice",
        "scope" => "Scope",
        _ => return None,
    };
    let all = ["Unit", own, "Install"];
    Some(all.into_iter().filter(|section| !section.is_empty()).collect())
}
