//! `Environment=`, `EnvironmentFile=` and `UnsetEnvironment=` as systemd reads them. No I/O.

use crate::specifier::{self, Context, SpecifierError};
use crate::words::{Escapes, WordError, next_word};
use crate::{Assignment, Version, text_of};

/// Variables in the order in which they were first set, the last value of each.
pub type Variables = Vec<(String, String)>;

/// What `Environment=` lines give.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assigned {
    /// The variables that are set.
    pub variables: Variables,
    /// What systemd drops, with a warning in the journal and exit status 0.
    pub dropped: Vec<Dropped>,
}

/// Something that systemd drops. It never holds a value: that may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The line, from 1.
    pub line: usize,
    /// The name before `=`, when there is one.
    pub key: Option<String>,
    /// Why.
    pub reason: DropReason,
}

/// Why systemd drops a word, or all from it to the end of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DropReason {
    /// The rest of the line cannot be cut into words.
    #[error("{0}: this and what follows on the line is not set")]
    Words(WordError),
    /// A specifier that does not exist.
    #[error("{0}")]
    Specifier(SpecifierError),
    /// No `=`, a name that is none, or a value that is no text.
    #[error("not an assignment")]
    NotAssignment,
}

/// A path of `EnvironmentFile=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentFile {
    /// The line, from 1.
    pub line: usize,
    /// Where it is; quotes and blanks are part of it.
    pub path: String,
    /// With `-` before it: it may be missing, or not readable at all.
    pub optional: bool,
    /// It holds `*`, `?` or `[`: systemd reads all files that fit.
    pub is_pattern: bool,
}

/// Whether systemd takes this for a variable's name.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(word) && !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// Reads `Environment=` lines, an empty one of which drops those before it.
#[must_use]
pub fn assigned<'a>(
    lines: impl IntoIterator<Item = &'a Assignment>,
    context: &Context,
    version: Version,
) -> Assigned {
    let mut found = Assigned::default();
    for line in lines {
        if line.value.is_empty() {
            found.variables.clear();
            continue;
        }
        read_line(line, context, version, &mut found);
    }
    found
}

fn read_line(line: &Assignment, context: &Context, version: Version, found: &mut Assigned) {
    let mut rest = line.value.as_bytes();
    loop {
        let before = rest;
        let mut drop = |text: &[u8], reason| {
            let key = text.split(|byte| *byte == b'=').next().filter(|key| key.len() < text.len());
            let key = key.map(|key| String::from_utf8_lossy(key).trim_matches(QUOTES).to_owned());
            found.dropped.push(Dropped { line: line.line, key, reason });
        };
        let word = match next_word(&mut rest, Escapes::Strict) {
            Ok(Some(word)) => word.bytes,
            Ok(None) => return,
            Err(error) => return drop(before, DropReason::Words(error)),
        };
        match specifier::expand(&word, context, version) {
            Err(error) => drop(&word, DropReason::Specifier(error)),
            Ok(expanded) => match assignment(&expanded) {
                Some((key, value)) => set(&mut found.variables, key, value),
                None => drop(&word, DropReason::NotAssignment),
            },
        }
    }
}

const QUOTES: [char; 3] = ['"', '\'', ' '];

fn assignment(word: &[u8]) -> Option<(&str, &str)> {
    text_of(word)?.split_once('=').filter(|(key, _)| is_name(key))
}

fn set(variables: &mut Variables, key: &str, value: &str) {
    match variables.iter_mut().find(|(name, _)| name == key) {
        Some((_, old)) => value.clone_into(old),
        None => variables.push((key.to_owned(), value.to_owned())),
    }
}

/// The files that `EnvironmentFile=` lines name, and the lines that systemd ignores: the path must
/// be absolute and without `..`, and quotes are part of it.
#[must_use]
pub fn files<'a>(
    lines: impl IntoIterator<Item = &'a Assignment>,
    context: &Context,
    version: Version,
) -> (Vec<EnvironmentFile>, Vec<&'a Assignment>) {
    let (mut found, mut ignored) = (Vec::new(), Vec::new());
    for line in lines {
        if line.value.is_empty() {
            found.clear();
            continue;
        }
        let optional = line.value.starts_with('-');
        let path = if optional { &line.value[1..] } else { line.value.as_str() };
        let path = specifier::expand(path.as_bytes(), context, version).ok();
        let path = path.and_then(|path| String::from_utf8(path).ok());
        match path.filter(|path| path.starts_with('/') && !path.split('/').any(|part| part == ".."))
        {
            Some(path) => {
                let is_pattern = path.contains(['*', '?', '[']);
                found.push(EnvironmentFile { line: line.line, path, optional, is_pattern });
            }
            None => ignored.push(line),
        }
    }
    (found, ignored)
}

/// What a process receives of all these: files win over `Environment=` whatever the order, and
/// `UnsetEnvironment=` (names, or assignments that must fit exactly) comes last.
#[must_use]
pub fn merged<'a>(
    assigned: &Variables,
    from_files: &Variables,
    unset: impl IntoIterator<Item = &'a Assignment>,
) -> Variables {
    let mut variables = assigned.clone();
    for (key, value) in from_files {
        set(&mut variables, key, value);
    }
    let mut removed: Vec<String> = Vec::new();
    for line in unset {
        if line.value.is_empty() {
            removed.clear();
        }
        let mut rest = line.value.as_bytes();
        while let Ok(Some(word)) = next_word(&mut rest, Escapes::Strict) {
            removed.extend(String::from_utf8(word.bytes));
        }
    }
    variables.retain(|(key, value)| {
        let whole = format!("{key}={value}");
        !removed.iter().any(|word| word == key || *word == whole)
    });
    variables
}
