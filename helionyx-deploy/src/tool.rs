//! Programs that we call: builders of their commands beside the parsers of what they print. No I/O.

pub mod account;
pub mod git;
pub mod journalctl;
pub mod mount;
pub mod systemctl;
