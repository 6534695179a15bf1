//! A command as plain data: words, never a shell line. No I/O.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use camino::Utf8PathBuf;

use crate::state::Process;

/// A program to run to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The program: a name looked up on PATH, or a path.
    pub program: String,
    /// Its arguments, each passed as it stands.
    pub args: Vec<String>,
    /// Where it runs.
    pub directory: Utf8PathBuf,
    /// What of the deployer's own environment it sees.
    pub inherit: Inherit,
    /// Variables set for it. Never a secret.
    pub variables: BTreeMap<String, String>,
    /// When it and all that it started are killed.
    pub deadline: Duration,
    /// What an interruption by the operator does to it.
    pub on_interrupt: OnInterrupt,
    /// What becomes of it when we are killed.
    pub on_death: OnDeath,
    /// What becomes of what it started and that goes on when it has ended.
    pub leftovers: Leftovers,
}

/// What an interruption by the operator does to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnInterrupt {
    /// It is ended: a build, a download.
    Ends,
    /// It goes on: it is short, and what was begun could be neither finished nor taken back without it.
    GoesOn,
}

/// What becomes of a command when we are killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDeath {
    /// It is killed: it must not go on with what somebody else has taken over meanwhile.
    Ends,
    /// It goes on: it only looks, and ends by itself soon. To start it takes half as long.
    GoesOn,
}

/// What becomes of processes that a command started, however deep and however detached, and that
/// go on when it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leftovers {
    /// They go on: a git that tidies up, an ssh that keeps its connection.
    Stay,
    /// They are ended where we may enclose the command; where we may not, those of its process
    /// group are.
    EndWherePossible,
    /// They are ended; where we may not enclose the command, it does not even begin.
    End,
}

/// What a command sees of the deployer's own environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inherit {
    /// PATH, HOME, USER, LANG, TZ and TMPDIR, and these.
    Basics(Vec<String>),
    /// All but these: for the operator's own tools, which know his agents and proxies.
    AllBut(Vec<String>),
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its exit status.
    pub status: ExitStatus,
    /// The end of what it wrote, standard output and error as they came; at most
    /// [`Output::LIMIT`] bytes.
    pub text: String,
    /// What it left running and was ended with it, where it was enclosed: of each tree of processes
    /// the topmost one.
    pub left: Vec<Process>,
}

impl Output {
    /// How much output is kept, in bytes.
    pub const LIMIT: usize = 256 * 1024;

    /// How a command ended that left nothing running.
    #[must_use]
    pub fn new(status: ExitStatus, text: impl Into<String>) -> Output {
        Output { status, text: text.into(), left: Vec::new() }
    }

    /// The last lines of the output, at most `count`.
    #[must_use]
    pub fn tail(&self, count: usize) -> Vec<String> {
        let lines: Vec<&str> = self.text.lines().collect();
        let start = lines.len().saturating_sub(count);
        lines[start..].iter().map(|line| (*line).to_owned()).collect()
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitStatus {
    /// By itself, with this code.
    Code(i32),
    /// By a signal, with this number.
    Signal(i32),
    /// Killed because its time was up.
    TimedOut,
    /// Killed because the operator interrupted.
    Interrupted,
}

impl ExitStatus {
    /// Whether it ended with code 0.
    #[must_use]
    pub fn success(self) -> bool {
        self == ExitStatus::Code(0)
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExitStatus::Code(code) => write!(f, "exit code {code}"),
            ExitStatus::Signal(signal) => write!(f, "killed by signal {signal}"),
            ExitStatus::TimedOut => f.write_str("killed at its deadline"),
            ExitStatus::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl Command {
    /// A command with a bare environment and ten minutes.
    #[must_use]
    pub fn new(program: impl Into<String>, directory: impl Into<Utf8PathBuf>) -> Command {
        Command {
            program: program.into(),
            args: Vec::new(),
            directory: directory.into(),
            inherit: Inherit::Basics(Vec::new()),
            variables: BTreeMap::new(),
            deadline: Duration::from_secs(600),
            on_interrupt: OnInterrupt::Ends,
            on_death: OnDeath::Ends,
            leftovers: Leftovers::Stay,
        }
    }

    /// The same with more arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<String>>) -> Command {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// The same, which changes nothing and answers soon.
    #[must_use]
    pub fn that_only_looks(mut self) -> Command {
        self.on_death = OnDeath::GoesOn;
        self
    }

    /// The same with a variable set.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Command {
        self.variables.insert(name.to_owned(), value.into());
        self
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&words(std::iter::once(&self.program).chain(&self.args)))
    }
}

/// Words as a person would type them: quoted where a shell would need it. For people only.
pub fn words<'a>(words: impl IntoIterator<Item = &'a String>) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,{}…".contains(c);
    let quoted = words.into_iter().map(|word| {
        if !word.is_empty() && word.chars().all(plain) {
            return word.clone();
        }
        format!("'{}'", word.replace('\'', r"'\''").escape_debug().to_string().replace("\\'", "'"))
    });
    quoted.collect::<Vec<_>>().join(" ")
}
