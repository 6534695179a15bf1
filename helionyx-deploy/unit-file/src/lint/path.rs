//! Paths, users, units, streams and credentials in values. No I/O.

use super::kind::{Kind, Problem};
use super::{Code, Linter, PathState, made};
use crate::Assignment;
use crate::suggest;
use crate::words::{Escapes, split_text};

/// Checks a value of one of the kinds that look at the host.
pub fn check(kind: Kind, at: &Assignment, lint: &Linter<'_>) -> Result<(), Problem> {
    let Some(value) = lint.expand(&at.value) else { return Ok(()) };
    match kind {
        Kind::User => users(&value, at),
        Kind::Path => absolute(&value),
        Kind::Paths => each(&value, |word| listed(word, at, lint)),
        Kind::Binds => each(&value, |word| bound(word, at, lint)),
        Kind::WorkingDirectory => working_directory(&value, at, lint),
        Kind::Directories => each(&value, |word| made::directory(word, &at.key)),
        Kind::Units => each(&value, |word| unit(word, None)),
        Kind::UnitOf(suffix) => each(&value, |word| unit(word, Some(suffix))),
        Kind::Condition => condition(&value, at),
        Kind::Credential => credential(&value, at, lint),
        _ => Ok(()),
    }
}

fn each(value: &str, check: impl Fn(&str) -> Result<(), Problem>) -> Result<(), Problem> {
    let words = split_text(value, Escapes::Plain)
        .map_err(|error| Problem::new(format!("{error}: systemd ignores it"), "close the quote"))?;
    words.iter().try_for_each(|word| check(word))
}

fn absolute(path: &str) -> Result<(), Problem> {
    if path.starts_with('/') && !has_dots(path) {
        return Ok(());
    }
    if path.starts_with('/') {
        let message = format!("`{path}` holds `..`: systemd ignores it");
        return Err(Problem::new(message, "write the path that is meant"));
    }
    let message = format!("`{path}` is not an absolute path: systemd ignores it");
    Err(Problem::new(message, "begin with `/`, without quotes"))
}

/// Whether it goes upwards, which systemd does not follow.
pub fn has_dots(path: &str) -> bool {
    path.split('/').any(|part| part == "..")
}

/// A path of a list; without `-` it has to be there when the service starts.
fn listed(word: &str, at: &Assignment, lint: &Linter<'_>) -> Result<(), Problem> {
    if at.section == "Unit" || at.key == "Symlinks" {
        return absolute(word);
    }
    let optional = word.starts_with('-');
    let path = word.strip_prefix('-').unwrap_or(word);
    let path = path.strip_prefix('+').unwrap_or(path);
    absolute(path)?;
    if !optional {
        lint.path(at.line, path);
    }
    Ok(())
}

fn bound(word: &str, at: &Assignment, lint: &Linter<'_>) -> Result<(), Problem> {
    let optional = word.starts_with('-');
    let word = word.strip_prefix('-').unwrap_or(word);
    let mut parts = word.splitn(3, ':');
    let source = parts.next().unwrap_or_default();
    absolute(source)?;
    if at.key == "TemporaryFileSystem" {
        return Ok(());
    }
    if !optional {
        lint.path(at.line, source);
    }
    parts.next().map_or(Ok(()), absolute)?;
    match parts.next().filter(|options| !["", "rbind", "norbind"].contains(options)) {
        Some(options) => {
            let message = format!("`{options}` is no way to bind: systemd ignores it");
            Err(Problem::new(message, "write `rbind` or `norbind`"))
        }
        None => Ok(()),
    }
}

fn working_directory(value: &str, at: &Assignment, lint: &Linter<'_>) -> Result<(), Problem> {
    let optional = value.starts_with('-');
    let path = value.strip_prefix('-').unwrap_or(value);
    if path == "~" {
        return Ok(());
    }
    if !path.starts_with('/') {
        let message = "not an absolute path: systemd refuses the unit";
        return Err(Problem::new(message, "begin with `/`, without quotes"));
    }
    if has_dots(path) {
        let message = "it holds `..`: systemd refuses the unit";
        return Err(Problem::new(message, "write the path that is meant"));
    }
    let state = if optional { None } else { lint.path(at.line, path) };
    match state {
        Some(PathState::File | PathState::Program) => {
            Err(Problem::new("not a directory", "name the directory"))
        }
        _ => Ok(()),
    }
}

fn users(value: &str, at: &Assignment) -> Result<(), Problem> {
    let words: Vec<&str> = match at.key.as_str() {
        "SupplementaryGroups" => value.split_whitespace().collect(),
        _ => vec![value],
    };
    words.into_iter().try_for_each(user)
}

fn user(name: &str) -> Result<(), Problem> {
    if let Ok(id) = name.parse::<u32>() {
        return match id {
            id if id.to_string() != name => Err(Problem::new("not a number", "no zero first")),
            0xFFFF | u32::MAX => Err(Problem::new("no user has this number", "name the user")),
            _ => Ok(()),
        };
    }
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if first && name.chars().all(word) && name.len() <= 31 {
        return Ok(());
    }
    let message = format!("`{name}` is no plain user or group name");
    Err(Problem::new(message, "a-z, 0-9, - and _, no digit first, at most 31"))
}

const UNIT_TYPES: [&str; 11] = [
    "service",
    "socket",
    "target",
    "timer",
    "path",
    "mount",
    "automount",
    "swap",
    "slice",
    "scope",
    "device",
];

fn unit(name: &str, wanted: Option<&str>) -> Result<(), Problem> {
    let word = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    let (stem, suffix) = name.rsplit_once('.').unwrap_or((name, ""));
    let known = UNIT_TYPES.contains(&suffix) && wanted.is_none_or(|wanted| wanted == suffix);
    if known && name.chars().all(word) && !stem.is_empty() && name.len() <= 255 {
        return Ok(());
    }
    let hint = match (suggest::closest(suffix, UNIT_TYPES), wanted) {
        (_, Some(wanted)) => format!("name a .{wanted} unit"),
        (Some(meant), None) => format!("did you mean `{stem}.{meant}`?"),
        (None, None) => format!("did you mean `{name}.service`?"),
    };
    Err(Problem::new(format!("`{name}` is no unit: systemd ignores it"), hint))
}

/// Conditions whose value is a path.
const ON_PATHS: [&str; 11] = [
    "PathExists",
    "PathExistsGlob",
    "PathIsDirectory",
    "PathIsSymbolicLink",
    "PathIsMountPoint",
    "PathIsReadWrite",
    "PathIsEncrypted",
    "DirectoryNotEmpty",
    "FileNotEmpty",
    "FileIsExecutable",
    "NeedsUpdate",
];

fn condition(value: &str, at: &Assignment) -> Result<(), Problem> {
    let value = value.strip_prefix('|').unwrap_or(value).trim_start();
    let value = value.strip_prefix('!').unwrap_or(value).trim_start();
    let kind = at.key.trim_start_matches("Condition").trim_start_matches("Assert");
    match kind {
        kind if ON_PATHS.contains(&kind) => absolute(value),
        "FirstBoot" | "ACPower" => match super::number::boolean(value) {
            Some(_) => Ok(()),
            None => Err(Problem::new("neither yes nor no", "write `true` or `false`")),
        },
        _ => Ok(()),
    }
}

fn credential(value: &str, at: &Assignment, lint: &Linter<'_>) -> Result<(), Problem> {
    let (name, source) = value.split_once(':').unwrap_or((value, ""));
    if !is_credential_name(name) {
        return Err(Problem::new("its name is none", "e.g. `token:/etc/app/token`"));
    }
    if source.starts_with('/') {
        lint.host_path(at.line, source);
    }
    Ok(())
}

/// Whether it names a credential.
pub fn is_credential_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_graphic() && !"/:\"'".contains(c);
    !name.is_empty() && name.chars().all(word) && name != "." && name != ".."
}

/// `StandardOutput=` and its like.
pub fn stream(value: &str, at: &Assignment, lint: &Linter<'_>) -> Result<(), Problem> {
    let Some(value) = lint.expand(value) else { return Ok(()) };
    if let Some((_, path)) =
        value.split_once(':').filter(|(how, _)| ["file", "append", "truncate"].contains(how))
    {
        return absolute(path);
    }
    if value.split_once(':').is_some_and(|(how, name)| how == "fd" && !name.is_empty()) {
        return Ok(());
    }
    let known: &[&str] = match at.key.as_str() {
        "StandardInput" => &["null", "tty", "tty-force", "tty-fail", "socket", "fd", "data"],
        _ => &[
            "inherit",
            "null",
            "tty",
            "journal",
            "kmsg",
            "journal+console",
            "kmsg+console",
            "socket",
            "fd",
            "syslog",
            "syslog+console",
        ],
    };
    if known.contains(&value.as_str()) {
        return Ok(());
    }
    let hint = suggest::hint(&value, known);
    lint.warning(at.line, Code::BadValue, format!("`{}`: systemd ignores this", at.key), &hint);
    Ok(())
}
