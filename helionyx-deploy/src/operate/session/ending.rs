//! How an operation ends: its report.

use std::time::Duration;

use camino::Utf8PathBuf;

use super::Session;
use crate::apply::Applied;
use crate::event::{Operation, Outcome, Report, chain};
use crate::host::Host;
use crate::journal::{Record, witness};
use crate::name::ReleaseId;
use crate::observe::observe;
use crate::plan::runtime::rules;
use crate::state::HostState;
use crate::time::millis;

/// How an operation comes to its end.
pub(super) struct Ending {
    pub(super) outcome: Outcome,
    pub(super) failed: Option<ReleaseId>,
    pub(super) error: Option<String>,
    pub(super) steps: usize,
    pub(super) downtime: Option<Duration>,
    pub(super) down_since: Option<Duration>,
    pub(super) evidence: Option<Utf8PathBuf>,
}

impl Default for Ending {
    fn default() -> Self {
        Ending {
            outcome: Outcome::Failed,
            failed: None,
            error: None,
            steps: 0,
            downtime: None,
            down_since: None,
            evidence: None,
        }
    }
}

impl Ending {
    pub(super) fn of(applied: &Applied) -> Ending {
        let Applied { done, downtime, down_since, .. } = *applied;
        Ending { steps: done, downtime, down_since, ..Ending::default() }
    }
}

impl Session<'_, '_> {
    /// Reports how an operation ended, and writes it down.
    pub(super) fn end(
        &mut self,
        operation: Operation,
        previous: Option<ReleaseId>,
        ending: &Ending,
        begin: Duration,
    ) -> Report {
        let seen = self.last_look.take().map_or_else(|| observe(self.host, self.environment), Ok);
        let found = seen.unwrap_or_else(|error| {
            self.warn(format!("the report does not say what is in use: {}", chain(&error)));
            HostState::default()
        });
        let mut report = report(self.host, operation, ending.outcome, &found, begin);
        report.previous = previous;
        report.failed = ending.failed.clone();
        report.error = ending.error.clone();
        report.steps = ending.steps;
        report.downtime_ms = ending.downtime.map(millis);
        report.sync_ms = millis(self.host.syncing().saturating_sub(self.syncing));
        report.evidence = ending.evidence.clone();
        self.note(Record::End(report.clone()));
        self.anchor_the_journal();
        self.tell_the_system(&report);
        report
    }

    /// Names the journal's last entry beside it: whoever cuts whole entries off its end is seen.
    fn anchor_the_journal(&mut self) {
        let path = self.environment.layout.journal_head();
        let text = serde_json::to_string(&self.journal.head()).unwrap_or_default() + "\n";
        let written = self.host.write(&path, text.as_bytes(), 0o644);
        if let Err(error) = written
            && self.journal.still_ours().is_ok()
        {
            self.warn(chain(&error));
        }
    }
}

impl Session<'_, '_> {
    /// Names the journal's last entry to the system's journal, where systemd runs the services: what
    /// is told there cannot be taken back by who may write to the root.
    fn tell_the_system(&mut self, report: &Report) {
        let last = self.journal.head();
        if !rules(self.environment).needs().systemd || last.number == 0 {
            return;
        }
        let told = witness::testimony(self.environment, report, &self.host.actor(), last);
        if let Err(error) = self.host.announce(&told)
            && self.journal.still_ours().is_ok()
        {
            self.warn(chain(&error));
        }
    }
}

/// The report of an operation that found nothing to do.
pub(in crate::operate) fn unchanged(
    host: &dyn Host,
    operation: Operation,
    found: &HostState,
    begin: Duration,
) -> Report {
    let mut report = report(host, operation, Outcome::Unchanged, found, begin);
    report.previous = report.release.clone();
    report
}

fn report(
    host: &dyn Host,
    operation: Operation,
    outcome: Outcome,
    found: &HostState,
    begin: Duration,
) -> Report {
    let release = found.current.release().cloned();
    let manifest = release.as_ref().and_then(|id| found.manifest(id));
    let source = manifest.map(|manifest| manifest.source.clone());
    Report {
        operation,
        outcome,
        commit: source.as_ref().and_then(|source| source.commit().cloned()),
        source,
        release,
        previous: None,
        failed: None,
        error: None,
        steps: 0,
        duration_ms: millis(host.elapsed().saturating_sub(begin)),
        downtime_ms: None,
        sync_ms: 0,
        evidence: None,
        neighbours: Vec::new(),
        left: Vec::new(),
    }
}
