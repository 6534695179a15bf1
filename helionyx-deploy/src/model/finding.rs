//! What is wrong with what an operator wrote, where, and what to write instead. No I/O.

use std::fmt;

use serde::Serialize;

/// One thing that is wrong. Findings are collected: an operator sees all of them at once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Where: `file:line:column`, or a path on the host.
    #[serde(rename = "where")]
    pub place: Place,
    /// Whether it must be mended before anything else happens.
    pub severity: Severity,
    /// A stable name for this kind of finding, e.g. `unknown-key`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to write or do instead.
    pub hint: String,
}

/// Whether a finding stops us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Nothing happens until it is mended.
    Error,
    /// Worth knowing.
    Warning,
}

/// Where something is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file.
    pub file: String,
    /// Its line, from 1, and column, from 1, in characters; 0 for the file as a whole.
    pub line: usize,
    /// See `line`.
    pub column: usize,
}

impl Place {
    /// A file as a whole.
    #[must_use]
    pub fn file(file: impl Into<String>) -> Place {
        Place { file: file.into(), line: 0, column: 0 }
    }

    /// The place of a byte offset in a text.
    #[must_use]
    pub fn at(file: &str, text: &str, offset: usize) -> Place {
        let before = &text[..text.floor_char_boundary(offset.min(text.len()))];
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place { file: file.to_owned(), line, column: before[start..].chars().count() + 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}:{}", self.file, self.column),
        }
    }
}

impl Serialize for Place {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{}: {severity}: {} [{}]", self.place, self.message, self.code)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, "\n  help: {}", self.hint) }
    }
}
