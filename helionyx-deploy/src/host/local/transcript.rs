//! Cuts the output of a command into lines as it comes, and keeps its end. No I/O.

use crate::command::Output;

/// The output of a command so far.
pub struct Transcript<'a> {
    line: &'a mut dyn FnMut(&str),
    pending: Vec<u8>,
    kept: Vec<u8>,
}

/// A longer line is handed on in pieces of this many bytes.
pub const LINE_LIMIT: usize = 16 * 1024;

impl<'a> Transcript<'a> {
    /// Nothing yet; `line` gets every line when it is whole.
    pub fn new(line: &'a mut dyn FnMut(&str)) -> Transcript<'a> {
        Transcript { line, pending: Vec::new(), kept: Vec::new() }
    }

    /// Takes more output in.
    pub fn hear(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
        if self.kept.len() > 2 * Output::LIMIT {
            self.kept.drain(..self.kept.len() - Output::LIMIT);
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.pending.extend_from_slice(piece);
            while self.pending.len() > LINE_LIMIT {
                let rest = self.pending.split_off(whole_characters(&self.pending[..LINE_LIMIT]));
                self.hand_on();
                self.pending = rest;
            }
            if self.pending.ends_with(b"\n") {
                self.hand_on();
            }
        }
    }

    /// Hands on what is left, and returns the end of all output: at most [`Output::LIMIT`] bytes.
    pub fn finish(mut self) -> String {
        if !self.pending.is_empty() {
            self.hand_on();
        }
        let mut text = String::from_utf8_lossy(&self.kept).into_owned();
        let excess = text.len().saturating_sub(Output::LIMIT);
        let start = (excess..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.drain(..start);
        text
    }

    fn hand_on(&mut self) {
        let line = self.pending.strip_suffix(b"\n").unwrap_or(&self.pending);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        (self.line)(&String::from_utf8_lossy(line));
        self.pending.clear();
    }
}

/// How many of these bytes do not end within a character.
fn whole_characters(bytes: &[u8]) -> usize {
    let tail = bytes.iter().rev().take(3).position(|byte| *byte >= 0xc0);
    match tail {
        Some(back) if std::str::from_utf8(&bytes[bytes.len() - back - 1..]).is_err() => {
            bytes.len() - back - 1
        }
        _ => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pieces: &[&[u8]], expected: &[&str]) -> String {
        let mut lines = Vec::new();
        let mut push = |line: &str| lines.push(line.to_owned());
        let mut transcript = Transcript::new(&mut push);
        for piece in pieces {
            transcript.hear(piece);
        }
        let text = transcript.finish();
        assert_eq!(lines, expected, "{pieces:?}");
        text
    }

    #[test]
    fn lines_are_whole_however_the_output_comes() {
        assert_eq!(
            check(&[b"one\ntw", b"o\n", b"three"], &["one", "two", "three"]),
            "one\ntwo\nthree"
        );
        check(&[b"a\r\n\nb\n"], &["a", "", "b"]);
        check(&["ä".as_bytes().split_at(1).0, "ä".as_bytes().split_at(1).1], &["ä"]);
        assert_eq!(check(&[b"\xff\n"], &["\u{fffd}"]), "\u{fffd}\n");
        assert_eq!(check(&[], &[]), "");
    }

    #[test]
    fn an_endless_line_is_handed_on_in_pieces_of_whole_characters() {
        let line = format!("x{}", "ä".repeat(LINE_LIMIT));
        let mut lines = Vec::new();
        let mut push = |line: &str| lines.push(line.to_owned());
        let mut transcript = Transcript::new(&mut push);
        transcript.hear(line.as_bytes());
        transcript.finish();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines.concat(), line);
    }

    #[test]
    fn the_end_of_the_output_is_kept() {
        let mut ignore = |_: &str| {};
        let mut transcript = Transcript::new(&mut ignore);
        for number in 0..200_000 {
            transcript.hear(format!("line {number} ä\n").as_bytes());
        }
        let text = transcript.finish();
        assert!(text.len() <= Output::LIMIT && text.len() > Output::LIMIT - 4, "{}", text.len());
        assert!(text.ends_with("line 199999 ä\n"));
        let mut transcript = Transcript::new(&mut ignore);
        transcript.hear(&[0xff; Output::LIMIT]);
        assert!(transcript.finish().len() <= Output::LIMIT);
    }
}
