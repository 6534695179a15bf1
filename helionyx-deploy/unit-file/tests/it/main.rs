//! All integration tests in one binary: what is read, written and found, against what real systemd was
//! measured to do, against the machine's own, and against itself.

#![allow(clippy::print_stderr, reason = "tests say how many cases they compared")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic where it stands")]

mod causes;
mod grammar;
mod measured;
mod nasty;
mod oracle;
mod rules;
mod verified;
mod written;
