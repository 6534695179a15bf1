//! Builds the programs that are swept, measured and installed. Runs cargo.

use std::io;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use camino::Utf8PathBuf;

use crate::workspace::{root, run};

/// How something is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// As we are.
    Own,
    /// As what operators install.
    Release,
}

/// The operators' program, built from here.
///
/// # Errors
/// When it cannot be built.
pub fn deployer(profile: Profile) -> Result<PathBuf> {
    let words: &[_] = match profile {
        // With the features that it has already been built with.
        Profile::Own => &["--workspace", "--bin", "helionyx-deploy"],
        Profile::Release => &["--package", "helionyx-deploy"],
    };
    Ok(build("Cargo.toml", words, "target", profile)?.join("helionyx-deploy"))
}

/// The operators' program, for `setup` and deploys to install: as we are, and as new as its source.
///
/// # Errors
/// When it cannot be built; with what to do then.
pub fn recovery_program() -> io::Result<Utf8PathBuf> {
    let built = deployer(Profile::Own).and_then(|path| Ok(Utf8PathBuf::try_from(path)?));
    built.map_err(|error| {
        let instead = "where there is no cargo, call `helionyx-deploy` itself, as it was built";
        io::Error::other(format!("cargo: {}; {instead}", error.root_cause()))
    })
}

/// Builds something of this workspace; where it lies then.
pub(crate) fn build(
    manifest: &str,
    words: &[&str],
    target: &str,
    profile: Profile,
) -> Result<PathBuf> {
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
