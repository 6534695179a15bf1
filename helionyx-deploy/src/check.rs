//! What environments lack on their host, and what they share there: data in, findings out. Looks
//! through `host`, changes nothing, and shows no value.

use std::collections::BTreeSet;
use std::time::Duration;

use camino::Utf8PathBuf;
use serde::Serialize;

use crate::event::chain;
use crate::hint::Hint;
use crate::host::{Host, both, each};
use crate::isolation;
use crate::model::{Environment, Finding, Severity};
use crate::name::{HostName, Port};
use crate::operate::MEND_ACCESS;
use crate::plan::Refusal;

pub mod code;
mod environment;
mod secrets;

/// How long a connection to another machine may take.
const OUTBOUND: Duration = Duration::from_secs(3);

/// Something that an environment needs on its host and has not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostFinding {
    /// Whether the environment cannot be deployed before it is mended.
    pub severity: Severity,
    /// A stable name for this kind of finding: see [`code`].
    pub code: String,
    /// A path on the host, a machine, or `app/environment`.
    #[serde(rename = "where")]
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    #[serde(flatten)]
    pub hint: Hint,
}

/// What is to be checked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The environments that are asked about; all of them run on this host.
    pub chosen: &'a [&'a Environment],
    /// All environments of this host: what they share is found by comparing them.
    pub here: &'a [&'a Environment],
    /// The directories in which build steps look for programs, in their order (`PATH`).
    pub path: &'a [Utf8PathBuf],
}

/// Everything that a check found, in the order in which it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// What concerns the host as a whole: what environments share, and machines that their services
    /// ask and that cannot be reached.
    pub host: Vec<HostFinding>,
    /// What each of the chosen environments lacks, in their order.
    pub environments: Vec<Vec<HostFinding>>,
}

impl Checked {
    /// How many findings must be mended before a deploy.
    #[must_use]
    pub fn errors(&self) -> usize {
        let all = self.host.iter().chain(self.environments.iter().flatten());
        all.filter(|finding| finding.severity == Severity::Error).count()
    }
}

/// Checks environments on their host. Each look finds what it finds, and none ends the others.
#[must_use]
pub fn check(host: &dyn Host, question: &Question<'_>) -> Checked {
    let of_the_host = || {
        let mut findings = shared(host, question);
        findings.extend(outbound(host, question.chosen));
        findings
    };
    let of_one =
        |environment: &&Environment| environment::findings(host, environment, question.path);
    let of_each = || each(host, question.chosen, &of_one);
    let (host, environments) = both(host, of_the_host, of_each);
    Checked { host, environments }
}

/// What the chosen environments share with others, and their models cannot know.
fn shared(host: &dyn Host, question: &Question<'_>) -> Vec<HostFinding> {
    match isolation::shared(host, question.here) {
        Ok(shared) => {
            let chosen = question.chosen.iter();
            let ids: Vec<String> = chosen.map(|environment| environment.id()).collect();
            let concerns = |one: &isolation::Shared| one.owners.iter().any(|id| ids.contains(id));
            let shared = shared.into_iter().filter(concerns);
            shared.map(|shared| HostFinding::from(shared.finding)).collect()
        }
        Err(error) => {
            let (place, why) = (error.subject.clone(), chain(&error));
            vec![HostFinding::error("unreadable", &place, why, MEND_ACCESS)]
        }
    }
}

/// The machines that services ask over HTTPS and that cannot be connected to, each once. What a service
/// does without them is its own matter (HEL-04).
fn outbound(host: &dyn Host, chosen: &[&Environment]) -> Vec<HostFinding> {
    let names: BTreeSet<_> = chosen.iter().flat_map(|environment| &environment.reaches).collect();
    names.into_iter().filter_map(|name| unreachable(host, name)).collect()
}

fn unreachable(host: &dyn Host, name: &HostName) -> Option<HostFinding> {
    let why = host.connects(name.as_str(), Port::try_from(443).ok()?, OUTBOUND).err()?;
    let message = format!("{name} cannot be reached over HTTPS: {why}");
    let hint = "look at the network, DNS and firewall; a deploy goes on without it";
    Some(HostFinding::warning(code::UNREACHABLE, name.as_str(), message, hint))
}

impl HostFinding {
    fn error(code: &str, place: &str, message: String, hint: impl Into<Hint>) -> HostFinding {
        let (code, place) = (code.to_owned(), place.to_owned());
        HostFinding { severity: Severity::Error, code, place, message, hint: hint.into() }
    }

    fn warning(code: &str, place: &str, message: String, hint: impl Into<Hint>) -> HostFinding {
        let severity = Severity::Warning;
        HostFinding { severity, ..HostFinding::error(code, place, message, hint) }
    }

    fn refused(environment: &Environment, refusal: Refusal) -> HostFinding {
        HostFinding::error(&refusal.code, &environment.id(), refusal.message, refusal.hint)
    }
}

impl From<Finding> for HostFinding {
    fn from(finding: Finding) -> HostFinding {
        let Finding { place, severity, code, message, hint } = finding;
        HostFinding { severity, code: code.to_owned(), place: place.to_string(), message, hint }
    }
}

#[cfg(test)]
mod tests;
