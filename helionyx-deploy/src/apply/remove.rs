//! The step that removes a release.

use camino::{Utf8Path, Utf8PathBuf};

use super::build::read_manifest;
use super::{Applier, StepError};
use crate::host::{Host, HostError};
use crate::layout::{FILE_LIST, MANIFEST};
use crate::name::ReleaseId;
use crate::observe::files_of;
use crate::release::FileRecords;
use crate::state::{Node, Process};

/// What a release has besides its files.
const OURS: [&str; 2] = [MANIFEST, FILE_LIST];
/// Made by Python beside what it runs, and made again when it is gone.
const DERIVED: &str = "__pycache__";

impl Applier<'_, '_, '_> {
    /// Removes a release, unless a process has come to use it since the plan was made, or somebody
    /// has put a file into it that we did not make.
    pub(super) fn remove_release(&mut self, release: &ReleaseId) -> Result<String, StepError> {
        let (host, layout) = (self.work.host, &self.plan.site.layout);
        let dir = layout.release(release);
        let used = |process: &Process| process.uses(&layout.releases()).contains(release);
        if let Some(user) = host.processes(&layout.root)?.iter().find(|process| used(process)) {
            return Ok(format!("kept: {} runs from it", user.describe()));
        }
        let mark = host.node(&layout.unfinished(release))?;
        let unfinished = matches!(mark, Node::File { .. });
        if !unfinished {
            let manifest = read_manifest(host, layout, release)?;
            let files = manifest.map(|manifest| files_of(host, layout, &manifest)).transpose()?;
            let Some(files) = files.flatten() else {
                return Ok("kept: without its manifest it cannot be told what is ours".to_owned());
            };
            if let Some(foreign) = foreign_file(host, &dir, &files)? {
                return Ok(format!("kept: {foreign} in it is not ours"));
            }
        }
        host.write(&layout.unfinished(release), b"", 0o644)?;
        host.remove(&layout.verification(release))?;
        host.remove_tree(&dir)?;
        host.remove(&layout.unfinished(release))?;
        Ok(String::new())
    }
}

/// A file below a release that is none of its own.
fn foreign_file(
    host: &dyn Host,
    dir: &Utf8Path,
    files: &FileRecords,
) -> Result<Option<Utf8PathBuf>, HostError> {
    let mut open = vec![Utf8PathBuf::new()];
    while let Some(parent) = open.pop() {
        for name in host.list(&dir.join(&parent))? {
            let path = parent.join(&name);
            if let Node::Directory { .. } = host.node(&dir.join(&path))? {
                if name != DERIVED {
                    open.push(path);
                }
            } else if !OURS.contains(&path.as_str()) && !files.contains_key(path.as_str()) {
                return Ok(Some(path));
            }
        }
    }
    Ok(None)
}
