//! Reads environment files, as a supervisor hands them to a service.

use std::collections::BTreeMap;

use camino::Utf8Path;

use crate::event::chain;
use crate::host::Host;
use crate::name::VariableName;
use crate::render::env_file;
use crate::secret::Secret;
use crate::state::Node;

/// The largest environment file that is read, in bytes.
const LIMIT: u64 = 1024 * 1024;

/// The values of an environment file.
///
/// # Errors
/// What is wrong with it, in words: its lines by number and name, never a value.
pub(crate) fn read_environment_file(
    host: &dyn Host,
    path: &Utf8Path,
) -> Result<BTreeMap<VariableName, Secret>, String> {
    match host.node(path) {
        Ok(Node::File { .. }) => {}
        Ok(Node::Missing) => return Err("it does not exist".to_owned()),
        Ok(other) => return Err(format!("it is {other}, not a file")),
        Err(error) => return Err(chain(&error)),
    }
    let bytes = host.read(path, LIMIT).map_err(|error| chain(&error))?;
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    env_file::parse(&text).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        lines.join("; ")
    })
}
