//! Commands that must end well. Does I/O through [`Host`].

use std::io;

use super::{Host, HostError};
use crate::command::{Command, Output};

/// Runs a command that must end well.
///
/// # Errors
/// What it wrote, when it does not.
pub fn ask(host: &dyn Host, verb: &'static str, command: &Command) -> Result<Output, HostError> {
    ended_well(verb, command, host.run(command, &mut |_| {})?)
}

/// What a command wrote that must have ended well.
///
/// # Errors
/// What it wrote, when it did not.
pub fn ended_well(
    verb: &'static str,
    command: &Command,
    output: Output,
) -> Result<Output, HostError> {
    match output.status.success() {
        true => Ok(output),
        false => {
            let said = output.tail(3).join("; ");
            let why = if said.is_empty() { output.status.to_string() } else { said };
            let subject = command.args.last().map_or("", String::as_str);
            Err(HostError::new(verb, subject, io::Error::other(why)))
        }
    }
}
