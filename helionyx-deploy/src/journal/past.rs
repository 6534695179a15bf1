//! What a journal's entries say about the past. No I/O.

use std::collections::BTreeSet;

use super::{Begin, Entry, Expected, Record, WentDown};
use crate::event::{Operation, Outcome};
use crate::name::{ReleaseId, ServiceName};
use crate::plan::Step;
use crate::plan::step::CurrentStep;

/// An operation that has begun and not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// How it began.
    pub begin: Begin,
    /// Whether a step was begun that a service could notice.
    pub past_the_switch: bool,
    /// The releases whose proof was about to be recorded: they were proven by this operation.
    pub proven: BTreeSet<ReleaseId>,
}

/// The operation that has begun and not ended, if there is one.
#[must_use]
pub fn unfinished(entries: &[Entry]) -> Option<Unfinished> {
    last(entries, |_| true)
}

/// The operation that ended with the state before not back, if it was the last one: a recovery may
/// try again.
#[must_use]
pub fn left_stuck(entries: &[Entry]) -> Option<Unfinished> {
    let is_stuck = |outcome| outcome == Outcome::Stuck;
    let end = entries.iter().rev().find_map(|entry| match &entry.record {
        Record::End(report) => Some(report.outcome),
        _ => None,
    });
    end.filter(|outcome| is_stuck(*outcome)).and_then(|_| last(entries, |end| !is_stuck(end)))
}

/// The last operation that no end has closed.
fn last(entries: &[Entry], closes: impl Fn(Outcome) -> bool) -> Option<Unfinished> {
    let mut open = None;
    for entry in entries {
        match &entry.record {
            Record::Begin(begin) => {
                let (begin, proven) = (begin.clone(), BTreeSet::new());
                open = Some(Unfinished { begin, past_the_switch: false, proven });
            }
            Record::Step { step } => {
                if let Some(open) = &mut open {
                    open.past_the_switch |= step.is_noticeable();
                    if let Step::Current(CurrentStep::MarkVerified { release, .. }) = &**step {
                        open.proven.insert(release.clone());
                    }
                }
            }
            Record::RollBack { .. } | Record::TakeOver { .. } => {}
            Record::End(report) if closes(report.outcome) => open = None,
            Record::End(_) => {}
        }
    }
    open
}

/// What services should do by the last operation that came to a good end. From the newest entry
/// back, and not further than that operation.
pub(super) fn expected(newest_first: impl IntoIterator<Item = Entry>) -> Expected {
    match last_done(newest_first).next() {
        None => Expected::All,
        Some(Begin { wanted: Some(services), .. }) => Expected::Only(services),
        Some(Begin {
            operation: Operation::Stop | Operation::Run | Operation::Uninstall, ..
        }) => Expected::Nothing,
        Some(_) => Expected::All,
    }
}

/// The services that ran until one of these was stopped by name, and that nobody has stopped or
/// started by name since.
pub(super) fn went_down_with(
    newest_first: impl IntoIterator<Item = Entry>,
    names: &BTreeSet<ServiceName>,
) -> WentDown {
    let mut named_since = BTreeSet::new();
    for Begin { operation, before, services, wanted, .. } in last_done(newest_first) {
        if services.is_empty() {
            break;
        }
        if operation == Operation::Stop && services.iter().any(|name| names.contains(name)) {
            let stayed = wanted.unwrap_or_default().into_iter().chain(named_since).collect();
            return WentDown { ran: Expected::of(&before), stayed };
        }
        named_since.extend(services);
    }
    WentDown { ran: Expected::Nothing, stayed: BTreeSet::new() }
}

/// The operations that came to a good end, the newest first.
fn last_done(newest_first: impl IntoIterator<Item = Entry>) -> impl Iterator<Item = Begin> {
    let mut ended_well = false;
    newest_first.into_iter().filter_map(move |entry| match entry.record {
        Record::End(report) => {
            ended_well |= report.outcome == Outcome::Deployed;
            None
        }
        Record::Begin(begin) => std::mem::take(&mut ended_well).then_some(begin),
        Record::Step { .. } | Record::RollBack { .. } | Record::TakeOver { .. } => None,
    })
}
