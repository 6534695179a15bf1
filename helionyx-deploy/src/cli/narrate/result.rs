//! The last words of an operation: what is so now, why, and what to type next. No I/O.

use super::{Clue, Narrator};
use crate::cli::style::{BAD, COMMAND, DIM, GOOD, WARN, count, millis, paint};
use crate::event::{Operation, Outcome, Report};
use crate::status::{RunState, Status};

impl Narrator<'_> {
    /// The last words of an operation; `services` is what was seen after it, where it matters.
    pub(in crate::cli) fn result(&mut self, report: &Report, services: &[Status]) -> String {
        let good = crate::cli::exit::of_report(report) == 0;
        let glyphs = self.glyphs;
        let mark = if good { paint(GOOD, glyphs.good) } else { paint(BAD, glyphs.bad) };
        let statement = match report.outcome {
            _ if report.operation == Operation::Recover && good => recovered(report),
            Outcome::Deployed => deployed(report),
            Outcome::Unchanged => unchanged(report, services),
            Outcome::RolledBack => {
                format!(
                    "{} failed and was rolled back: {}",
                    report.operation,
                    runs_as_before(report)
                )
            }
            Outcome::Failed => {
                let now = report.release.as_ref().map(|release| format!("{release} is in use"));
                let now = now.unwrap_or_else(|| "nothing is deployed".to_owned());
                format!("{} failed: {now}, as before", report.operation)
            }
            Outcome::Stuck => {
                format!("{} failed and the rollback failed too: act now", report.operation)
            }
        };
        let details = paint(DIM, format!("{} {}", glyphs.dash, details(report)));
        let id = &self.id;
        let subject = match report.outcome {
            Outcome::Deployed | Outcome::Unchanged => format!("{id} "),
            _ if good => format!("{id} "),
            _ => format!("{id}: "),
        };
        let mut text = format!("{mark} {subject}{statement} {details}\n");
        text += &self.why(report);
        text += &neighbours(report);
        if let Some(evidence) = &report.evidence {
            text += &format!("  what is known of it is kept in {evidence}\n");
        }
        for step in &report.left {
            text += &format!("  still to be done: {step}\n");
        }
        match report.left.is_empty() {
            true if good => {}
            true => text += &self.next(report),
            false => text += "  next: mend what is in the way, then run it again\n",
        }
        text
    }

    /// What was not said before: the error, and the release that is of no use.
    fn why(&self, report: &Report) -> String {
        let error = report.error.as_ref().filter(|error| self.shown.as_ref() != Some(error));
        let mut text = String::new();
        if let Some(error) = error.filter(|_| report.operation != Operation::Recover) {
            text += &format!("  {} {error}\n", paint(BAD, "error:"));
        }
        if let Some(failed) = report.failed.as_ref().filter(|_| report.outcome != Outcome::Failed) {
            text += &format!("  release {failed} was not verified: it cannot be rolled back to\n");
        }
        text
    }

    fn next(&self, report: &Report) -> String {
        let id = &self.id;
        let commands = match (report.outcome, self.clue) {
            (Outcome::Stuck, _) => vec![format!("status --env {id}"), format!("logs --env {id}")],
            (_, Clue::Log) => vec![format!("logs --env {id}")],
            (_, Clue::Output) => vec![format!("{} --env {id} --verbose", report.operation)],
            (_, Clue::Status) => vec![format!("status --env {id}")],
        };
        let commands = commands.iter().map(|command| {
            let command = paint(COMMAND, format!("{} {command}", self.program));
            format!("  next: {command}\n")
        });
        commands.collect()
    }
}

fn deployed(report: &Report) -> String {
    if report.operation == Operation::Stop {
        return "is stopped".to_owned();
    }
    if let (Operation::Run, Some(release)) = (report.operation, &report.release) {
        return format!("ran {release} and is stopped, as before");
    }
    if report.operation == Operation::Setup {
        return "is set up".to_owned();
    }
    if report.operation == Operation::Uninstall {
        let but = if report.left.is_empty() { "" } else { ", but for what is left" };
        return format!("is uninstalled{but}");
    }
    let source = report.source.as_ref().map(|source| format!(" from {source}")).unwrap_or_default();
    match &report.release {
        Some(release) => format!("runs {release}{source}"),
        None => "runs".to_owned(),
    }
}

fn unchanged(report: &Report, services: &[Status]) -> String {
    if report.operation == Operation::Setup {
        return "is unchanged: it is set up".to_owned();
    }
    if report.operation == Operation::Uninstall {
        let left =
            if report.left.is_empty() { "nothing of it is left" } else { "what is left stays" };
        return format!("is unchanged: {left} to take back");
    }
    let running = services.iter().filter(|service| service.state == RunState::Running);
    let seen: Vec<String> = running.map(|service| one_service(service, services.len())).collect();
    let release = report.release.as_ref();
    match (release, &seen[..]) {
        (Some(release), []) => format!("is unchanged: {release} is in use, nothing runs"),
        (None, []) => "is unchanged: nothing is deployed, nothing runs".to_owned(),
        (Some(release), seen) => format!("is unchanged: {release} runs, {}", seen.join("; ")),
        (None, seen) => format!("is unchanged: {}", seen.join("; ")),
    }
}

fn one_service(service: &Status, of: usize) -> String {
    let name = if of > 1 { format!("{} ", service.unit) } else { String::new() };
    let pid = service.pid.map(|pid| format!("pid {pid}")).unwrap_or_default();
    let health = match service.ready {
        Some(true) => ", healthy",
        Some(false) => ", not healthy",
        None => "",
    };
    format!("{name}{pid}{health}")
}

fn recovered(report: &Report) -> String {
    match (&report.release, report.outcome) {
        (_, Outcome::Unchanged) => match &report.error {
            Some(found) => format!("is recovered: {found}; nothing had begun"),
            None => "has nothing to recover".to_owned(),
        },
        (None, _) => "is recovered: nothing is deployed, as before".to_owned(),
        (Some(release), Outcome::Deployed) => format!("is recovered: {release} is in use"),
        (Some(_), Outcome::RolledBack) => format!("is recovered: {}", runs_as_before(report)),
        (Some(release), _) => format!("is recovered: {release} is in use, as before"),
    }
}

/// What became of the other environments of the host.
fn neighbours(report: &Report) -> String {
    let (alone, others): (Vec<_>, Vec<_>) =
        report.neighbours.iter().partition(|one| one.changes.is_empty());
    let alone: Vec<&str> = alone.iter().map(|one| one.environment.as_str()).collect();
    let mut text = match alone.is_empty() {
        true => String::new(),
        false => paint(DIM, format!("  untouched: {}", alone.join(", "))) + "\n",
    };
    for other in others {
        let why = if other.was_at_work { ", where somebody was at work," } else { "" };
        let (id, changes) = (&other.environment, other.changes.join("; "));
        text += &format!("  {} {id}{why} is not as it was: {changes}\n", paint(WARN, "warning:"));
    }
    text
}

fn runs_as_before(report: &Report) -> String {
    match &report.release {
        Some(release) => format!("{release} runs as before"),
        None => "the state before is back".to_owned(),
    }
}

fn details(report: &Report) -> String {
    let time = millis(report.duration_ms);
    let time = match report.steps {
        0 => time,
        steps => format!("{} in {time}", count(steps, "step")),
    };
    let time = match report.sync_ms {
        0 => time,
        sync => format!("{time} ({} of it syncing)", millis(sync)),
    };
    match report.downtime_ms {
        Some(downtime) => format!("{time}, not answering for {}", millis(downtime)),
        None => time,
    }
}
