//! What environments share on a host that their models cannot know: directories through symbolic
//! links, and secrets. Reads the host, changes nothing, and shows no value.

use camino::Utf8PathBuf;

use crate::host::{Host, HostError};
use crate::model::finding::Place;
use crate::model::{Environment, Finding, Kind, Severity};

pub(crate) mod links;
pub mod neighbours;
mod secrets;

mod code {
    crate::model::code::codes! {
        LINKED = "linked-path": "Directories or state that symbolic links make one, or lay where they are removed.";
        SHARED_SECRET = "shared-secret": "Two environments with the same value of a secret that must be distinct.";
        UNREADABLE = "unreadable": "A path that cannot be looked at, so that nothing is known of it.";
    }
}

/// Every code of this module with its meaning.
pub const CODES: &[(&str, &str)] = code::ALL;

/// What these environments share on this host, with the environments that do.
///
/// What cannot be looked at is a finding, and hides no other; it concerns all of them, because what
/// it would have been compared with is theirs.
///
/// # Errors
/// When the machine has no random numbers to make a key of.
pub fn shared(host: &dyn Host, all: &[&Environment]) -> Result<Vec<Shared>, HostError> {
    let key = host.key()?;
    let mut errors = Vec::new();
    let mut looked = Vec::new();
    for environment in all {
        looked.push(Look::at(host, environment, &key, &mut errors));
    }
    let ids: Vec<String> = all.iter().map(|environment| environment.id()).collect();
    let mut found: Vec<Shared> =
        errors.iter().map(|error| unreadable(ids.clone(), error)).collect();
    for (index, later) in looked.iter().enumerate() {
        found.extend(links::own(later));
        for earlier in &looked[..index] {
            found.extend(links::between(earlier, later));
            found.extend(secrets::between(earlier, later));
        }
    }
    Ok(found)
}

/// Something that environments share, or what keeps us from knowing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// The names of those whom it concerns, `app/environment`.
    pub owners: Vec<String>,
    /// What it is.
    pub finding: Finding,
}

impl Shared {
    /// Whether it only says that something is not known.
    #[must_use]
    pub fn is_unknown(finding: &Finding) -> bool {
        finding.code == code::UNREADABLE
    }

    fn new(
        owners: Vec<String>,
        place: Place,
        code: &'static str,
        message: String,
        hint: &str,
    ) -> Shared {
        let (severity, hint) = (Severity::Error, hint.into());
        Shared { owners, finding: Finding { place, severity, code, message, hint } }
    }
}

fn unreadable(owners: Vec<String>, error: &HostError) -> Shared {
    let place = Place::file(error.subject.as_str());
    let message = crate::event::chain(error);
    let hint = "mend the path, or run the command as a user who may look at it";
    Shared::new(owners, place, code::UNREADABLE, message, hint)
}

/// What was seen of an environment.
struct Look<'a> {
    environment: &'a Environment,
    directories: Vec<Directory>,
    secrets: Vec<secrets::Seen>,
}

/// A directory, or the place of some state, as it is named, and where it really lies.
struct Directory {
    key: String,
    named: Utf8PathBuf,
    real: Utf8PathBuf,
}

impl<'a> Look<'a> {
    /// Looks at all that can be looked at.
    fn at(
        host: &dyn Host,
        environment: &'a Environment,
        key: &[u8; 32],
        errors: &mut Vec<HostError>,
    ) -> Look<'a> {
        let mut directories = Vec::new();
        let mut unread: Vec<Utf8PathBuf> = Vec::new();
        for (key, named) in named(environment) {
            match links::resolve(host, &named) {
                Ok(real) => directories.push(Directory { key, named, real }),
                // What lies below cannot be looked at for the same reason.
                Err(_) if unread.iter().any(|path| named.starts_with(path)) => {}
                Err(error) => {
                    errors.push(error);
                    unread.push(named);
                }
            }
        }
        let secrets = secrets::seen(host, environment, key).unwrap_or_else(|error| {
            errors.push(error);
            Vec::new()
        });
        Look { environment, directories, secrets }
    }
}

/// What an environment has for itself: its directories, and the paths that must be distinct.
fn named(environment: &Environment) -> Vec<(String, Utf8PathBuf)> {
    let layout = &environment.layout;
    let own = [("root", &layout.root), ("data", &layout.data), ("backups", &environment.backups)];
    let own = own.map(|(key, path)| (key.to_owned(), path.clone()));
    let bindings = environment.bindings(&layout.current());
    let state = environment.variables.iter().filter_map(|(name, variable)| {
        let value = variable.value.as_ref().filter(|_| variable.is_distinct)?;
        (variable.kind == Kind::Path).then(|| (name.to_string(), value.expand(&bindings).into()))
    });
    own.into_iter().chain(state).collect()
}

#[cfg(test)]
mod tests;
