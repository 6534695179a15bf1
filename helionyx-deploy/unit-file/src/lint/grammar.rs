//! Lines, sections and keys that systemd does not take for what they look like. No I/O.

use super::{Code, Linter};
use crate::Assignment;
use crate::directive::{self, Lookup, lookup};
use crate::read::{Problem, ProblemKind};
use crate::suggest::closest;

/// Checks the file as such.
pub fn check(lint: &Linter<'_>) {
    if lint.unit.masked && !lint.is_drop_in {
        let hint = "write it anew: an interrupted write leaves such files";
        lint.error(0, Code::Masked, "the file is empty: systemd takes the unit for masked", hint);
    }
    if lint.options.facts.is_executable {
        let message = "the file is marked executable";
        lint.warning(0, Code::ExecutableFile, message, "chmod 0644");
    }
    for problem in &lint.unit.problems {
        self::problem(*problem, lint);
    }
    sections(lint);
    for assignment in &lint.unit.assignments {
        key(assignment, lint);
        continuation(assignment, lint);
        comment(assignment, lint);
    }
}

fn problem(problem: Problem, lint: &Linter<'_>) {
    let (code, message, hint) = match problem.kind {
        ProblemKind::NotText => (
            Code::Refused,
            "not UTF-8, or a noncharacter: systemd refuses the whole unit",
            "write the file in UTF-8",
        ),
        ProblemKind::TooLong => (
            Code::Refused,
            "a line of more than 1 MiB: systemd refuses the whole unit",
            "put the text into a file",
        ),
        ProblemKind::BadHeader => (
            Code::Refused,
            "not a section header: systemd refuses the whole unit",
            "write `[Section]`, with nothing after it",
        ),
        ProblemKind::OutsideSection => (
            Code::NoAssignment,
            "nothing may stand before the first section: it is ignored",
            "begin with a section, e.g. `[Unit]`",
        ),
        ProblemKind::NoAssignment => {
            (Code::NoAssignment, "no `=`: the line is ignored", "write `Key=value`")
        }
        ProblemKind::NoKey => {
            (Code::NoAssignment, "nothing before `=`: the line is ignored", "write `Key=value`")
        }
        ProblemKind::LoneCarriageReturn => (
            Code::HiddenLine,
            "a carriage return ends a line for systemd: what follows it is a line of its own",
            "remove it",
        ),
        ProblemKind::Nul => (
            Code::HiddenLine,
            "a NUL byte ends a line for systemd: what follows it is a line of its own",
            "remove it",
        ),
    };
    lint.error(problem.line, code, message, hint);
}

fn sections(lint: &Linter<'_>) {
    let Some(known) = directive::sections_of(lint.unit_type) else { return };
    for section in &lint.unit.sections {
        if known.contains(&section.name.as_str()) || section.name.starts_with("X-") {
            continue;
        }
        let hint = match closest(&section.name, known.iter().copied()) {
            Some(meant) => format!("did you mean `[{meant}]`?"),
            None => format!("a .{} unit has [{}]", lint.unit_type, known.join("], [")),
        };
        let message =
            format!("a .{} unit has no section [{}]: it is ignored", lint.unit_type, section.name);
        lint.error(section.line, Code::UnknownSection, message, &hint);
    }
}

fn key(at: &Assignment, lint: &Linter<'_>) {
    let known = directive::sections_of(lint.unit_type);
    let own = |section| known.as_ref().is_none_or(|known| known.contains(&section));
    if at.key.starts_with("X-") || !own(at.section.as_str()) {
        return;
    }
    let (section, key) = (at.section.as_str(), at.key.as_str());
    match lookup(section, key, lint.version()) {
        Lookup::Known(_) => {}
        Lookup::TooNew(since) => {
            let (host, since) = (lint.version().0, since.0);
            let message =
                format!("`{key}` is ignored: systemd {host} does not know it, {since} does");
            lint.error(at.line, Code::TooNew, message, "leave it out for this host");
        }
        Lookup::OtherSection(others) => {
            let mut others: Vec<_> = others.into_iter().filter(|other| own(other)).collect();
            others.truncate(1);
            let message = format!("[{section}] has no `{key}`: it is ignored");
            let hint = match others.first() {
                Some(other) => format!("move it to [{other}]"),
                None => format!("a .{} unit has no such setting", lint.unit_type),
            };
            lint.error(at.line, Code::WrongSection, message, &hint);
        }
        Lookup::Unknown(meant) => {
            let message = format!("systemd knows no `{key}`: it is ignored");
            let hint = meant.map_or_else(
                || "names are case sensitive; own keys begin with `X-`".to_owned(),
                |meant| format!("did you mean `{meant}`?"),
            );
            lint.error(at.line, Code::UnknownKey, message, &hint);
        }
    }
}

/// A line that another one took in, and that looks as if it were meant to stand alone.
fn continuation(at: &Assignment, lint: &Linter<'_>) {
    let hint = "remove the backslash at the end of the line before";
    if at.dangling {
        let last = at.continued.last().map_or(at.line, |(line, _)| line - 1);
        let message = format!("`{}` ends with a backslash and nothing follows", at.key);
        lint.warning(last.max(at.line), Code::Swallowed, message, hint);
    }
    for (line, text) in &at.continued {
        let header = text.starts_with('[') && text.ends_with(']');
        let key = text.split_once('=').map(|(key, _)| key.trim_end());
        if header || key.is_some_and(directive::is_known) {
            let message = format!("this line is part of the value of `{}`", at.key);
            lint.error(*line, Code::Swallowed, message, hint);
        }
    }
}

/// Keys whose values are text, where `#` is a character like any other.
const TEXT: [&str; 7] = [
    "Description",
    "Environment",
    "LogExtraFields",
    "LogFilterPatterns",
    "SetCredential",
    "StandardInputText",
    "SyslogIdentifier",
];

fn comment(at: &Assignment, lint: &Linter<'_>) {
    let exec = super::commands::is_exec(&at.key);
    if TEXT.contains(&at.key.as_str()) || !directive::is_known(&at.key) {
        return;
    }
    let unquoted = !at.value.contains(['"', '\'']);
    let hash = at.value.contains(" # ") || at.value.contains("\t# ") || at.value.ends_with(" #");
    let glued = at.value.contains(" #") || at.value.contains("\t#") || at.value.contains(" ; ");
    if hash && unquoted || glued && !exec && unquoted {
        let message = format!("`{}`: a comment after a value becomes part of it", at.key);
        lint.error(at.line, Code::Comment, message, "put the comment on a line of its own");
    }
}
