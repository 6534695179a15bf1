//! Environment files: what systemd reads from them, what is wrong with them, and how they are
//! written so that systemd, bash and dotenv read them alike. No I/O.

use std::collections::BTreeMap;

use crate::model::Severity;
use crate::name::VariableName;
use crate::secret::Secret;

pub mod grammar;

pub mod code;
pub mod dialect;
pub mod lint;

pub mod template;
pub mod write;

pub use grammar::{Read, Systemd, read};
pub use lint::{Declared, check, declared, is_placeholder, lint, pasted};
pub use template::{example, secrets, template};
pub use write::{Form, Written, write};

/// Why a line of an environment file is refused. Never shows a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{}: {problem}", .key.as_ref().map(|key| format!(" ({key})")).unwrap_or_default())]
pub struct EnvFileError {
    /// The line, from 1.
    pub line: usize,
    /// The variable, when its name could be read.
    pub key: Option<String>,
    /// What is wrong.
    pub problem: String,
}

/// An environment file with these values, in the variables' order, for systemd and our own
/// runtime; what others read too is written by [`write()`].
///
/// The values come from a model: they have no control characters.
#[must_use]
pub fn render<'a>(values: impl IntoIterator<Item = (&'a VariableName, &'a String)>) -> String {
    values.into_iter().map(|(name, value)| format!("{name}={}\n", write::quote(value))).collect()
}

/// The values of an environment file, as systemd reads it: the embedded runtime gives a process
/// what systemd would. A later line wins.
///
/// # Errors
/// Every line that has an error of [`lint()`], by its number: what systemd would drop, refuse, or
/// read in another way than it was meant.
pub fn parse(text: &str) -> Result<BTreeMap<VariableName, Secret>, Vec<EnvFileError>> {
    let mut errors: Vec<EnvFileError> = lint::syntax(text.as_bytes())
        .into_iter()
        .filter(|issue| issue.severity == Severity::Error)
        .map(|issue| EnvFileError { line: issue.line, key: issue.key, problem: issue.problem })
        .collect();
    let mut values = BTreeMap::new();
    let read = grammar::read(text.as_bytes(), Systemd::V257);
    for (name, value) in read.variables().unwrap_or_default() {
        match name.parse() {
            Ok(name) => drop(values.insert(name, value.clone())),
            // Only its length can be wrong.
            Err(_) => errors.push(EnvFileError {
                line: 0,
                key: None,
                problem: "a name is longer than 128 characters".to_owned(),
            }),
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rendered_reads_back_the_same() {
        for value in ["", "8000", "a b", "a\"b", "C:\\temp", "$HOME `id`", "ü #x", "it's", "%n"] {
            let name: VariableName = "A".parse().unwrap();
            let text = render([(&name, &value.to_owned())]);
            let values = parse(&text).unwrap();
            assert_eq!(values[&name].expose(), value, "{text}");
        }
    }

    #[test]
    fn lines_that_systemd_reads_otherwise_than_meant_are_refused_without_their_value() {
        for (line, expected) in [
            (
                "DAILY=20   # 8 PM",
                "line 1 (DAILY): a comment behind the value: systemd takes it for a part of the value",
            ),
            (
                "\nexport A=hunter2",
                "line 2 (A): `export` before a name: systemd drops the line, and logs its value",
            ),
            (
                "A-B=hunter2",
                "line 1 (A-B): no variable name before `=`: systemd drops the line, and logs its value",
            ),
            (
                "A=\"hunter2",
                "line 1 (A): a quote without its partner: the rest of the file becomes the value",
            ),
            (
                "A=\"hunter2\" x",
                "line 1 (A): text behind the closing quote is appended to the value",
            ),
            ("A='hun'ter2'", "line 1 (A): text behind the closing quote is appended to the value"),
            (
                "A=\"$hunter2\"",
                "line 1 (A): it looks like an expansion, but systemd expands nothing",
            ),
            ("hunter2", "line 1: a line without `=` is dropped by systemd"),
        ] {
            let errors = parse(line).unwrap_err();
            let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(shown, [expected], "HEL-16, ALL-04");
            assert!(!shown[0].contains("hunter2"), "ALL-04: {shown:?}");
        }
    }
}
