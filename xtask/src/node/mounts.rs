//! What is mounted on this machine, from `/proc/self/mountinfo`. Reads that file.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use anyhow::Result;

/// A file system that is mounted somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where.
    pub point: PathBuf,
    /// Its type.
    pub kind: String,
}

/// All mounts, in the order in which they were made.
pub fn all() -> Result<Vec<Mount>> {
    let text = fs_err::read("/proc/self/mountinfo")?;
    Ok(parse(&text))
}

/// Where something is mounted at or below a directory, the last mount first.
pub fn below(directory: &Path) -> Result<Vec<PathBuf>> {
    let points = all()?.into_iter().map(|mount| mount.point);
    let mut found: Vec<_> = points.filter(|point| point.starts_with(directory)).collect();
    found.reverse();
    Ok(found)
}

fn parse(text: &[u8]) -> Vec<Mount> {
    text.split(|byte| *byte == b'\n').filter_map(line).collect()
}

/// `36 35 98:0 /root /point options … - kind source options`.
fn line(line: &[u8]) -> Option<Mount> {
    let mut words = line.split(|byte| *byte == b' ');
    let point = PathBuf::from(OsString::from_vec(unescaped(words.nth(4)?)));
    let kind = words.skip_while(|word| *word != b"-").nth(1)?;
    Some(Mount { point, kind: String::from_utf8_lossy(kind).into_owned() })
}

/// Blanks and backslashes are written as three octal digits.
fn unescaped(word: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = word;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|_| *first == b'\\');
        let code = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[3..] } else { after };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_has_its_place_and_type_with_and_without_optional_fields() {
        let text = "29 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw\n\
                    30 29 0:5 /a /mnt/my\\040disk\\134 rw - overlay none rw,lowerdir=/\n";
        let found = parse(text.as_bytes());
        let expected = [("/", "ext4"), ("/mnt/my disk\\", "overlay")];
        let expected =
            expected.map(|(point, kind)| Mount { point: point.into(), kind: kind.into() });
        assert_eq!(found, expected);
    }
}
