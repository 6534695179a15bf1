//! Lints for how a variable's value is written. No I/O.

use std::collections::HashMap;

use super::super::dialect::{Dialect, is_expanded};
use super::super::grammar::{Assignment, Key, Quirk, Read};
use super::{Issue, Severity, code};

/// The longest `NAME=value` that the kernel hands to a process, in bytes: 128 KiB with its NUL.
const LONGEST: usize = 128 * 1024 - 1;

/// The issues with a file's assignments.
pub(super) fn issues(bytes: &[u8], read: &Read) -> Vec<Issue> {
    let mut issues = Vec::new();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for assignment in &read.assignments {
        let name = match &assignment.key {
            Key::Name(name) => name,
            Key::Dropped(key) => {
                issues.extend(dropped(assignment, key));
                continue;
            }
        };
        if let Some(line) = seen.insert(name, assignment.line) {
            let problem = format!("it stands in line {line} already: this value counts");
            let hint = "leave one of them out";
            let at = assignment.at;
            issues.push(Issue::warning(at, code::DUPLICATE_KEY, &problem, hint).of(name));
        }
        let own = value_issues(bytes, assignment, name);
        issues.extend(own.into_iter().map(|issue| issue.of(name)));
    }
    issues
}

/// Words that a shell has before an assignment.
const SHELL_WORDS: [&str; 7] =
    ["export", "declare", "local", "readonly", "set", "setenv", "typeset"];

fn dropped(assignment: &Assignment, key: &[u8]) -> Option<Issue> {
    let text = String::from_utf8_lossy(key);
    // The byte order mark before it is the reason, and told.
    if assignment.at == 0 && text.starts_with('\u{feff}') {
        return None;
    }
    if let Some((word, rest)) = text.split_once([' ', '\t'])
        && SHELL_WORDS.contains(&word)
    {
        let problem = format!("`{word}` before a name: systemd drops the line, and logs its value");
        let hint = format!("leave `{word}` out");
        let issue = Issue::error(assignment.at, code::EXPORT, &problem, &hint);
        return Some(shown(rest.trim()).map_or(issue.clone(), |name| issue.of(name)));
    }
    let problem = "no variable name before `=`: systemd drops the line, and logs its value";
    let hint = "a name has letters, digits and `_`, no digit first, and no blank inside";
    let issue = Issue::error(assignment.at, code::INVALID_KEY, problem, hint);
    Some(shown(&text).map_or(issue.clone(), |name| issue.of(name)))
}

/// What is surely a name and no piece of a secret, such as the last line of a key.
fn shown(key: &str) -> Option<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let one_case = !(key.contains(|c: char| c.is_ascii_uppercase())
        && key.contains(|c: char| c.is_ascii_lowercase()));
    (key.len() <= 40 && !key.is_empty() && key.chars().all(plain) && one_case).then_some(key)
}

fn value_issues(bytes: &[u8], assignment: &Assignment, name: &str) -> Vec<Issue> {
    let raw = std::str::from_utf8(&bytes[assignment.value_at..assignment.end]).ok();
    let (Some(raw), Some(value)) = (raw, &assignment.value) else { return Vec::new() };
    let mut issues = Vec::new();
    if name.len() + 1 + value.expose().len() > LONGEST {
        let problem = "longer than 128 KiB: the kernel refuses to start a process with it";
        let hint = "put it into a file, and the file's path here";
        issues.push(Issue::error(assignment.at, code::TOO_LONG, problem, hint));
    }
    issues.extend(written(assignment, raw));
    // Every reader has its own idea of what is wrong already: that is said.
    if issues.iter().all(|issue| issue.severity != Severity::Error)
        && !value.expose().contains('\r')
    {
        let key = String::from_utf8_lossy(&bytes[assignment.at..assignment.value_at - 1]);
        issues.extend(not_portable(assignment, &key, raw, value.expose()));
    }
    issues
}

/// The first thing that is wrong with how a value is written: one slip shows in many ways.
fn written(assignment: &Assignment, raw: &str) -> Option<Issue> {
    let mark = |wanted: Quirk| assignment.marks.iter().find(|mark| mark.what == wanted);
    if let Some(mark) = mark(Quirk::Unterminated) {
        let problem = "a quote without its partner: the rest of the file becomes the value";
        let hint = "close the quote";
        return Some(Issue::error(mark.at, code::UNTERMINATED_QUOTE, problem, hint));
    }
    let after = mark(Quirk::AfterQuote);
    let comment = match after {
        Some(mark) => raw[mark.at - assignment.value_at..].starts_with('#').then_some(mark.at),
        None => comment(assignment, raw),
    };
    if let Some(at) = comment {
        let problem = "a comment behind the value: systemd takes it for a part of the value";
        let hint = "put the comment on a line of its own";
        return Some(Issue::error(at, code::INLINE_COMMENT, problem, hint));
    }
    if let Some(mark) = after {
        let problem = "text behind the closing quote is appended to the value";
        let hint = "put the whole value into one pair of quotes";
        return Some(Issue::error(mark.at, code::TEXT_AFTER_QUOTE, problem, hint));
    }
    if let Some(mark) = mark(Quirk::Continued) {
        let problem = "a backslash at the line's end: the next line becomes part of the value";
        let hint = "leave the backslash out";
        return Some(Issue::error(mark.at, code::TRAILING_BACKSLASH, problem, hint));
    }
    if let Some(mark) = mark(Quirk::Backslash).or(mark(Quirk::Kept)) {
        return Some(backslash(mark.at, mark.what));
    }
    quote_inside(assignment, raw).or_else(|| expansion(assignment, raw))
}

fn backslash(at: usize, what: Quirk) -> Issue {
    let problem = match what {
        Quirk::Kept => "a backslash before a character that needs none: readers do not agree on it",
        _ => "systemd leaves a backslash outside of quotes out",
    };
    let hint = "put the value into single quotes, where a backslash is one";
    Issue::error(at, code::BACKSLASH, problem, hint)
}

fn is_quoted(assignment: &Assignment) -> bool {
    assignment.marks.iter().any(|mark| mark.what == Quirk::Opened)
}

/// Where a comment begins that is none, in a value without quotes.
fn comment(assignment: &Assignment, raw: &str) -> Option<usize> {
    let found = raw.match_indices('#').find(|(at, _)| raw[..*at].ends_with([' ', '\t']))?;
    (!is_quoted(assignment)).then_some(assignment.value_at + found.0)
}

fn quote_inside(assignment: &Assignment, raw: &str) -> Option<Issue> {
    let at = raw.find(['"', '\'']).filter(|_| !is_quoted(assignment))?;
    let problem = "a quote inside of the value: systemd keeps it, a shell does not";
    let hint = "put the whole value into the other kind of quotes";
    Some(Issue::error(assignment.value_at + at, code::QUOTE_IN_VALUE, problem, hint))
}

fn expansion(assignment: &Assignment, raw: &str) -> Option<Issue> {
    let begin = raw.len() - raw.trim_start_matches([' ', '\t']).len();
    let text = &raw[begin..];
    if text.starts_with('\'') {
        return None;
    }
    let escaped = |at: usize| {
        let place = assignment.value_at + begin + at;
        let found = assignment.marks.binary_search_by_key(&place, |mark| mark.at + 1);
        found.is_ok_and(|index| assignment.marks[index].what == Quirk::Escape)
    };
    let expands = |at: usize| match &text[at..=at] {
        "$" => is_expanded(&text[at + 1..], ""),
        _ => true,
    };
    let mut signs = text.match_indices(['$', '`']).map(|(at, _)| at);
    let at = if text.starts_with('~') {
        Some(0)
    } else {
        signs.find(|at| !escaped(*at) && expands(*at))
    };
    let problem = "it looks like an expansion, but systemd expands nothing";
    let hint = "write the value itself; in single quotes, if it is meant as it stands";
    at.map(|at| Issue::error(assignment.value_at + begin + at, code::EXPANSION, problem, hint))
}

fn not_portable(assignment: &Assignment, key: &str, raw: &str, value: &str) -> Option<Issue> {
    let others = Dialect::ALL.into_iter().filter(|dialect| {
        let read = dialect.value(key, raw);
        read.as_deref() != Some(value)
    });
    let names: Vec<&str> = others.map(Dialect::name).collect();
    if names.is_empty() {
        return None;
    }
    let problem = format!("not read by {} as by systemd", names.join(" and "));
    let hint = if value.contains(['"', '\\', '$', '`']) {
        "no way of writing this value suits all: choose one without `\"`, `\\`, `$` and backtick"
    } else {
        "write NAME=\"value\", with nothing around the `=`"
    };
    Some(Issue::warning(assignment.at, code::NOT_PORTABLE, &problem, hint))
}
