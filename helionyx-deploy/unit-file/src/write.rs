//! Writes unit files from typed values: what cannot be said is an error, never said otherwise. No I/O.
//!
//! No value can begin a line, directive or section: whatever ends a line for systemd (LF, CR, NUL)
//! is escaped where there are escapes, and refused where there are none.

use std::fmt::Write as _;

use crate::directive::{Lookup, lookup};
use crate::{LINE_MAX, Version, is_text};

mod value;

pub use value::{Section, Value, ValueError};

/// The newest systemd whose directives are known.
const NEWEST: Version = Version(257);

/// A unit file: sections and keys in the order in which they were set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitFile {
    comments: Vec<String>,
    sections: Vec<(Section, Vec<(&'static str, String)>)>,
}

/// Why something cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to write `{key}` in [{section}]")]
pub struct WriteError {
    /// The section.
    pub section: Section,
    /// The key.
    pub key: String,
    /// What is wrong with its value.
    #[source]
    pub source: ValueError,
}

impl UnitFile {
    /// An empty unit file.
    #[must_use]
    pub fn new() -> UnitFile {
        UnitFile::default()
    }

    /// Adds a comment line at the top.
    ///
    /// # Errors
    /// A control character in it.
    pub fn comment(&mut self, text: &str) -> Result<&mut UnitFile, WriteError> {
        let error = |source| WriteError { section: Section::Unit, key: "#".to_owned(), source };
        value::refuse_control(text).map_err(error)?;
        self.comments.push(text.to_owned());
        Ok(self)
    }

    /// Adds an assignment: `unit.set(Section::Service, "ExecStart", Value::exec(&argv))`.
    ///
    /// # Errors
    /// What is wrong with the value; a key that systemd does not know in this section; a line that
    /// systemd would refuse as too long.
    pub fn set(
        &mut self,
        section: Section,
        key: &'static str,
        value: Result<Value, ValueError>,
    ) -> Result<&mut UnitFile, WriteError> {
        let known = matches!(lookup(section.name(), key, NEWEST), Lookup::Known(_));
        let value = match known {
            true => value.map(Value::into_text),
            false => Err(ValueError::UnknownDirective),
        };
        let fits = |text: &String| key.len() + 1 + text.len() <= LINE_MAX;
        let value = value.and_then(|text| match fits(&text) {
            true => Ok(text),
            false => Err(ValueError::LineTooLong),
        });
        let error = |source| WriteError { section, key: key.to_owned(), source };
        let value = value.map_err(error)?;
        match self.sections.iter_mut().find(|(name, _)| *name == section) {
            Some((_, keys)) => keys.push((key, value)),
            None => self.sections.push((section, vec![(key, value)])),
        }
        Ok(self)
    }

    /// The file.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        for comment in &self.comments {
            let _ = writeln!(text, "# {comment}");
        }
        for (section, keys) in &self.sections {
            let blank = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{blank}[{section}]");
            for (key, value) in keys {
                let _ = writeln!(text, "{key}={value}");
            }
        }
        text
    }
}

/// Whether a character may stand in a unit file at all.
fn is_expressible(c: char) -> bool {
    is_text(c) && c != '\0'
}
