//! Environment files: a writer of forms that systemd, bash and dotenv read alike, and a reader that
//! accepts only those. No I/O.

use std::collections::BTreeMap;

use crate::name::VariableName;
use crate::secret::Secret;

/// Why a line of an environment file is refused. Never shows a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{}: {problem}", .key.as_ref().map(|key| format!(" ({key})")).unwrap_or_default())]
pub struct EnvFileError {
    /// The line, from 1.
    pub line: usize,
    /// The variable, when its name could be read.
    pub key: Option<VariableName>,
    /// What is wrong.
    pub problem: &'static str,
}

/// An environment file with these values, in the variables' order.
///
/// A value stands bare where all readers agree on it, else in double quotes, with a backslash
/// before `"`, `\`, `$` and the backtick.
#[must_use]
pub fn render<'a>(values: impl IntoIterator<Item = (&'a VariableName, &'a String)>) -> String {
    let lines = values.into_iter().map(|(name, value)| format!("{name}={}\n", quote(value)));
    lines.collect()
}

fn quote(value: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "_./:@%+,-".contains(c);
    if !value.is_empty() && value.chars().all(bare) {
        return value.to_owned();
    }
    let mut quoted = String::from('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// The values of an environment file; a later line wins.
///
/// # Errors
/// Every line that readers do not agree on, by its number.
pub fn parse(text: &str) -> Result<BTreeMap<VariableName, Secret>, Vec<EnvFileError>> {
    let mut values = BTreeMap::new();
    let mut errors = Vec::new();
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line).trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match parse_line(line) {
            Ok((name, value)) => drop(values.insert(name, value)),
            Err((key, problem)) => errors.push(EnvFileError { line: index + 1, key, problem }),
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

type LineError = (Option<VariableName>, &'static str);

fn parse_line(line: &str) -> Result<(VariableName, Secret), LineError> {
    let (name, value) = line.split_once('=').ok_or((None, "no `=`"))?;
    let name: VariableName = name.parse().map_err(|_| match name.starts_with("export ") {
        true => (None, "`export` is not understood by systemd: leave it out"),
        false => (None, "what stands before `=` is no variable name"),
    })?;
    let value = unquote(value).map_err(|problem| (Some(name.clone()), problem))?;
    Ok((name, Secret::new(value)))
}

fn unquote(value: &str) -> Result<String, &'static str> {
    if value.contains('\0') {
        return Err("a NUL byte");
    }
    match value.chars().next() {
        Some('"') => unquote_double(&value[1..]),
        Some('\'') => {
            let inner = value[1..].strip_suffix('\'').ok_or("a quote without its partner")?;
            if inner.contains('\'') { Err("a quote inside the value") } else { Ok(inner.into()) }
        }
        _ if value.contains(['"', '\'', '\\', '$', '`', '#', ' ', '\t']) => {
            Err("readers disagree on this value: put it into double quotes")
        }
        _ => Ok(value.to_owned()),
    }
}

fn unquote_double(rest: &str) -> Result<String, &'static str> {
    let mut value = String::new();
    let mut chars = rest.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' if chars.as_str().is_empty() => return Ok(value),
            '"' => return Err("text after the closing quote"),
            '\\' => match chars.next() {
                Some(escaped @ ('"' | '\\' | '$' | '`')) => value.push(escaped),
                _ => return Err("a backslash before a character that needs none"),
            },
            '$' | '`' => return Err("`$` and backticks need a backslash before them"),
            c => value.push(c),
        }
    }
    Err("a quote without its partner")
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
    fn lines_that_readers_do_not_agree_on_are_refused_without_their_value() {
        for (line, expected) in [
            (
                "DAILY=20   # 8 PM",
                "line 1 (DAILY): readers disagree on this value: put it into double quotes",
            ),
            ("export A=hunter2", "line 1: `export` is not understood by systemd: leave it out"),
            ("A-B=hunter2", "line 1: what stands before `=` is no variable name"),
            ("A=\"hunter2", "line 1 (A): a quote without its partner"),
            ("A=\"hunter2\" x", "line 1 (A): text after the closing quote"),
            ("A='hun'ter2'", "line 1 (A): a quote inside the value"),
            ("A=\"$hunter2\"", "line 1 (A): `$` and backticks need a backslash before them"),
            ("hunter2", "line 1: no `=`"),
        ] {
            let errors = parse(line).unwrap_err();
            let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(shown, [expected], "HEL-16, ALL-04");
            assert!(!shown[0].contains("hunter2"), "ALL-04: {shown:?}");
        }
    }
}
