//! What is wrong with a unit file, also what `systemd-analyze verify` lets pass. No I/O.

use std::cell::RefCell;
use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use crate::read::ProblemKind;
use crate::{Assignment, Context, Unit, Version};

mod address;
mod calendar;
mod code;
mod commands;
mod dependencies;
mod encoding;
mod facts;
mod finding;
mod grammar;
mod hidden;
mod kind;
mod made;
pub(super) mod number;
mod path;
mod resource;
mod service;
mod trigger;
mod value;
mod variables;
mod words;

pub use code::Code;
pub use facts::{Facts, PathState, Questions};
pub use finding::{Finding, Severity};

/// How strict to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// What systemd ignores, refuses, or does otherwise than it reads.
    #[default]
    Meaning,
    /// And what a deployed service must not do: run as root, restart for ever.
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
    /// Directories whose programs are meant to run as root: nothing is said of a service of theirs.
    pub may_be_root: Vec<Utf8PathBuf>,
}

impl Options {
    /// For this version of systemd, on a host of which nothing is known: only what systemd itself
    /// ignores, refuses or does otherwise.
    #[must_use]
    pub fn new(version: Version) -> Options {
        let (facts, policy) = (Facts::default(), Policy::default());
        Options { version, facts, policy, may_be_root: Vec::new() }
    }
}

/// All that is wrong with a unit file, in the order of its lines. The name of the file is the name
/// of the unit.
#[must_use]
pub fn lint(file: &str, bytes: &[u8], options: &Options) -> Vec<Finding> {
    let unit = Unit::parse(bytes);
    let linter = Linter::new(file, &unit, options);
    linter.run();
    let mut findings = linter.findings.into_inner();
    only_causes(&mut findings);
    findings.sort();
    findings.dedup();
    findings
}

/// A hidden line or a comment is the cause of whatever else is wrong with its line.
fn only_causes(findings: &mut Vec<Finding>) {
    let causes = [Code::HiddenLine, Code::Comment, Code::Refused];
    let lines = findings.iter().filter(|finding| causes.contains(&finding.code));
    let lines: BTreeSet<usize> = lines.map(|finding| finding.line).collect();
    findings.retain(|finding| causes.contains(&finding.code) || !lines.contains(&finding.line));
}

/// What to find out about a host, so that [`lint`] can judge the unit completely.
#[must_use]
pub fn questions(file: &str, bytes: &[u8], version: Version) -> Questions {
    let options = Options::new(version);
    let unit = Unit::parse(bytes);
    let linter = Linter::new(file, &unit, &options);
    linter.run();
    linter.questions.into_inner()
}

/// What stands for the instance of a template.
const INSTANCE: &str = "instance";

/// A unit and what has been found so far. Rules only look: what they find is kept aside.
struct Linter<'a> {
    file: &'a str,
    unit: &'a Unit,
    /// The unit's name and type, by its file's name.
    name: &'a str,
    unit_type: &'a str,
    /// It only adds to a unit: `a.service.d/b.conf`.
    is_drop_in: bool,
    context: Context,
    /// The same, with something in place of what only the host knows.
    guess: Context,
    options: &'a Options,
    findings: RefCell<Vec<Finding>>,
    questions: RefCell<Questions>,
}

impl<'a> Linter<'a> {
    fn new(file: &'a str, unit: &'a Unit, options: &'a Options) -> Linter<'a> {
        let path = Utf8Path::new(file);
        let directory = path.parent().and_then(Utf8Path::file_name).unwrap_or_default();
        let extended = directory.strip_suffix(".d").filter(|_| path.extension() == Some("conf"));
        let (is_drop_in, name) =
            (extended.is_some(), extended.or(path.file_name()).unwrap_or(file));
        let unit_type = Utf8Path::new(name).extension().unwrap_or_default();
        let (findings, questions) = (RefCell::default(), RefCell::default());
        // A template is judged as if it had an instance: `%i` is not empty then.
        let context = Context::new(&name.replacen("@.", &format!("@{INSTANCE}."), 1));
        let guess = context.guessed();
        Linter {
            file,
            unit,
            name,
            unit_type,
            is_drop_in,
            context,
            guess,
            options,
            findings,
            questions,
        }
    }

    fn run(&self) {
        grammar::check(self);
        // After a header that nobody sees, nothing is in the section that it seems to be in.
        if self.unit.is_refused() || self.unit.masked || self.has_hidden_header() {
            return;
        }
        value::check(self);
        dependencies::check(self);
        if !self.is_drop_in {
            trigger::check(self);
        }
        if self.unit_type == "service" {
            service::check(self);
        }
        commands::check(self);
        variables::check(self);
        hidden::check(self);
    }

    fn has_hidden_header(&self) -> bool {
        let hidden = [ProblemKind::LoneCarriageReturn, ProblemKind::Nul];
        self.unit
            .problems
            .iter()
            .filter(|problem| hidden.contains(&problem.kind))
            .any(|problem| self.unit.sections.iter().any(|header| header.line == problem.line))
    }

    fn version(&self) -> Version {
        self.options.version
    }

    fn error(&self, line: usize, code: Code, message: impl Into<String>, hint: &str) {
        self.find(Severity::Error, line, code, message.into(), hint);
    }

    fn warning(&self, line: usize, code: Code, message: impl Into<String>, hint: &str) {
        self.find(Severity::Warning, line, code, message.into(), hint);
    }

    fn find(&self, severity: Severity, line: usize, code: Code, message: String, hint: &str) {
        let (file, hint) = (self.file.to_owned(), hint.to_owned());
        self.findings.borrow_mut().push(Finding { file, line, severity, code, message, hint });
    }

    /// The section that only this type of unit has.
    fn own_section(&self) -> &'static str {
        let sections = crate::directive::sections_of(self.unit_type).unwrap_or_default();
        sections.get(1).copied().filter(|_| sections.len() == 3).unwrap_or("Unit")
    }

    /// The value that counts of a key in the unit's own section.
    fn own(&self, key: &'a str) -> Option<&'a Assignment> {
        self.unit.last(self.own_section(), key).filter(|found| !found.value.is_empty())
    }

    /// Says so when the host is known not to have what the service will look for at this path.
    fn path(&self, line: usize, path: &str) -> Option<PathState> {
        // With an own root or image the host's path says nothing.
        let has_root = ["RootDirectory", "RootImage"].iter().any(|key| self.own(key).is_some());
        if has_root { None } else { self.host_path(line, path) }
    }

    /// Says so when the host is known not to have what systemd itself will look for at this path.
    fn host_path(&self, line: usize, path: &str) -> Option<PathState> {
        if self.is_invented(path) || made::is_made(path, self) {
            return None;
        }
        let path = Utf8Path::new(path);
        self.questions.borrow_mut().paths.insert(path.to_owned());
        let state = self.options.facts.paths.get(path).copied();
        if state == Some(PathState::Missing) {
            let hint = "create it first, or put `-` before it where it may be missing";
            self.error(line, Code::Missing, format!("the host has no `{path}`"), hint);
        }
        state
    }

    /// Whether this may come from the instance that stands in for all those of a template.
    fn is_invented(&self, text: &str) -> bool {
        self.name.contains("@.") && text.contains(INSTANCE)
    }

    /// The text with its specifiers replaced; none where only the host knows them.
    fn expand(&self, text: &str) -> Option<String> {
        let bytes =
            crate::specifier::expand(text.as_bytes(), &self.context, self.version()).ok()?;
        String::from_utf8(bytes).ok()
    }
}
