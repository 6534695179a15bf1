//! The states in which systemd reads an environment file. No I/O.

use crate::secret::Secret;

use super::{Assignment, Invalid, Key, Mark, Quirk, Read, Refused, Systemd};

/// Reads a file, one byte after the other.
pub fn read(bytes: &[u8], version: Systemd) -> Read {
    let mut machine = Machine::new(version);
    for (at, byte) in bytes.iter().enumerate() {
        machine.step(at, *byte);
        machine.line += usize::from(*byte == b'\n');
    }
    machine.finish(bytes.len())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    BeforeKey,
    Key,
    BeforeValue,
    Value,
    ValueEscape,
    Single,
    Double,
    DoubleEscape,
    Comment,
    CommentEscape,
}

struct Machine {
    version: Systemd,
    state: State,
    line: usize,
    /// The line of the key.
    begun_line: usize,
    begun: usize,
    value_at: usize,
    key: Vec<u8>,
    value: Vec<u8>,
    /// The length of the value without the blanks at its end, while it ends in some.
    value_blank: Option<usize>,
    closed: bool,
    marks: Vec<Mark>,
    read: Read,
}

impl Machine {
    fn new(version: Systemd) -> Machine {
        Machine {
            version,
            state: State::BeforeKey,
            line: 1,
            begun_line: 1,
            begun: 0,
            value_at: 0,
            key: Vec::new(),
            value: Vec::new(),
            value_blank: None,
            closed: false,
            marks: Vec::new(),
            read: Read::default(),
        }
    }

    fn step(&mut self, at: usize, byte: u8) {
        if byte == 0 {
            self.read.refused.push(Refused { at, line: self.line, why: Invalid::Nul });
        }
        match self.state {
            State::BeforeKey => self.before_key(at, byte),
            State::Key => self.in_key(at, byte),
            State::BeforeValue => self.before_value(at, byte),
            State::Value => self.in_value(at, byte),
            State::ValueEscape => self.after_backslash(at, byte),
            State::Single if byte == b'\'' => self.close(),
            State::Single => self.value.push(byte),
            State::Double => self.in_double(byte),
            State::DoubleEscape => self.in_double_escape(at, byte),
            State::Comment if byte == b'\\' => self.state = State::CommentEscape,
            State::Comment if is_end(byte) => self.state = State::BeforeKey,
            State::Comment => {}
            State::CommentEscape => self.in_comment_escape(at, byte),
        }
    }

    fn before_key(&mut self, at: usize, byte: u8) {
        if matches!(byte, b'#' | b';') {
            self.state = State::Comment;
        } else if !is_blank(byte) {
            self.state = State::Key;
            (self.begun, self.begun_line) = (at, self.line);
            self.key = vec![byte];
        }
    }

    fn in_key(&mut self, at: usize, byte: u8) {
        if is_end(byte) {
            self.read.strays.push((self.begun, self.begun_line));
            self.state = State::BeforeKey;
        } else if byte == b'=' {
            self.state = State::BeforeValue;
            self.value_at = at + 1;
            self.value_blank = None;
            self.closed = false;
        } else {
            self.key.push(byte);
        }
    }

    fn before_value(&mut self, at: usize, byte: u8) {
        if is_end(byte) {
            return self.assign(at);
        }
        if is_blank(byte) {
            return;
        }
        if self.closed {
            self.mark(at, Quirk::AfterQuote);
        }
        match byte {
            b'\'' | b'"' => {
                self.mark(at, Quirk::Opened);
                self.state = if byte == b'"' { State::Double } else { State::Single };
            }
            b'\\' => self.state = State::ValueEscape,
            _ => {
                self.state = State::Value;
                self.value.push(byte);
            }
        }
    }

    fn in_value(&mut self, at: usize, byte: u8) {
        if is_end(byte) {
            return self.assign(at);
        }
        if byte == b'\\' {
            self.state = State::ValueEscape;
            self.value_blank = None;
            return;
        }
        match is_blank(byte) {
            true => self.value_blank = self.value_blank.or(Some(self.value.len())),
            false => self.value_blank = None,
        }
        self.value.push(byte);
    }

    fn after_backslash(&mut self, at: usize, byte: u8) {
        self.state = State::Value;
        if is_end(byte) {
            self.mark(at - 1, Quirk::Continued);
        } else {
            self.mark(at - 1, Quirk::Backslash);
            self.value.push(byte);
        }
    }

    fn in_double(&mut self, byte: u8) {
        match byte {
            b'"' => self.close(),
            b'\\' => self.state = State::DoubleEscape,
            _ => self.value.push(byte),
        }
    }

    fn in_double_escape(&mut self, at: usize, byte: u8) {
        self.state = State::Double;
        match byte {
            b'"' | b'\\' | b'$' | b'`' => {
                self.mark(at - 1, Quirk::Escape);
                self.value.push(byte);
            }
            b'\n' => self.mark(at - 1, Quirk::Continued),
            _ => {
                self.mark(at - 1, Quirk::Kept);
                self.value.extend([b'\\', byte]);
            }
        }
    }

    fn in_comment_escape(&mut self, at: usize, byte: u8) {
        self.state = State::Comment;
        if is_end(byte) {
            self.read.open_comments.push((at - 1, self.line));
            if self.version >= Systemd::COMMENTS_END {
                self.state = State::BeforeKey;
            }
        }
    }

    fn close(&mut self) {
        self.state = State::BeforeValue;
        self.closed = true;
    }

    fn mark(&mut self, at: usize, what: Quirk) {
        self.marks.push(Mark { at, what });
    }

    /// What the file ends in counts, also without a line end.
    fn finish(mut self, end: usize) -> Read {
        match self.state {
            State::BeforeKey | State::Comment => {}
            State::CommentEscape => self.read.open_comments.push((end - 1, self.line)),
            State::Key => self.read.strays.push((self.begun, self.begun_line)),
            State::ValueEscape => {
                self.mark(end - 1, Quirk::Continued);
                self.assign(end);
            }
            State::Single | State::Double | State::DoubleEscape => {
                let opened = self.marks.iter_mut().rev().find(|mark| mark.what == Quirk::Opened);
                if let Some(mark) = opened {
                    mark.what = Quirk::Unterminated;
                }
                self.assign(end);
            }
            State::BeforeValue | State::Value => self.assign(end),
        }
        self.read.refused.sort();
        self.read
    }

    fn assign(&mut self, end: usize) {
        self.state = State::BeforeKey;
        let mut key = std::mem::take(&mut self.key);
        let mut value = std::mem::take(&mut self.value);
        key.truncate(key.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |last| last + 1));
        if let Some(length) = self.value_blank {
            value.truncate(length);
        }
        for (text, at) in [(&key, self.begun), (&value, self.value_at)] {
            if let Some(why) = invalid(text) {
                self.read.refused.push(Refused { at, line: self.begun_line, why });
            }
        }
        let key = match String::from_utf8(key) {
            Ok(name) if is_name(&name) => Key::Name(name),
            Ok(text) => Key::Dropped(text.into_bytes()),
            Err(error) => Key::Dropped(error.into_bytes()),
        };
        self.read.assignments.push(Assignment {
            line: self.begun_line,
            at: self.begun,
            value_at: self.value_at,
            end,
            key,
            value: String::from_utf8(value).ok().map(Secret::new),
            marks: std::mem::take(&mut self.marks),
        });
    }
}

fn is_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t') || is_end(byte)
}

/// Whether systemd takes it for a variable's name.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Why systemd takes bytes for no text; NUL is looked for in the whole file instead.
pub fn invalid(bytes: &[u8]) -> Option<Invalid> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.chars().any(is_noncharacter).then_some(Invalid::Noncharacter),
        Err(_) => Some(Invalid::Utf8),
    }
}

fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE
}
