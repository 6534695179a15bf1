//! What a journal's entries say about the past. No I/O.

use std::collections::BTreeSet;

use super::{Begin, Entry, Record};
use crate::event::{Operation, Outcome};
use crate::name::ReleaseId;
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

/// Whether the services do not run because somebody wanted it so: the last operation that came to a
/// good end was a stop, ended with one, or took all away. From the newest entry back, and not further
/// than that operation.
pub(super) fn stopped_on_purpose(newest_first: impl IntoIterator<Item = Entry>) -> bool {
    let mut ended_well = false;
    for entry in newest_first {
        match entry.record {
            Record::End(report) => ended_well |= report.outcome == Outcome::Deployed,
            Record::Begin(Begin { operation, .. }) if ended_well => {
                return matches!(
                    operation,
                    Operation::Stop | Operation::Run | Operation::Uninstall
                );
            }
            Record::Begin(_)
            | Record::Step { .. }
            | Record::RollBack { .. }
            | Record::TakeOver { .. } => {}
        }
    }
    false
}
