//! systemctl: which version of systemd this is. No I/O.

use std::time::Duration;

use camino::Utf8PathBuf;

use crate::command::{Command, Inherit};
use crate::render::unit_file::Version;

/// How long systemctl may take to answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// Asks for the version.
#[must_use]
pub fn version() -> Command {
    Command {
        program: "systemctl".to_owned(),
        args: vec!["--version".to_owned()],
        directory: Utf8PathBuf::from("/"),
        inherit: Inherit::Basics(Vec::new()),
        variables: [("LC_ALL".to_owned(), "C".to_owned())].into(),
        deadline: DEADLINE,
    }
}

/// What it said: `systemd 252 (252.39-1~deb12u2)`, then its features.
#[must_use]
pub fn parse_version(text: &str) -> Option<Version> {
    let rest = text.lines().find_map(|line| line.strip_prefix("systemd "))?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().map(Version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_first_number() {
        for (text, expected) in [
            ("systemd 252 (252.39-1~deb12u2)\n+PAM +AUDIT\n", Some(252)),
            ("systemd 257 (257.13-1~deb13u1)\n", Some(257)),
            ("systemd 258~rc1 (258)\n", Some(258)),
            ("warning: x\nsystemd 249\n", Some(249)),
            ("command not found", None),
            ("", None),
        ] {
            assert_eq!(parse_version(text), expected.map(Version), "{text:?}");
        }
    }
}
