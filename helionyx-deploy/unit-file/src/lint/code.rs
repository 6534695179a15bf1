//! The stable names of all kinds of findings in unit files, with what each means. No I/O.

macro_rules! codes {
    ($($name:ident = $code:literal: $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $name: &str = $code;)*

        /// Every code and its meaning, in the order of the reference.
        pub const ALL: &[(&str, &str)] = &[$(($code, $meaning)),*];
    };
}

codes! {
    MASKED = "unit-masked": "An empty file: systemd takes the unit for masked.";
    UNREADABLE = "unit-unreadable": "A link, directory or other thing in place of a unit file, or one that is too large or may not be read.";
    REFUSED = "unit-refused": "systemd refuses the whole file.";
    HIDDEN_LINE = "unit-hidden-line": "A carriage return or NUL byte that begins a line which editors do not show.";
    NO_ASSIGNMENT = "unit-no-assignment": "A line that is no assignment, which systemd ignores.";
    UNKNOWN_SECTION = "unit-unknown-section": "A section that this type of unit does not have.";
    UNKNOWN_KEY = "unit-unknown-key": "A key that systemd does not know, and ignores.";
    WRONG_SECTION = "unit-wrong-section": "A key that another section has, and this one ignores.";
    TOO_NEW = "unit-too-new": "A key that the host's systemd does not know yet, and ignores.";
    DEPRECATED = "unit-deprecated": "A key or value that systemd warns about.";
    SWALLOWED = "unit-swallowed-line": "A backslash at the end of a line that takes the next line in.";
    COMMENT = "unit-trailing-comment": "A comment after a value, which becomes part of it.";
    BAD_VALUE = "unit-bad-value": "A value that systemd ignores or refuses.";
    SPECIFIER = "unit-specifier": "A percent sign that begins an unknown specifier.";
    EXEC = "unit-exec": "A command that systemd refuses or changes.";
    VANISHING = "unit-vanishing-argument": "An argument that begins with `$` and disappears.";
    SHELL = "unit-shell": "Words of a shell, which systemd passes on as arguments.";
    EXECUTABLE = "unit-executable": "A program that is not there or cannot be run.";
    ENVIRONMENT = "unit-environment": "A variable that systemd drops or changes.";
    ENVIRONMENT_FILE = "unit-environment-file": "An environment file that systemd does not read.";
    SECRET = "unit-secret": "A secret where everybody on the host can read it.";
    MISSING = "unit-missing": "A user, path or unit that the host does not have.";
    ITSELF = "unit-itself": "A unit that depends on itself.";
    UNORDERED = "unit-unordered": "A requirement without an order: both start at once.";
    CONTRADICTION = "unit-contradiction": "Settings that systemd refuses together.";
    WATCHDOG = "unit-watchdog": "A watchdog that nobody feeds.";
    RESTART_LOOP = "unit-restart-loop": "Restarts without a pause.";
    ALIAS = "unit-alias": "An alias of another type of unit.";
    NO_TRIGGER = "unit-no-trigger": "A timer, socket or path unit without anything that triggers it.";
    EXECUTABLE_FILE = "unit-file-executable": "A unit file that is marked executable.";
    ROOT = "unit-root": "A service that runs as root.";
    HIDDEN_PATH = "unit-hidden-path": "A path that another setting hides from the service.";
    OCTAL = "unit-octal": "A number that begins with 0, which systemd reads as octal.";
    SPECIAL_USER = "unit-special-user": "A user that many programs share, so that each can reach the others.";
    ENDLESS = "unit-endless-restarts": "A start limit that the pause between restarts never reaches.";
}

/// What is wrong with the host rather than with the file.
pub const OF_THE_HOST: [&str; 2] = [MISSING, EXECUTABLE];
