//! What units wrote, from the host's journal.

use crate::command::Command;
use crate::host::Host;
use crate::name::UnitName;
use crate::supervise::log::{Log, LogError, LogEvent, LogQuery, Since};
use crate::time::Timestamp;
use crate::tool::journalctl;

/// So much of a unit's log is kept, in bytes.
const LIMIT: usize = 64 * 1024;
/// So many lines of it, the last ones.
const LINES: usize = 200;

/// What a unit wrote last since it was started, and what systemd said of it.
pub(super) fn kept(host: &dyn Host, unit: &UnitName, since: Timestamp) -> Vec<u8> {
    // Where it cannot be waited for, what is there is kept.
    let _ = host.run(&journalctl::sync(), &mut |_| {});
    let since = Some(journalctl::at(since));
    let wanted = journalctl::Wanted { lines: LINES, since, ..journalctl::Wanted::default() };
    let output = host.run(&journalctl::read([unit], &wanted), &mut |_| {});
    let text = output.map(|output| output.text).unwrap_or_default().into_bytes();
    text[text.len().saturating_sub(LIMIT)..].to_vec()
}

/// The journal of units; where it is wanted from now on, none of it gets lost until it is read.
pub(super) fn open<'a>(
    host: &dyn Host,
    units: impl IntoIterator<Item = &'a UnitName>,
    query: &LogQuery,
) -> Box<dyn Log> {
    let since = query.since.as_ref().map(|since| match since {
        Since::Opened => journalctl::exactly(host.now()),
        Since::Time(words) => words.clone(),
    });
    let (lines, priority, follow) = (query.lines, query.priority.clone(), query.follow);
    let wanted = journalctl::Wanted { lines, since, priority, follow };
    Box::new(Journal { read: journalctl::read(units, &wanted) })
}

/// The journal of units, as it was asked for.
struct Journal {
    read: Command,
}

impl Log for Journal {
    fn read(&mut self, host: &dyn Host, tell: &mut dyn FnMut(LogEvent)) -> Result<(), LogError> {
        let output = host.run(&self.read, &mut |line| {
            tell(LogEvent::Line { service: None, bytes: line.as_bytes().to_vec() });
        })?;
        if output.status.success() || host.interrupted() {
            return Ok(());
        }
        let said = output.tail(2).join("; ");
        Err(match journalctl::misunderstood(&output.text) {
            Some(filter) => LogError::NotUnderstood { filter, said },
            None => LogError::Journal { said },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{ExitStatus, Output};
    use crate::host::{Clock as _, FakeHost};

    /// A host whose journalctl prints this and ends so.
    fn host(text: &'static str, status: ExitStatus) -> FakeHost {
        let host = FakeHost::new();
        host.program("journalctl", move |_, _| Output::new(status, text));
        host
    }

    fn read(host: &FakeHost, query: &LogQuery) -> Result<Vec<LogEvent>, LogError> {
        let unit = "web.service".parse().unwrap();
        let mut told = Vec::new();
        open(host, [&unit], query).read(host, &mut |event| told.push(event))?;
        Ok(told)
    }

    #[test]
    fn the_journal_is_asked_once_and_told_line_by_line() {
        let host = host("one\ntwo\n", ExitStatus::Code(0));
        let since = Some(Since::Time("yesterday".to_owned()));
        let query = LogQuery { lines: 7, since, ..LogQuery::default() };
        let line = |text: &str| LogEvent::Line { service: None, bytes: text.into() };
        assert_eq!(read(&host, &query).unwrap(), [line("one"), line("two")]);
        let asked = host.commands();
        let [journalctl] = &asked[..] else { panic!("{asked:?}") };
        for word in ["--lines=7", "--unit=web.service", "--since=yesterday"] {
            assert!(journalctl.args.iter().any(|arg| arg == word), "{word}: {journalctl:?}");
        }
    }

    #[test]
    fn from_when_it_is_opened_is_a_time_for_journalctl_however_late_it_is_read() {
        let host = host("", ExitStatus::Code(0));
        let query = LogQuery { since: Some(Since::Opened), ..LogQuery::default() };
        let mut opened = open(&host, [], &query);
        let at = format!("--since={}", journalctl::exactly(host.now()));
        host.advance(std::time::Duration::from_secs(60));
        opened.read(&host, &mut |_| ()).unwrap();
        assert!(host.commands()[0].args.contains(&at), "{at} (HEL-29)");
    }

    #[test]
    fn what_journalctl_does_not_understand_is_told_apart_from_its_failure() {
        let failed = ExitStatus::Code(1);
        let ask = |text| read(&host(text, failed), &LogQuery::default()).unwrap_err().to_string();
        let text = "Failed to parse timestamp: nonsense";
        assert_eq!(ask(text), format!("--since: {text}"));
        assert_eq!(ask("No journal files"), "journalctl failed: No journal files");
        let interrupted = host("No journal files", failed);
        interrupted.interrupt();
        let told = read(&interrupted, &LogQuery::default());
        assert!(told.is_ok(), "an end that was asked for is no failure: {told:?}");
    }
}
