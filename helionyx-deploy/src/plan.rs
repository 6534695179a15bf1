//! What must be done so that a host becomes what it should be. No I/O, no clock, no choice left open.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::hint::Hint;
use crate::layout::Layout;
use crate::model::Environment;
use crate::name::{AppName, EnvironmentName, ReleaseId};

pub mod desired;
pub mod fingerprint;
pub mod guard;
pub mod order;
mod part;
pub mod prerequisites;
mod prune;
mod reach;
pub mod runtime;
pub mod select;
pub mod step;

pub use desired::{Desired, Leaving, Recipe, Run, Target, Wanted, Way};
pub use part::Part;
pub use reach::{clean_up, reach, stand_down};
pub use step::Step;

/// Steps in their order, fully decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Which environment it changes.
    pub site: Site,
    /// The release that `current` names before.
    pub from: Option<ReleaseId>,
    /// The release that it names after.
    pub to: Option<ReleaseId>,
    /// Why something must be done, for people.
    pub reasons: Vec<String>,
    /// What is done.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// Which environment, and where it lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The app.
    pub app: AppName,
    /// The environment.
    pub environment: EnvironmentName,
    /// Its paths.
    pub layout: Layout,
}

impl Site {
    /// The site of an environment.
    #[must_use]
    pub fn of(environment: &Environment) -> Site {
        Site {
            app: environment.app.clone(),
            environment: environment.name.clone(),
            layout: environment.layout.clone(),
        }
    }
}

/// Why no plan was made: the host is in a state that we neither understand nor may repair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// A stable name for this kind, e.g. `port-held`.
    pub code: String,
    /// What is in the way.
    pub message: String,
    /// What to do about it.
    #[serde(flatten)]
    pub hint: Hint,
}

impl Refusal {
    /// A refusal in words.
    pub fn new(code: &str, message: impl Into<String>, hint: impl Into<Hint>) -> Refusal {
        Refusal { code: code.to_owned(), message: message.into(), hint: hint.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.code)
    }
}
