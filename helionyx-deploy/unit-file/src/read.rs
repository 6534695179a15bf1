//! Reads a unit file as systemd does: lines, continuations, comments, sections, assignments. No I/O.

use crate::{LINE_MAX, text_of};

mod lines;

use lines::{LineEnd, Physical, lines};

/// A unit file as systemd reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// Its assignments, as they stand.
    pub assignments: Vec<Assignment>,
    /// The section headers, as they stand.
    pub sections: Vec<Header>,
    /// What systemd would say or pass over in silence.
    pub problems: Vec<Problem>,
    /// The file is empty: systemd takes the unit for masked.
    pub masked: bool,
}

/// `[Section]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its line, from 1.
    pub line: usize,
}

/// `Key=value`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The section it stands in.
    pub section: String,
    /// Its key.
    pub key: String,
    /// Its value, continuations joined, without blanks around it.
    pub value: String,
    /// Its first line, from 1.
    pub line: usize,
    /// The lines that continue it, with their numbers.
    pub continued: Vec<(usize, String)>,
    /// The last line asks for a further one, which is empty or not there.
    pub dangling: bool,
}

/// Something at a line that is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemKind {
    /// Not UTF-8, or a noncharacter: the unit is refused.
    NotText,
    /// Longer than [`LINE_MAX`]: the unit is refused.
    TooLong,
    /// `[` without `]`, or a control character between them: the unit is refused.
    BadHeader,
    /// An assignment before the first section.
    OutsideSection,
    /// Neither header, comment nor assignment.
    NoAssignment,
    /// Nothing before `=`.
    NoKey,
    /// A carriage return that no line feed follows ends a line, like a line feed.
    LoneCarriageReturn,
    /// A NUL byte ends a line, like a line feed.
    Nul,
}

impl ProblemKind {
    /// Whether systemd refuses the whole unit (`LoadState=error`) and reads no further.
    #[must_use]
    pub fn is_fatal(self) -> bool {
        matches!(self, ProblemKind::NotText | ProblemKind::TooLong | ProblemKind::BadHeader)
    }
}

impl Unit {
    /// Reads a unit file's bytes. Never fails: what is wrong is in `problems`.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Unit {
        let mut reader = Reader::default();
        reader.unit.masked = bytes.is_empty();
        for line in lines(bytes) {
            reader.take(&line);
            if reader.unit.is_refused() {
                return reader.unit;
            }
        }
        // A continuation that the end of the file cuts off counts as it is.
        reader.finish();
        reader.unit
    }

    /// Whether systemd refuses the whole file.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.problems.iter().any(|problem| problem.kind.is_fatal())
    }

    /// All assignments to a key, as they stand.
    pub fn all<'a>(
        &'a self,
        section: &'a str,
        key: &'a str,
    ) -> impl DoubleEndedIterator<Item = &'a Assignment> + Clone {
        let wanted = move |a: &&Assignment| a.section == section && a.key == key;
        self.assignments.iter().filter(wanted)
    }

    /// What counts of a key that takes a list: what stands after the last empty assignment.
    #[must_use]
    pub fn list<'a>(&'a self, section: &'a str, key: &'a str) -> Vec<&'a Assignment> {
        let all: Vec<_> = self.all(section, key).collect();
        let start = all.iter().rposition(|a| a.value.is_empty()).map_or(0, |at| at + 1);
        all[start..].to_vec()
    }

    /// What counts of a key that takes one value: the last.
    #[must_use]
    pub fn last<'a>(&'a self, section: &'a str, key: &'a str) -> Option<&'a Assignment> {
        self.all(section, key).next_back()
    }
}

/// What has been read so far.
#[derive(Default)]
struct Reader {
    unit: Unit,
    section: Option<String>,
    bom_seen: bool,
    open: Option<Open>,
}

/// A line that is not complete yet.
struct Open {
    line: usize,
    bytes: Vec<u8>,
    continued: Vec<(usize, String)>,
}

impl Reader {
    fn take(&mut self, physical: &Physical<'_>) {
        match physical.end {
            LineEnd::LoneCarriageReturn => {
                self.problem(physical.line, ProblemKind::LoneCarriageReturn);
            }
            LineEnd::Nul => self.problem(physical.line, ProblemKind::Nul),
            LineEnd::Usual => {}
        }
        if physical.bytes.len() > LINE_MAX {
            return self.problem(physical.line, ProblemKind::TooLong);
        }
        // Comments come first: inside of a continuation they vanish, and one never continues.
        if matches!(crate::words::skip_blanks(physical.bytes).first(), Some(b'#' | b';')) {
            return;
        }
        let mut bytes = physical.bytes;
        if let Some(rest) = bytes.strip_prefix("\u{feff}".as_bytes()).filter(|_| !self.bom_seen) {
            self.bom_seen = true;
            bytes = rest;
        }
        self.join(physical.line, bytes);
    }

    fn join(&mut self, line: usize, bytes: &[u8]) {
        let shown = String::from_utf8_lossy(bytes).trim().to_owned();
        let open = self.open.take();
        let mut open = match open {
            Some(mut open) => {
                open.continued.push((line, shown));
                open.bytes.extend(bytes);
                open
            }
            None => Open { line, bytes: bytes.to_vec(), continued: Vec::new() },
        };
        if open.bytes.len() > LINE_MAX + 1 {
            return self.problem(line, ProblemKind::TooLong);
        }
        let trailing = open.bytes.iter().rev().take_while(|byte| **byte == b'\\').count();
        if trailing % 2 == 1 {
            if let Some(last) = open.bytes.last_mut() {
                *last = b' ';
            }
            self.open = Some(open);
            return;
        }
        let dangling = open.continued.last().is_some_and(|(_, text)| text.is_empty());
        self.complete(open, dangling);
    }

    fn finish(&mut self) {
        if let Some(open) = self.open.take() {
            self.complete(open, true);
        }
    }

    fn complete(&mut self, open: Open, dangling: bool) {
        let line = open.line;
        let bytes = trim(&open.bytes);
        if bytes.is_empty() {
            return;
        }
        let Some(text) = text_of(bytes) else {
            return self.problem(line, ProblemKind::NotText);
        };
        if let Some(rest) = text.strip_prefix('[') {
            return self.header(line, rest);
        }
        let Some(section) = self.section.clone() else {
            return self.problem(line, ProblemKind::OutsideSection);
        };
        let Some((key, value)) = text.split_once('=') else {
            return self.problem(line, ProblemKind::NoAssignment);
        };
        let (key, value) = (trim_text(key).to_owned(), trim_text(value).to_owned());
        if key.is_empty() {
            return self.problem(line, ProblemKind::NoKey);
        }
        let continued = open.continued;
        let assignment = Assignment { section, key, value, line, continued, dangling };
        self.unit.assignments.push(assignment);
    }

    fn header(&mut self, line: usize, rest: &str) {
        let unsafe_in_name = |c: char| c < ' ' || matches!(c, '"' | '\'' | '\\' | '\x7f');
        match rest.strip_suffix(']').filter(|name| !name.contains(unsafe_in_name)) {
            Some(name) => {
                self.section = Some(name.to_owned());
                self.unit.sections.push(Header { name: name.to_owned(), line });
            }
            None => self.problem(line, ProblemKind::BadHeader),
        }
    }

    fn problem(&mut self, line: usize, kind: ProblemKind) {
        self.unit.problems.push(Problem { line, kind });
    }
}

fn trim(bytes: &[u8]) -> &[u8] {
    let bytes = crate::words::skip_blanks(bytes);
    let end = bytes.iter().rposition(|byte| !crate::words::is_blank(*byte));
    &bytes[..end.map_or(0, |end| end + 1)]
}

fn trim_text(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}
