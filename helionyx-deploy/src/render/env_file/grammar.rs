//! What systemd reads from an environment file (`EnvironmentFile=`), byte for byte. No I/O.
//!
//! The rules were measured on systemd 252.39 and 257.13. The one difference between versions:
//! up to 253, a backslash at the end of a comment makes the next line part of the comment.

use std::fmt;
use std::str::FromStr;

use crate::secret::Secret;

mod machine;

pub(super) use machine::invalid;

/// A version of systemd, by its major number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Systemd(u16);

impl Systemd {
    /// That of Debian 12.
    pub const V252: Systemd = Systemd(252);
    /// That of Debian 13.
    pub const V257: Systemd = Systemd(257);
    /// Before it, backslashes were read in another way.
    const OLDEST: u16 = 240;
    /// The first in which a comment ends with its line, whatever stands at the line's end.
    pub(super) const COMMENTS_END: Systemd = Systemd(254);
}

impl FromStr for Systemd {
    type Err = String;

    /// Takes `257` as well as `257.13` and `v257`.
    fn from_str(text: &str) -> Result<Systemd, String> {
        let number = text.strip_prefix('v').unwrap_or(text).split(['.', '-', '~', ' ']).next();
        match number.and_then(|number| number.parse().ok()) {
            Some(number) if number >= Systemd::OLDEST => Ok(Systemd(number)),
            Some(_) => Err(format!("the grammar is known from systemd {} on", Systemd::OLDEST)),
            None => Err("a version is a number, e.g. 252 or 257.13".to_owned()),
        }
    }
}

impl fmt::Display for Systemd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An environment file as systemd sees it.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// Everything with a `=`, in the order of the file; also what is dropped for its key.
    pub assignments: Vec<Assignment>,
    /// Where text without a `=` begins, and its line. systemd drops it silently.
    pub strays: Vec<(usize, usize)>,
    /// Where comments end whose last character is a backslash, and their line.
    pub open_comments: Vec<(usize, usize)>,
    /// Why the whole file is refused, in the order of the file: the unit fails with
    /// `Result=resources`. Empty for a file that is read.
    pub refused: Vec<Refused>,
}

/// A key, a `=` and what follows, with offsets in bytes from the file's begin.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The line of the key, from 1; lines end with LF.
    pub line: usize,
    /// Where the key begins.
    pub at: usize,
    /// Where what follows the `=` begins.
    pub value_at: usize,
    /// Where it ends: at a line end or at the file's.
    pub end: usize,
    /// The key.
    pub key: Key,
    /// The value; none when it is not valid text, for which the file is refused.
    pub value: Option<Secret>,
    /// What in it deserves a word.
    pub marks: Vec<Mark>,
}

/// What stands before a `=`.
#[derive(Clone, PartialEq, Eq)]
pub enum Key {
    /// A name: the variable is set.
    Name(String),
    /// No name: the assignment is dropped, and systemd writes it to the journal with its value.
    Dropped(Vec<u8>),
}

impl fmt::Debug for Key {
    // A line of a secret that stands alone, e.g. the last one of a PEM key, looks like a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Name(name) => f.write_str(name),
            Key::Dropped(_) => f.write_str("[dropped]"),
        }
    }
}

/// A peculiarity of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Where it is, in bytes from the file's begin.
    pub at: usize,
    /// What it is.
    pub what: Quirk,
}

/// What may be peculiar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// An opening quote.
    Opened,
    /// The same, and the file ends before its partner: the value is all that is left of the file.
    Unterminated,
    /// The first character after a closing quote; it is appended to the value.
    AfterQuote,
    /// A backslash outside of quotes; it is left out.
    Backslash,
    /// A backslash at a line's end: the next line is part of the value.
    Continued,
    /// A backslash in double quotes that is left out, before one of `"`, `\`, `$` and the backtick.
    Escape,
    /// A backslash in double quotes before anything else: it stays.
    Kept,
}

/// Why a file is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// Where, in bytes from the file's begin.
    pub at: usize,
    /// The line, from 1.
    pub line: usize,
    /// Why.
    pub why: Invalid,
}

/// What systemd takes for no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invalid {
    /// A NUL byte, wherever it stands.
    Nul,
    /// Bytes of a key or value that are not UTF-8.
    Utf8,
    /// A character that Unicode reserves for internal use, e.g. U+FFFE, in a key or value.
    Noncharacter,
}

impl Read {
    /// The variables that a service receives, in their order; none when the unit fails.
    ///
    /// A later value replaces an earlier one and takes its place.
    #[must_use]
    pub fn variables(&self) -> Option<Vec<(&str, &Secret)>> {
        if !self.refused.is_empty() {
            return None;
        }
        let mut index = std::collections::HashMap::new();
        let mut variables: Vec<(&str, &Secret)> = Vec::new();
        for assignment in &self.assignments {
            let (Key::Name(name), Some(value)) = (&assignment.key, &assignment.value) else {
                continue;
            };
            let at = *index.entry(name.as_str()).or_insert(variables.len());
            match variables.get_mut(at) {
                Some(earlier) => earlier.1 = value,
                None => variables.push((name, value)),
            }
        }
        Some(variables)
    }
}

/// Reads an environment file as systemd does. No bytes make it fail: what systemd drops or refuses
/// is part of the answer.
///
/// Not looked at are the limits of size: systemd takes files up to 64 MiB, the kernel variables
/// shorter than 128 KiB.
#[must_use]
pub fn read(bytes: &[u8], version: Systemd) -> Read {
    machine::read(bytes, version)
}
