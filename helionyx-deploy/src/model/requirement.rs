//! What an app needs on its host before it can be built there: programs, and their versions. No I/O.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A program that must be on the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// Its name, looked up on PATH, or its absolute path.
    pub program: String,
    /// Its oldest version that will do; any where none is named.
    pub at_least: Option<ProgramVersion>,
    /// A command that must end well where the program has all that is needed of it.
    pub run: Option<Vec<String>>,
}

/// A program's version, e.g. `3.11.2`.
#[derive(Clone, Debug)]
pub struct ProgramVersion(Vec<u64>);

impl ProgramVersion {
    /// The version in what `program --version` prints: the first word that reads like one. A whole
    /// number alone is one only without letters other than `v` before it.
    #[must_use]
    pub fn find(text: &str) -> Option<ProgramVersion> {
        text.split_whitespace().find_map(|word| {
            let word = word.trim_start_matches(|c: char| !c.is_alphanumeric());
            let from = word.find(|c: char| c.is_ascii_digit())?;
            let (before, number) = word.split_at(from);
            let is_number = |c: char| c.is_ascii_digit() || c == '.';
            let end = number.find(|c| !is_number(c)).unwrap_or(number.len());
            let version: ProgramVersion = number[..end].trim_end_matches('.').parse().ok()?;
            (version.0.len() > 1 || matches!(before, "" | "v")).then_some(version)
        })
    }

    /// A part that is not written is 0.
    fn part(&self, index: usize) -> u64 {
        self.0.get(index).copied().unwrap_or_default()
    }
}

impl FromStr for ProgramVersion {
    type Err = &'static str;

    /// Numbers with dots between them.
    fn from_str(text: &str) -> Result<ProgramVersion, &'static str> {
        let number = |part: &str| {
            let is_plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse::<u64>().ok().filter(|_| is_plain)
        };
        let parts: Option<Vec<u64>> = text.split('.').map(number).collect();
        parts.map(ProgramVersion).ok_or("is not numbers with dots between them")
    }
}

impl fmt::Display for ProgramVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

impl Serialize for ProgramVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ProgramVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Ord for ProgramVersion {
    fn cmp(&self, other: &ProgramVersion) -> Ordering {
        let parts = self.0.len().max(other.0.len());
        (0..parts)
            .map(|i| self.part(i).cmp(&other.part(i)))
            .find(|o| o.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for ProgramVersion {
    fn partial_cmp(&self, other: &ProgramVersion) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ProgramVersion {
    fn eq(&self, other: &ProgramVersion) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ProgramVersion {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_what_programs_say() {
        for (text, expected) in [
            ("Python 3.11.2\n", Some("3.11.2")),
            ("Python 3.13.0rc1", Some("3.13.0")),
            ("git version 2.39.5", Some("2.39.5")),
            ("git version 2.39.5 (Apple Git-154)", Some("2.39.5")),
            ("git version 2.45.1.windows.1", Some("2.45.1")),
            ("v18.19.0", Some("18.19.0")),
            ("uv 0.4.1 (abc 2024-08-30)", Some("0.4.1")),
            ("systemd 252 (252.39-1~deb12u2)\n+PAM +AUDIT", Some("252")),
            ("go version go1.21.5 linux/amd64", Some("1.21.5")),
            ("gcc (Debian 12.2.0-14) 12.2.0", Some("12.2.0")),
            ("sha256sum (GNU coreutils) 9.1", Some("9.1")),
            ("openjdk version \"17.0.9\" 2023-10-17", Some("17.0.9")),
            ("jq-1.6", Some("1.6")),
            ("pip 23.0.1 from /usr/lib/python3/dist-packages/pip (python 3.11)", Some("23.0.1")),
            ("Docker version 27.3.1, build ce12230", Some("27.3.1")),
            ("no version at all", None),
            ("x86_64", None),
            ("99999999999999999999999", None),
            ("", None),
        ] {
            let found = ProgramVersion::find(text).map(|version| version.to_string());
            assert_eq!(found.as_deref(), expected, "HEL-01: {text:?}");
        }
    }

    #[test]
    fn versions_are_compared_number_by_number() {
        for (one, other, expected) in [
            ("3.11", "3.9", Ordering::Greater),
            ("3.11", "3.11.2", Ordering::Less),
            ("3.11", "3.11.0", Ordering::Equal),
            ("4", "3.99.99", Ordering::Greater),
            ("2.9", "2.10", Ordering::Less),
        ] {
            let parse = |text: &str| text.parse::<ProgramVersion>().unwrap();
            assert_eq!(parse(one).cmp(&parse(other)), expected, "{one} {other}");
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["", "3.", ".3", "3..1", "3.x", "v3", "3.11rc1", " 3", "+3", "-1"] {
            assert!(text.parse::<ProgramVersion>().is_err(), "{text:?}");
        }
    }
}
