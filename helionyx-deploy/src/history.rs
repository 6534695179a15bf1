//! Who did what to environments, when, with which result: read from their journals through `host`.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::event::{Operation, Outcome, Report};
use crate::host::{Host, HostError};
use crate::journal::{Begin, Entry, Record, recent};
use crate::model::Environment;
use crate::name::{AppName, CommitId, EnvironmentName, ReleaseId};
use crate::time::Timestamp;

/// An operation that was done, or begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// When it began.
    pub time: Timestamp,
    /// The app.
    pub app: AppName,
    /// The environment.
    pub environment: EnvironmentName,
    /// What was asked for.
    pub operation: Operation,
    /// By whom.
    pub by: String,
    /// The version of the program that did it.
    pub tool: String,
    /// The release in use at its begin.
    pub from: Option<ReleaseId>,
    /// The release that it was to bring.
    pub to: Option<ReleaseId>,
    /// The release in use at its end.
    pub release: Option<ReleaseId>,
    /// The commit of that release.
    pub commit: Option<CommitId>,
    /// How it ended.
    pub outcome: End,
    /// Why it failed: the error and its causes.
    pub error: Option<String>,
    /// How many steps it did.
    pub steps: Option<usize>,
    /// How long it took.
    pub duration_ms: Option<u64>,
    /// The directory that keeps what is needed to understand why it failed.
    pub evidence: Option<Utf8PathBuf>,
    /// Who took the lock from it.
    pub taken_over_by: Option<String>,
    /// Whether it was cut short, and `recover` brought it to its end.
    pub recovered: bool,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum End {
    /// With this outcome.
    Known(Outcome),
    /// Nobody knows.
    Unknown(Unfinished),
}

/// An operation of which no end is written: it is at work, or was cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unfinished {
    /// The only word for it.
    Unfinished,
}

impl Past {
    /// `app/environment`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.app, self.environment)
    }
}

/// The last operations on these environments, at most `count`, the newest first: as far as the last
/// mebibyte of each journal tells.
///
/// # Errors
/// When a journal cannot be read.
pub fn history(
    host: &dyn Host,
    environments: &[&Environment],
    count: usize,
) -> Result<Vec<Past>, HostError> {
    let mut all = Vec::new();
    for environment in environments {
        all.extend(operations(environment, &recent(host, &environment.layout)?));
    }
    all.sort_by_key(|past| std::cmp::Reverse(past.time));
    all.truncate(count);
    Ok(all)
}

/// The operations of a journal, the oldest first.
pub(crate) fn operations(environment: &Environment, entries: &[Entry]) -> Vec<Past> {
    let mut operations: Vec<Past> = Vec::new();
    let mut open: Option<Past> = None;
    for entry in entries {
        match &entry.record {
            Record::Begin(begin) => {
                operations.extend(open.replace(begun(environment, entry.time, begin)));
            }
            // The begin of what ended may lie before the part of the journal that was read.
            Record::End(report) => {
                let past = open.take().or_else(|| tried_again(&mut operations, report));
                operations.extend(past.map(|past| ended(past, report)));
            }
            Record::TakeOver { by, .. } => {
                if let Some(past) = &mut open {
                    past.taken_over_by = Some(by.to_string());
                }
            }
            Record::Step { .. } | Record::RollBack { .. } => {}
        }
    }
    operations.extend(open);
    operations
}

/// What had ended without a way back, where a recovery has tried again: it has no begin of its own.
fn tried_again(operations: &mut Vec<Past>, report: &Report) -> Option<Past> {
    let is_stuck = |past: &mut Past| past.outcome == End::Known(Outcome::Stuck);
    operations.pop_if(|past| report.operation == Operation::Recover && is_stuck(past))
}

fn begun(environment: &Environment, time: Timestamp, begin: &Begin) -> Past {
    Past {
        time,
        app: environment.app.clone(),
        environment: environment.name.clone(),
        operation: begin.operation,
        by: begin.by.to_string(),
        tool: begin.by.tool.clone(),
        from: begin.before.release.clone(),
        to: begin.to.clone(),
        release: None,
        commit: None,
        outcome: End::Unknown(Unfinished::Unfinished),
        error: None,
        steps: None,
        duration_ms: None,
        evidence: None,
        taken_over_by: None,
        recovered: false,
    }
}

fn ended(past: Past, report: &Report) -> Past {
    Past {
        release: report.release.clone(),
        commit: report.commit.clone(),
        outcome: End::Known(report.outcome),
        error: report.error.clone(),
        steps: Some(report.steps),
        duration_ms: Some(report.duration_ms),
        evidence: report.evidence.clone(),
        recovered: report.operation == Operation::Recover && past.operation != Operation::Recover,
        ..past
    }
}
