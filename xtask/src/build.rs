//! Builds the programs that are swept and measured. Runs cargo.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::workspace::{root, run};

/// How something is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// As we are.
    Own,
    /// As what operators install.
    Release,
}

/// What is deployed with, built from here.
pub fn deployer(profile: Profile) -> Result<PathBuf> {
    let words: &[_] = match profile {
        // With the features that it has already been built with.
        Profile::Own => &["--workspace", "--bin", "helionyx-deploy"],
        Profile::Release => &["--package", "helionyx-deploy"],
    };
    Ok(build("Cargo.toml", words, "target", profile)?.join("helionyx-deploy"))
}

/// Builds something of this workspace; where it lies then.
pub fn build(manifest: &str, words: &[&str], target: &str, profile: Profile) -> Result<PathBuf> {
    let release = profile == Profile::Release || !cfg!(debug_assertions);
    let (root, name) = (root()?, if release { "release" } else { "debug" });
    let target = root.join(target);
    let mut all = vec!["build", "--quiet", "--locked", "--manifest-path", manifest];
    all.extend(words);
    all.extend(release.then_some("--release"));
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let command = duct::cmd(cargo, &all).dir(&root).env("CARGO_TARGET_DIR", &target);
    run(&command).with_context(|| format!("failed to build `{manifest}`"))?;
    Ok(target.join(name))
}
