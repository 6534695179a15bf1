//! journalctl: what units wrote. No I/O.

use std::time::Duration;

use camino::Utf8PathBuf;

use crate::command::{Command, Inherit};
use crate::name::UnitName;

/// How long journalctl may take for an answer that ends.
const DEADLINE: Duration = Duration::from_secs(60);
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
    Command {
        program: "journalctl".to_owned(),
        args,
        directory: Utf8PathBuf::from("/"),
        inherit: Inherit::Basics(Vec::new()),
        variables: [("LC_ALL".to_owned(), "C".to_owned())].into(),
        deadline: if wanted.follow { FOLLOWING } else { DEADLINE },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wish_is_one_word_with_its_value() {
        let since = Some("-1 hour; x".into());
        let wanted = Wanted { lines: 50, since, ..Wanted::default() };
        let words = read(&["web.service".parse().unwrap()], &wanted).args;
        assert!(words.contains(&"--since=-1 hour; x".to_owned()), "ALL-08: {words:?}");
        assert!(words.contains(&"--unit=web.service".to_owned()) && words.len() == 6);
    }
}
