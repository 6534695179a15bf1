//! One log file, read from its end, and on as it grows. Reads files.

use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;

use camino::Utf8Path;
use fs_err::File;

/// How much is read at once, in bytes.
const BLOCK: u64 = 64 * 1024;
/// A line that does not end is handed on in parts of this many bytes.
const LONGEST: usize = 1024 * 1024;

/// An open log file.
pub(super) struct LogFile {
    file: File,
    inode: (u64, u64),
    position: u64,
    /// A line whose end was not written yet.
    partial: Vec<u8>,
}

impl LogFile {
    /// The file; nothing where there is none.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn open(path: &Utf8Path) -> io::Result<Option<LogFile>> {
        let file = match File::open(path.as_std_path()) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        let inode = (metadata.dev(), metadata.ino());
        Ok(Some(LogFile { file, inode, position: 0, partial: Vec::new() }))
    }

    /// The last lines, a last one without its end included; goes on from there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn last(&mut self, count: usize) -> io::Result<Vec<Vec<u8>>> {
        let end = self.file.metadata()?.len();
        self.position = self.begin_of_last(count, end)?;
        let mut lines = self.read_to(end)?;
        lines.extend(self.rest());
        Ok(lines)
    }

    /// The lines that were written since; those of the whole file when it became shorter.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn more(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let end = self.file.metadata()?.len();
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

    /// Whether there is another file at its path now.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub(super) fn was_replaced(&self, path: &Utf8Path) -> io::Result<bool> {
        match fs_err::metadata(path) {
            Ok(metadata) => Ok((metadata.dev(), metadata.ino()) != self.inode),
            // Between the move of the old one and the begin of the new one.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn read_to(&mut self, end: u64) -> io::Result<Vec<Vec<u8>>> {
        self.file.seek(SeekFrom::Start(self.position))?;
        let mut bytes = std::mem::take(&mut self.partial);
        let limit = end.saturating_sub(self.position);
        let read = (&mut self.file).take(limit).read_to_end(&mut bytes)?;
        self.position += read as u64;
        let mut lines: Vec<Vec<u8>> =
            bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        self.partial = lines.pop().unwrap_or_default();
        if self.partial.len() > LONGEST {
            lines.extend(self.rest());
        }
        Ok(lines)
    }

    /// Where the last `count` lines begin.
    fn begin_of_last(&mut self, count: usize, end: u64) -> io::Result<u64> {
        let mut missing = count;
        let mut block = Vec::new();
        let mut begin = end;
        while begin > 0 && missing > 0 {
            let from = begin.saturating_sub(BLOCK);
            self.file.seek(SeekFrom::Start(from))?;
            block.clear();
            (&mut self.file).take(begin - from).read_to_end(&mut block)?;
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
    use std::io::Write as _;

    fn lines(lines: Vec<Vec<u8>>) -> Vec<String> {
        lines.into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
    }

    fn log(content: &str) -> (tempfile::TempDir, camino::Utf8PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(dir.path()).unwrap().join("web.log");
        fs_err::write(&path, content).unwrap();
        (dir, path)
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
            let (_guard, path) = log(content);
            let mut file = LogFile::open(&path).unwrap().unwrap();
            assert_eq!(lines(file.last(count).unwrap()), expected, "{count} (HEL-57)");
        }
    }

    #[test]
    fn what_is_written_later_is_handed_on_in_whole_lines() {
        let (_guard, path) = log("a\n");
        let mut file = LogFile::open(&path).unwrap().unwrap();
        file.last(0).unwrap();
        let mut writer = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        writer.write_all(b"b\nc").unwrap();
        assert_eq!(lines(file.more().unwrap()), ["b"]);
        writer.write_all(b"c\n").unwrap();
        assert_eq!(lines(file.more().unwrap()), ["cc"]);
        assert_eq!(lines(file.more().unwrap()), Vec::<String>::new());
    }

    #[test]
    fn a_log_that_was_cut_or_replaced_is_read_from_its_begin() {
        let (_guard, path) = log("a\nb\n");
        let mut file = LogFile::open(&path).unwrap().unwrap();
        file.last(1).unwrap();
        fs_err::write(&path, "c\n").unwrap();
        assert_eq!(lines(file.more().unwrap()), ["c"]);
        assert!(!file.was_replaced(&path).unwrap());
        fs_err::rename(&path, path.with_extension("old")).unwrap();
        assert!(!file.was_replaced(&path).unwrap());
        fs_err::write(&path, "d\n").unwrap();
        assert!(file.was_replaced(&path).unwrap());
    }

    #[test]
    fn no_file_is_no_error() {
        assert!(LogFile::open(Utf8Path::new("/no/such/web.log")).unwrap().is_none());
    }
}
