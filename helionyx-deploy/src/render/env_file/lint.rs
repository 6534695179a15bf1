//! What is wrong with an environment file, before systemd sees it (and logs what it drops): by
//! place and name, never with a value. No I/O.

use crate::hint::Hint;
use crate::model::{Finding, Severity, finding::Place};

use super::grammar::{self, Read, Systemd};

mod assignment;
mod bytes;
mod model;
mod pasted;
mod placeholder;

pub(super) use model::in_words;
pub use model::{Declared, Source, declared};
pub use pasted::pasted;
pub use placeholder::is_placeholder;

use super::code;

/// The most findings that are listed for a file.
const MOST: usize = 200;

/// Everything that is wrong with a file, whoever it is for.
///
/// Errors are what systemd drops, refuses or reads in another way than it was meant; warnings are
/// what other readers do not read alike. `file` is how the file is called in the findings.
#[must_use]
pub fn lint(file: &str, bytes: &[u8]) -> Vec<Finding> {
    found(file, bytes, syntax(bytes))
}

/// The same, and values that are still to be filled in, which is worth a warning in an example
/// (`.env.template`, `.env.dev.example`) and an error elsewhere.
///
/// With declared variables: names that are unknown or missing, values of the wrong kind or other
/// than the model's. The model's value may be shown, the file's never is.
#[must_use]
pub fn check(file: &str, bytes: &[u8], model: Option<&[Declared]>) -> Vec<Finding> {
    let read = grammar::read(bytes, Systemd::V257);
    let example = [".example", ".template", ".sample"].iter().any(|end| file.ends_with(end));
    let severity = if example { Severity::Warning } else { Severity::Error };
    let optional = |name: &str| {
        let mut declared = model.into_iter().flatten();
        declared.any(|declared| declared.name.as_str() == name && !declared.is_required)
    };
    let mut issues = syntax(bytes);
    issues.extend(placeholder::issues(&read, |name| match optional(name) {
        true => Severity::Warning,
        false => severity,
    }));
    if let Some(model) = model {
        issues.extend(model::issues(&read, model));
    }
    found(file, bytes, issues)
}

/// Something that is wrong, before it has a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Issue {
    /// Where, in bytes from the file's begin; none for the file as a whole.
    pub at: Option<usize>,
    /// The line, from 1; 0 for the file as a whole.
    pub line: usize,
    pub severity: Severity,
    pub code: &'static str,
    /// The variable, where it can be named.
    pub key: Option<String>,
    /// What is wrong, without the key.
    pub problem: String,
    pub hint: Hint,
}

impl Issue {
    fn error(at: usize, code: &'static str, problem: &str, hint: impl Into<Hint>) -> Issue {
        let (problem, hint) = (problem.to_owned(), hint.into());
        Issue { at: Some(at), line: 0, severity: Severity::Error, code, key: None, problem, hint }
    }

    fn warning(at: usize, code: &'static str, problem: &str, hint: impl Into<Hint>) -> Issue {
        Issue { severity: Severity::Warning, ..Issue::error(at, code, problem, hint) }
    }

    fn of(self, key: &str) -> Issue {
        Issue { key: Some(key.to_owned()), ..self }
    }
}

/// What is wrong with how the file is written, in the order of the file.
pub(super) fn syntax(bytes: &[u8]) -> Vec<Issue> {
    let read = grammar::read(bytes, Systemd::V257);
    let mut issues = bytes::issues(bytes, &read);
    issues.extend(stray_issues(bytes, &read));
    issues.extend(assignment::issues(bytes, &read));
    let lines = Lines::new(bytes);
    for issue in &mut issues {
        issue.line = issue.at.map_or(0, |at| lines.line(at));
    }
    issues.sort();
    issues
}

fn stray_issues(bytes: &[u8], read: &Read) -> Vec<Issue> {
    let is_mark = |at: usize| bytes[at..].starts_with("\u{feff}".as_bytes());
    let strays = read.strays.iter().map(|(at, _)| *at);
    // A mark alone before a comment is told as what it is.
    let strays = strays.filter(|at| !(*at == 0 && is_mark(*at)));
    let issue = |at: usize| {
        let (code, problem) = match bytes[at] {
            b'=' => (code::INVALID_KEY, "no variable name before `=`: systemd drops the line"),
            _ => (code::NO_ASSIGNMENT, "a line without `=` is dropped by systemd"),
        };
        Issue::error(at, code, problem, "write NAME=value, or `#` before a comment")
    };
    strays.map(issue).collect()
}

fn found(file: &str, bytes: &[u8], mut issues: Vec<Issue>) -> Vec<Finding> {
    let lines = Lines::new(bytes);
    issues.sort_by_key(|issue| issue.at);
    let total = issues.len();
    let mut findings: Vec<Finding> = issues
        .into_iter()
        .take(MOST)
        .map(|issue| Finding {
            place: issue.at.map_or_else(|| Place::file(file), |at| lines.place(file, at)),
            severity: issue.severity,
            code: issue.code,
            message: match issue.key {
                Some(key) => format!("{key}: {}", issue.problem),
                None => issue.problem,
            },
            hint: issue.hint,
        })
        .collect();
    if total > MOST {
        let message = format!("there are {} more findings", total - MOST);
        let hint = "is this an environment file?".into();
        let (place, code) = (Place::file(file), code::TOO_MANY);
        findings.push(Finding { place, severity: Severity::Error, code, message, hint });
    }
    findings
}

/// Where the lines of a file begin.
struct Lines<'a> {
    bytes: &'a [u8],
    starts: Vec<usize>,
}

impl Lines<'_> {
    fn new(bytes: &[u8]) -> Lines<'_> {
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Lines { bytes, starts }
    }

    /// The line of an offset, from 1.
    fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at)
    }

    fn place(&self, file: &str, at: usize) -> Place {
        let line = self.line(at);
        let before = &self.bytes[self.starts[line - 1]..at.min(self.bytes.len())];
        // In characters: bytes that continue one do not count.
        let column = before.iter().filter(|byte| **byte & 0xC0 != 0x80).count() + 1;
        Place { file: file.to_owned(), line, column }
    }
}

#[cfg(test)]
mod tests;
