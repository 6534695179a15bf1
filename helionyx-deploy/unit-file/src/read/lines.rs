//! Where systemd sees the lines of a file: LF, CR and NUL all end one. No I/O.

/// A line of the file.
#[derive(Debug, PartialEq, Eq)]
pub struct Physical<'a> {
    /// Its number, from 1, as editors count: systemd also counts those that a CR or NUL ends.
    pub line: usize,
    /// What stands on it.
    pub bytes: &'a [u8],
    /// How it ends.
    pub end: LineEnd,
}

/// How a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    /// With a line feed, or with the file.
    Usual,
    /// With a carriage return alone.
    LoneCarriageReturn,
    /// With a NUL byte.
    Nul,
}

/// The lines of a file. CR and LF in a row, either first, end one line; a NUL byte ends what is
/// before it and may follow them.
pub fn lines(bytes: &[u8]) -> Vec<Physical<'_>> {
    let mut lines = Vec::new();
    let (mut rest, mut line) = (bytes, 1);
    while !rest.is_empty() {
        let length = rest.iter().position(|byte| is_end(*byte)).unwrap_or(rest.len());
        let ends = end_length(&rest[length..]);
        let end = &rest[length..length + ends];
        let feeds = usize::from(end.contains(&b'\n'));
        let end = match end {
            end if end.contains(&0) => LineEnd::Nul,
            // At the very end of a file it separates nothing.
            b"\r" if length + ends < rest.len() => LineEnd::LoneCarriageReturn,
            _ => LineEnd::Usual,
        };
        lines.push(Physical { line, bytes: &rest[..length], end });
        line += feeds;
        rest = &rest[length + ends..];
    }
    lines
}

fn is_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | 0)
}

/// How many bytes end the line: each kind once, and nothing after a NUL.
fn end_length(rest: &[u8]) -> usize {
    let mut seen: Vec<u8> = Vec::new();
    for byte in rest.iter().copied().take_while(|byte| is_end(*byte)) {
        if seen.contains(&0) || seen.contains(&byte) {
            break;
        }
        seen.push(byte);
    }
    seen.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_end_ends_a_line_and_each_counts_once() {
        for (text, expected) in [
            ("", vec![]),
            ("a", vec!["a"]),
            ("a\nb\n", vec!["a", "b"]),
            ("a\r\nb", vec!["a", "b"]),
            ("a\n\rb", vec!["a", "b"]),
            ("a\rb", vec!["a", "b"]),
            ("a\n\nb", vec!["a", "", "b"]),
            ("a\r\n\r\nb", vec!["a", "", "b"]),
            ("a\0b", vec!["a", "b"]),
            ("a\n\0b", vec!["a", "b"]),
            ("a\0\nb", vec!["a", "", "b"]),
            ("a\u{85}b\u{2028}c\x0bd\x0ce", vec!["a\u{85}b\u{2028}c\x0bd\x0ce"]),
        ] {
            let found = lines(text.as_bytes());
            let found: Vec<_> =
                found.iter().map(|line| std::str::from_utf8(line.bytes).unwrap()).collect();
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn places_are_counted_as_editors_and_grep_count_them() {
        for (text, expected) in [
            ("a\nb\r\nc", vec![1, 2, 3]),
            ("a\rb\nc", vec![1, 1, 2]),
            ("a\0b\0\nc", vec![1, 1, 1, 2]),
            ("a\n\rb\r\rc\nd", vec![1, 2, 2, 2, 3]),
        ] {
            let found: Vec<_> = lines(text.as_bytes()).iter().map(|line| line.line).collect();
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
