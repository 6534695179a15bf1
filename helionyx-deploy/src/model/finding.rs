//! What is wrong with what an operator wrote, where, and what to write instead. No I/O.

use std::fmt;

use serde::Serialize;

use crate::hint::Hint;

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
    #[serde(flatten)]
    pub hint: Hint,
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
        // An offset inside of a character belongs to the character.
        let offset = (0..=offset.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
        let before = &text[..offset.unwrap_or_default()];
        let begin = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before[begin..].chars().count() + 1;
        Place { file: file.to_owned(), line, column }
    }
}

/// A text on one line, whatever an operator's file has put into it.
pub(crate) fn plain(text: &str) -> String {
    text.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'")
}

impl From<systemd_unit_file::Finding> for Finding {
    fn from(found: systemd_unit_file::Finding) -> Finding {
        let severity = match found.severity {
            systemd_unit_file::Severity::Error => Severity::Error,
            systemd_unit_file::Severity::Warning => Severity::Warning,
        };
        // Of unit files, lines are judged as a whole.
        let column = usize::from(found.line > 0);
        let place = Place { file: found.file, line: found.line, column };
        let (message, hint) = (found.message, found.hint.into());
        Finding { place, severity, code: found.code.name(), message, hint }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let text = "a\nbä\tc\r\n\nd";
        for (offset, line, column) in [
            (0, 1, 1),
            (1, 1, 2),
            (2, 2, 1),
            (3, 2, 2),
            (4, 2, 2),
            (5, 2, 3),
            (10, 4, 1),
            (99, 4, 2),
        ] {
            let place = Place::at("f", text, offset);
            assert_eq!((place.line, place.column), (line, column), "offset {offset}");
        }
    }

    #[test]
    fn findings_print_place_code_and_remedy() {
        let mut finding = Finding {
            place: Place::at("envs/a/app.toml", "ab", 1),
            severity: Severity::Error,
            code: "unknown-key",
            message: "unknown key `x`".to_owned(),
            hint: "known: `y`".into(),
        };
        let text = "envs/a/app.toml:1:2: error: unknown key `x` [unknown-key]\n  help: known: `y`";
        assert_eq!(finding.to_string(), text);
        finding.place = Place::file("app.toml");
        finding.hint = Hint::default();
        assert_eq!(finding.to_string(), "app.toml: error: unknown key `x` [unknown-key]");
        assert_eq!(serde_json::to_value(&finding).unwrap()["where"], "app.toml");
    }
}
