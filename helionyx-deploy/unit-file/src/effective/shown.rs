//! How `systemctl show` writes lists, structures and commands. No I/O.
//!
//! Words of lists are quoted where a shell would need it; paths of environment files and arguments of
//! commands never are.

use super::Effective;
use crate::environment::is_name;
use crate::exec;
use crate::words::{Escapes, split_text};

/// The units that `systemctl show` printed: blocks of `Key=value`, with an empty line between them.
/// The name of each is its `Id`, where that was asked for.
///
/// Arguments of commands are shown as they are, line breaks too: a command ends where its brace is
/// closed.
#[must_use]
pub fn units(text: &str) -> Vec<Effective> {
    let mut blocks = vec![Effective::default()];
    let mut command: Option<(&str, String)> = None;
    for line in text.lines() {
        let (name, value) = match command.take() {
            Some((name, begun)) => (name, format!("{begun}\n{line}")),
            None if line.is_empty() => {
                blocks.push(Effective::default());
                continue;
            }
            None => match line.split_once('=') {
                Some((name, value)) => (name, value.to_owned()),
                None => continue,
            },
        };
        if value.starts_with("{ ") && !value.ends_with(" }") {
            command = Some((name, value));
        } else if let Some(block) = blocks.last_mut() {
            block.0.entry(name.to_owned()).or_default().push(value);
        }
    }
    blocks
}

/// A command as far as it is shown: arguments with blanks between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The program.
    pub program: String,
    arguments: String,
    flags: Vec<String>,
}

/// What characters before a program are shown as.
const FLAGS: [(char, &str); 4] =
    [('-', "ignore-failure"), (':', "no-env-expand"), ('!', "no-setuid"), ('+', "privileged")];

impl Command {
    /// A command of a unit file.
    pub fn of(command: &exec::Command) -> Command {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let arguments: Vec<String> = command.argv.iter().map(|word| text(word)).collect();
        let flags = FLAGS.into_iter().filter(|(sign, _)| command.prefixes.contains(*sign));
        Command {
            program: text(&command.path),
            arguments: arguments.join(" "),
            flags: flags.map(|(_, name)| name.to_owned()).collect(),
        }
    }
}

/// Commands as `ExecStartEx` shows them, one a line:
/// `{ path=/bin/x ; argv[]=/bin/x -a ; flags= ; start_time=[n/a] ; … }`.
pub fn commands(shown: &[String]) -> Option<Vec<Command>> {
    let one = |text: &String| {
        let (program, rest) = text.strip_prefix("{ path=")?.split_once(" ; argv[]=")?;
        // What follows are the structure's own words: arguments may hold anything.
        let (arguments, rest) = rest.rsplit_once(" ; flags=")?;
        let said = rest.split_once(" ; ").map_or(rest, |(flags, _)| flags);
        let mut flags: Vec<String> = said.split_whitespace().map(str::to_owned).collect();
        flags.sort();
        let (program, arguments) = (program.to_owned(), arguments.to_owned());
        Some(Command { program, arguments, flags })
    };
    shown.iter().map(one).collect()
}

/// Environment files, one a line: `/path (ignore_errors=no)`; with `-` where they may be missing.
pub fn files(shown: &[String]) -> Option<Vec<String>> {
    let one = |text: &String| {
        let (path, optional) = text.strip_suffix(')')?.rsplit_once(" (ignore_errors=")?;
        Some(format!("{}{path}", if optional == "yes" { "-" } else { "" }))
    };
    shown.iter().filter(|text| !text.is_empty()).map(one).collect()
}

/// Variables: words of a list.
pub fn variables(shown: &str) -> Option<Vec<(String, String)>> {
    let pair = |word: &String| {
        let (name, value) = word.split_once('=').filter(|(name, _)| is_name(name))?;
        Some((name.to_owned(), value.to_owned()))
    };
    words(shown)?.iter().map(pair).collect()
}

/// The words of a list; none where they cannot be told apart.
pub fn words(shown: &str) -> Option<Vec<String>> {
    let mut plain = String::with_capacity(shown.len());
    let mut rest = shown.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match rest.next()? {
            // A shell reads these so, the grammar of unit files does not.
            c @ ('$' | '`') => plain.push(c),
            c => plain.extend(['\\', c]),
        }
    }
    split_text(&plain, Escapes::Strict).ok()
}
