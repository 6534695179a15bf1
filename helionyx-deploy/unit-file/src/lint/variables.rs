//! `Environment=` and `EnvironmentFile=`: what is dropped in silence, and what everybody may read.
//! No I/O. Messages never hold a value.

use super::{Code, Linter, PathState};
use crate::Assignment;
use crate::environment::{assigned, files};

/// Checks variables and files of them.
pub fn check(lint: &Linter<'_>) {
    let own = lint.own_section();
    let lines = || lint.unit.all(own, "Environment");
    let found = assigned(lines(), &lint.guess, lint.version());
    for dropped in &found.dropped {
        let what = match &dropped.key {
            Some(key) => format!("`{key}`: {}", dropped.reason),
            None => format!("{}", dropped.reason),
        };
        let message = format!("`Environment`: {what}: systemd drops it");
        let hint = "write `Environment=\"NAME=value\"`, with `\\\\` for a backslash and `%%` for %";
        lint.error(dropped.line, Code::Environment, message, hint);
    }
    for line in lines() {
        eaten_quotes(line, lint);
        let own = assigned([line], &lint.guess, lint.version());
        for (name, _) in own.variables.iter().filter(|(name, value)| is_secret(name, value)) {
            let message =
                format!("`{name}` looks like a secret: everybody on the host can read it");
            let hint = "use LoadCredential=, or an EnvironmentFile= that only root may read";
            lint.error(line.line, Code::Secret, message, hint);
        }
    }
    for line in lint.unit.all(own, "SetCredential").filter(|line| !line.value.is_empty()) {
        let message = "`SetCredential` puts a secret where everybody on the host can read it";
        lint.warning(line.line, Code::Secret, message, "use LoadCredential=");
    }
    environment_files(lint);
}

/// Quotes inside of a value vanish: `A={"k":"v"}` gives `{k:v}`.
fn eaten_quotes(line: &Assignment, lint: &Linter<'_>) {
    let words = line.value.split([' ', '\t']).filter_map(|word| word.split_once('='));
    let json = |value: &str| value.starts_with(['{', '[']) && value.contains('"');
    for (name, _) in words.filter(|(name, value)| json(value) && !name.starts_with(['"', '\''])) {
        let message = format!("`{name}`: systemd removes the quotes inside of the value");
        lint.error(line.line, Code::Environment, message, "put the whole word into single quotes");
    }
}

fn environment_files(lint: &Linter<'_>) {
    let lines = lint.unit.all(lint.own_section(), "EnvironmentFile");
    let (found, ignored) = files(lines, &lint.context, lint.version());
    // A path that only the host knows may well be right.
    let guessed = |line: &&Assignment| files([*line], &lint.guess, lint.version()).1.is_empty();
    for line in ignored.into_iter().filter(|line| !guessed(line)) {
        let message =
            "`EnvironmentFile`: not an absolute path without `..`: the service starts without it";
        let hint = "begin with `/` or `-/`, without quotes";
        lint.error(line.line, Code::EnvironmentFile, message, hint);
    }
    for file in found {
        // A blank may well be meant; what looks like a second path is not.
        let second = [" /", "\t/", " -/", "\t-/"].iter().any(|begin| file.path.contains(begin));
        if second || file.path.contains(['"', '\'']) {
            let message = "`EnvironmentFile`: blanks and quotes are part of the path";
            let hint = "write one path, without quotes; a second one on a line of its own";
            lint.error(file.line, Code::EnvironmentFile, message, hint);
        }
        // `-` hides a file that is missing as well as one that cannot be read.
        if !file.optional && !file.is_pattern {
            let state = lint.host_path(file.line, &file.path);
            if state == Some(PathState::Directory) {
                let message = "`EnvironmentFile`: it is a directory: the service does not start";
                lint.error(file.line, Code::EnvironmentFile, message, "name a file");
            }
        }
    }
}

/// Parts of names that tell a secret.
const SECRET_WORDS: [&str; 9] = [
    "SECRET",
    "TOKEN",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PASS",
    "APIKEY",
    "CREDENTIAL",
    "CREDENTIALS",
];
const SECRET_PAIRS: [&str; 5] =
    ["API_KEY", "PRIVATE_KEY", "ACCESS_KEY", "SECRET_KEY", "ENCRYPTION_KEY"];
/// What secrets of well-known services begin with.
const SECRET_BEGINNINGS: [&str; 9] =
    ["sk-", "ghp_", "gho_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "AKIA", "-----BEGIN"];

fn is_secret(name: &str, value: &str) -> bool {
    // Paths, numbers and switches are none, whatever the name says.
    let plain = value.starts_with('/') || value.parse::<f64>().is_ok();
    if value.is_empty() || plain || super::number::boolean(value).is_some() {
        return false;
    }
    let name = name.to_ascii_uppercase();
    let describes = ["_FILE", "_PATH", "_DIR", "_URL", "_NAME", "_ID", "_TYPE"]
        .iter()
        .any(|end| name.ends_with(end));
    let named = name.split('_').any(|word| SECRET_WORDS.contains(&word))
        || SECRET_PAIRS.iter().any(|pair| name.contains(pair));
    let begins = SECRET_BEGINNINGS.iter().any(|beginning| value.starts_with(beginning));
    named && !describes || begins || has_password(value)
}

/// `scheme://user:password@host`
fn has_password(value: &str) -> bool {
    let authority = value.split_once("://").map(|(_, rest)| rest.split('/').next());
    let user = authority.flatten().and_then(|authority| authority.rsplit_once('@'));
    user.is_some_and(|(user, _)| user.split_once(':').is_some_and(|(_, pass)| !pass.is_empty()))
}
