//! journalctl: what units wrote. No I/O.

use std::time::Duration;

use camino::Utf8PathBuf;

use crate::command::{Command, Inherit};

/// How long journalctl may take for an answer that ends.
const DEADLINE: Duration = Duration::from_secs(60);

/// What of a journal is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// At most so many lines, the last ones.
    pub lines: usize,
    /// Nothing before this, in journalctl's words.
    pub since: Option<String>,
    /// Nothing less urgent than this, in journalctl's words.
    pub priority: Option<String>,
}

/// The last lines of a unit's log: its messages alone, oldest first.
#[must_use]
pub fn read(unit: &str, wanted: &Wanted) -> Command {
    let args = words(unit, wanted);
    Command {
        program: "journalctl".to_owned(),
        args,
        directory: Utf8PathBuf::from("/"),
        inherit: Inherit::Basics(Vec::new()),
        variables: [("LC_ALL".to_owned(), "C".to_owned())].into(),
        deadline: DEADLINE,
    }
}

fn words(unit: &str, wanted: &Wanted) -> Vec<String> {
    let mut words = vec![
        "--no-pager".to_owned(),
        "--quiet".to_owned(),
        "--output=short-iso".to_owned(),
        format!("--unit={unit}"),
        format!("--lines={}", wanted.lines),
    ];
    words.extend(wanted.since.iter().map(|since| format!("--since={since}")));
    words.extend(wanted.priority.iter().map(|priority| format!("--priority={priority}")));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wish_is_one_word_with_its_value() {
        let wanted = Wanted { lines: 50, since: Some("-1 hour; x".into()), priority: None };
        let words = read("web.service", &wanted).args;
        assert!(words.contains(&"--since=-1 hour; x".to_owned()), "ALL-08: {words:?}");
        assert!(words.contains(&"--unit=web.service".to_owned()) && words.len() == 6);
    }
}
