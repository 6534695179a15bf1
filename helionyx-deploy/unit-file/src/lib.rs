//! systemd unit files: a writer that means what it says, a reader with systemd's grammar, and a lint
//! for what `systemd-analyze verify` lets pass. No I/O.
//!
//! The rules are those of systemd.syntax(7), systemd.unit(5), systemd.service(5) and
//! systemd.exec(5), and where the manuals are silent or wrong, what systemd 252 and 257 were
//! measured to do.

pub mod directive;
pub mod effective;
pub mod environment;
pub mod exec;
mod lint;
mod read;
pub mod specifier;
mod suggest;
mod words;
mod write;

pub use lint::{Code, Facts, Finding, Options, PathState, Policy, Questions, Severity};
pub use lint::{lint, questions};
pub use read::{Assignment, Header, Problem, ProblemKind, Unit};
pub use specifier::Context;
pub use suggest::closest;
pub use write::{Section, UnitFile, Value, ValueError, WriteError};

/// A version of systemd, e.g. 252.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u16);

/// The oldest version whose rules are known.
pub const OLDEST: Version = Version(252);

/// The longest line that systemd reads, in bytes, continuations joined: one more and the whole unit
/// is refused.
pub const LINE_MAX: usize = 1024 * 1024 - 1;
/// The longest argument or variable that the kernel hands to a process, in bytes, without its NUL.
pub const ARGUMENT_MAX: usize = 131_071;

/// Whether systemd takes this character for text. Unicode's 66 noncharacters are none to it: one of
/// them in a unit or environment file, and the whole file is refused.
#[must_use]
pub fn is_text(c: char) -> bool {
    let code = u32::from(c);
    !(0xFDD0..=0xFDEF).contains(&code) && code & 0xFFFE != 0xFFFE
}

/// The text that systemd sees in these bytes; none where it sees none.
#[must_use]
pub fn text_of(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| text.chars().all(is_text))
}
