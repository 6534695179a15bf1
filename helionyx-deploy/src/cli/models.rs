//! The models' directory: found, read, parsed. Reads files of the operator's machine.

use camino::{Utf8Path, Utf8PathBuf};

use crate::model::{Catalog, Environment, Finding, Severity, SourceFile};

use super::{Failure, Global, exit};

/// All models, and where they were found.
#[derive(Debug)]
pub struct Models {
    catalog: Catalog,
    directory: Utf8PathBuf,
    project: Utf8PathBuf,
    /// The project as seen from where we were called.
    shown: Utf8PathBuf,
}

impl Models {
    /// Finds and reads the models.
    ///
    /// # Errors
    /// When there is no such directory, or a file in it cannot be read.
    pub(super) fn load(global: &Global) -> Result<Models, Failure> {
        let here = current_directory()?;
        let (dir, shown) = find(&here, &global.envs_dir)?;
        let above = dir.parent().unwrap_or(Utf8Path::new("/"));
        let project = above.canonicalize_utf8().map_err(Failure::from)?;
        let (catalog, _) = Catalog::parse(&read(&dir, &shown)?, &project);
        let shown = shown.parent().map(Utf8Path::to_owned).unwrap_or_default();
        Ok(Models { catalog, directory: dir, project, shown })
    }

    /// The directory that holds the models.
    #[must_use]
    pub fn directory(&self) -> &Utf8Path {
        &self.directory
    }

    /// The directory that holds the models' directory.
    #[must_use]
    pub fn project(&self) -> &Utf8Path {
        &self.project
    }

    /// How a file of the project is shown.
    pub(super) fn shown(&self, path: &Utf8Path) -> Utf8PathBuf {
        self.shown.join(path)
    }

    /// All environments without a mistake.
    pub fn environments(&self) -> impl Iterator<Item = &Environment> {
        self.catalog.environments()
    }

    /// All that is wrong with them.
    pub(super) fn findings(&self) -> &[Finding] {
        self.catalog.findings()
    }

    /// Whether one of them has a mistake.
    pub(super) fn are_broken(&self) -> bool {
        self.findings().iter().any(|finding| finding.severity == Severity::Error)
    }

    /// The environment that is meant, wherever it runs.
    ///
    /// # Errors
    /// When none or an unknown one is named, or its model has mistakes.
    pub(super) fn select(&self, wanted: Option<&str>) -> Result<&Environment, Failure> {
        Ok(self.catalog.select(wanted)?)
    }

    /// The environment that is meant, which runs on this machine.
    ///
    /// # Errors
    /// As [`Models::select`], and when it runs elsewhere.
    pub(super) fn here(
        &self,
        wanted: Option<&str>,
        machine: &str,
    ) -> Result<&Environment, Failure> {
        let environment = self.select(wanted)?;
        match reason_against(environment, machine) {
            Some(failure) => Err(failure),
            None => Ok(environment),
        }
    }

    /// The environment that is to be changed: refused while any model has a mistake, since what
    /// one environment may touch depends on all the others.
    ///
    /// # Errors
    /// As [`Models::here`], and when any model has mistakes.
    pub(super) fn here_to_change(
        &self,
        wanted: Option<&str>,
        machine: &str,
    ) -> Result<&Environment, Failure> {
        match self.here(wanted, machine) {
            Err(failure) if failure.code == exit::USAGE => Err(failure),
            _ if self.are_broken() => Err(Failure::models(self.findings())),
            selected => selected,
        }
    }

    /// The environment that is meant, or all of this machine that have no mistakes when none is
    /// named.
    ///
    /// # Errors
    /// When an unknown one is named, it runs elsewhere, or its model has mistakes.
    pub(super) fn chosen(
        &self,
        wanted: Option<&str>,
        machine: &str,
    ) -> Result<Vec<&Environment>, Failure> {
        match wanted {
            Some(_) => self.here(wanted, machine).map(|environment| vec![environment]),
            None => Ok(self.all_here(machine)),
        }
    }

    /// All environments of this machine that have no mistakes.
    pub(super) fn all_here(&self, machine: &str) -> Vec<&Environment> {
        self.environments().filter(|environment| environment.runs_on(machine)).collect()
    }

    /// The same without this one.
    pub(super) fn others_here(
        &self,
        environment: &Environment,
        machine: &str,
    ) -> Vec<&Environment> {
        self.all_here(machine).into_iter().filter(|other| *other != environment).collect()
    }
}

/// Why an environment cannot be operated from this machine; none when it can.
pub(super) fn reason_against(environment: &Environment, machine: &str) -> Option<Failure> {
    let id = environment.id();
    if !environment.runs_on(machine) {
        let host = environment.host.as_ref().map(ToString::to_string).unwrap_or_default();
        let message = format!("{id} runs on {host}, and this is {machine}");
        let hint = format!(
            "run the command on {host}; where this is the host of {id}, say so in its model: `host = \
             \"{machine}\"`"
        );
        return Some(Failure::new(exit::FAILED, message, hint));
    }
    None
}

/// The directory that we were called in.
///
/// # Errors
/// When it is gone, or its path is not UTF-8.
pub(super) fn current_directory() -> Result<Utf8PathBuf, Failure> {
    let here = std::env::current_dir().map_err(Failure::from)?;
    Utf8PathBuf::from_path_buf(here).map_err(|path| {
        let message = format!("failed to use the current directory `{}`", path.display());
        Failure::new(exit::FAILED, message, "its path must be UTF-8")
    })
}

/// The models' directory, here or in the nearest parent that has it; and how it is shown.
fn find(here: &Utf8Path, wanted: &Utf8Path) -> Result<(Utf8PathBuf, Utf8PathBuf), Failure> {
    let mut shown = Utf8PathBuf::new();
    for dir in here.ancestors() {
        let candidate = dir.join(wanted);
        if candidate.is_dir() {
            return Ok((candidate, shown.join(wanted)));
        }
        shown.push("..");
    }
    let message = format!("there is no directory `{wanted}` in {here} or above");
    let hint = "go to the project, or name the models' directory with --envs-dir";
    Err(Failure::new(exit::CONFIGURATION, message, hint))
}

/// The model files: `*.toml` in the directories of the apps. Hidden files are editors' business.
fn read(dir: &Utf8Path, shown: &Utf8Path) -> Result<Vec<SourceFile>, Failure> {
    let mut files = Vec::new();
    for name in names(dir)? {
        let (path, shown) = (dir.join(&name), shown.join(&name));
        if path.is_dir() {
            for inner in names(&path)?.into_iter().filter(|name| name.ends_with(".toml")) {
                files.push(read_file(&path.join(&inner), &shown.join(&inner))?);
            }
        } else if name.ends_with(".toml") {
            files.push(read_file(&path, &shown)?);
        }
    }
    Ok(files)
}

fn names(dir: &Utf8Path) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for entry in fs_err::read_dir(dir).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn read_file(path: &Utf8Path, shown: &Utf8Path) -> Result<SourceFile, Failure> {
    let text = fs_err::read_to_string(path).map_err(unreadable)?;
    Ok(SourceFile { path: shown.to_string(), text })
}

fn unreadable(error: std::io::Error) -> Failure {
    let mut failure = Failure::from(error);
    failure.code = exit::CONFIGURATION;
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> (tempfile::TempDir, Utf8PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(dir.path()).unwrap().to_owned();
        fs_err::create_dir_all(path.join("envs/sample")).unwrap();
        fs_err::create_dir_all(path.join("a/b")).unwrap();
        (dir, path)
    }

    #[test]
    fn models_are_found_from_subdirectories_and_shown_as_seen_from_there() {
        let (_guard, path) = project();
        for (here, shown) in [("", "envs"), ("a", "../envs"), ("a/b", "../../envs")] {
            let (dir, found) = find(&path.join(here), Utf8Path::new("envs")).unwrap();
            assert_eq!(dir, path.join("envs"));
            assert_eq!(found, shown);
        }
        let missing = find(&path, Utf8Path::new("no-such-directory")).unwrap_err();
        assert_eq!(missing.code, exit::CONFIGURATION);
    }

    #[test]
    fn only_toml_files_are_models() {
        let (_guard, path) = project();
        for name in ["app.toml", "local.toml", ".local.toml.swp", ".hidden.toml", "README.md"] {
            fs_err::write(path.join("envs/sample").join(name), "x").unwrap();
        }
        fs_err::write(path.join("envs/README.md"), "x").unwrap();
        let files = read(&path.join("envs"), Utf8Path::new("envs")).unwrap();
        let names: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(names, ["envs/sample/app.toml", "envs/sample/local.toml"]);
    }
}
