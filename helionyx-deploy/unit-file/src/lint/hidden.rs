//! Paths that the service does not see because another setting hides them. No I/O.

use camino::{Utf8Path, Utf8PathBuf};

use super::number::boolean;
use super::{Code, Linter};
use crate::exec::parse;
use crate::words::{Escapes, split_text};

const HOMES: &[&str] = &["/home", "/root", "/run/user"];
const TEMPORARY: &[&str] = &["/tmp", "/var/tmp"];
/// Keys that name paths which the service needs to see.
const KEYS: [&str; 4] = ["WorkingDirectory", "ReadWritePaths", "ReadOnlyPaths", "ExecPaths"];
/// Keys that put something into what is hidden.
const BOUND: [&str; 3] = ["BindPaths", "BindReadOnlyPaths", "TemporaryFileSystem"];

/// Checks all paths that the service needs.
pub fn check(lint: &Linter<'_>) {
    let hides = |key: &'static str, words: &[&str]| {
        let value = lint.own(key).map(|at| at.value.as_str());
        value.is_some_and(|value| boolean(value) == Some(true) || words.contains(&value))
    };
    if hides("ProtectHome", &["tmpfs"]) {
        below("ProtectHome", HOMES, lint);
    }
    if hides("PrivateTmp", &["disconnected"]) {
        below("PrivateTmp", TEMPORARY, lint);
    }
}

fn below(setting: &str, roots: &[&str], lint: &Linter<'_>) {
    let bound = bound(lint);
    for (line, path) in needed(lint) {
        // The directory itself is there, and empty.
        let is_hidden = roots.iter().any(|root| path.starts_with(root) && path != *root);
        if is_hidden && !bound.iter().any(|bound| path.starts_with(bound)) {
            let message = format!("`{setting}` hides `{path}` from the service");
            let hint = format!("put it elsewhere, or leave `{setting}` out");
            lint.warning(line, Code::HiddenPath, message, &hint);
        }
    }
}

/// The paths that the service cannot start without, and their lines.
fn needed(lint: &Linter<'_>) -> Vec<(usize, Utf8PathBuf)> {
    let own = lint.own_section();
    let mut found = Vec::new();
    for at in lint.unit.assignments.iter().filter(|at| at.section == own) {
        if super::commands::is_exec(&at.key) {
            let line = parse(&at.value, &lint.context, lint.version()).ok();
            let commands = line.into_iter().flat_map(|line| line.commands);
            let programs = commands.filter(|command| !command.prefixes.contains('-'));
            let programs = programs.filter_map(|command| String::from_utf8(command.path).ok());
            found.extend(programs.map(|path| (at.line, Utf8PathBuf::from(path))));
        } else if KEYS.contains(&at.key.as_str()) {
            let value = lint.expand(&at.value).unwrap_or_default();
            let words = split_text(&value, Escapes::Plain).unwrap_or_default();
            let paths = words.into_iter().filter(|word| word.starts_with('/'));
            found.extend(paths.map(|path| (at.line, Utf8PathBuf::from(path))));
        }
    }
    found
}

/// Where something is put that the service sees nonetheless.
fn bound(lint: &Linter<'_>) -> Vec<Utf8PathBuf> {
    let own = lint.own_section();
    let lines = BOUND.iter().flat_map(|key| lint.unit.list(own, key));
    let values = lines.filter_map(|at| lint.expand(&at.value));
    let words = values.flat_map(|value| split_text(&value, Escapes::Plain).unwrap_or_default());
    let target = |word: String| {
        let word = word.trim_start_matches('-');
        let mut parts = word.split(':');
        let source = parts.next().unwrap_or_default();
        let target = parts.next().filter(|target| target.starts_with('/')).unwrap_or(source);
        Utf8Path::new(target).to_owned()
    };
    words.map(target).filter(|path| path.is_absolute()).collect()
}
