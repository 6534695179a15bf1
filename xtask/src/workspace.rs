//! What all tasks share: where the workspace lies, how they run programs, and how they speak.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// The workspace: where this program's source lies.
///
/// # Errors
/// When the source has no parent directory.
pub fn root() -> Result<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().map(ToOwned::to_owned).context("failed to find the workspace")
}

/// Runs a program that must end well; what it wrote.
///
/// # Errors
/// When it does not end well; with all that it said.
pub fn run(command: &duct::Expression) -> Result<String> {
    let command = command.stdin_null().stderr_capture().stdout_capture().unchecked();
    let output = command.run().with_context(|| format!("failed to start {command:?}"))?;
    let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => bail!("{} {}", text(&output.stdout), text(&output.stderr)),
    }
}

/// Says something to people.
#[expect(clippy::print_stderr, reason = "a task of developers, not the library")]
pub fn say(text: &str) {
    eprintln!("{text}");
}
