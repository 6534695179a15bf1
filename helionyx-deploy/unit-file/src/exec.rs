//! `ExecStart=` and its kin: from a line to the arguments that a process receives. No I/O.

use crate::specifier::{self, Context, SpecifierError};
use crate::words::{self, Escapes, WordError, next_word};
use crate::{ARGUMENT_MAX, Version};

mod variables;

pub use variables::expand;

/// A command as systemd understands it when it loads the unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The characters before the path, e.g. `-@`.
    pub prefixes: String,
    /// The program: an absolute path, or a name that systemd looks up in its own fixed path.
    pub path: Vec<u8>,
    /// Arguments, the zeroth first, before variables are replaced.
    pub argv: Vec<Vec<u8>>,
}

/// What a line gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Its commands: `;` as a word of its own separates them.
    pub commands: Vec<Command>,
    /// Words with backslashes before what is no escape: kept, with a warning in the journal.
    pub unknown_escapes: Vec<String>,
    /// What made systemd drop the rest of the line, and yet load the unit.
    pub dropped: Option<ExecError>,
}

/// Why systemd does not take a line: `LoadState=bad-setting`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExecError {
    /// It cannot be cut into words.
    #[error(transparent)]
    Words(#[from] WordError),
    /// A specifier without a value.
    #[error(transparent)]
    Specifier(#[from] SpecifierError),
    /// Nothing to run.
    #[error("no program")]
    NoProgram,
    /// A control character, quote or backslash in the program's path.
    #[error("the program's path holds a control character, quote or backslash")]
    UnsafePath,
    /// Neither an absolute path nor a name.
    #[error("the program is neither an absolute path nor a name: `{0}`")]
    BadPath(String),
    /// A path that ends with `/`, from 257 on also with `/.` or `/..`.
    #[error("the program's path is a directory's: `{0}`")]
    Directory(String),
    /// `@` asks for a zeroth argument, and there is none.
    #[error("`@` without a zeroth argument")]
    NoZerothArgument,
}

impl Command {
    /// Whether a failure counts as success.
    #[must_use]
    pub fn ignores_failure(&self) -> bool {
        self.prefixes.contains('-')
    }

    /// Whether this version of systemd looks for another program: 257 forgets a blank at the end of a
    /// path (203/EXEC), on its way to the process that starts it, which came with 255.
    #[must_use]
    pub fn loses_its_blank(&self, version: Version) -> bool {
        version >= Version(255) && self.path.ends_with(b" ")
    }

    /// What the process receives.
    #[must_use]
    pub fn arguments(&self, environment: &variables::Variables) -> Vec<Vec<u8>> {
        // With `:` nothing is replaced, not even `$$`.
        if self.prefixes.contains(':') {
            self.argv.clone()
        } else {
            expand(&self.argv, environment)
        }
    }

    /// Whether the kernel refuses these arguments: one of them is too long (203/EXEC).
    #[must_use]
    pub fn is_too_long(arguments: &[Vec<u8>]) -> bool {
        arguments.iter().any(|argument| argument.len() > ARGUMENT_MAX)
    }
}

/// Reads the value of one `Exec…=` line that is not empty.
///
/// # Errors
/// What makes systemd refuse the unit.
pub fn parse(value: &str, context: &Context, version: Version) -> Result<Line, ExecError> {
    let mut line = Line::default();
    let mut rest = value.as_bytes();
    loop {
        // A first word that cannot be cut drops the line, and only the line.
        let first = match next_word(&mut rest, Escapes::Relaxed) {
            Ok(Some(word)) => word,
            Ok(None) => return Ok(line),
            Err(error) => {
                line.dropped = Some(error.into());
                return Ok(line);
            }
        };
        note_escapes(&first, &mut line);
        if first.bytes == b";" {
            continue;
        }
        let (prefixes, path) = prefixes(&first.bytes, version);
        let ignores = prefixes.contains('-');
        match command(prefixes, path, &mut rest, &mut line, (context, version)) {
            Ok((command, more)) => {
                line.commands.push(command);
                if !more {
                    return Ok(line);
                }
            }
            Err(error) if ignores => {
                line.dropped = Some(error);
                return Ok(line);
            }
            Err(error) => return Err(error),
        }
    }
}

/// The rest of a command; true when `;` announces another one.
fn command(
    prefixes: String,
    path: &[u8],
    rest: &mut &[u8],
    line: &mut Line,
    (context, version): (&Context, Version),
) -> Result<(Command, bool), ExecError> {
    let path = program(&specifier::expand(path, context, version)?, version)?;
    let mut argv = Vec::new();
    if !prefixes.contains('@') {
        argv.push(path.0);
    }
    let mut more = false;
    while !rest.is_empty() {
        if let Some(after) = lone(rest, b";") {
            *rest = after;
            more = true;
            break;
        }
        if let Some(after) = lone(rest, b"\\;") {
            *rest = after;
            argv.push(b";".to_vec());
            continue;
        }
        let Some(word) = next_word(rest, Escapes::Relaxed)? else { break };
        note_escapes(&word, line);
        argv.push(specifier::expand(&word.bytes, context, version)?);
    }
    if argv.is_empty() {
        return Err(ExecError::NoZerothArgument);
    }
    Ok((Command { prefixes, path: path.1, argv }, more))
}

/// What follows when the text begins with this word, alone.
fn lone<'a>(rest: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let after = rest.strip_prefix(word)?;
    let alone = after.first().is_none_or(|byte| words::is_blank(*byte));
    alone.then(|| words::skip_blanks(after))
}

fn note_escapes(word: &words::Word, line: &mut Line) {
    if word.unknown_escape {
        line.unknown_escapes.push(String::from_utf8_lossy(&word.bytes).into_owned());
    }
}

/// The characters before the path: each once, and only one of `+`, `!`, `!!`.
fn prefixes(word: &[u8], version: Version) -> (String, &[u8]) {
    let mut found = String::new();
    let mut rest = word;
    while let Some((&byte, after)) = rest.split_first() {
        let fits = match byte {
            b'-' | b'@' | b':' => !found.contains(char::from(byte)),
            b'+' => !found.contains(['+', '!']),
            b'!' => !found.contains('+') && found.matches('!').count() < 2,
            b'|' => version >= Version(258) && !found.contains('|'),
            _ => false,
        };
        if !fits {
            break;
        }
        found.push(char::from(byte));
        rest = after;
    }
    (found, rest)
}

/// The program as it stands, which is the zeroth argument, and its path in the shortest form.
fn program(path: &[u8], version: Version) -> Result<(Vec<u8>, Vec<u8>), ExecError> {
    const PATH_MAX: usize = 4095;
    const NAME_MAX: usize = 255;
    let shown = || String::from_utf8_lossy(path).into_owned();
    if path.is_empty() {
        return Err(ExecError::NoProgram);
    }
    if path.iter().any(|byte| *byte < b' ' || matches!(byte, b'"' | b'\'' | b'\\' | 0x7F)) {
        return Err(ExecError::UnsafePath);
    }
    let parts = || path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && part != b".");
    let absolute = path.first() == Some(&b'/');
    let valid = match absolute {
        true => path.len() <= PATH_MAX && parts().all(|part| part.len() <= NAME_MAX),
        false => !path.contains(&b'/') && path.len() <= NAME_MAX && path != b"." && path != b"..",
    };
    if !valid {
        return Err(ExecError::BadPath(shown()));
    }
    // Of the last two, 252 makes the shortest form, and 257 says that they are directories.
    let directories: [&[u8]; 3] = [b"/", b"/.", b"/.."];
    let count = if version < Version(257) { 1 } else { directories.len() };
    if directories[..count].iter().any(|end| path.ends_with(end)) {
        return Err(ExecError::Directory(shown()));
    }
    let simple = if absolute {
        parts().flat_map(|part| [b"/", part].concat()).collect()
    } else {
        path.to_vec()
    };
    Ok((path.to_vec(), simple))
}
