//! Rendering of what other programs read, each format in one place. No I/O.

pub mod env_file;
pub mod unit_file;
