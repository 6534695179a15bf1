//! `journalctl` on the fake machine. No I/O.

use std::collections::BTreeMap;

use super::Machine;
use super::command::Said;

impl Machine {
    pub(super) fn journalctl(&self, args: &[&str]) -> Said {
        if args.contains(&"--sync") {
            return (0, String::new());
        }
        let option = |name: &str| args.iter().find_map(|word| word.strip_prefix(name));
        let limit = option("--lines=").and_then(|count| count.parse().ok()).unwrap_or(usize::MAX);
        let mut lines = match option("--output=") {
            Some("json") => self.announcements(args),
            _ => self.lines_of(args, option("--since=@").and_then(|secs| secs.parse().ok())),
        };
        match args.contains(&"--reverse") {
            true => {
                lines.reverse();
                lines.truncate(limit);
            }
            false => drop(lines.drain(..lines.len().saturating_sub(limit))),
        }
        (0, lines.join("\n"))
    }

    fn lines_of(&self, args: &[&str], since_secs: Option<i64>) -> Vec<String> {
        let wanted =
            |unit: &str| args.iter().any(|word| word.strip_prefix("--unit=") == Some(unit));
        let since = since_secs.unwrap_or(i64::MIN).saturating_mul(1000);
        let lines = self.systemd.journal.iter();
        let lines = lines.filter(|line| wanted(line.unit.as_str()) && line.at.as_millis() >= since);
        lines.map(|line| format!("{} {}: {}", line.at, line.unit.stem(), line.text)).collect()
    }

    /// What was announced and has these fields. Those that the journal itself adds say that all are
    /// root's.
    fn announcements(&self, args: &[&str]) -> Vec<String> {
        let fields: Vec<(&str, &str)> = args
            .iter()
            .filter(|word| !word.starts_with(['-', '_']))
            .filter_map(|word| word.split_once('='))
            .collect();
        let has = |entry: &BTreeMap<String, String>| {
            fields.iter().all(|(name, value)| entry.get(*name).is_some_and(|found| found == value))
        };
        let entries = self.announced.iter().filter(|entry| has(entry));
        entries.map(|entry| serde_json::json!(entry).to_string()).collect()
    }
}
