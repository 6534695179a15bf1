//! What is generated from the models: unit files, and examples of environment files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use helionyx_deploy::cli::Models;
use helionyx_deploy::model::Environment;
use helionyx_deploy::name::AppName;
use helionyx_deploy::render::env_file::template::{example_notice, template_notice};
use helionyx_deploy::render::{NOTICE, env_file, recovery, service};
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
            let recovery = recovery::units(environment);
            let recovery =
                recovery.with_context(|| format!("failed to render {}", environment.id()))?;
            let recovery = recovery.into_iter().flat_map(|both| [both.service, both.timer]);
            for unit in rendered.into_values().chain(recovery) {
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
/// Only what we write is ever removed, by its name and its whole first line: an operator's copy of
/// an example begins like the example, and holds secrets.
///
/// # Errors
/// When a directory cannot be read.
pub fn no_longer(shell: &Shell, models: &Models, all: &[Generated]) -> Result<Vec<Drift>> {
    let mut found = Vec::new();
    let directories = [models.project().join("systemd"), models.directory().to_owned()];
    for directory in directories.iter().filter(|directory| directory.is_dir()) {
        for app in shell.read_dir(directory)?.into_iter().filter(|path| path.is_dir()) {
            for path in shell.read_dir(&app)? {
                let Some(notice) = notice(&path) else { continue };
                if all.iter().any(|one| one.path == path) {
                    continue;
                }
                let text = read(shell, &path)?;
                if text.as_ref().is_some_and(|text| text.starts_with(&notice)) {
                    found.push(Drift { path, wanted: None, found: text });
                }
            }
        }
    }
    Ok(found)
}

/// The first line, with its end, of a file of ours with this name; none where we write none such.
fn notice(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let app = path.parent()?.file_name()?.to_str()?;
    if name == ".env.template" {
        return Some(template_notice(app));
    }
    if name.ends_with(".service") || name.ends_with(".timer") {
        return Some(format!("# {NOTICE}\n"));
    }
    let environment = name.strip_prefix(".env.")?.strip_suffix(".example")?;
    Some(example_notice(&format!("{app}/{environment}")))
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
