//! Names that operators and models give: parsed once, valid ever after. No I/O.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Why a text is not the name that it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {what}: {rule}")]
pub struct NameError {
    /// The text as given.
    pub text: String,
    /// What it should have been, with its article.
    pub what: &'static str,
    /// The rule it breaks.
    pub rule: &'static str,
}

/// Declares a name: a string that obeys a rule.
macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    return Ok($type(text.to_owned()));
                }
                Err(NameError { text: text.to_owned(), what: $what, rule: $rule })
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

name! {
    /// An application, e.g. `helionyx`. A directory name and the stem of unit names.
    AppName, "an application name",
    "1 to 31 of a-z, 0-9 and -, a letter first, no - last", is_word
}
name! {
    /// An environment of an application, e.g. `live`.
    EnvironmentName, "an environment name",
    "1 to 31 of a-z, 0-9 and -, a letter first, no - last", is_word
}
name! {
    /// A service of an application, e.g. `daemon`.
    ServiceName, "a service name",
    "1 to 31 of a-z, 0-9 and -, a letter first, no - last", is_word
}
name! {
    /// A port of an environment that has several, e.g. `admin`.
    PortName, "the name of a port",
    "1 to 31 of a-z, 0-9 and -, a letter first, no - last", is_word
}
name! {
    /// What the names of an environment's units end in, e.g. `-dev`.
    UnitSuffix, "what a unit's name can end in",
    "nothing, or - and 1 to 31 of a-z, 0-9 and -, no - last", is_suffix
}
name! {
    /// A unit of ours, e.g. `helionyx-dev.service`. A dot in it parts the app from the environment,
    /// in units that are none of the app's own: `recover-helionyx.dev.timer`.
    UnitName, "the name of a unit",
    "1 to 127 of a-z, 0-9, - and ., a letter first, then .service or .timer", is_unit
}

impl UnitName {
    /// The unit of a service in an environment.
    #[must_use]
    pub fn of(service: &ServiceName, suffix: &UnitSuffix) -> UnitName {
        UnitName(format!("{service}{suffix}.service"))
    }

    /// The unit that recovers an environment, of this type.
    #[must_use]
    pub fn recovery(app: &AppName, environment: &EnvironmentName, kind: UnitKind) -> UnitName {
        let kind = match kind {
            UnitKind::Service => "service",
            UnitKind::Timer => "timer",
        };
        UnitName(format!("recover-{app}.{environment}.{kind}"))
    }

    /// Whether it recovers an environment.
    #[must_use]
    pub fn is_recovery(&self) -> bool {
        self.0.starts_with("recover-") && self.stem().contains('.')
    }

    /// The name without its type.
    #[must_use]
    pub fn stem(&self) -> &str {
        self.0.rsplit_once('.').map_or(&self.0, |(stem, _)| stem)
    }
}

/// The type of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitKind {
    /// A service.
    Service,
    /// A timer.
    Timer,
}

name! {
    /// A user of a host, e.g. `helionyx-dev`: what systemd, sudo and sysusers all take.
    UserName, "a user's name",
    "1 to 31 of a-z, 0-9, - and _, a letter or _ first", is_user
}
name! {
    /// A host, e.g. `node1`.
    HostName, "a host's name",
    "1 to 63 of a-z, 0-9, - and ., a letter or digit first and last", is_host
}
name! {
    /// A build step, e.g. `dependencies`.
    BuildName, "a build step's name",
    "1 to 31 of a-z, 0-9 and -, a letter first, no - last", is_word
}
name! {
    /// An environment variable, e.g. `API_PORT`.
    VariableName, "a variable name",
    "A-Z, a-z, 0-9 and _, no digit first, at most 128", is_variable
}
name! {
    /// A git commit: its full id.
    CommitId, "a commit id",
    "40 (or 64) lower-case hexadecimal digits", is_commit
}
name! {
    /// A release: the second it was begun, and the first digits of its commit or content.
    ///
    /// Ids sort as text in the order in which the releases were begun, also when the clock jumps
    /// back: see [`ReleaseId::next`].
    ReleaseId, "a release id",
    "<UTC time>-<7 hexadecimal digits>, e.g. 20261121T011037Z-3fa2c1d", is_release
}

impl HostName {
    /// Whether a machine of this name is meant: one may be written with its domain and the other
    /// without.
    #[must_use]
    pub fn is_same(&self, machine: &str) -> bool {
        let short = |name: &str| !name.contains('.');
        let first = |name: &str| name.split('.').next().unwrap_or_default().to_ascii_lowercase();
        self.0.eq_ignore_ascii_case(machine)
            || (short(&self.0) || short(machine)) && first(&self.0) == first(machine)
    }
}

impl CommitId {
    /// The first seven digits.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..7]
    }
}

impl ReleaseId {
    /// The id of a release begun `now` from content whose id starts with `short`.
    ///
    /// It sorts after every one of `existing`: when the clock has stood still or gone back, the
    /// newest id's time plus one second is taken instead.
    pub fn next<'a>(
        now: Timestamp,
        short: &str,
        existing: impl Iterator<Item = &'a ReleaseId>,
    ) -> ReleaseId {
        let newest = existing.filter_map(|id| Timestamp::from_stamp(&id.0[..16])).max();
        let second = std::time::Duration::from_secs(1);
        let time = newest.map_or(now, |newest| now.max(newest.plus(second)));
        let digits: String =
            short.chars().filter(|c| is_hex(*c)).chain(std::iter::repeat('0')).take(7).collect();
        ReleaseId(format!("{}-{digits}", time.stamp()))
    }
}

/// A TCP port that a service may listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Port(u16);

impl Port {
    /// The port's number, 1 to 65535.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<i64> for Port {
    type Error = NameError;

    fn try_from(number: i64) -> Result<Self, NameError> {
        u16::try_from(number).ok().filter(|port| *port != 0).map(Port).ok_or_else(|| NameError {
            text: number.to_string(),
            what: "a port",
            rule: "a number from 1 to 65535",
        })
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Port::try_from(i64::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}

fn is_word(text: &str) -> bool {
    (1..=31).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn is_suffix(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let ending = |rest: &str| {
        (1..=31).contains(&rest.len()) && !rest.ends_with('-') && rest.chars().all(letter)
    };
    text.is_empty() || text.strip_prefix('-').is_some_and(ending)
}

fn is_unit(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let stem = text.strip_suffix(".service").or_else(|| text.strip_suffix(".timer"));
    stem.is_some_and(|stem| {
        (1..=127).contains(&stem.len())
            && stem.starts_with(|c: char| c.is_ascii_lowercase())
            && stem.chars().all(letter)
    })
}

fn is_user(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c == '_';
    (1..=31).contains(&text.len())
        && text.starts_with(letter)
        && text.chars().all(|c| letter(c) || c.is_ascii_digit() || c == '-')
}

fn is_host(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=63).contains(&text.len())
        && text.starts_with(letter)
        && text.ends_with(letter)
        && text.chars().all(|c| letter(c) || c == '-' || c == '.')
}

fn is_variable(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.chars().all(is_hex)
}

fn is_release(text: &str) -> bool {
    text.is_ascii()
        && text.len() == 24
        && Timestamp::from_stamp(&text[..16]).is_some_and(|time| time.stamp() == text[..16])
        && &text[16..17] == "-"
        && text[17..].chars().all(is_hex)
}

fn is_hex(c: char) -> bool {
    matches!(c, '0'..='9' | 'a'..='f')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_safe_in_paths_units_and_shells() {
        for good in ["a", "helionyx", "node-1", "x2"] {
            assert!(good.parse::<AppName>().is_ok(), "{good}");
        }
        let long = "a".repeat(32);
        for bad in
            ["", "-a", "a-", "A", "1a", "a/b", "..", "a b", "a\n", "dev;x", "ä", "$(id)", &long]
        {
            assert!(bad.parse::<EnvironmentName>().is_err(), "{bad:?} (ALL-08, HEL-35)");
        }
    }

    #[test]
    fn release_ids_are_times_with_digits() {
        assert!("20261121T011037Z-3fa2c1d".parse::<ReleaseId>().is_ok());
        for bad in [
            "20261121T011037Z-3fa2c1",
            "20261121T011037Z-3FA2C1D",
            "20261341T011037Z-3fa2c1d",
            "20261121T011037Z/3fa2c1d",
            "../../../../etc/passwd--",
            "latest",
        ] {
            assert!(bad.parse::<ReleaseId>().is_err(), "{bad:?} (ALL-08)");
        }
    }

    #[test]
    fn release_ids_stay_unique_and_ordered_when_the_clock_stands_still_or_jumps_back() {
        let now = Timestamp::from_stamp("20261121T011037Z").unwrap();
        let mut ids = vec![ReleaseId::next(now, "abcdef0123", [].iter())];
        for offset in [0, 0, -86_400_000, 1_000, 60_000] {
            let later = Timestamp::from_millis(now.as_millis() + offset);
            ids.push(ReleaseId::next(later, "abcdef0123", ids.iter()));
        }
        let mut sorted = ids.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted, ids);
        assert_eq!(ids[0].as_str(), "20261121T011037Z-abcdef0");
        assert_eq!(ids[5].as_str(), "20261121T011137Z-abcdef0");
    }

    #[test]
    fn errors_say_the_rule() {
        assert_eq!(
            "Live".parse::<EnvironmentName>().unwrap_err().to_string(),
            "\"Live\" is not an environment name: 1 to 31 of a-z, 0-9 and -, a letter first, no - last"
        );
        assert!(Port::try_from(0).is_err());
        assert!(Port::try_from(70_000).is_err());
    }
}
