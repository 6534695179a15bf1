//! The system's own journal as a witness: what it is told at the end of each operation, and which
//! entries of our journal it names. Reads through `host`.

use super::audit::Place;
use crate::event::{Operation, Outcome, Report, chain};
use crate::host::Host;
use crate::model::Environment;
use crate::release::{Actor, Anchor};
use crate::tool::journalctl::{self, IDENTIFIER};

/// How many characters of an error are told.
const ERROR_LENGTH: usize = 300;

/// What the system's journal is told of an operation that has ended: a message for people, and which
/// entry of our journal is the last. Number 0 says that the journal ends here and is removed: what
/// comes after it begins anew.
#[must_use]
pub fn testimony(
    environment: &Environment,
    report: &Report,
    by: &Actor,
    last: Anchor,
) -> Vec<(&'static str, String)> {
    let outcome = serde_json::to_value(report.outcome).unwrap_or_default();
    vec![
        ("MESSAGE", message(&environment.id(), report, by)),
        ("SYSLOG_IDENTIFIER", IDENTIFIER.to_owned()),
        ("PRIORITY", "6".to_owned()),
        ("HELIONYX_APP", environment.app.to_string()),
        ("HELIONYX_ENVIRONMENT", environment.name.to_string()),
        ("HELIONYX_ROOT", environment.layout.root.to_string()),
        ("HELIONYX_OUTCOME", outcome.as_str().unwrap_or_default().to_owned()),
        (journalctl::NUMBER, last.number.to_string()),
        (journalctl::LINE, last.line.to_string()),
    ]
}

/// What happened, in a sentence: `deployed 20261121T… to helionyx/dev by root`.
fn message(id: &str, report: &Report, by: &Actor) -> String {
    let release = report.release.as_ref().map_or("no release".to_owned(), ToString::to_string);
    let (operation, user) = (report.operation, &by.user);
    let done = match operation {
        Operation::Deploy => format!("deployed {release} to {id}"),
        Operation::Rollback => format!("rolled {id} back to {release}"),
        Operation::Start => format!("started {id} with {release}"),
        Operation::Run => format!("ran {id} with {release} in the foreground"),
        Operation::Stop => format!("stopped {id}"),
        Operation::Restart => format!("restarted {id} with {release}"),
        Operation::Setup => format!("set up {id}"),
        Operation::Uninstall => format!("uninstalled {id}"),
        Operation::Recover => format!("brought {id} to an end"),
    };
    let what = match report.outcome {
        // What failed is the operation that was cut short.
        Outcome::RolledBack if operation == Operation::Recover => {
            return format!("recovered {id}, {release} is back, by {user}{}", why(report));
        }
        Outcome::Deployed | Outcome::Unchanged => return format!("{done} by {user}"),
        Outcome::RolledBack => format!("failed, {release} is back"),
        Outcome::Failed => "failed".to_owned(),
        Outcome::Stuck => "failed and the rollback failed too".to_owned(),
    };
    format!("{operation} of {id} by {user} {what}{}", why(report))
}

/// The first line of what went wrong.
fn why(report: &Report) -> String {
    let why = report.error.as_ref().and_then(|error| error.lines().next()).unwrap_or_default();
    let why: String = why.chars().take(ERROR_LENGTH).collect();
    if why.is_empty() { why } else { format!(": {why}") }
}

/// The entries of an environment's journal that the system's journal names, the last ones first; none
/// from before the journal was removed.
///
/// # Errors
/// Why the system's journal could not be asked, in words.
pub(super) fn anchors(
    host: &dyn Host,
    environment: &Environment,
) -> Result<Vec<(Place, Anchor)>, String> {
    let command = journalctl::anchors(&environment.layout.root);
    let output = host.run(&command, &mut |_| {}).map_err(|error| chain(&error))?;
    if !output.status.success() {
        let said = output.tail(1).concat();
        return Err(format!("`journalctl` ends with {}: {said}", output.status));
    }
    let told = journalctl::parse_anchors(&output.text);
    let told = told.into_iter().take_while(|anchor| anchor.number > 0);
    Ok(told.map(|anchor| (Place::SystemJournal, anchor)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(operation: Operation, outcome: Outcome, error: Option<&str>) -> String {
        let report = Report {
            operation,
            outcome,
            release: Some("20261121T011037Z-3fa2c1d".parse().unwrap()),
            previous: None,
            commit: None,
            source: None,
            failed: None,
            error: error.map(str::to_owned),
            steps: 0,
            duration_ms: 0,
            downtime_ms: None,
            sync_ms: 0,
            evidence: None,
            neighbours: Vec::new(),
            left: Vec::new(),
        };
        let by = Actor { user: "root".into(), host: "node1".into(), tool: "0.1.0".into() };
        message("helionyx/dev", &report, &by)
    }

    #[test]
    fn people_read_in_one_line_who_did_what_and_what_came_of_it() {
        for (operation, outcome, error, expected) in [
            (
                Operation::Deploy,
                Outcome::Deployed,
                None,
                "deployed 20261121T011037Z-3fa2c1d to helionyx/dev by root",
            ),
            (
                Operation::Rollback,
                Outcome::Deployed,
                None,
                "rolled helionyx/dev back to 20261121T011037Z-3fa2c1d by root",
            ),
            (Operation::Stop, Outcome::Deployed, None, "stopped helionyx/dev by root"),
            (
                Operation::Deploy,
                Outcome::RolledBack,
                Some("api did not start\nmore"),
                "deploy of helionyx/dev by root failed, 20261121T011037Z-3fa2c1d is back: api did not start",
            ),
            (
                Operation::Recover,
                Outcome::RolledBack,
                Some("deploy was cut short"),
                "recovered helionyx/dev, 20261121T011037Z-3fa2c1d is back, by root: deploy was cut short",
            ),
            (
                Operation::Recover,
                Outcome::Stuck,
                Some("x"),
                "recover of helionyx/dev by root failed and the rollback failed too: x",
            ),
        ] {
            assert_eq!(said(operation, outcome, error), expected);
        }
    }
}
