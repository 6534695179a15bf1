//! What to do about something, in typed parts: whoever shows a hint writes our own commands as they
//! are typed there. No I/O.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::command::words;

/// What to do about something; empty when there is nothing to say.
///
/// The library does not know by which name its program is called, and a hint may be shown on
/// another machine than the one that gave it. So a command of ours is a part of its own, and no
/// text is ever searched for commands: a key of a model may be named like one.
///
/// ```
/// use helionyx_deploy::hint;
///
/// let hint = hint!("look at ", hint::command_for("logs", "shop/dev"), " first");
/// assert_eq!(hint.to_string(), "look at `logs --env shop/dev` first");
/// assert_eq!(hint.shown("cargo xtask"), "look at `cargo xtask logs --env shop/dev` first");
/// ```
///
/// Serialized, it is meant to be flattened into what it belongs to: `hint` holds the text for who
/// reads it there, `hint_parts` the parts, where the text alone does not say them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "Flat", from = "Flat")]
pub struct Hint(Vec<Part>);

/// A part of a hint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Prose, shown as it stands.
    Text(String),
    /// A command of our own program, in words: `["logs", "--env", "shop/dev"]`.
    Command(Vec<String>),
    /// A command of another program, in words, the program's name first.
    Shell(Vec<String>),
    /// What stands in a file, letter by letter: a key, a value, a line.
    Code(String),
}

/// Makes a hint of its parts; a text in between is prose.
#[macro_export]
macro_rules! hint {
    ($($part:expr),+ $(,)?) => {
        $crate::hint::Hint::from_iter([$($crate::hint::Part::from($part)),+])
    };
}

/// A command of our own program, in words, without the program's name.
pub fn command<T: Into<String>>(words: impl IntoIterator<Item = T>) -> Part {
    Part::Command(words.into_iter().map(Into::into).collect())
}

/// A command of our own program on one environment: `deploy --env shop/dev`.
#[must_use]
pub fn command_for(command: &str, environment: &str) -> Part {
    self::command([command, "--env", environment])
}

/// To run a command of our own program on one environment.
#[must_use]
pub fn run(command: &str, environment: &str) -> Hint {
    hint!("run ", command_for(command, environment))
}

/// To look why a service is not well before it is started anew.
#[must_use]
pub fn look_and_restart(environment: &str) -> Hint {
    let [logs, restart] = ["logs", "restart"].map(|command| command_for(command, environment));
    hint!("look at ", logs, ", then ", restart)
}

/// A command of another program, in words, the program's name first.
pub fn shell<T: Into<String>>(words: impl IntoIterator<Item = T>) -> Part {
    Part::Shell(words.into_iter().map(Into::into).collect())
}

/// The command that moves something out of our way.
#[must_use]
pub fn aside(path: &str) -> Part {
    shell(["mv", path, &format!("{path}.aside")])
}

/// What stands in a file, letter by letter: a key, a value, a line.
pub fn code(text: impl Into<String>) -> Part {
    Part::Code(text.into())
}

impl Part {
    /// Writes it where our program is called `program`, or is not named.
    fn write(&self, f: &mut impl fmt::Write, program: Option<&str>) -> fmt::Result {
        match (self, program) {
            (Part::Text(text), _) => f.write_str(text),
            (Part::Code(code), _) => write!(f, "`{code}`"),
            (Part::Command(command), Some(program)) => write!(f, "`{program} {}`", words(command)),
            (Part::Command(command) | Part::Shell(command), _) => write!(f, "`{}`", words(command)),
        }
    }
}

impl Hint {
    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What it consists of: no two texts stand side by side, and none is empty.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The same with more behind it.
    #[must_use]
    pub fn and(self, more: impl Into<Hint>) -> Hint {
        self.0.into_iter().chain(more.into().0).collect()
    }

    /// As it is shown where one types `program` to call us.
    #[must_use]
    pub fn shown(&self, program: &str) -> String {
        let mut shown = String::new();
        for part in &self.0 {
            // A string takes everything.
            let _ = part.write(&mut shown, Some(program));
        }
        shown
    }
}

/// Without our program's name.
impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| part.write(f, None))
    }
}

impl FromIterator<Part> for Hint {
    fn from_iter<T: IntoIterator<Item = Part>>(parts: T) -> Hint {
        let mut all: Vec<Part> = Vec::new();
        for part in parts {
            match (all.last_mut(), part) {
                (_, Part::Text(text)) if text.is_empty() => {}
                (Some(Part::Text(before)), Part::Text(text)) => before.push_str(&text),
                (_, part) => all.push(part),
            }
        }
        Hint(all)
    }
}

impl From<&str> for Part {
    fn from(text: &str) -> Part {
        Part::Text(text.to_owned())
    }
}

impl From<String> for Part {
    fn from(text: String) -> Part {
        Part::Text(text)
    }
}

impl From<Part> for Hint {
    fn from(part: Part) -> Hint {
        Hint::from_iter([part])
    }
}

impl From<&str> for Hint {
    fn from(text: &str) -> Hint {
        Part::from(text).into()
    }
}

impl From<&String> for Hint {
    fn from(text: &String) -> Hint {
        Part::from(text.as_str()).into()
    }
}

impl From<String> for Hint {
    fn from(text: String) -> Hint {
        Part::from(text).into()
    }
}

/// A hint as it travels.
#[derive(Serialize, Deserialize)]
struct Flat {
    #[serde(default)]
    hint: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hint_parts: Vec<Part>,
}

impl From<Hint> for Flat {
    fn from(hint: Hint) -> Flat {
        let is_text = matches!(&hint.0[..], [] | [Part::Text(_)]);
        Flat { hint: hint.to_string(), hint_parts: if is_text { Vec::new() } else { hint.0 } }
    }
}

impl From<Flat> for Hint {
    fn from(flat: Flat) -> Hint {
        match flat.hint_parts.is_empty() {
            true => flat.hint.into(),
            false => flat.hint_parts.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests;
