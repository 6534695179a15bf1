//! All models together: every environment of every app, and all that is wrong with them. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;

use super::finding::{Finding, Place, Severity};
use super::validate::{self, App, Claims, Reader, isolation};
use super::{Environment, code, decode};
use crate::name::{AppName, EnvironmentName};

mod select;
#[cfg(test)]
mod tests;

pub use select::{DEFAULT_APP, SelectError};

/// A model file that has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// As it is shown to people, e.g. `envs/sample/app.toml`: its directory names the app, its own
    /// name the environment.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// All environments of all apps.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    entries: BTreeMap<(AppName, EnvironmentName), Entry>,
    findings: Vec<Finding>,
}

/// An environment, or what is wrong with it.
type Entry = Result<Environment, Vec<Finding>>;

/// The files of one app.
#[derive(Default)]
struct Files<'a> {
    app: Option<&'a SourceFile>,
    environments: BTreeMap<EnvironmentName, &'a SourceFile>,
}

/// What is known so far, while files are read.
#[derive(Default)]
struct Work {
    environments: BTreeMap<(AppName, EnvironmentName), Option<Environment>>,
    findings: BTreeMap<(AppName, EnvironmentName), Vec<Finding>>,
    claims: Vec<Claims>,
    others: Vec<Finding>,
}

impl Catalog {
    /// Reads all model files; `project` is the directory that holds the models' directory.
    ///
    /// Returns the catalog and all findings of all files, ordered by their place. Only environments
    /// without an error are in it; of the others the names and findings.
    #[must_use]
    pub fn parse(files: &[SourceFile], project: &Utf8Path) -> (Catalog, Vec<Finding>) {
        let mut work = Work::default();
        for (app, files) in by_app(files, &mut work.others) {
            work.app(&app, &files, project);
        }
        for conflict in isolation::conflicts(&work.claims) {
            for owner in conflict.owners {
                work.findings.entry(owner).or_default().push(conflict.finding.clone());
            }
        }
        let catalog = work.finish();
        let findings = catalog.findings.clone();
        (catalog, findings)
    }

    /// All environments that can be deployed, ordered by app and name.
    pub fn environments(&self) -> impl Iterator<Item = &Environment> {
        self.entries.values().filter_map(|entry| entry.as_ref().ok())
    }

    /// All that is wrong, ordered by place.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

impl Work {
    fn app(&mut self, name: &AppName, files: &Files<'_>, project: &Utf8Path) {
        let Some(file) = files.app else { return self.without_app(name, files) };
        let decoded = decode::decode(file);
        let mut app_reader = Reader::new(file, decoded.broken, decoded.findings);
        let environments: Vec<_> = files.environments.keys().collect();
        let app = validate::app(name, decoded.spec, &environments, &mut app_reader);
        let mut read = Vec::new();
        for (environment, file) in &files.environments {
            let found = self.environment(&app, environment, file, project, &mut app_reader);
            read.push(((name.clone(), environment.clone()), found));
        }
        if read.is_empty() {
            let place = Place::file(&file.path);
            let message = format!("`{name}` has no environment");
            let hint = "write an <environment>.toml beside it".into();
            let (severity, code) = (Severity::Warning, code::NO_ENVIRONMENT);
            self.others.push(Finding { place, severity, code, message, hint });
        }
        for (id, mut findings) in read {
            findings.extend(app_reader.findings().iter().cloned());
            self.findings.insert(id, findings);
        }
        self.others.extend(app_reader.findings().iter().cloned());
    }

    fn environment(
        &mut self,
        app: &App,
        name: &EnvironmentName,
        file: &SourceFile,
        project: &Utf8Path,
        app_reader: &mut Reader<'_>,
    ) -> Vec<Finding> {
        let decoded = decode::decode(file);
        let mut reader = Reader::new(file, decoded.broken, decoded.findings);
        let draft =
            validate::environment(app, name, decoded.spec, project, (app_reader, &mut reader));
        self.environments.insert(draft.claims.owner.clone(), draft.environment);
        self.claims.push(draft.claims);
        reader.findings().to_vec()
    }

    fn without_app(&mut self, app: &AppName, files: &Files<'_>) {
        let mut files = files.environments.iter().peekable();
        let Some((_, first)) = files.peek() else { return };
        // One finding for all of them, for one file is missing.
        let message = format!("there is no app.toml beside it that says what `{app}` is");
        let finding = error(&first.path, code::MISSING_APP, message, "write the app.toml");
        for (name, _) in files {
            self.environments.insert((app.clone(), name.clone()), None);
            self.findings.insert((app.clone(), name.clone()), vec![finding.clone()]);
        }
    }

    fn finish(mut self) -> Catalog {
        let mut findings: BTreeSet<Finding> = self.others.into_iter().collect();
        let entries = self.environments.into_iter().map(|(id, environment)| {
            let mut own = self.findings.remove(&id).unwrap_or_default();
            own.sort();
            own.dedup();
            findings.extend(own.iter().cloned());
            let broken = own.iter().any(|finding| finding.severity == Severity::Error);
            (id, environment.filter(|_| !broken).ok_or(own))
        });
        let entries = entries.collect();
        Catalog { entries, findings: findings.into_iter().collect() }
    }
}

fn by_app<'a>(
    files: &'a [SourceFile],
    findings: &mut Vec<Finding>,
) -> BTreeMap<AppName, Files<'a>> {
    let mut apps: BTreeMap<AppName, Files<'a>> = BTreeMap::new();
    let mut sorted: Vec<_> = files.iter().collect();
    sorted.sort_by(|one, other| one.path.cmp(&other.path));
    for file in sorted {
        let twice = match place_of(file) {
            Ok((app, None)) => apps.entry(app).or_default().app.replace(file).is_some(),
            Ok((app, Some(name))) => {
                apps.entry(app).or_default().environments.insert(name, file).is_some()
            }
            Err((path, message)) => {
                let hint = "write envs/<app>/app.toml or envs/<app>/<environment>.toml";
                findings.push(error(path, code::BAD_FILE_NAME, message, hint));
                false
            }
        };
        if twice {
            let message = "there are two files for the same app and environment";
            findings.push(error(&file.path, code::DUPLICATE_FILE, message, "remove one of them"));
        }
    }
    apps
}

/// The app and the environment that a file's path names; else what of it names none, and why.
fn place_of(file: &SourceFile) -> Result<(AppName, Option<EnvironmentName>), (&str, String)> {
    let path = Utf8Path::new(&file.path);
    let directory = path.parent().filter(|directory| directory.file_name().is_some());
    let wrong = |message: String| (file.path.as_str(), message);
    let stem = path.file_name().and_then(|name| name.strip_suffix(".toml"));
    let stem = stem.ok_or_else(|| wrong("it is no .toml file".to_owned()))?;
    let directory = directory.ok_or_else(|| wrong("it lies in no app's directory".to_owned()))?;
    let app = directory.file_name().unwrap_or_default().parse::<AppName>();
    // The same for each file in it: it is said once.
    let app = app.map_err(|error| (directory.as_str(), error.to_string()))?;
    if stem == "app" {
        return Ok((app, None));
    }
    let name = stem.parse().map_err(|error| wrong(format!("{error}")))?;
    Ok((app, Some(name)))
}

fn error(path: &str, code: &'static str, message: impl Into<String>, hint: &str) -> Finding {
    let (place, severity) = (Place::file(path), Severity::Error);
    Finding { place, severity, code, message: message.into(), hint: hint.into() }
}
