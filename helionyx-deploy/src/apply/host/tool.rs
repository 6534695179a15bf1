//! The program that recovers environments: a copy of ours, below its own digest.

use camino::Utf8Path;

use crate::apply::StepError;
use crate::digest::Digest;
use crate::host::{Host, HostError};
use crate::layout::{TOOL, TOOL_LINK, TOOL_ORIGIN, TOOLS_DIR, tool_in_use};
use crate::state::Node;
use crate::supervise::tool_origin;

/// So many digits of its digest name a program's directory.
const DIGITS: usize = 16;
/// The largest program that is installed, in bytes: one of a debug build.
const TOOL_LIMIT: u64 = 1024 * 1024 * 1024;

/// Puts a copy of the program in place under the digest of its content: whoever replaces the
/// one that we run from does not change what recovers.
pub(super) fn install(host: &dyn Host, program: &Utf8Path) -> Result<String, StepError> {
    let Some(origin) = tool_origin(&host.node(program)?) else {
        return Err(HostError::refused("install", program, "it is no file").into());
    };
    let content = host.read(program, TOOL_LIMIT)?;
    let digest = Digest::of(&content).to_string();
    let name = &digest[..DIGITS];
    let dir = Utf8Path::new(TOOLS_DIR).join(name);
    host.create_dir(&dir, 0o755)?;
    host.write(&dir.join(TOOL), &content, 0o755)?;
    host.write(&dir.join(TOOL_ORIGIN), origin.as_bytes(), 0o644)?;
    host.replace_link(&tool_in_use(), name.into())?;
    // What somebody else put there stays.
    if matches!(host.node(TOOL_LINK.into())?, Node::Missing | Node::Link { .. }) {
        host.create_dir(Utf8Path::new(TOOL_LINK).parent().unwrap_or(TOOL_LINK.into()), 0o755)?;
        host.replace_link(TOOL_LINK.into(), &tool_in_use().join(TOOL))?;
    }
    remove_others(host, name)?;
    Ok(name.to_owned())
}

/// What somebody else put there stays.
pub(super) fn remove(host: &dyn Host) -> Result<(), StepError> {
    let ours = Node::Link { target: tool_in_use().join(TOOL) };
    if host.node(TOOL_LINK.into())? == ours {
        host.remove(TOOL_LINK.into())?;
    }
    host.remove(&tool_in_use())?;
    remove_others(host, "")?;
    if host.list(TOOLS_DIR.into())?.is_empty() {
        host.remove_tree(TOOLS_DIR.into())?;
    }
    Ok(())
}

fn remove_others(host: &dyn Host, kept: &str) -> Result<(), HostError> {
    let is_ours = |name: &String| {
        name.len() == DIGITS && name != kept && name.bytes().all(|b| b.is_ascii_hexdigit())
    };
    let others = host.list(TOOLS_DIR.into())?.into_iter().filter(is_ours);
    others.map(|name| Utf8Path::new(TOOLS_DIR).join(name)).try_for_each(|dir| {
        match host.node(&dir.join(TOOL))? {
            Node::File { .. } => host.remove_tree(&dir),
            _ => Ok(()),
        }
    })
}
