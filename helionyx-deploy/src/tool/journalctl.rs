//! journalctl: what units wrote. No I/O.

use std::fmt;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::command::{Command, Inherit, Leftovers, OnDeath, OnInterrupt};
use crate::name::UnitName;
use crate::release::Anchor;
use crate::time::Timestamp;

/// How long journalctl may take for an answer that ends.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long the journal may take to take in what was written.
const SYNCING: Duration = Duration::from_secs(10);
/// And when it shall not end before somebody interrupts.
const FOLLOWING: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What of a journal is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// At most so many lines, the last ones.
    pub lines: usize,
    /// Nothing before this, in journalctl's words.
    pub since: Option<String>,
    /// Nothing less urgent than this, in journalctl's words.
    pub priority: Option<String>,
    /// Whether to go on with what is written.
    pub follow: bool,
}

/// What chooses between the lines of a journal, besides their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// When a line was written.
    Since,
    /// How urgent a line is.
    Priority,
}

/// As an option, of journalctl's and of ours.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Filter::Since => "--since",
            Filter::Priority => "--priority",
        })
    }
}

/// A moment in journalctl's words, to the millisecond.
#[must_use]
pub fn exactly(moment: Timestamp) -> String {
    let millis = moment.as_millis();
    format!("@{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}

/// A moment in journalctl's words, to the second.
#[must_use]
pub fn at(moment: Timestamp) -> String {
    format!("@{}", moment.as_millis() / 1000)
}

/// The last lines of units' logs, oldest first.
#[must_use]
pub fn read<'a>(units: impl IntoIterator<Item = &'a UnitName>, wanted: &Wanted) -> Command {
    let mut args: Vec<String> =
        ["--no-pager", "--quiet", "--output=short-iso"].map(str::to_owned).into();
    args.push(format!("--lines={}", wanted.lines));
    args.extend(units.into_iter().map(|unit| format!("--unit={unit}")));
    args.extend(wanted.since.iter().map(|since| format!("--since={since}")));
    args.extend(wanted.priority.iter().map(|priority| format!("--priority={priority}")));
    args.extend(wanted.follow.then(|| "--follow".to_owned()));
    journalctl(args, if wanted.follow { FOLLOWING } else { DEADLINE })
}

/// The value that journalctl could not understand, if that is what it says.
#[must_use]
pub fn misunderstood(text: &str) -> Option<Filter> {
    let filters =
        [("Failed to parse timestamp", Filter::Since), ("Unknown log level", Filter::Priority)];
    let said = |words: &str| text.lines().any(|line| line.starts_with(words));
    filters.into_iter().find_map(|(words, filter)| said(words).then_some(filter))
}

/// How our own entries in the system's journal are named: `journalctl -t helionyx-deploy`.
pub const IDENTIFIER: &str = "helionyx-deploy";
/// The field with the number of the last entry of an environment's journal.
pub const NUMBER: &str = "HELIONYX_JOURNAL_NUMBER";
/// The field with the digest of its line.
pub const LINE: &str = "HELIONYX_JOURNAL_LINE";
/// At most so many entries of ours are looked at, the last ones.
const ANCHORS: usize = 256;

/// The last of our own entries about the environment with this root, the newest first. Only those
/// that root wrote: that field is the journal's own, and nobody else can have it.
#[must_use]
pub fn anchors(root: &Utf8Path) -> Command {
    let args = [
        "--no-pager".to_owned(),
        "--quiet".to_owned(),
        "--reverse".to_owned(),
        "--output=json".to_owned(),
        format!("--lines={ANCHORS}"),
        format!("--output-fields={NUMBER},{LINE}"),
        "_UID=0".to_owned(),
        format!("SYSLOG_IDENTIFIER={IDENTIFIER}"),
        format!("HELIONYX_ROOT={root}"),
    ];
    journalctl(args.into(), DEADLINE)
}

/// An entry as `--output=json` prints it: a value is text, or numbers where it is none.
#[derive(Deserialize)]
struct Told {
    #[serde(rename = "HELIONYX_JOURNAL_NUMBER")]
    number: String,
    #[serde(rename = "HELIONYX_JOURNAL_LINE")]
    line: String,
}

/// What it said, in its order: a line for each entry. What names no entry of a journal is left out.
#[must_use]
pub fn parse_anchors(text: &str) -> Vec<Anchor> {
    let told = text.lines().filter_map(|line| serde_json::from_str::<Told>(line).ok());
    let anchor = |told: Told| {
        Some(Anchor { number: told.number.parse().ok()?, line: told.line.parse().ok()? })
    };
    told.filter_map(anchor).collect()
}

/// Has all be taken in that was written until now: what a process wrote last may still be on its way
/// when that has ended.
#[must_use]
pub fn sync() -> Command {
    let on_interrupt = OnInterrupt::GoesOn;
    Command { on_interrupt, ..journalctl(vec!["--sync".to_owned()], SYNCING) }
}

fn journalctl(args: Vec<String>, deadline: Duration) -> Command {
    Command {
        program: "journalctl".to_owned(),
        args,
        directory: Utf8PathBuf::from("/"),
        inherit: Inherit::Basics(Vec::new()),
        variables: [("LC_ALL".to_owned(), "C".to_owned())].into(),
        deadline,
        on_interrupt: OnInterrupt::Ends,
        on_death: OnDeath::Ends,
        leftovers: Leftovers::Stay,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_journalctl_cannot_understand_is_told_by_its_filter() {
        for (text, expected) in [
            ("Failed to parse timestamp: nonsense", Some(Filter::Since)),
            ("Unknown log level nonsense", Some(Filter::Priority)),
            ("-- No entries --", None),
            ("a service wrote: Failed to parse timestamp", None),
        ] {
            assert_eq!(misunderstood(text), expected, "{text}");
        }
    }

    #[test]
    fn only_entries_that_name_one_of_a_journal_are_read() {
        let line = crate::digest::Digest::of(b"x");
        let entry = |number: &str| {
            format!(r#"{{"__CURSOR":"s=1","{NUMBER}":"{number}","{LINE}":"{line}"}}"#)
        };
        let text = [
            "torn\":\"7\"}",
            &entry("12"),
            "-- No entries --",
            &entry("x"),
            r#"{"HELIONYX_JOURNAL_NUMBER":"3","HELIONYX_JOURNAL_LINE":[1,2]}"#,
            r#"{"HELIONYX_JOURNAL_NUMBER":["3","4"]}"#,
            &entry("0"),
        ];
        let found = parse_anchors(&text.join("\n"));
        assert_eq!(found, [12, 0].map(|number| Anchor { number, line }));
        let words = anchors("/opt/x y".into()).args;
        assert!(words.contains(&"HELIONYX_ROOT=/opt/x y".to_owned()), "{words:?}");
        assert!(words.contains(&"_UID=0".to_owned()), "nobody else can have it: {words:?}");
    }

    /// An entry as 252.39 and 257.13 printed it.
    const ENTRIES: [&str; 2] = [
        r#"{"__MONOTONIC_TIMESTAMP":"24460114194","HELIONYX_JOURNAL_LINE":"LINE","HELIONYX_JOURNAL_NUMBER":"7","_BOOT_ID":"81bb8b59c337444eab16d54bd7ed6fb4","__CURSOR":"s=8817c302109c494d97e0c03914d8ec40;i=67;b=81bb8b59c337444eab16d54bd7ed6fb4;m=5b1efb912;t=660cea9d20b8d;x=1a31300c6e0c50e6","__REALTIME_TIMESTAMP":"1795290588908429"}"#,
        r#"{"HELIONYX_JOURNAL_LINE":"LINE","__CURSOR":"s=44884f94c58d4c258fa84b07cbffea16;i=71;b=38c24433c9e445f39e7f0391af01bff4;m=5b28c92ee;t=660ceaa6ee56b;x=c79c8f13f44debcf","__SEQNUM":"113","HELIONYX_JOURNAL_NUMBER":"7","__MONOTONIC_TIMESTAMP":"24470393582","__REALTIME_TIMESTAMP":"1795290599187819","__SEQNUM_ID":"44884f94c58d4c258fa84b07cbffea16","_BOOT_ID":"38c24433c9e445f39e7f0391af01bff4"}"#,
    ];

    #[test]
    fn an_entry_is_read_as_each_version_prints_it() {
        let line = crate::digest::Digest::of(b"x");
        let text = ENTRIES.join("\n").replace("\"LINE\"", &format!("\"{line}\""));
        let anchor = Anchor { number: 7, line };
        assert_eq!(parse_anchors(&text), [anchor, anchor], "{text}");
    }

    #[test]
    fn every_wish_is_one_word_with_its_value() {
        let since = Some("-1 hour; x".into());
        let wanted = Wanted { lines: 50, since, ..Wanted::default() };
        let words = read(&["web.service".parse().unwrap()], &wanted).args;
        assert!(words.contains(&"--since=-1 hour; x".to_owned()), "ALL-08: {words:?}");
        assert!(words.contains(&"--unit=web.service".to_owned()) && words.len() == 6);
    }
}
