//! `Exec…=` lines: what systemd refuses, and what reaches the process otherwise than it reads. No I/O.

use super::{Code, Linter, PathState};
use crate::Assignment;
use crate::environment::is_name;
use crate::exec::{Command, ExecError, parse};

/// Keys whose values are commands.
const KEYS: [&str; 8] = [
    "ExecCondition",
    "ExecReload",
    "ExecStart",
    "ExecStartPost",
    "ExecStartPre",
    "ExecStop",
    "ExecStopPost",
    "ExecStopPre",
];
/// Words that mean something to a shell only.
const SHELL: [&str; 9] = ["|", "||", "&", "&&", ">", ">>", "<", "2>&1", "2>"];

/// Whether values of this key are commands.
pub fn is_exec(key: &str) -> bool {
    KEYS.contains(&key)
}

/// Checks all commands.
pub fn check(lint: &Linter<'_>) {
    let own = lint.own_section();
    let all = lint.unit.assignments.iter().filter(|at| at.section == own && is_exec(&at.key));
    for at in all.filter(|at| !at.value.is_empty()) {
        line(at, lint);
    }
}

fn line(at: &Assignment, lint: &Linter<'_>) {
    let key = &at.key;
    let line = match parse(&at.value, &lint.guess, lint.version()) {
        Ok(line) => line,
        Err(error) => {
            let message = format!("`{key}`: {error}: systemd refuses the unit");
            return lint.error(at.line, Code::Exec, message, remedy(&error));
        }
    };
    if let Some(error) = &line.dropped {
        let message = format!("`{key}`: {error}: systemd drops the line");
        lint.error(at.line, Code::Exec, message, remedy(error));
    }
    for word in &line.unknown_escapes {
        let message = format!("`{key}`: `{word}` holds an unknown escape, which stays as it is");
        lint.warning(at.line, Code::Exec, message, "write two backslashes for one");
    }
    if line.commands.is_empty() && line.dropped.is_none() {
        let message = format!("`{key}`: no program: systemd passes over the line");
        lint.error(at.line, Code::Exec, message, "name a program");
    }
    for command in &line.commands {
        self::command(command, at, lint);
    }
}

/// The lines of all commands of `ExecStart=` that count; one line may hold several.
pub fn started(lint: &Linter<'_>) -> Vec<usize> {
    let lines = lint.unit.list("Service", "ExecStart").into_iter().flat_map(|at| {
        let line = parse(&at.value, &lint.guess, lint.version());
        vec![at.line; line.map_or(1, |line| line.commands.len())]
    });
    lines.collect()
}

fn command(command: &Command, at: &Assignment, lint: &Linter<'_>) {
    let words = command.argv.iter().skip(1).filter_map(|word| std::str::from_utf8(word).ok());
    let words: Vec<&str> = words.collect();
    if let Some(word) = words.iter().find(|word| SHELL.contains(word)) {
        let message = format!("`{}`: `{word}` is an argument here: there is no shell", at.key);
        lint.warning(
            at.line,
            Code::Shell,
            message,
            "run `/bin/sh -c \"…\"` where a shell is meant",
        );
    }
    let vanishing = words.iter().filter(|_| !command.prefixes.contains(':')).find(|word| {
        word.strip_prefix('$')
            .is_some_and(|name| !is_name(name) && !name.starts_with('$') && !name.starts_with('{'))
    });
    if let Some(word) = vanishing {
        let message =
            format!("`{}`: `{word}` begins with `$`, is no variable, and vanishes", at.key);
        lint.error(at.line, Code::Vanishing, message, "write `$$` for a dollar sign");
    }
    if Command::is_too_long(&command.argv) {
        let message =
            format!("`{}`: an argument of more than 131071 bytes cannot be passed", at.key);
        lint.error(at.line, Code::Exec, message, "put it into a file");
    }
    if command.loses_its_blank(lint.version()) {
        let message = format!(
            "`{}`: the program's path ends with a blank, which systemd forgets: it cannot be started",
            at.key
        );
        return lint.error(at.line, Code::Exec, message, "rename the program");
    }
    program(command, at, lint);
}

fn program(command: &Command, at: &Assignment, lint: &Linter<'_>) {
    let Some(path) = std::str::from_utf8(&command.path).ok().filter(|path| path.starts_with('/'))
    else {
        return;
    };
    // With an own root or image the host's path says nothing, and `-` lets a program be missing.
    let has_root = ["RootDirectory", "RootImage"].iter().any(|key| lint.own(key).is_some());
    if has_root || command.prefixes.contains('-') || lint.is_invented(path) {
        return;
    }
    if super::made::is_made(path, lint) {
        return;
    }
    // Where only the host knows a specifier, the path is a guess.
    if parse(&at.value, &lint.context, lint.version()).is_err() {
        return;
    }
    lint.questions.borrow_mut().paths.insert(path.into());
    let problem = match lint.options.facts.paths.get(camino::Utf8Path::new(path)) {
        Some(PathState::Missing) => "is not there",
        Some(PathState::Directory) => "is a directory",
        Some(PathState::File) => "is not executable",
        Some(PathState::Program) | None => return,
    };
    let message = format!("`{}`: `{path}` {problem} on the host", at.key);
    lint.error(at.line, Code::Executable, message, "name a program of the host");
}

fn remedy(error: &ExecError) -> &'static str {
    match error {
        ExecError::Words(_) => "put the word into double quotes, with a backslash before `\"`",
        ExecError::Specifier(_) => "write `%%` for a percent sign",
        ExecError::NoProgram | ExecError::NoZerothArgument => "name a program",
        _ => "begin with the absolute path of a program",
    }
}
