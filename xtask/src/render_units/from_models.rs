//! What is generated from the models: unit files, and examples of environment files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use helionyx_deploy::cli::Models;
use helionyx_deploy::model::Environment;
use helionyx_deploy::name::AppName;
use helionyx_deploy::render::{GENERATOR, env_file, service};
use xshell::Shell;

use super::drift::Drift;
use super::{Generated, read};

/// Every file that the models say.
///
/// # Errors
/// A model that cannot be said in a unit file, which validation should have found.
pub fn all(models: &Models) -> Result<Vec<Generated>> {
    let mut files = Vec::new();
    let mut add = |path: PathBuf, content| files.push(Generated { path, content });
    for (app, environments) in by_app(models) {
        let (units, examples) = places(models, app);
        for environment in &environments {
            let rendered = service::units(environment);
            let rendered =
                rendered.with_context(|| format!("failed to render {}", environment.id()))?;
            for unit in rendered.into_values() {
                add(units.join(unit.name.as_str()), unit.text);
            }
        }
        // Without secrets there is nothing to fill in.
        if environments.iter().any(|environment| environment.has_secrets()) {
            add(examples.join(".env.template"), env_file::template(&environments));
            for environment in environments {
                let name = format!(".env.{}.example", environment.name);
                add(examples.join(name), env_file::example(environment));
            }
        }
    }
    Ok(files)
}

/// Files that were generated once, for something that the models no longer have.
///
/// # Errors
/// When a directory cannot be read.
pub fn no_longer(shell: &Shell, models: &Models, all: &[Generated]) -> Result<Vec<Drift>> {
    let mut found = Vec::new();
    let directories = [models.project().join("systemd"), models.project().join("envs")];
    for directory in directories.iter().filter(|directory| directory.is_dir()) {
        for app in shell.read_dir(directory)?.into_iter().filter(|path| path.is_dir()) {
            let files = shell.read_dir(&app)?.into_iter().filter(|path| is_of_a_kind(path));
            for path in files.filter(|path| all.iter().all(|one| one.path != **path)) {
                let text = read(shell, &path)?;
                if text.as_ref().is_some_and(|text| text.contains(GENERATOR)) {
                    found.push(Drift { path, wanted: None, found: text });
                }
            }
        }
    }
    Ok(found)
}

fn is_of_a_kind(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".service") || name.starts_with(".env.")
}

fn places(models: &Models, app: &AppName) -> (PathBuf, PathBuf) {
    let place = |kind: &str| models.project().join(kind).join(app.as_str()).into_std_path_buf();
    (place("systemd"), models.directory().join(app.as_str()).into_std_path_buf())
}

fn by_app(models: &Models) -> BTreeMap<&AppName, Vec<&Environment>> {
    let mut apps: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for environment in models.environments() {
        apps.entry(&environment.app).or_default().push(environment);
    }
    apps
}
