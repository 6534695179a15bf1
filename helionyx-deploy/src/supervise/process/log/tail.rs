//! One log file, read from its end, and on as it grows.

use camino::Utf8Path;

use crate::host::{Host, HostError, OpenFile};

/// How much is read at once, in bytes.
const BLOCK: u64 = 64 * 1024;
/// A line that does not end is handed on in parts of this many bytes.
const LONGEST: usize = 1024 * 1024;

/// An open log file.
pub(super) struct Tail {
    file: Box<dyn OpenFile>,
    position: u64,
    /// A line whose end was not written yet.
    partial: Vec<u8>,
}

impl Tail {
    /// The file at its begin; none where there is no file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn open(host: &dyn Host, path: &Utf8Path) -> Result<Option<Tail>, HostError> {
        let file = host.open(path)?;
        Ok(file.map(|file| Tail { file, position: 0, partial: Vec::new() }))
    }

    /// Passes over what is there.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub(super) fn skip(&mut self) -> Result<(), HostError> {
        self.position = self.file.size()?;
        Ok(())
    }

    /// The last lines, a last one without its end included; goes on from there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn last(&mut self, count: usize) -> Result<Vec<Vec<u8>>, HostError> {
        let end = self.file.size()?;
        self.position = self.begin_of_last(count, end)?;
        let mut lines = self.read_to(end)?;
        lines.extend(self.rest());
        Ok(lines)
    }

    /// The lines that were written since; those of the whole file when it became shorter.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn more(&mut self) -> Result<Vec<Vec<u8>>, HostError> {
        let end = self.file.size()?;
        let mut lines = Vec::new();
        if end < self.position {
            lines.extend(self.rest());
            self.position = 0;
        }
        lines.extend(self.read_to(end)?);
        Ok(lines)
    }

    /// A line whose end was never written.
    pub(super) fn rest(&mut self) -> Option<Vec<u8>> {
        Some(std::mem::take(&mut self.partial)).filter(|line| !line.is_empty())
    }

    /// Whether another file is at its path now.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub(super) fn is_replaced(&self) -> Result<bool, HostError> {
        self.file.is_replaced()
    }

    fn read_to(&mut self, end: u64) -> Result<Vec<Vec<u8>>, HostError> {
        let read = self.file.read(self.position, end.saturating_sub(self.position))?;
        self.position += read.len() as u64;
        let mut bytes = std::mem::take(&mut self.partial);
        bytes.extend(read);
        let mut lines: Vec<Vec<u8>> =
            bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        self.partial = lines.pop().unwrap_or_default();
        if self.partial.len() > LONGEST {
            lines.extend(self.rest());
        }
        Ok(lines)
    }

    /// Where the last `count` lines begin.
    fn begin_of_last(&self, count: usize, end: u64) -> Result<u64, HostError> {
        let mut missing = count;
        let mut begin = end;
        while begin > 0 && missing > 0 {
            let from = begin.saturating_sub(BLOCK);
            let block = self.file.read(from, begin - from)?;
            for (index, byte) in block.iter().enumerate().rev() {
                let at = from + index as u64;
                // The end of the last line does not begin another one.
                if *byte == b'\n' && at + 1 < end {
                    missing -= 1;
                    if missing == 0 {
                        return Ok(at + 1);
                    }
                }
            }
            begin = from;
        }
        Ok(begin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::FakeHost;

    const LOG: &str = "/logs/web.log";

    fn log(content: &str) -> (FakeHost, Tail) {
        let host = FakeHost::new();
        host.put_file(LOG, content, 0o644);
        let tail = Tail::open(&host, Utf8Path::new(LOG)).unwrap().unwrap();
        (host, tail)
    }

    fn lines(lines: Result<Vec<Vec<u8>>, HostError>) -> Vec<String> {
        lines.unwrap().into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
    }

    #[test]
    fn the_last_lines_are_found_from_the_end() {
        let long = "x".repeat(3 * BLOCK as usize);
        let two_long = format!("a\n{long}\n{long}\nb\n");
        for (content, count, expected) in [
            ("", 5, vec![]),
            ("a\nb\nc\n", 2, vec!["b", "c"]),
            ("a\nb\nc", 2, vec!["b", "c"]),
            ("a\nb\n", 5, vec!["a", "b"]),
            ("a\n\n\n", 2, vec!["", ""]),
            ("a\n", 0, vec![]),
            (&two_long, 2, vec![&*long, "b"]),
        ] {
            let (_, mut tail) = log(content);
            assert_eq!(lines(tail.last(count)), expected, "{count} (HEL-57)");
        }
    }

    #[test]
    fn what_is_written_later_is_handed_on_in_whole_lines() {
        let (host, mut tail) = log("a\n");
        tail.skip().unwrap();
        host.append(LOG.into(), b"b\nc").unwrap();
        assert_eq!(lines(tail.more()), ["b"]);
        host.append(LOG.into(), b"c\n").unwrap();
        assert_eq!(lines(tail.more()), ["cc"]);
        assert_eq!(lines(tail.more()), Vec::<String>::new());
    }

    #[test]
    fn a_log_that_was_cut_is_read_from_its_begin() {
        let (host, mut tail) = log("a\nb\n");
        tail.last(1).unwrap();
        host.truncate(LOG.into(), 0).unwrap();
        host.append(LOG.into(), b"c\n").unwrap();
        assert_eq!(lines(tail.more()), ["c"]);
        assert!(!tail.is_replaced().unwrap());
    }
}
