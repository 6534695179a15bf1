//! What lies below a directory, without reading any of it. Does I/O.

use std::collections::BTreeMap;

use camino::Utf8Path;
use rustix::fs::FileType;

use super::super::HostError;
use super::walk::{Then, walk};
use crate::release::FilePath;
use crate::state::Node;

/// All but directories, by relative path. What is not UTF-8 in a name is shown as U+FFFD: such a name
/// is never one of ours.
pub fn nodes(dir: &Utf8Path) -> Result<BTreeMap<FilePath, Node>, HostError> {
    let mut all = Vec::new();
    walk(dir, &mut |entry| {
        let node = match entry.kind() {
            FileType::Directory => return Ok(Then::Enter),
            FileType::RegularFile => Node::File {
                mode: entry.mode(),
                size: entry.size(),
                modified_ns: entry.modified_ns(),
            },
            FileType::Symlink => Node::Link { target: entry.target() },
            _ => Node::Other,
        };
        all.push(((&*entry.relative()).into(), node));
        Ok(Then::Enter)
    })?;
    Ok(all.into_iter().collect())
}
