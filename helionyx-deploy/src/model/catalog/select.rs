//! Which environment an operator means. No I/O.

use super::{Catalog, Entry};
use crate::model::{Environment, Finding, suggest};
use crate::name::{AppName, EnvironmentName};

/// The app that is meant when only an environment is named.
pub const DEFAULT_APP: &str = "helionyx";

/// Why no environment could be chosen. The text names what can be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// None was named.
    #[error("no environment given{}", with_one_of(choices))]
    Missing {
        /// What can be named, in a stable order.
        choices: Vec<String>,
    },
    /// There is none of this name.
    #[error("failed to find environment {wanted:?}{}, {}", asked(meant), listed(choices))]
    Unknown {
        /// What was named.
        wanted: String,
        /// What was probably meant.
        meant: Option<String>,
        /// What can be named, in a stable order.
        choices: Vec<String>,
    },
    /// Several apps have one of this name.
    #[error("failed to choose between the environments `{wanted}`, {}", listed(choices))]
    Ambiguous {
        /// What was named.
        wanted: String,
        /// Those that have this name.
        choices: Vec<String>,
    },
    /// Its model has errors.
    #[error("failed to read the model of `{id}`{}", mistakes(findings))]
    Broken {
        /// `app/environment`.
        id: String,
        /// What is wrong with it.
        findings: Vec<Finding>,
    },
}

fn with_one_of(choices: &[String]) -> String {
    match choices {
        [] => ", and there is none in the models".to_owned(),
        choices => format!("; use --env with one of: {}", choices.join(", ")),
    }
}

fn listed(choices: &[String]) -> String {
    match choices {
        [] => "and there are none".to_owned(),
        choices => format!("choose one of {}", choices.join(", ")),
    }
}

fn asked(meant: &Option<String>) -> String {
    meant.as_ref().map_or_else(String::new, |meant| format!(", did you mean `{meant}`?"))
}

fn mistakes(findings: &[Finding]) -> String {
    match findings {
        [] => String::new(),
        [only] => format!(": {}: {}", only.place, only.message),
        [first, ..] => {
            format!(
                ": {} mistakes, the first at {}: {}",
                findings.len(),
                first.place,
                first.message
            )
        }
    }
}

impl Catalog {
    /// The environment that is meant by `environment` or `app/environment`.
    ///
    /// A bare name means [`DEFAULT_APP`], or else the only app that has such an environment.
    ///
    /// # Errors
    /// When none or an unknown one is named, when a bare name means several, and when the model has
    /// errors.
    pub fn select(&self, wanted: Option<&str>) -> Result<&Environment, SelectError> {
        let wanted = wanted.unwrap_or_default();
        if wanted.is_empty() {
            return Err(SelectError::Missing { choices: self.choices() });
        }
        let (app, name) = match wanted.split_once('/') {
            Some((app, name)) => (Some(app), name),
            None => (None, wanted),
        };
        let found = self.named(app, name);
        let default = found.iter().find(|((app, _), _)| app.as_str() == DEFAULT_APP);
        match (&found[..], default) {
            ([], _) => Err(self.unknown(wanted)),
            ([(id, entry)], _) | (_, Some((id, entry))) => usable(id, entry),
            (several, None) => Err(SelectError::Ambiguous {
                wanted: wanted.to_owned(),
                choices: several.iter().map(|(id, _)| full(id)).collect(),
            }),
        }
    }

    fn named(&self, app: Option<&str>, name: &str) -> Vec<(&(AppName, EnvironmentName), &Entry)> {
        let is_meant = |id: &(AppName, EnvironmentName)| {
            id.1.as_str() == name && app.is_none_or(|app| id.0.as_str() == app)
        };
        self.entries.iter().filter(|(id, _)| is_meant(id)).collect()
    }

    fn unknown(&self, wanted: &str) -> SelectError {
        let choices = self.choices();
        let full: Vec<_> = self.entries.keys().map(full).collect();
        let meant = if wanted.contains('/') {
            suggest::closest(wanted, full.iter().map(String::as_str))
        } else {
            suggest::closest(wanted, self.entries.keys().map(|(_, name)| name.as_str()))
        };
        let meant = meant.map(str::to_owned);
        SelectError::Unknown { wanted: wanted.to_owned(), meant, choices }
    }

    /// What can be named: the default app's environments first, by their bare names.
    fn choices(&self) -> Vec<String> {
        let is_default = |id: &&(AppName, EnvironmentName)| id.0.as_str() == DEFAULT_APP;
        let bare = self.entries.keys().filter(is_default).map(|(_, name)| name.to_string());
        let others = self.entries.keys().filter(|id| !is_default(id)).map(full);
        bare.chain(others).collect()
    }
}

fn usable<'a>(
    id: &(AppName, EnvironmentName),
    entry: &'a Entry,
) -> Result<&'a Environment, SelectError> {
    entry
        .as_ref()
        .map_err(|findings| SelectError::Broken { id: full(id), findings: findings.clone() })
}

fn full((app, name): &(AppName, EnvironmentName)) -> String {
    format!("{app}/{name}")
}
