//! How other programs read a value that stands in an environment file. No I/O.
//!
//! Each reader takes what follows the `=` up to where systemd sees the value's end, and gives the
//! value, or none where it reads something else than one literal value: an expansion, a second
//! word, an error. None where we are not sure either: it is for saying "not alike", not for use.

use std::str::Chars;

/// A program that reads environment files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `source FILE` in bash.
    Bash,
    /// python-dotenv.
    Dotenv,
    /// Docker compose.
    Compose,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Dialect; 3] = [Dialect::Bash, Dialect::Dotenv, Dialect::Compose];

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Bash => "bash",
            Dialect::Dotenv => "python-dotenv",
            Dialect::Compose => "compose",
        }
    }

    /// The value that it reads from `key=raw`; `key` with the blanks before the `=`.
    #[must_use]
    pub fn value(self, key: &str, raw: &str) -> Option<String> {
        match self {
            Dialect::Bash => bash(key, raw),
            Dialect::Dotenv => dotenv(raw),
            Dialect::Compose => compose(raw),
        }
    }
}

/// Variables that bash does not let a file set.
const BASH_OWN: [&str; 9] =
    ["BASHOPTS", "BASHPID", "EUID", "GROUPS", "LINENO", "PPID", "RANDOM", "SHELLOPTS", "UID"];

fn bash(key: &str, raw: &str) -> Option<String> {
    if key.ends_with([' ', '\t']) || BASH_OWN.contains(&key) {
        return None;
    }
    let mut value = String::new();
    let mut chars = raw.chars();
    let mut tilde = true;
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => return is_bash_end(chars.as_str()).then_some(value),
            '\'' => value += until(&mut chars, '\'')?,
            '"' => value += &bash_double(&mut chars)?,
            '\\' => value.extend(Some(chars.next()?).filter(|c| *c != '\n')),
            '~' if tilde => return None,
            '$' if is_expanded(chars.as_str(), "\"'") => return None,
            '`' | '&' | '|' | ';' | '<' | '>' | '(' | ')' | '\n' | '\r' => return None,
            c => value.push(c),
        }
        tilde = c == ':';
    }
    Some(value)
}

/// Whether nothing is said after a word: blanks, or a comment.
fn is_bash_end(rest: &str) -> bool {
    is_end(rest.trim_start_matches([' ', '\t']))
}

/// Whether this is nothing, or a comment.
fn is_end(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('#') && !rest.contains(['\n', '\r'])
}

fn bash_double(chars: &mut Chars<'_>) -> Option<String> {
    let mut value = String::new();
    loop {
        match chars.next()? {
            '"' => return Some(value),
            '`' => return None,
            '$' if is_expanded(chars.as_str(), "") => return None,
            '\\' => match chars.next()? {
                '\n' => {}
                c @ ('"' | '\\' | '$' | '`') => value.push(c),
                c => value.extend(['\\', c]),
            },
            c => value.push(c),
        }
    }
}

/// Whether a `$` before this is expanded by a shell.
pub(super) fn is_expanded(rest: &str, more: &str) -> bool {
    rest.starts_with(|c: char| {
        c.is_ascii_alphanumeric() || "_{([@*#?!$-".contains(c) || more.contains(c)
    })
}

fn dotenv(raw: &str) -> Option<String> {
    let rest = raw.trim_start_matches(is_python_blank);
    let mut chars = rest.chars();
    let value = match chars.next() {
        Some(quote @ ('\'' | '"')) => {
            let value = dotenv_quoted(&mut chars, quote)?;
            let after = chars.as_str().trim_start_matches(is_python_blank);
            is_end(after).then_some(value)?
        }
        // A value for older versions, a comment for newer ones (1.2.4).
        Some('#') if rest.len() < raw.len() => return None,
        _ if rest.contains(['\n', '\r']) => return None,
        _ => without_comment(rest).trim_end_matches(is_python_blank).to_owned(),
    };
    let expands = value.split_once("${").is_some_and(|(_, after)| after.contains('}'));
    // It opens files as text, where every CR becomes a LF.
    (!expands && !value.contains('\r')).then_some(value)
}

fn dotenv_quoted(chars: &mut Chars<'_>, quote: char) -> Option<String> {
    let mut value = String::new();
    loop {
        match chars.next()? {
            c if c == quote => return Some(value),
            '\\' => match (chars.next()?, quote) {
                (c @ ('\\' | '\''), _) => value.push(c),
                ('"', '"') => value.push('"'),
                ('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v', '"') => return None,
                (c, _) => value.extend(['\\', c]),
            },
            c => value.push(c),
        }
    }
}

/// What stands before the first `#` that follows a blank.
fn without_comment(text: &str) -> &str {
    let is_comment = |at: &usize| text[..*at].ends_with(is_python_blank);
    let at = text.match_indices('#').map(|(at, _)| at).find(is_comment);
    at.map_or(text, |at| &text[..at])
}

fn is_python_blank(c: char) -> bool {
    c.is_whitespace() && c != '\n' && c != '\r' || ('\u{1c}'..='\u{1f}').contains(&c)
}

fn compose(raw: &str) -> Option<String> {
    let rest = raw.trim_start();
    let mut chars = rest.chars();
    match chars.next() {
        Some('\'') => {
            let value = until(&mut chars, '\'')?;
            (!value.ends_with('\\')).then_some(())?;
            is_compose_end(chars.as_str()).then(|| value.to_owned())
        }
        Some('"') => {
            let value = compose_double(&mut chars)?;
            is_compose_end(chars.as_str()).then_some(value)
        }
        _ if rest.contains(['\n', '\r', '$']) => None,
        _ => Some(rest.split(" #").next().unwrap_or_default().trim().to_owned()),
    }
}

fn is_compose_end(rest: &str) -> bool {
    is_end(rest.trim())
}

fn compose_double(chars: &mut Chars<'_>) -> Option<String> {
    let mut value = String::new();
    loop {
        match chars.next()? {
            '"' => return Some(value),
            '$' => return None,
            '\\' => match chars.next()? {
                c @ ('"' | '\\' | '$') => value.push(c),
                _ => return None,
            },
            c => value.push(c),
        }
    }
}

fn until<'a>(chars: &mut Chars<'a>, quote: char) -> Option<&'a str> {
    let (value, rest) = chars.as_str().split_once(quote)?;
    *chars = rest.chars();
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialects_read_what_they_read() {
        for (raw, expected) in [
            // bash, python-dotenv, compose
            ("8000", [Some("8000"), Some("8000"), Some("8000")]),
            ("\"a b\"", [Some("a b"), Some("a b"), Some("a b")]),
            ("'a b'", [Some("a b"), Some("a b"), Some("a b")]),
            ("a b", [None, Some("a b"), Some("a b")]),
            ("a # b", [Some("a"), Some("a"), Some("a")]),
            ("\"a\" # b", [Some("a"), Some("a"), Some("a")]),
            ("a#b", [Some("a#b"), Some("a#b"), Some("a#b")]),
            (" a", [None, Some("a"), Some("a")]),
            ("a&b", [None, Some("a&b"), Some("a&b")]),
            ("$X", [None, Some("$X"), None]),
            ("${X}", [None, None, None]),
            ("'${X}'", [Some("${X}"), None, Some("${X}")]),
            ("\"\\$X\"", [Some("$X"), Some("\\$X"), Some("$X")]),
            ("\"\\`X\"", [Some("`X"), Some("\\`X"), None]),
            ("\"a\\nb\"", [Some("a\\nb"), None, None]),
            ("a\\nb", [Some("anb"), Some("a\\nb"), Some("a\\nb")]),
            ("'b'\\''c'", [Some("b'c"), None, None]),
            (" #a", [Some(""), None, Some("#a")]),
            ("it's", [None, Some("it's"), Some("it's")]),
            ("\"b", [None, None, None]),
            ("~/x", [None, Some("~/x"), Some("~/x")]),
            ("a:~/x", [None, Some("a:~/x"), Some("a:~/x")]),
            ("\u{a0}b\u{a0}", [Some("\u{a0}b\u{a0}"), Some("b"), Some("b")]),
            ("\"a\nb\"", [Some("a\nb"), Some("a\nb"), Some("a\nb")]),
            ("", [Some(""), Some(""), Some("")]),
        ] {
            let read = Dialect::ALL.map(|dialect| dialect.value("A", raw));
            assert_eq!(read.each_ref().map(Option::as_deref), expected, "{raw:?}");
        }
        assert_eq!(Dialect::Bash.value("A ", "b"), None, "a command of that name");
        assert_eq!(Dialect::Bash.value("UID", "1"), None, "read-only");
    }
}
