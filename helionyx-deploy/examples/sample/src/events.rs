//! The event log: one JSON object per line in a file that outlives releases,
//! so that a lost or torn line shows what a deployment did to the data.

use crate::json;
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// The open log of one process. Several processes may have the same file open.
pub struct EventLog {
    release: String,
    counted: Mutex<Counted>,
}

/// How many lines end before `offset`: what was counted once is not read again.
struct Counted {
    file: File,
    offset: u64,
    lines: u64,
}

impl EventLog {
    /// Opens or creates the file, but never its directory: a directory that
    /// appears by itself would hide that the deployment forgot to make it.
    pub fn open(path: &Path, release: &str) -> Result<Self, String> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path);
        let file = file.map_err(|e| format!("cannot open EVENT_LOG {}: {e}", path.display()))?;
        let counted = Counted { file, offset: 0, lines: 0 };
        Ok(Self { release: release.to_owned(), counted: Mutex::new(counted) })
    }

    /// Appends one event, waits until the disk has it, and returns the number
    /// of its line.
    pub fn record(&self, event: &str, body: Option<&str>) -> io::Result<u64> {
        let mut fields = vec![("event", Value::from(event))];
        fields.extend(body.map(|body| ("body", Value::from(body))));
        fields.push(("release", self.release.as_str().into()));
        fields.push(("pid", std::process::id().into()));
        fields.push(("time_ms", now_ms().into()));
        self.locked().append(&(json::object(&fields) + "\n"))
    }

    /// The number of lines in the file, whoever wrote them.
    pub fn count(&self) -> io::Result<u64> {
        let mut counted = self.locked();
        let end = counted.file.metadata()?.len();
        counted.up_to(end)
    }

    fn locked(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    /// A single write, since only that keeps lines whole when the old and the
    /// new release append at the same time. Afterwards the file's position is
    /// the end of this very line, which makes its number exact.
    fn append(&mut self, line: &str) -> io::Result<u64> {
        let written = self.file.write(line.as_bytes())?;
        if written != line.len() {
            let message = format!("only {written} of {} bytes were written", line.len());
            return Err(io::Error::new(io::ErrorKind::WriteZero, message));
        }
        self.file.sync_all()?;
        let end = self.file.stream_position()?;
        self.up_to(end)
    }

    fn up_to(&mut self, end: u64) -> io::Result<u64> {
        if end < self.offset {
            // Somebody emptied the file.
            (self.offset, self.lines) = (0, 0);
        }
        let mut chunk = [0; 16 * 1024];
        while self.offset < end {
            let wanted = usize::try_from(end - self.offset).unwrap_or(usize::MAX);
            let wanted = wanted.min(chunk.len());
            let got = self.file.read_at(&mut chunk[..wanted], self.offset)?;
            if got == 0 {
                break;
            }
            self.lines += chunk[..got].iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
            self.offset += got as u64;
        }
        Ok(self.lines)
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::EventLog;
    use std::{env, fs, process};

    #[test]
    fn line_numbers_are_exact_with_two_writers_and_after_emptying() {
        let path = env::temp_dir().join(format!("sample-events-{}", process::id()));
        let old = EventLog::open(&path, "r1").unwrap();
        let new = EventLog::open(&path, "r2").unwrap();
        assert_eq!(old.record("started", None).unwrap(), 1);
        assert_eq!(new.record("accepted", Some("a\nb")).unwrap(), 2);
        assert_eq!(old.record("stopped", None).unwrap(), 3);
        assert_eq!(new.count().unwrap(), 3);
        let text = fs::read_to_string(&path).unwrap();
        let second = text.lines().nth(1).unwrap();
        assert!(second.starts_with(r#"{"event":"accepted","body":"a\nb","release":"r2","pid":"#));
        fs::write(&path, "").unwrap();
        assert_eq!(new.record("started", None).unwrap(), 1);
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_missing_directory_is_not_created() {
        let path = env::temp_dir().join("sample-no-such-directory/events.jsonl");
        let message = EventLog::open(&path, "r").err().unwrap();
        assert!(message.starts_with("cannot open EVENT_LOG /"), "{message}");
    }
}
