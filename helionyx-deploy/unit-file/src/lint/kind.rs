//! What kind of value each directive takes, and whether a value is of its kind. No I/O.

use super::resource::{self, Grammar};
use super::{Linter, address, calendar, number, path, words};
use crate::suggest;
use crate::{Assignment, Version};

/// A kind of value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Anything.
    Any,
    /// Text in which specifiers are replaced.
    Text,
    /// `yes`, `no` and their like.
    Boolean,
    /// One of these words; `bool` stands for all booleans, `word@257` for a newer one.
    Choice(&'static str),
    /// Several of them, `~` before the first for all others.
    Choices(&'static str),
    /// A span of time, e.g. `1min 30s`.
    Span,
    /// A point in time that recurs.
    Calendar,
    /// Octal permissions.
    Mode,
    /// A whole number between these.
    Integer(i64, i64),
    /// Bytes, e.g. `1.5G`.
    Size,
    /// Bytes, a percentage or `infinity`.
    MemoryLimit,
    /// A number, a percentage or `infinity`.
    Tasks,
    /// A resource limit of bytes, numbers or time.
    ResourceLimit,
    /// A percentage.
    Percent,
    /// A weight between these, or `idle` for `CPUWeight`.
    Weight(i64, i64),
    /// A signal.
    Signal,
    /// Exit statuses and signals.
    Statuses,
    /// A user or group, or several.
    User,
    /// An absolute path.
    Path,
    /// Absolute paths, with `-` and `+` before them.
    Paths,
    /// Pairs of absolute paths.
    Binds,
    /// `WorkingDirectory=`.
    WorkingDirectory,
    /// Directories below one of systemd's own, e.g. `StateDirectory=`.
    Directories,
    /// Units.
    Units,
    /// A unit of this type.
    UnitOf(&'static str),
    /// `StandardOutput=`, `StandardInput=`.
    Stream,
    /// System calls and groups of them.
    SystemCalls,
    /// An error, e.g. `EPERM`.
    Errno,
    /// Address families.
    Families,
    /// Capabilities.
    Capabilities,
    /// What a socket listens on.
    Listen,
    /// Names of variables.
    Names,
    /// Addresses of documentation.
    Documentation,
    /// A condition.
    Condition,
    /// A credential and where it comes from.
    Credential,
    /// A value with a grammar of its own.
    Special(Grammar),
}

/// What an empty value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// The default, or nothing of what stood before.
    Reset,
    /// systemd ignores it.
    Refused,
}

/// What is wrong with a value.
#[derive(Debug)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

impl Problem {
    /// What is wrong, and what to write instead.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Problem {
        Problem { message: message.into(), hint: hint.into() }
    }
}

impl Kind {
    /// Whether systemd replaces specifiers in such values.
    pub fn has_specifiers(self) -> bool {
        matches!(
            self,
            Kind::Text
                | Kind::User
                | Kind::Path
                | Kind::Paths
                | Kind::Binds
                | Kind::WorkingDirectory
                | Kind::Directories
                | Kind::Units
                | Kind::UnitOf(_)
                | Kind::Condition
                | Kind::Credential
                | Kind::Listen
                | Kind::Stream
                | Kind::Names
                | Kind::Special(_)
        )
    }
}

/// The kind of a directive's values, by its name or by the type that systemd gives it.
pub fn kind_of(section: &str, key: &str, systemd: &str) -> (Kind, Empty) {
    let by_name = words::BY_NAME.iter().find(|(keys, ..)| keys.split(' ').any(|word| word == key));
    if let Some((_, kind, empty)) = by_name {
        return (*kind, *empty);
    }
    let refused = |kind| (kind, Empty::Refused);
    let reset = |kind| (kind, Empty::Reset);
    match systemd {
        "BOOLEAN" => refused(Kind::Boolean),
        "SECONDS" => refused(Kind::Span),
        "MODE" if section == "Unit" => refused(Kind::Choice(words::JOB_MODES)),
        "MODE" => refused(Kind::Mode),
        "UNSIGNED" => refused(Kind::Integer(0, i64::from(u32::MAX))),
        "INTEGER" => refused(Kind::Integer(i64::from(i32::MIN), i64::from(i32::MAX))),
        "SIGNAL" => refused(Kind::Signal),
        "LEVEL" => refused(Kind::Choice(words::LOG_LEVELS)),
        "ACTION" => refused(Kind::Choice(words::ACTIONS)),
        "STATUS" => reset(Kind::Statuses),
        "SIZE" => refused(Kind::Size),
        "LIMIT" if key.starts_with("Limit") => refused(Kind::ResourceLimit),
        "LIMIT" if key.contains("Memory") => reset(Kind::MemoryLimit),
        "TIMEOUTMODE" => refused(Kind::Choice("terminate abort kill")),
        "PATH" => reset(Kind::Path),
        "PATH [...]" => reset(Kind::Paths),
        "PATH[:PATH[:OPTIONS]] [...]" => reset(Kind::Binds),
        "UNIT [...]" => reset(Kind::Units),
        "SOCKET [...]" => reset(Kind::Listen),
        "CONDITION" => reset(Kind::Condition),
        "BOUNDINGSET" => reset(Kind::Capabilities),
        "SYSCALLS" => reset(Kind::SystemCalls),
        "TIMER" if key != "OnCalendar" => reset(Kind::Span),
        "STRING" => reset(Kind::Text),
        _ => reset(Kind::Any),
    }
}

/// Checks a value that is not empty.
pub fn check(kind: Kind, at: &Assignment, lint: &Linter<'_>) -> Result<(), Problem> {
    let (value, version) = (at.value.as_str(), lint.version());
    match kind {
        Kind::Any | Kind::Text => Ok(()),
        Kind::Boolean => choice(value, "bool", version),
        Kind::Choice(known) => choice(value, known, version),
        Kind::Choices(known) => words::several(value, known, version),
        Kind::Span => number::span(value),
        Kind::Calendar => calendar::check(value),
        Kind::Mode => number::mode(value),
        Kind::Integer(from, to) => number::integer(value, from, to),
        Kind::Size => number::size(value),
        Kind::MemoryLimit => number::memory(&at.key, value),
        Kind::Tasks => number::tasks(value),
        Kind::ResourceLimit => number::resource(&at.key, value),
        Kind::Percent => number::percent(value),
        Kind::Weight(from, to) => number::weight(&at.key, value, (from, to)),
        Kind::Signal => words::signal(value),
        Kind::Statuses => words::statuses(value),
        Kind::SystemCalls => words::system_calls(value, version),
        Kind::Errno => words::errno(value),
        Kind::Families => words::families(value),
        Kind::Capabilities => words::capabilities(value),
        Kind::Names => words::names(&at.key, &lint.expand(value).unwrap_or_default()),
        Kind::Special(grammar) => {
            lint.expand(value).map_or(Ok(()), |value| resource::check(grammar, &at.key, &value))
        }
        Kind::Documentation => words::documentation(value),
        Kind::Listen => address::listen(&at.key, &lint.expand(value).unwrap_or_default()),
        Kind::Stream => path::stream(value, at, lint),
        _ => path::check(kind, at, lint),
    }
}

/// Whether the value is one of these words.
pub fn choice(value: &str, known: &'static str, version: Version) -> Result<(), Problem> {
    let known: Vec<&str> = known
        .split(' ')
        .filter_map(|word| match word.split_once('@') {
            Some((word, since)) => {
                since.parse().is_ok_and(|since| version >= Version(since)).then_some(word)
            }
            None => Some(word),
        })
        .collect();
    let boolean = known.contains(&"bool") && number::boolean(value).is_some();
    if boolean || known.contains(&value) {
        return Ok(());
    }
    let known: Vec<&str> = known
        .into_iter()
        .flat_map(|word| if word == "bool" { vec!["true", "false"] } else { vec![word] })
        .collect();
    Err(Problem::new("systemd ignores this", suggest::hint(value, &known)))
}
