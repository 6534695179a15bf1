//! Reads files whole: digests their content, and looks for a text in it. Does I/O.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;

use memchr::memmem::Finder;

use super::files::modified_ns;
use crate::digest::ContentDigester;
use crate::release::FileRecord;

/// A long file is read in pieces of this size.
const BUFFER: usize = 128 * 1024;

/// Replaces each occurrence of some bytes by others, which are as many.
pub fn replace(needle: &Finder<'_>, hay: &mut [u8], with: &[u8]) {
    let mut at = 0;
    while let Some(found) = needle.find(&hay[at..]) {
        let begin = at + found;
        at = begin + needle.needle().len();
        hay[begin..at].copy_from_slice(with);
    }
}

/// How a regular file is recorded, and whether the bytes occur in it, if some are looked for.
pub fn read_through(
    mut file: File,
    metadata: &Metadata,
    needle: Option<&Finder<'_>>,
) -> io::Result<(FileRecord, bool)> {
    // What begins at the end of a piece may go on in the next one.
    let overlap = needle.map_or(0, |needle| needle.needle().len().saturating_sub(1));
    let whole = usize::try_from(metadata.len()).unwrap_or(BUFFER).saturating_add(1);
    let mut buffer = vec![0; whole.min(BUFFER).max(2 * overlap + 1)];
    let mut digester = ContentDigester::default();
    let (mut filled, mut size, mut holds) = (0, 0, false);
    loop {
        let count = match file.read(&mut buffer[filled..]) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        digester.add(&buffer[filled..filled + count]);
        (filled, size) = (filled + count, size + count as u64);
        if count > 0 && filled < buffer.len() {
            continue;
        }
        holds = holds || needle.is_some_and(|needle| needle.find(&buffer[..filled]).is_some());
        if count == 0 {
            break;
        }
        buffer.copy_within(filled - overlap.., 0);
        filled = overlap;
    }
    let record = FileRecord::File {
        blake3: digester.finish(),
        size,
        mode: metadata.permissions().mode() & 0o7777,
        modified_ns: modified_ns(metadata),
    };
    Ok((record, holds))
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::super::scratch::Scratch;
    use super::super::{files, whole};
    use super::*;
    use crate::digest::ContentDigest;

    fn contains(path: &Utf8Path, needle: &[u8]) -> bool {
        let read = |needle| {
            let file = File::open(path).unwrap();
            let metadata = file.metadata().unwrap();
            read_through(file, &metadata, needle).unwrap()
        };
        let needle = Finder::new(needle);
        let (record, holds) = read(Some(&needle));
        let content = files::read(path, 1 << 20).unwrap();
        let FileRecord::File { blake3, size, .. } = record else { panic!("{record:?}") };
        assert_eq!((blake3, size), (ContentDigest::of(&content), content.len() as u64));
        assert_eq!(read(None), (record, false));
        holds
    }

    #[test]
    fn bytes_are_found_wherever_they_lie_in_a_long_file_whose_digest_is_that_of_the_whole() {
        let dir = Scratch::new();
        let path = dir.join("file");
        let needle = b"20260101T000000Z-aaaaaaa";
        for at in [0, 1, BUFFER - needle.len(), BUFFER - 12, BUFFER - 1, BUFFER, 3 * BUFFER - 5] {
            let mut content = vec![b'a'; 3 * BUFFER + 100];
            whole::write(&path, &content, 0o644).unwrap();
            assert!(!contains(&path, needle), "{at}");
            content[at..at + needle.len()].copy_from_slice(needle);
            whole::write(&path, &content, 0o644).unwrap();
            assert!(contains(&path, needle), "{at}");
            content[at + needle.len() - 1] = b'b';
            whole::write(&path, &content, 0o644).unwrap();
            assert!(!contains(&path, needle), "{at}");
        }
    }

    #[test]
    fn each_occurrence_is_replaced_by_as_many_bytes() {
        for (text, expected) in [
            ("one", "two"),
            ("oneone/one", "twotwo/two"),
            ("on e", "on e"),
            ("oone", "otwo"),
            ("", ""),
        ] {
            let mut bytes = text.as_bytes().to_vec();
            replace(&Finder::new(b"one"), &mut bytes, b"two");
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
            let found = contains(&path, needle.as_bytes());
            assert_eq!(found, expected, "{needle:?} in {content:?}");
        }
    }
}
