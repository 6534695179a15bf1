//! What the other environments of a host would load and run, before and after an operation: that it
//! left them alone is seen, not assumed (HEL-48). Reads the host, changes nothing.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use crate::event::{Neighbour, chain};
use crate::hint;
use crate::host::{Host, HostError};
use crate::journal::{self, Tip};
use crate::layout::{RELEASE_ENV, UNITS_DIR};
use crate::model::finding::Place;
use crate::model::{Environment, Finding, Severity};
use crate::name::UnitName;
use crate::plan::fingerprint::{Facts, describe, differences};
use crate::plan::step::HostStep;
use crate::plan::{Plan, Step};
use crate::state::HostState;
use crate::supervise::{self, Answer, ask_all, modelled};

/// What other environments are like at one moment, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprints(BTreeMap<String, Fingerprint>);

/// What one is like.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fingerprint {
    facts: Facts,
    /// Its units that have changed since systemd read them.
    unread: Vec<UnitName>,
    /// The end of its journal: with another one, somebody was at work there.
    journal: Option<Tip>,
}

impl Fingerprints {
    /// Looks at environments. What cannot be looked at is a fact like all others.
    pub fn of(host: &dyn Host, others: &[&Environment]) -> Fingerprints {
        let nothing = HostState::default();
        let all: Vec<_> = others.iter().map(|other| (*other, &nothing)).collect();
        let answers = ask_all(host, &all);
        let fingerprint = |(other, answer): (&&Environment, Result<Answer, HostError>)| {
            let supervise::Fingerprint { mut facts, unread } =
                modelled(host, other).fingerprint(&answer);
            facts.extend(files(host, other));
            let journal = journal::tip(host, &other.layout).unwrap_or_default();
            (other.id(), Fingerprint { facts, unread, journal })
        };
        Fingerprints(others.iter().zip(answers).map(fingerprint).collect())
    }

    /// What of them a plan would have systemd load that it has not read yet: somebody has changed it,
    /// and perhaps not finished.
    #[must_use]
    pub fn loaded_by(&self, plan: &Plan) -> Vec<Finding> {
        if !plan.steps.iter().any(has_units_read) {
            return Vec::new();
        }
        let unread = self.0.iter().flat_map(|(id, one)| one.unread.iter().map(move |u| (id, u)));
        unread.map(|(id, unit)| unread_unit(id, unit)).collect()
    }

    /// What became of each, in `later`.
    #[must_use]
    pub fn compared(&self, later: &Fingerprints) -> Vec<Neighbour> {
        let pairs = self.0.iter().filter_map(|(id, then)| Some((id, then, later.0.get(id)?)));
        let told = pairs.map(|(id, then, now)| Neighbour {
            environment: id.clone(),
            changes: differences(&then.facts, &now.facts),
            was_at_work: then.journal != now.journal
                || now.journal.as_ref().is_some_and(Tip::is_open),
        });
        told.collect()
    }
}

/// What a plan would have systemd load of other environments: see [`Fingerprints::loaded_by`]. Where
/// it has systemd read nothing, nothing is looked at.
#[must_use]
pub fn loaded_by(plan: &Plan, host: &dyn Host, others: &[&Environment]) -> Vec<Finding> {
    match plan.steps.iter().any(has_units_read) {
        true => Fingerprints::of(host, others).loaded_by(plan),
        false => Vec::new(),
    }
}

/// Whether a step has systemd read all units that have changed, whoever changed them.
fn has_units_read(step: &Step) -> bool {
    let Step::Host(step) = step else { return false };
    match step {
        HostStep::ReloadUnits
        | HostStep::EnableUnit { .. }
        | HostStep::RemoveUnit { .. }
        | HostStep::InstallRecovery { .. }
        | HostStep::RemoveRecovery { .. } => true,
        HostStep::CreateUser { .. }
        | HostStep::RemoveUser { .. }
        | HostStep::WriteUnit { .. }
        | HostStep::InstallTool { .. }
        | HostStep::RemoveTool => false,
    }
}

fn unread_unit(id: &str, unit: &UnitName) -> Finding {
    Finding {
        place: Place::file(Utf8Path::new(UNITS_DIR).join(unit.as_str())),
        severity: Severity::Warning,
        code: "unit-not-read",
        message: format!(
            "{unit} of {id} has changed since systemd read it: this plan has systemd read all its \
             units, and loads the change"
        ),
        hint: hint!(
            "look at ",
            hint::command_for("status", id),
            " first; ",
            hint::command_for("deploy", id),
            " puts back what is ours"
        ),
    }
}

/// What says which release and which values the environment runs with.
fn files(host: &dyn Host, environment: &Environment) -> Facts {
    let layout = &environment.layout;
    let files = [layout.current(), layout.current().join(RELEASE_ENV), layout.secrets()];
    let fact = |path: Utf8PathBuf| {
        let node = host.node(&path).map(|node| describe(&node));
        (path.to_string(), node.unwrap_or_else(|error| chain(&error)))
    };
    files.into_iter().map(fact).collect()
}
