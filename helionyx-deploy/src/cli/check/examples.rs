//! The examples of environment files that are checked in: none holds a real secret. Reads them.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::Models;
use crate::host::{Host, HostError};
use crate::model::{Environment, Finding, Kind};
use crate::name::AppName;
use crate::render::env_file;

/// The largest environment file that is read, in bytes.
const LIMIT: u64 = 1024 * 1024;

/// What is wrong with the examples of the apps of these environments.
pub(super) fn findings(
    host: &dyn Host,
    models: &Models,
    chosen: &[&Environment],
) -> Result<Vec<Finding>, HostError> {
    let mut findings = Vec::new();
    for (app, secrets) in secrets(chosen) {
        let secrets: Vec<&str> = secrets.into_iter().collect();
        let directory = models.directory().join(app.as_str());
        let shown = directory.strip_prefix(models.project()).unwrap_or(&directory);
        let shown = models.shown(shown);
        for name in host.list(&directory)? {
            let is_example = name.starts_with(".env.") && name.ends_with(".example");
            if !is_example && name != ".env.template" {
                continue;
            }
            let bytes = host.read(&directory.join(&name), LIMIT)?;
            findings.extend(env_file::pasted(shown.join(&name).as_str(), &bytes, &secrets));
        }
    }
    Ok(findings)
}

/// The secrets of each app.
fn secrets<'e>(chosen: &[&'e Environment]) -> BTreeMap<&'e AppName, BTreeSet<&'e str>> {
    let mut apps: BTreeMap<&AppName, BTreeSet<&str>> = BTreeMap::new();
    for environment in chosen {
        let secrets = environment.variables.iter().filter(|(_, one)| one.kind == Kind::Secret);
        let names = secrets.map(|(name, _)| name.as_str());
        apps.entry(&environment.app).or_default().extend(names);
    }
    apps.retain(|_, secrets| !secrets.is_empty());
    apps
}
