//! An operation that was cut short is brought to an end: by observing and reaching again.

use super::ending::Ending;
use super::{Restored, Session};
use crate::event::{Event, Operation, Outcome, Report};
use crate::host::HostError;
use crate::journal::{self, Before, Unfinished};
use crate::name::ReleaseId;
use crate::observe::observe;
use crate::state::HostState;

impl Session<'_, '_> {
    /// Brings an operation that was cut short to an end: what it wanted, if that was proven already
    /// or needs no proof, else the state before.
    ///
    /// # Errors
    /// When the host could not be looked at: then nothing was done.
    pub(in crate::operate) fn recover(&mut self) -> Result<Option<Report>, HostError> {
        let begin = self.host.elapsed();
        let layout = &self.environment.layout;
        if journal::tip(self.host, layout)?.is_none_or(|entry| entry.is_end()) {
            return Ok(None);
        }
        let entries = journal::recent(self.host, layout)?;
        let Some(unfinished) = journal::unfinished(&entries) else { return Ok(None) };
        let found = observe(self.host, self.environment)?;
        (self.events)(Event::Recovering {
            operation: unfinished.begin.operation,
            from: unfinished.begin.before.release.clone(),
            to: unfinished.begin.to.clone(),
        });
        self.clean_up();
        let ending = self.recovered(&unfinished, &found);
        let previous = found.current.release().cloned();
        Ok(Some(self.end(Operation::Recover, previous, &ending, begin)))
    }

    fn recovered(&mut self, unfinished: &Unfinished, found: &HostState) -> Ending {
        let operation = unfinished.begin.operation;
        let mut ending = Ending::default();
        if !unfinished.past_the_switch {
            ending.failed =
                unfinished.begin.to.clone().filter(|to| !found.releases.contains_key(to));
            ending.error = Some(format!("{operation} was cut short before it touched a service"));
            return ending;
        }
        if let Some(finish) = finish(unfinished, found)
            && self.restore(&finish, &mut ending).is_ok()
        {
            ending.outcome = Outcome::Deployed;
            return ending;
        }
        self.taken_back(unfinished, found, &mut ending);
        ending
    }

    fn taken_back(&mut self, unfinished: &Unfinished, found: &HostState, ending: &mut Ending) {
        let before = &unfinished.begin.before;
        let to = unfinished.begin.to.as_ref().filter(|to| before.release.as_ref() != Some(*to));
        ending.failed = to.cloned();
        ending.error = Some(format!("{} was cut short", unfinished.begin.operation));
        if let Some(to) = to.filter(|to| proven_since(unfinished, found, to)) {
            self.withdraw_proof(to);
        }
        ending.outcome = match self.restore(before, ending) {
            Ok(Restored::Anew) if before.running && before.release.is_some() => Outcome::RolledBack,
            Ok(_) => Outcome::Failed,
            Err(error) => {
                ending.error = Some(error);
                Outcome::Stuck
            }
        };
    }
}

/// What the operation wanted, if it had come so far that only the rest is to be done.
fn finish(unfinished: &Unfinished, found: &HostState) -> Option<Before> {
    let begin = &unfinished.begin;
    if begin.operation == Operation::Stop {
        return Some(Before { running: false, ..begin.before.clone() });
    }
    let to = begin.to.as_ref()?;
    let arrived = found.current.release() == Some(to) && found.is_verified(to);
    (arrived && proven_since(unfinished, found, to))
        .then(|| Before { release: Some(to.clone()), running: true })
}

/// Whether a release was proven by the operation itself: an older proof says nothing about it.
fn proven_since(unfinished: &Unfinished, found: &HostState, release: &ReleaseId) -> bool {
    found.verification(release).is_some_and(|record| record.at >= unfinished.since)
}
