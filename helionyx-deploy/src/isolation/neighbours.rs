//! What the other environments of a host would load and run, before and after an operation: that it
//! left them alone is seen, not assumed (HEL-48). Reads the host, changes nothing.

use std::collections::BTreeMap;

use camino::Utf8Path;

use crate::event::{Neighbour, chain};
use crate::host::{Host, HostError};
use crate::journal::{self, Tip};
use crate::layout::{RELEASE_ENV, UNITS_DIR};
use crate::model::finding::Place;
use crate::model::{Environment, Finding, Severity};
use crate::name::UnitName;
use crate::observe::{ask, unit_file};
use crate::plan::fingerprint::{Facts, describe, describe_file, differences};
use crate::plan::{Plan, Step};
use crate::state::unit::Shown;
use crate::tool::systemctl;

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
        let all: Vec<UnitName> = others.iter().flat_map(|other| units(other)).collect();
        let shown = match all.is_empty() {
            true => Ok(BTreeMap::new()),
            false => ask(host, "ask systemd about", &systemctl::show(&all))
                .map(|output| systemctl::parse_show(&output.text)),
        };
        let fingerprint = |other: &&Environment| {
            let facts = facts(host, other, &shown);
            let journal = journal::tip(host, &other.layout).unwrap_or_default();
            let needs_reload = |unit: &UnitName| {
                shown.as_ref().is_ok_and(|all| all.get(unit).is_some_and(|one| one.needs_reload))
            };
            let unread = units(other).into_iter().filter(needs_reload).collect();
            (other.id(), Fingerprint { facts, unread, journal })
        };
        Fingerprints(others.iter().map(fingerprint).collect())
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
    matches!(
        step,
        Step::ReloadUnits
            | Step::EnableUnit { .. }
            | Step::RemoveUnit { .. }
            | Step::InstallRecovery { .. }
            | Step::RemoveRecovery { .. }
    )
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
        hint: format!(
            "look at `status --env {id}` first; `deploy --env {id}` puts back what is ours"
        ),
    }
}

fn units(environment: &Environment) -> Vec<UnitName> {
    let services = environment.services.iter();
    services.filter_map(|service| environment.unit(&service.name)).collect()
}

fn facts(
    host: &dyn Host,
    environment: &Environment,
    shown: &Result<BTreeMap<UnitName, Shown>, HostError>,
) -> Facts {
    let layout = &environment.layout;
    let mut facts = Facts::new();
    let files = [layout.current(), layout.current().join(RELEASE_ENV), layout.secrets()];
    for path in files {
        facts.insert(path.to_string(), or_why(host.node(&path).map(|node| describe(&node))));
    }
    for unit in units(environment) {
        let path = Utf8Path::new(UNITS_DIR).join(unit.as_str());
        let file = unit_file(host, &unit).map(|file| describe_file(&file));
        facts.insert(path.to_string(), or_why(file));
        let runs = match shown {
            Ok(shown) => shown.get(&unit).map(describe_unit).unwrap_or_default(),
            Err(error) => chain(error),
        };
        facts.insert(unit.to_string(), runs);
    }
    facts
}

fn describe_unit(shown: &Shown) -> String {
    let pid = shown.main_pid.map_or("no process".to_owned(), |pid| format!("pid {pid}"));
    let read = match shown.needs_reload {
        true => "systemd has not read its file since that changed",
        false => "systemd has read its file",
    };
    let Shown { active, invocation, file_state, .. } = shown;
    let begun = invocation.get(..7).map(|begun| format!(" (start {begun})")).unwrap_or_default();
    let enabled = if file_state.is_empty() { "no unit file" } else { file_state };
    format!("{active}, {pid}{begun}, {enabled}, {read}")
}

fn or_why(looked: Result<String, HostError>) -> String {
    looked.unwrap_or_else(|error| chain(&error))
}
