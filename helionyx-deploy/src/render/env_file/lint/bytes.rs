//! Lints for what is seen in the bytes of a file, whatever variable they belong to. No I/O.

use super::super::grammar::{self, Invalid, Read, Systemd};
use super::{Issue, code};
use crate::model::Severity;

/// The issues with a file's bytes.
pub(super) fn issues(bytes: &[u8], read: &Read) -> Vec<Issue> {
    let mut issues = Vec::new();
    if bytes.starts_with("\u{feff}".as_bytes()) {
        let problem = "the file begins with a byte order mark, which systemd takes for a part of \
                       the first name";
        issues.push(Issue::error(0, code::BOM, problem, "save it as UTF-8 without BOM"));
    }
    issues.extend(refused(bytes, read));
    issues.extend(invalid_comment(bytes, read));
    issues.extend(carriage_returns(bytes, read));
    issues.extend(open_comments(bytes, read));
    issues
}

fn refused(bytes: &[u8], read: &Read) -> Vec<Issue> {
    let issue = |refused: &grammar::Refused| {
        let (code, problem, hint) = match refused.why {
            Invalid::Nul => {
                (code::NUL, "a NUL byte: the unit would not start", "save the file as UTF-8")
            }
            Invalid::Utf8 => (
                code::NOT_UTF8,
                "bytes that are not UTF-8: the unit would not start",
                "save the file as UTF-8",
            ),
            Invalid::Noncharacter => (
                code::NONCHARACTER,
                "a character that Unicode reserves: the unit would not start",
                "leave it out",
            ),
        };
        Issue::error(refused.at.min(bytes.len()), code, problem, hint)
    };
    let mut issues: Vec<Issue> = read.refused.iter().map(issue).collect();
    for issue in &mut issues {
        let at = issue.at.unwrap_or_default();
        let before = read.assignments.partition_point(|one| one.at <= at);
        let own = before.checked_sub(1).map(|index| &read.assignments[index]);
        if let Some(grammar::Key::Name(name)) = own.filter(|own| at <= own.end).map(|own| &own.key)
        {
            issue.key = Some(name.clone());
        }
    }
    issues
}

/// Bytes that are not UTF-8 where systemd does not mind.
fn invalid_comment(bytes: &[u8], read: &Read) -> Option<Issue> {
    let at = std::str::from_utf8(bytes).err()?.valid_up_to();
    let told = read.refused.iter().any(|refused| refused.why == Invalid::Utf8);
    let problem = "bytes that are not UTF-8, which other readers refuse";
    let hint = "save the file as UTF-8";
    (!told).then(|| Issue::warning(at, code::NOT_UTF8, problem, hint))
}

fn carriage_returns(bytes: &[u8], read: &Read) -> Vec<Issue> {
    let mut issues = Vec::new();
    let mut crlf = None;
    let mut assignments = read.assignments.iter().peekable();
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\r') {
        while assignments.peek().is_some_and(|one| one.end <= at) {
            assignments.next();
        }
        let inside = assignments.peek().filter(|one| one.at < at);
        let (problem, hint) = match inside {
            Some(_) => ("a carriage return inside of a value", "end lines with LF only"),
            None if bytes.get(at + 1) == Some(&b'\n') => {
                crlf = crlf.or(Some(at));
                continue;
            }
            None => (
                "a carriage return ends the line for systemd: what follows is a line of its own",
                "end lines with LF only",
            ),
        };
        let issue = Issue::error(at, code::CARRIAGE_RETURN, problem, hint);
        issues.push(match inside.map(|one| &one.key) {
            Some(grammar::Key::Name(name)) => issue.of(name),
            _ => issue,
        });
    }
    let problem = "lines end in CR LF: a shell takes the CR for a part of the value";
    let hint = "end lines with LF only, e.g. with `dos2unix`";
    issues.extend(crlf.map(|at| Issue::warning(at, code::CRLF, problem, hint)));
    issues
}

fn open_comments(bytes: &[u8], read: &Read) -> Vec<Issue> {
    if read.open_comments.is_empty() {
        return Vec::new();
    }
    let older = grammar::read(bytes, Systemd::V252);
    let begins: std::collections::HashSet<usize> =
        older.assignments.iter().map(|one| one.at).collect();
    let issue = |(at, _): &(usize, usize)| {
        let next = read.assignments.partition_point(|one| one.at < *at);
        let next = read.assignments.get(next);
        let loses = next.is_some_and(|next| !begins.contains(&next.at));
        let problem =
            "a comment ends in a backslash: up to systemd 253 the next line is part of it";
        let severity = if loses { Severity::Error } else { Severity::Warning };
        let hint = "leave the backslash out";
        Issue { severity, ..Issue::error(*at, code::COMMENT_BACKSLASH, problem, hint) }
    };
    read.open_comments.iter().map(issue).collect()
}
