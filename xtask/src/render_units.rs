//! `cargo xtask render-units`: writes what is generated and checked in, or says where it drifted.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use helionyx_deploy::cli::{self, Models};
use helionyx_deploy::model::schema;
use helionyx_deploy::render::NOTICE;
use xshell::Shell;

use crate::PROGRAM;
use crate::workspace::{root, say};

mod commands;
mod drift;
mod findings;
mod from_models;
mod models;

use drift::{Drift, drifts};

/// Writes all files that are generated and checked in: unit files and examples of environment files
/// from the models, schemas and reference pages from the code.
///
/// What is right already is left alone. With --check nothing is written: exits 1 when a file is not
/// what would be written, is missing, or is no longer generated.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} render-units
  {program} render-units --check     what CI does")]
pub struct RenderUnits {
    /// Write nothing; show what differs, and exit 1 when something does
    #[arg(long)]
    check: bool,
}

/// A file as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Generated {
    path: PathBuf,
    content: String,
}

impl RenderUnits {
    /// Writes or checks; the exit code says whether all is well.
    pub fn run(&self, global: &cli::Global) -> ExitCode {
        let models = match cli::models(PROGRAM, global) {
            Ok(models) => models,
            Err(code) => return code,
        };
        match self.done(&models) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                say(&format!("error: {error:#}"));
                ExitCode::FAILURE
            }
        }
    }

    fn done(&self, models: &Models) -> Result<bool> {
        let (shell, root) = (Shell::new()?, root()?);
        let mut all = from_models::all(models)?;
        let old = from_models::no_longer(&shell, models, &all)?;
        all.extend(from_code(&root)?);
        let mut drifts = drifts(all, |path| read(&shell, path))?;
        drifts.extend(old);
        match self.check {
            true => Ok(check(&shell, drifts)),
            false => write(&shell, &drifts),
        }
    }
}

/// What is generated from the code alone.
fn from_code(root: &Path) -> Result<Vec<Generated>> {
    let files = [
        ("docs/reference/commands.md", commands::page()),
        ("docs/reference/findings.md", findings::page()),
        ("docs/reference/models.md", models::page()),
        ("envs/schema/app.json", json(schema::app())?),
        ("envs/schema/environment.json", json(schema::environment())?),
    ];
    Ok(files.map(|(path, content)| Generated { path: root.join(path), content }).into())
}

fn json(mut schema: serde_json::Value) -> Result<String> {
    schema["$comment"] = NOTICE.into();
    let text = serde_json::to_string_pretty(&schema).context("failed to write a schema")?;
    Ok(text + "\n")
}

fn check(shell: &Shell, drifts: Vec<Drift>) -> bool {
    let is_good = drifts.is_empty();
    for drift in drifts {
        say(&Drift { path: from_here(shell, &drift.path).to_owned(), ..drift }.to_string());
    }
    if !is_good {
        say("error: generated files are out of date: run `cargo xtask render-units`");
    }
    is_good
}

/// A path as one would type it here.
fn from_here<'p>(shell: &Shell, path: &'p Path) -> &'p Path {
    path.strip_prefix(shell.current_dir()).unwrap_or(path)
}

fn write(shell: &Shell, drifts: &[Drift]) -> Result<bool> {
    for Drift { path, wanted, .. } in drifts {
        match wanted {
            // Makes its directory, too.
            Some(content) => shell.write_file(path, content)?,
            None => shell.remove_path(path)?,
        }
        let done = if wanted.is_some() { "wrote" } else { "removed" };
        say(&format!("{done} {}", from_here(shell, path).display()));
    }
    if drifts.is_empty() {
        say("all generated files are up to date");
    }
    Ok(true)
}

fn read(shell: &Shell, path: &Path) -> Result<Option<String>> {
    match shell.path_exists(path) {
        true => Ok(Some(shell.read_file(path)?)),
        false => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_generated_file_says_so_and_ends_with_a_line_break() {
        for Generated { path, content } in from_code(Path::new("")).unwrap() {
            let path = path.display();
            assert!(content.contains(NOTICE), "{path}");
            assert!(content.ends_with("\n") && !content.ends_with("\n\n"), "{path}");
        }
    }

    #[test]
    fn every_model_points_editors_to_its_schema() {
        let (shell, envs) = (Shell::new().unwrap(), root().unwrap().join("envs"));
        let apps = shell.read_dir(envs).unwrap();
        let files = apps.iter().filter(|app| app.is_dir());
        let files: Vec<_> = files.flat_map(|app| shell.read_dir(app).unwrap()).collect();
        let models = files.iter().filter(|file| file.extension().is_some_and(|end| end == "toml"));
        let mut seen = 0;
        for model in models {
            let app = model.file_name().is_some_and(|name| name == "app.toml");
            let schema = if app { "app" } else { "environment" };
            let first = format!("#:schema ../schema/{schema}.json\n");
            let text = shell.read_file(model).unwrap();
            assert!(text.starts_with(&first), "{} begins with {first}", model.display());
            seen += 1;
        }
        assert!(seen >= 2, "only {seen} models found");
    }
}
