//! The step that removes a release.

use super::build::read_manifest;
use crate::apply::StepError;
use crate::host::Host;
use crate::layout::Layout;
use crate::layout::{FILE_LIST, MANIFEST};
use crate::name::ReleaseId;
use crate::observe::files_of;
use crate::release::{FileRecords, look_of};
use crate::state::{Node, Process};

/// Made by Python beside what it runs, and made again when it is gone.
const DERIVED: &str = "__pycache__";

/// Removes a release, unless a process has come to use it since the plan was made, or somebody
/// has put a file into it that we did not make.
pub(super) fn remove_release(
    host: &dyn Host,
    layout: &Layout,
    release: &ReleaseId,
) -> Result<String, StepError> {
    let dir = layout.release(release);
    let used = |process: &Process| process.uses(&layout.releases()).contains(release);
    if let Some(user) = host.processes(&layout.root)?.iter().find(|process| used(process)) {
        return Ok(format!("kept: {} runs from it", user.describe()));
    }
    let mark = host.node(&layout.unfinished(release))?;
    let unfinished = matches!(mark, Node::File { .. });
    if !unfinished {
        let Some(manifest) = read_manifest(host, layout, release)? else {
            return Ok("kept: without its manifest it cannot be told what is ours".to_owned());
        };
        let mut nodes = host.nodes(&dir)?;
        nodes.remove(MANIFEST);
        if look_of(&nodes) != manifest.files.look {
            let Some(files) = files_of(host, layout, &manifest)? else {
                return Ok(
                    "kept: without its list of files it cannot be told what is ours".to_owned()
                );
            };
            if let Some(foreign) = nodes.keys().find(|path| !is_ours(path.as_str(), &files)) {
                return Ok(format!("kept: {foreign} in it is not ours"));
            }
        }
    }
    host.write(&layout.unfinished(release), b"", 0o644)?;
    host.remove(&layout.verification(release))?;
    host.remove_tree(&dir)?;
    host.remove(&layout.unfinished(release))?;
    Ok(String::new())
}

/// Whether a file below a release is its own, or was made by Python beside one.
fn is_ours(path: &str, files: &FileRecords) -> bool {
    let is_derived = |above: &str| above.split('/').any(|name| name == DERIVED);
    path == FILE_LIST
        || files.contains_key(path)
        || path.rsplit_once('/').is_some_and(|(above, _)| is_derived(above))
}
