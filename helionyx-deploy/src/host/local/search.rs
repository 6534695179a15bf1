//! Whether a file holds certain bytes. Does I/O.

use std::fs::OpenOptions;
use std::io::{self, Read};

use camino::Utf8Path;

use super::super::HostError;
use super::context::Context;
use super::files::open_regular;

const BUFFER: usize = 128 * 1024;

/// Whether these bytes occur in a regular file; it is read in pieces, to the first place at most.
pub fn contains(path: &Utf8Path, needle: &[u8]) -> Result<bool, HostError> {
    let (mut file, _) = open_regular("read", path, OpenOptions::new().read(true))?;
    let skips = skips(needle);
    let overlap = needle.len().saturating_sub(1);
    let mut buffer = vec![0; BUFFER.max(2 * needle.len())];
    let mut filled = 0;
    loop {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => return Ok(occurs(&buffer[..filled], needle, &skips)),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).at("read", path),
        }
        if filled < buffer.len() {
            continue;
        }
        if occurs(&buffer, needle, &skips) {
            return Ok(true);
        }
        // What begins at the end of this piece may go on in the next one.
        buffer.copy_within(filled - overlap.., 0);
        filled = overlap;
    }
}

/// Replaces each occurrence of some bytes by others, which are as many; how many there were.
pub fn replace(hay: &mut [u8], needle: &[u8], with: &[u8]) -> usize {
    let (skips, mut at, mut count) = (skips(needle), 0, 0);
    while let Some(found) = position(&hay[at..], needle, &skips) {
        let begin = at + found;
        at = begin + needle.len();
        hay[begin..at].copy_from_slice(with);
        count += 1;
    }
    count
}

/// How far the search may go on, by the byte that stands where the last one should be.
fn skips(needle: &[u8]) -> [usize; 256] {
    let mut skips = [needle.len().max(1); 256];
    for (index, byte) in needle.iter().enumerate().take(needle.len().saturating_sub(1)) {
        skips[usize::from(*byte)] = needle.len() - 1 - index;
    }
    skips
}

/// Looks at one byte in `needle.len()`, most of the time: a release is searched in no more time
/// than it takes to read it.
fn occurs(hay: &[u8], needle: &[u8], skips: &[usize; 256]) -> bool {
    position(hay, needle, skips).is_some()
}

fn position(hay: &[u8], needle: &[u8], skips: &[usize; 256]) -> Option<usize> {
    let Some(last) = needle.len().checked_sub(1) else { return Some(0) };
    let mut at = 0;
    while let Some(window) = hay.get(at..=at + last) {
        if window == needle {
            return Some(at);
        }
        at += skips[usize::from(window[last])];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::scratch::Scratch;
    use super::super::whole;
    use super::*;

    #[test]
    fn bytes_are_found_wherever_they_lie_in_a_long_file() {
        let dir = Scratch::new();
        let path = dir.join("file");
        let needle = b"20260101T000000Z-aaaaaaa";
        for at in [0, 1, BUFFER - needle.len(), BUFFER - 12, BUFFER - 1, BUFFER, 3 * BUFFER - 5] {
            let mut content = vec![b'a'; 3 * BUFFER + 100];
            whole::write(&path, &content, 0o644).unwrap();
            assert!(!contains(&path, needle).unwrap(), "{at}");
            content[at..at + needle.len()].copy_from_slice(needle);
            whole::write(&path, &content, 0o644).unwrap();
            assert!(contains(&path, needle).unwrap(), "{at}");
            content[at + needle.len() - 1] = b'b';
            whole::write(&path, &content, 0o644).unwrap();
            assert!(!contains(&path, needle).unwrap(), "{at}");
        }
    }

    #[test]
    fn each_occurrence_is_replaced_by_as_many_bytes() {
        for (text, expected, count) in [
            ("one", "two", 1),
            ("oneone/one", "twotwo/two", 3),
            ("on e", "on e", 0),
            ("oone", "otwo", 1),
            ("", "", 0),
        ] {
            let mut bytes = text.as_bytes().to_vec();
            assert_eq!(replace(&mut bytes, b"one", b"two"), count, "{text}");
            assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        }
    }

    #[test]
    fn no_bytes_occur_in_every_file_and_some_in_none_that_is_shorter() {
        let dir = Scratch::new();
        let path = dir.join("file");
        for (content, needle, expected) in
            [("", "", true), ("abc", "", true), ("", "a", false), ("ab", "abc", false)]
        {
            whole::write(&path, content.as_bytes(), 0o644).unwrap();
            let found = contains(&path, needle.as_bytes()).unwrap();
            assert_eq!(found, expected, "{needle:?} in {content:?}");
        }
    }
}
