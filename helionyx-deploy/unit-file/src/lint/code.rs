//! The stable names of all kinds of findings in unit files, with what each means. No I/O.

use std::cmp::Ordering;
use std::fmt;

macro_rules! codes {
    ($($kind:ident = $name:literal: $meaning:literal;)*) => {
        /// A kind of finding. Its name is stable: programs may look for it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $kind),*
        }

        impl Code {
            /// Every kind, in the order of a reference.
            pub const ALL: &[Code] = &[$(Code::$kind),*];

            /// The stable name, e.g. `unit-unknown-key`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Code::$kind => $name),*
                }
            }

            /// What findings of this kind say, in a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Code::$kind => $meaning),*
                }
            }
        }
    };
}

codes! {
    Masked = "unit-masked": "An empty file: systemd takes the unit for masked.";
    Unreadable = "unit-unreadable": "A link, directory or other thing in place of a unit file, or one that is too large or may not be read.";
    Refused = "unit-refused": "systemd refuses the whole file.";
    HiddenLine = "unit-hidden-line": "A carriage return or NUL byte that begins a line which editors do not show.";
    NoAssignment = "unit-no-assignment": "A line that is no assignment, which systemd ignores.";
    UnknownSection = "unit-unknown-section": "A section that this type of unit does not have.";
    UnknownKey = "unit-unknown-key": "A key that systemd does not know, and ignores.";
    WrongSection = "unit-wrong-section": "A key that another section has, and this one ignores.";
    TooNew = "unit-too-new": "A key that the host's systemd does not know yet, and ignores.";
    Deprecated = "unit-deprecated": "A key or value that systemd warns about.";
    Swallowed = "unit-swallowed-line": "A backslash at the end of a line that takes the next line in.";
    Comment = "unit-trailing-comment": "A comment after a value, which becomes part of it.";
    BadValue = "unit-bad-value": "A value that systemd ignores or refuses.";
    Specifier = "unit-specifier": "A percent sign that begins an unknown specifier.";
    Exec = "unit-exec": "A command that systemd refuses or changes.";
    Vanishing = "unit-vanishing-argument": "An argument that begins with `$` and disappears.";
    Shell = "unit-shell": "Words of a shell, which systemd passes on as arguments.";
    Executable = "unit-executable": "A program that is not there or cannot be run.";
    Environment = "unit-environment": "A variable that systemd drops or changes.";
    EnvironmentFile = "unit-environment-file": "An environment file that systemd does not read.";
    Secret = "unit-secret": "A secret where everybody on the host can read it.";
    Missing = "unit-missing": "A user, path or unit that the host does not have.";
    Itself = "unit-itself": "A unit that depends on itself.";
    Unordered = "unit-unordered": "A requirement without an order: both start at once.";
    Contradiction = "unit-contradiction": "Settings that systemd refuses together.";
    Watchdog = "unit-watchdog": "A watchdog that nobody feeds.";
    RestartLoop = "unit-restart-loop": "Restarts without a pause.";
    Alias = "unit-alias": "An alias of another type of unit.";
    NoTrigger = "unit-no-trigger": "A timer, socket or path unit without anything that triggers it.";
    ExecutableFile = "unit-file-executable": "A unit file that is marked executable.";
    Root = "unit-root": "A service that runs as root.";
    HiddenPath = "unit-hidden-path": "A path that another setting hides from the service.";
    Octal = "unit-octal": "A number that begins with 0, which systemd reads as octal.";
    SpecialUser = "unit-special-user": "A user that many programs share, so that each can reach the others.";
    Endless = "unit-endless-restarts": "A start limit that the pause between restarts never reaches.";
}

impl Code {
    /// What is wrong with the host rather than with the file.
    pub const OF_THE_HOST: [Code; 2] = [Code::Missing, Code::Executable];
}

/// By their names.
impl Ord for Code {
    fn cmp(&self, other: &Code) -> Ordering {
        self.name().cmp(other.name())
    }
}

impl PartialOrd for Code {
    fn partial_cmp(&self, other: &Code) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
