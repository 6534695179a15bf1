//! Lints of an environment file against the variables that a model declares. No I/O.

use std::collections::HashMap;

use camino::Utf8Path;

use super::super::grammar::{Assignment, Key, Read};
use super::{Issue, Severity, code, is_placeholder};
use crate::model::{Environment, Kind, MARKS};
use crate::name::VariableName;
use crate::template::Placeholder;

/// A variable that a model declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Its name.
    pub name: VariableName,
    /// What kind of value it takes.
    pub kind: Kind,
    /// What the model says that it is; none for a secret, and where every release has its own.
    pub value: Option<String>,
    /// Where its value comes from.
    pub source: Source,
    /// Whether the environment cannot do without a value.
    pub is_required: bool,
    /// What it is for, in one line.
    pub about: Option<String>,
}

impl Declared {
    /// How bad it is when it has no value.
    pub(super) fn severity(&self) -> Severity {
        if self.is_required { Severity::Error } else { Severity::Warning }
    }
}

/// Where a variable's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The operator's file.
    File,
    /// The model; the file may repeat it.
    Model,
    /// Every release brings its own.
    Release,
}

/// The variables that an environment declares, in the order of their names.
#[must_use]
pub fn declared(environment: &Environment) -> Vec<Declared> {
    let bindings = environment.bindings(Utf8Path::new(""));
    let declare = |(name, variable): (&VariableName, &crate::model::Variable)| {
        let by_release = |value: &crate::template::Template| {
            value.placeholders().any(|placeholder| {
                matches!(placeholder, Placeholder::Release | Placeholder::ReleaseId)
            })
        };
        let (value, source) = match &variable.value {
            None => (None, Source::File),
            Some(value) if by_release(value) => (None, Source::Release),
            Some(value) => (Some(value.expand(&bindings)), Source::Model),
        };
        let (kind, about) = (variable.kind.clone(), variable.about.clone());
        let is_required = variable.is_required;
        Declared { name: name.clone(), kind, value, source, is_required, about }
    };
    environment.variables.iter().map(declare).collect()
}

/// The issues with a file for an environment that declares these.
pub(super) fn issues(read: &Read, model: &[Declared]) -> Vec<Issue> {
    let known: HashMap<&str, &Declared> =
        model.iter().map(|declared| (declared.name.as_str(), declared)).collect();
    // Of a variable that stands twice, the last value counts.
    let mut last: HashMap<&str, &Assignment> = HashMap::new();
    for assignment in &read.assignments {
        if let Key::Name(name) = &assignment.key {
            last.insert(name, assignment);
        }
    }
    let mut issues: Vec<Issue> = Vec::new();
    for (name, assignment) in &last {
        let issue = match known.get(name) {
            Some(declared) => value_issue(assignment, declared),
            None if name.starts_with(MARKS) => Some(reserved(assignment)),
            None => Some(unknown(assignment, name, known.keys().copied())),
        };
        issues.extend(issue.map(|issue| issue.of(name)));
    }
    let has = |declared: &Declared| last.contains_key(declared.name.as_str());
    // A file of secrets alone is what a deploy asks for: the release brings the rest.
    let whole = model.iter().any(|declared| declared.source == Source::Model && has(declared));
    issues.extend(
        model
            .iter()
            .filter(|declared| !has(declared))
            .filter_map(|declared| missing(declared, whole)),
    );
    issues.sort();
    issues
}

fn unknown<'a>(assignment: &Assignment, name: &str, known: impl Iterator<Item = &'a str>) -> Issue {
    let hint = match crate::model::closest(name, known) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "declare it in the model, or leave it out".to_owned(),
    };
    Issue::warning(assignment.at, code::UNKNOWN_KEY, "the model does not declare it", &hint)
}

/// systemd reads this file last: the value would win over the mark of that name, by which the
/// service's processes are known again.
fn reserved(assignment: &Assignment) -> Issue {
    let problem = "the deployer sets it, and the file's value would win";
    Issue::error(assignment.at, code::RESERVED_KEY, problem, "remove the line")
}

fn missing(declared: &Declared, whole: bool) -> Option<Issue> {
    let hint = format!("add a line {}=…", declared.name);
    let (severity, problem) = match declared.source {
        Source::File if declared.is_required => (Severity::Error, "it has no value"),
        Source::File => (Severity::Warning, "it has no value, and may go without"),
        Source::Model if whole => (Severity::Warning, "it is not in the file"),
        Source::Model | Source::Release => return None,
    };
    let issue = Issue::error(0, code::MISSING_KEY, problem, &hint).of(declared.name.as_str());
    Some(Issue { at: None, severity, ..issue })
}

fn value_issue(assignment: &Assignment, declared: &Declared) -> Option<Issue> {
    let value = assignment.value.as_ref()?.expose();
    let at = assignment.value_at;
    if declared.source == Source::Release {
        let problem = "every release has its own value for it";
        let hint = "leave the line out";
        return Some(Issue::error(assignment.at, code::DRIFT, problem, hint));
    }
    if declared.source == Source::File && value.trim().is_empty() {
        let hint = format!("put the value after `{}=`", declared.name);
        let issue = Issue::error(at, code::MISSING_KEY, "it has no value", &hint);
        let severity = declared.severity();
        return Some(Issue { severity, ..issue });
    }
    // Which is said already, and of no kind.
    if is_placeholder(value) {
        return None;
    }
    if declared.kind.mismatch(value).is_some() {
        let problem = format!("the value is not {}", in_words(&declared.kind));
        let hint = match &declared.value {
            Some(expected) => format!("the model says `{expected}`"),
            None => "write one".to_owned(),
        };
        return Some(Issue::error(at, code::WRONG_KIND, &problem, &hint));
    }
    let expected = declared.value.as_ref().filter(|expected| *expected != value)?;
    let problem = format!("another value than the model's, which is `{expected}`");
    let hint = "leave the line out, or change the model: the file's value would win";
    Some(Issue::error(at, code::DRIFT, &problem, hint))
}

/// A kind, with its article.
pub fn in_words(kind: &Kind) -> String {
    match kind {
        Kind::Text => "a text".to_owned(),
        Kind::Port => "a port, 1 to 65535".to_owned(),
        Kind::Path => "an absolute path".to_owned(),
        Kind::Url => "an http or https address without a password".to_owned(),
        Kind::Number => "a number, e.g. 10 or 2.5".to_owned(),
        Kind::Choice(choices) => format!("one of {}", choices.join(", ")),
        Kind::Secret => "a secret".to_owned(),
    }
}
