//! What all tasks share: where the workspace lies, and how they speak.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The workspace: where this program's source lies.
///
/// # Errors
/// When the source has no parent directory.
pub fn root() -> Result<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().map(ToOwned::to_owned).context("failed to find the workspace")
}

/// Says something to people.
#[expect(clippy::print_stderr, reason = "a task of developers, not the library")]
pub fn say(text: &str) {
    eprintln!("{text}");
}
