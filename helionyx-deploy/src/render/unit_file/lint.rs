//! What is wrong with a unit file, also what `systemd-analyze verify` lets pass. No I/O.

use std::cell::RefCell;

use camino::Utf8Path;

use super::{Assignment, Context, Unit, Version};
use crate::model::finding::{Finding, Place, Severity};

mod address;
mod calendar;
pub mod code;
mod commands;
mod dependencies;
mod facts;
mod grammar;
mod kind;
mod number;
mod path;
mod resource;
mod service;
mod trigger;
mod value;
mod variables;
mod words;

pub use facts::{Facts, PathState, Questions};

/// How strict to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// What systemd ignores, refuses, or does otherwise than it reads.
    #[default]
    Meaning,
    /// And what a service of ours must not do: run as root, restart for ever.
    Deployed,
}

/// What a unit file is judged by.
#[derive(Clone, Debug)]
pub struct Options {
    /// The host's systemd.
    pub version: Version,
    /// What is known of the host.
    pub facts: Facts,
    /// How strict to be.
    pub policy: Policy,
}

/// All that is wrong with a unit file, in the order of its lines. The name of the file is the name
/// of the unit.
#[must_use]
pub fn lint(file: &str, bytes: &[u8], options: &Options) -> Vec<Finding> {
    let unit = Unit::parse(bytes);
    let linter = Linter::new(file, &unit, options);
    linter.run();
    let mut findings = linter.findings.into_inner();
    findings.sort();
    findings.dedup();
    findings
}

/// What to find out about a host, so that [`lint`] can judge the unit completely.
#[must_use]
pub fn questions(file: &str, bytes: &[u8], version: Version) -> Questions {
    let options = Options { version, facts: Facts::default(), policy: Policy::Meaning };
    let unit = Unit::parse(bytes);
    let linter = Linter::new(file, &unit, &options);
    linter.run();
    linter.questions.into_inner()
}

/// A unit and what has been found so far. Rules only look: what they find is kept aside.
struct Linter<'a> {
    file: &'a str,
    unit: &'a Unit,
    /// The unit's name and type, by its file's name.
    name: &'a str,
    unit_type: &'a str,
    context: Context,
    /// The same, with something in place of what only the host knows.
    guess: Context,
    options: &'a Options,
    findings: RefCell<Vec<Finding>>,
    questions: RefCell<Questions>,
}

impl<'a> Linter<'a> {
    fn new(file: &'a str, unit: &'a Unit, options: &'a Options) -> Linter<'a> {
        let name = Utf8Path::new(file).file_name().unwrap_or(file);
        let unit_type = Utf8Path::new(name).extension().unwrap_or_default();
        let (findings, questions) = (RefCell::default(), RefCell::default());
        // A template is judged as if it had an instance: `%i` is not empty then.
        let context = Context::new(&name.replacen("@.", "@instance.", 1));
        let guess = context.guessed();
        Linter { file, unit, name, unit_type, context, guess, options, findings, questions }
    }

    fn run(&self) {
        grammar::check(self);
        if self.unit.is_refused() || self.unit.masked {
            return;
        }
        value::check(self);
        dependencies::check(self);
        trigger::check(self);
        if self.unit_type == "service" {
            service::check(self);
        }
        commands::check(self);
        variables::check(self);
    }

    fn version(&self) -> Version {
        self.options.version
    }

    fn error(&self, line: usize, code: &'static str, message: impl Into<String>, hint: &str) {
        self.find(Severity::Error, line, code, message.into(), hint);
    }

    fn warning(&self, line: usize, code: &'static str, message: impl Into<String>, hint: &str) {
        self.find(Severity::Warning, line, code, message.into(), hint);
    }

    fn find(
        &self,
        severity: Severity,
        line: usize,
        code: &'static str,
        message: String,
        hint: &str,
    ) {
        let place = Place { file: self.file.to_owned(), line, column: usize::from(line > 0) };
        let hint = hint.to_owned();
        self.findings.borrow_mut().push(Finding { place, severity, code, message, hint });
    }

    /// The section that only this type of unit has.
    fn own_section(&self) -> &'static str {
        let sections = super::directive::sections_of(self.unit_type).unwrap_or_default();
        sections.get(1).copied().filter(|_| sections.len() == 3).unwrap_or("Unit")
    }

    /// The value that counts of a key in the unit's own section.
    fn own(&self, key: &'a str) -> Option<&'a Assignment> {
        self.unit.last(self.own_section(), key).filter(|found| !found.value.is_empty())
    }

    /// Says so when the host is known not to have what is at this path.
    fn path(&self, line: usize, path: &str) -> Option<PathState> {
        let path = Utf8Path::new(path);
        self.questions.borrow_mut().paths.insert(path.to_owned());
        let state = self.options.facts.paths.get(path).copied();
        if state == Some(PathState::Missing) {
            let hint = "create it first, or put `-` before it where it may be missing";
            self.error(line, code::MISSING, format!("the host has no `{path}`"), hint);
        }
        state
    }

    /// The text with its specifiers replaced; none where only the host knows them.
    fn expand(&self, text: &str) -> Option<String> {
        let bytes =
            super::specifier::expand(text.as_bytes(), &self.context, self.version()).ok()?;
        String::from_utf8(bytes).ok()
    }
}
