//! systemd unit files: a reader with systemd's grammar, a writer that means what it says, and a lint
//! for what `systemd-analyze verify` lets pass. No I/O: bytes and text come in, values go out.
//!
//! | to | use |
//! |---|---|
//! | read a file as systemd reads it | [`Unit`] |
//! | write a file whose values read back as they were meant | [`UnitFile`], [`Value`] |
//! | find what systemd ignores, refuses, or does otherwise than it reads | [`lint()`] |
//! | have the lint judge programs, paths, users and units, too | [`questions`], [`Facts`] |
//! | know which arguments a process receives | [`exec`], [`specifier`] |
//! | know which variables a process receives | [`environment`] |
//! | see what drop-ins change, by what `systemctl show` prints | [`effective`] |
//! | look a directive up: its sections, its type, its first version | [`directive`] |
//!
//! ```
//! use systemd_unit_file::{Code, Options, Section, Unit, UnitFile, Value, Version, lint};
//!
//! let mut file = UnitFile::new();
//! file.set(Section::Unit, "Description", Value::text("Shop, 100% open"))?;
//! file.set(Section::Service, "ExecStart", Value::exec(&["/usr/bin/shop", "costs $5", "say \"hi\""]))?;
//! file.set(Section::Service, "Restart", Value::word("on-failure"))?;
//! let text = file.render();
//! assert!(text.contains(r#"ExecStart="/usr/bin/shop" "costs $$5" "say \"hi\"""#));
//!
//! let unit = Unit::parse(text.as_bytes());
//! assert_eq!(unit.last("Unit", "Description").unwrap().value, "Shop, 100%% open");
//!
//! let options = Options::new(Version(252));
//! assert_eq!(lint("shop.service", text.as_bytes(), &options), []);
//!
//! let mistaken = text.replace("Restart=", "Restrat=");
//! let found = lint("shop.service", mistaken.as_bytes(), &options);
//! assert_eq!((found[0].line, found[0].code), (6, Code::UnknownKey));
//! assert_eq!(found[0].hint, "did you mean `Restart`?");
//! # Ok::<(), systemd_unit_file::WriteError>(())
//! ```
//!
//! The rules are those of systemd.syntax(7), systemd.unit(5), systemd.service(5) and
//! systemd.exec(5). Where the manuals are silent or wrong, the rules are what systemd 252 and 257 were
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
pub use words::WordError;
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

/// The examples of the README are tests, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
