//! Directories and files that an environment needs besides its releases. No I/O.

use super::Case;
use crate::plan::desired::{self, Directory};
use crate::plan::step::FileStep;
use crate::plan::{Part, Refusal};
use crate::render::env_file;
use crate::state::Node;

/// Makes what is not there, and refuses what may not be used as it is.
pub(super) fn create_what_is_missing(case: &Case<'_>) -> Part {
    let mut part = Part::default();
    if case.is_forward() {
        part.then(case.rules.refuse_above(case.found));
    }
    for directory in desired::directories(case.environment) {
        part.then(create_directory(case, directory));
    }
    let path = case.layout.secrets();
    let is_missing = matches!(case.found.nodes.get(&path), None | Some(Node::Missing));
    if case.environment.has_secrets() && is_missing {
        let content = env_file::secrets(case.environment);
        part.step(FileStep::CreateFile { path, mode: 0o600, content });
    }
    part
}

fn create_directory(case: &Case<'_>, directory: Directory) -> Part {
    let mut part = Part::default();
    match case.found.nodes.get(&directory.path) {
        None | Some(Node::Missing) => {
            let Directory { path, mode, owner } = directory;
            part.step(FileStep::CreateDirectory { path, mode, owner });
        }
        Some(Node::Directory { mode, uid }) if case.is_forward() => {
            part.then(case.rules.refuse_directory(case.found, &directory, *mode, *uid));
        }
        Some(Node::Directory { .. }) => {}
        Some(other) => {
            let path = &directory.path;
            let hint = format!("move {path} aside, or choose another root or data");
            let message = format!("{path} should be a directory but is {other}");
            part.then(Refusal::new("not-a-directory", message, hint));
        }
    }
    part
}
