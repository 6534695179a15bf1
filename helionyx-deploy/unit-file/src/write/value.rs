//! Values of directives, each escaped in the one way that systemd reads back the same. No I/O.

use std::fmt;
use std::time::Duration;

use camino::{Utf8Component, Utf8Path};

use super::is_expressible;
use crate::ARGUMENT_MAX;
use crate::environment::is_name;

/// A section of a unit file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// `[Unit]`
    Unit,
    /// `[Service]`
    Service,
    /// `[Socket]`
    Socket,
    /// `[Timer]`
    Timer,
    /// `[Path]`
    Path,
    /// `[Install]`
    Install,
}

impl Section {
    /// Its name, without brackets.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Section::Unit => "Unit",
            Section::Service => "Service",
            Section::Socket => "Socket",
            Section::Timer => "Timer",
            Section::Path => "Path",
            Section::Install => "Install",
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A value as it stands after `Key=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value(String);

/// Why a value cannot be said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// systemd has no such key there.
    #[error("no version of systemd knows it there")]
    UnknownDirective,
    /// The line would be longer than systemd reads.
    #[error("the line is longer than the 1 MiB that systemd reads")]
    LineTooLong,
    /// Longer than the kernel hands to a process.
    #[error("an argument or variable is longer than 131071 bytes")]
    ArgumentTooLong,
    /// Nothing, where that would mean to forget what stands before.
    #[error("it is empty")]
    Empty,
    /// A character that cannot be expressed here.
    #[error("it holds {0:?}, which cannot be expressed here")]
    Character(char),
    /// systemd strips them.
    #[error("it begins or ends with a blank, which systemd strips")]
    OuterBlank,
    /// It would continue on the next line.
    #[error("it ends with a backslash, which would swallow the next line")]
    TrailingBackslash,
    /// Not an absolute path in its shortest form.
    #[error("`{0}` is not an absolute path in its shortest form")]
    BadPath(String),
    /// Not a variable's name.
    #[error("`{0}` is not a variable's name")]
    BadName(String),
}

impl Value {
    /// Text for people, e.g. `Description=`.
    ///
    /// # Errors
    /// A control character, a blank or a backslash at the end, nothing at all.
    pub fn text(text: &str) -> Result<Value, ValueError> {
        refuse_control(text)?;
        if text.is_empty() {
            return Err(ValueError::Empty);
        }
        if text.starts_with(' ') || text.ends_with(' ') {
            return Err(ValueError::OuterBlank);
        }
        let backslashes = text.chars().rev().take_while(|c| *c == '\\').count();
        if backslashes % 2 == 1 {
            return Err(ValueError::TrailingBackslash);
        }
        Ok(Value(text.replace('%', "%%")))
    }

    /// A command: the program's absolute path, then its arguments, which it receives as they are.
    ///
    /// # Errors
    /// No program, a path that systemd refuses or does not find, NUL, an argument that the kernel
    /// refuses.
    pub fn exec<S: AsRef<str>>(argv: &[S]) -> Result<Value, ValueError> {
        let (program, arguments) = argv.split_first().ok_or(ValueError::Empty)?;
        let mut line = self::program(program.as_ref())?;
        for argument in arguments {
            let argument = argument.as_ref();
            line.push(' ');
            line.push_str(&quoted(argument)?.replace('$', "$$"));
        }
        Ok(Value(line))
    }

    /// A command whose failure does not matter.
    ///
    /// # Errors
    /// As [`Value::exec`].
    pub fn exec_ignoring_failure<S: AsRef<str>>(argv: &[S]) -> Result<Value, ValueError> {
        Value::exec(argv).map(|Value(line)| Value(format!("-{line}")))
    }

    /// A variable for `Environment=`: everybody on the host can read it.
    ///
    /// # Errors
    /// A name that is none, NUL, more than the kernel hands over.
    pub fn variable(name: &str, value: &str) -> Result<Value, ValueError> {
        if !is_name(name) {
            return Err(ValueError::BadName(name.to_owned()));
        }
        quoted(&format!("{name}={value}")).map(Value)
    }

    /// One path, e.g. of `WorkingDirectory=`; it must be there.
    ///
    /// # Errors
    /// A path that is not absolute and in its shortest form, or holds what would be taken for
    /// something else: blanks at its end, quotes, backslashes, control characters, `*?[`.
    pub fn path(path: &Utf8Path) -> Result<Value, ValueError> {
        checked(path)?;
        if path.as_str().ends_with(' ') {
            return Err(ValueError::OuterBlank);
        }
        Ok(Value(path.as_str().replace('%', "%%")))
    }

    /// One path that may be missing, for a directive that takes one alone, e.g. `EnvironmentFile=`,
    /// where quotes would be a part of it. For lists: [`Value::optional_paths`].
    ///
    /// # Errors
    /// As [`Value::path`].
    pub fn optional_path(path: &Utf8Path) -> Result<Value, ValueError> {
        Value::path(path).map(|Value(path)| Value(format!("-{path}")))
    }

    /// Several paths, e.g. of `ReadWritePaths=`; all must be there.
    ///
    /// # Errors
    /// As [`Value::path`], and a `:`; nothing at all.
    pub fn paths<P: AsRef<Utf8Path>>(paths: &[P]) -> Result<Value, ValueError> {
        listed("", paths)
    }

    /// Several paths that may be missing, e.g. of `InaccessiblePaths=`.
    ///
    /// # Errors
    /// As [`Value::paths`].
    pub fn optional_paths<P: AsRef<Utf8Path>>(paths: &[P]) -> Result<Value, ValueError> {
        listed("-", paths)
    }

    /// Words that need no quoting: units, system calls, capabilities, flags, choices.
    ///
    /// # Errors
    /// A blank, quote, `%` or control character in one; nothing at all.
    pub fn words<S: AsRef<str>>(words: &[S]) -> Result<Value, ValueError> {
        let special = |c: char| c.is_whitespace() || c.is_control() || "\"'%#;$".contains(c);
        for word in words {
            let word = word.as_ref();
            refuse(word, special)?;
            if word.is_empty() {
                return Err(ValueError::Empty);
            }
            if word.ends_with('\\') {
                return Err(ValueError::TrailingBackslash);
            }
        }
        joined(words.iter().map(|word| word.as_ref().to_owned()).collect())
    }

    /// One word, e.g. `notify`.
    ///
    /// # Errors
    /// As [`Value::words`].
    pub fn word(word: &str) -> Result<Value, ValueError> {
        Value::words(&[word])
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// None; so that it stands where the others stand.
    pub fn boolean(value: bool) -> Result<Value, ValueError> {
        Ok(Value(value.to_string()))
    }

    /// A whole number.
    ///
    /// # Errors
    /// None.
    pub fn number(value: u64) -> Result<Value, ValueError> {
        Ok(Value(value.to_string()))
    }

    /// A span of time, to the microsecond.
    ///
    /// # Errors
    /// None.
    pub fn duration(value: Duration) -> Result<Value, ValueError> {
        let text = match (value.as_secs(), value.subsec_micros()) {
            (seconds, 0) => format!("{seconds}s"),
            (0, micros) => format!("{micros}us"),
            (seconds, micros) => format!("{seconds}s {micros}us"),
        };
        Ok(Value(text))
    }

    /// Nothing: what stands before no longer counts.
    ///
    /// # Errors
    /// None.
    pub fn reset() -> Result<Value, ValueError> {
        Ok(Value(String::new()))
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

/// Refuses what cannot stand in a comment or in text.
pub(super) fn refuse_control(text: &str) -> Result<(), ValueError> {
    refuse(text, |c| c.is_ascii_control())
}

fn refuse(text: &str, special: impl Fn(char) -> bool) -> Result<(), ValueError> {
    match text.chars().find(|c| !is_expressible(*c) || special(*c)) {
        Some(c) => Err(ValueError::Character(c)),
        None => Ok(()),
    }
}

/// Paths in a list: one with a blank is quoted together with its mark.
fn listed<P: AsRef<Utf8Path>>(mark: &str, paths: &[P]) -> Result<Value, ValueError> {
    let words = paths.iter().map(|path| {
        let path = path.as_ref();
        checked(path)?;
        refuse(path.as_str(), |c| c == ':')?;
        let path = format!("{mark}{}", path.as_str().replace('%', "%%"));
        Ok(if path.contains(' ') { format!("\"{path}\"") } else { path })
    });
    joined(words.collect::<Result<Vec<_>, ValueError>>()?)
}

fn joined(words: Vec<String>) -> Result<Value, ValueError> {
    if words.is_empty() { Err(ValueError::Empty) } else { Ok(Value(words.join(" "))) }
}

/// A word in double quotes: C escapes and `%%`, and nothing else that would have a meaning.
fn quoted(word: &str) -> Result<String, ValueError> {
    refuse(word, |_| false)?;
    if word.len() > ARGUMENT_MAX {
        return Err(ValueError::ArgumentTooLong);
    }
    let mut text = String::from("\"");
    for c in word.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '%' => text.push_str("%%"),
            c if c.is_ascii_control() => text.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('"');
    Ok(text)
}

/// The program of a command. Variables are not replaced in its path, so `$` stays single; but they
/// are in the zeroth argument, which is the same text, so what would change there is refused. So is
/// a blank at its end, quoted or not: newer versions forget it (`Command::loses_its_blank`).
fn program(path: &str) -> Result<String, ValueError> {
    checked(Utf8Path::new(path))?;
    if path.ends_with(' ') {
        return Err(ValueError::OuterBlank);
    }
    if path.contains("$$") || path.contains("${") {
        return Err(ValueError::Character('$'));
    }
    quoted(path)
}

/// Refuses a path that systemd would not take as it is.
fn checked(path: &Utf8Path) -> Result<(), ValueError> {
    refuse(path.as_str(), |c| c.is_ascii_control() || "\"'\\*?[".contains(c))?;
    let plain = path.components().all(|part| {
        matches!(part, Utf8Component::RootDir | Utf8Component::Normal(_))
            && part.as_str().len() <= 255
    });
    let shortest = path.components().collect::<camino::Utf8PathBuf>().as_str() == path.as_str();
    match path.is_absolute() && plain && shortest && path.as_str().len() <= 4095 {
        true => Ok(()),
        false => Err(ValueError::BadPath(path.to_string())),
    }
}
