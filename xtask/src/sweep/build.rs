//! Builds the programs that are swept. Runs cargo.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::medium::run;
use crate::workspace::root;

/// Builds something of this workspace in the profile that we are built in; where it lies then.
pub fn build(manifest: &str, words: &[&str], target: &str) -> Result<PathBuf> {
    let release = !cfg!(debug_assertions);
    let (root, profile) = (root()?, if release { "release" } else { "debug" });
    let target = root.join(target);
    let mut all = vec!["build", "--quiet", "--locked", "--manifest-path", manifest];
    all.extend(words);
    all.extend(release.then_some("--release"));
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let command = duct::cmd(cargo, &all).dir(&root).env("CARGO_TARGET_DIR", &target);
    run(command.clone()).with_context(|| format!("failed to build `{manifest}`"))?;
    Ok(target.join(profile))
}
