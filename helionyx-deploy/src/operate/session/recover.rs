//! An operation that was cut short is brought to an end: by observing and reaching again.

use std::time::Duration;

use super::Session;
use super::ending::Ending;
use super::restore::Restored;
use crate::event::{Event, Operation, Outcome, Report};
use crate::host::HostError;
use crate::journal::{self, Before, Begin, Tip, Unfinished};
use crate::observe::observe;
use crate::operate::Goal;
use crate::state::HostState;

/// What came of a recovery.
pub(in crate::operate) struct Recovered {
    pub(in crate::operate) report: Report,
    /// Whether it took a deploy back that had replaced the release before.
    took_a_deploy_back: bool,
}

impl Recovered {
    /// The report of a rollback to the release before, where the recovery has gone back to it
    /// already: to go back once more would be one release too many.
    pub(in crate::operate) fn as_rollback(&self, goal: &Goal) -> Option<Report> {
        let is_done = self.took_a_deploy_back && *goal == Goal::Rollback(None);
        let (operation, outcome) = (Operation::Rollback, Outcome::Deployed);
        is_done.then(|| Report { operation, outcome, ..self.report.clone() })
    }
}

impl Session<'_, '_> {
    /// Brings an operation that was cut short to an end: what it wanted, if that was proven already
    /// or needs no proof, else the state before.
    ///
    /// # Errors
    /// When the host could not be looked at: then nothing was done.
    pub(in crate::operate) fn recover(&mut self) -> Result<Option<Recovered>, HostError> {
        let begin = self.host.elapsed();
        let layout = &self.environment.layout;
        let torn = self.journal.torn();
        if torn == 0 && !journal::tip(self.host, layout)?.as_ref().is_some_and(Tip::is_open) {
            return Ok(None);
        }
        let found = observe(self.host, self.environment)?;
        let previous = found.current.release().cloned();
        let recent = journal::unfinished(&journal::recent(self.host, layout)?);
        let unfinished = match recent {
            None => journal::unfinished(&journal::all(self.host, layout)?),
            recent => recent,
        };
        let Some(unfinished) = unfinished else {
            // Nothing had begun: the journal only ended in something that ends nothing.
            let error = (torn > 0).then(|| format!("{torn} bytes of a torn entry were cut off"));
            let ending = Ending { outcome: Outcome::Unchanged, error, ..Ending::default() };
            let report = self.end(Operation::Recover, previous, &ending, begin);
            return Ok(Some(Recovered { report, took_a_deploy_back: false }));
        };
        self.clean_up();
        Ok(Some(self.bring_to_an_end(&unfinished, &found, begin)))
    }

    /// Tries again what the last operation could not: to bring the state before it back. Only when
    /// that is asked for: what is broken for good would hold up every other command.
    ///
    /// # Errors
    /// When the host could not be looked at: then nothing was done.
    pub(in crate::operate) fn try_again(&mut self) -> Result<Option<Recovered>, HostError> {
        let begin = self.host.elapsed();
        let layout = &self.environment.layout;
        let Some(stuck) = journal::left_stuck(&journal::recent(self.host, layout)?) else {
            return Ok(None);
        };
        let found = observe(self.host, self.environment)?;
        Ok(Some(self.bring_to_an_end(&stuck, &found, begin)))
    }

    fn bring_to_an_end(
        &mut self,
        unfinished: &Unfinished,
        found: &HostState,
        since: Duration,
    ) -> Recovered {
        let Begin { operation, before, to, .. } = unfinished.begin.clone();
        let previous = found.current.release().cloned();
        (self.events)(Event::Recovering { operation, from: before.release, to });
        let ending = self.recovered(unfinished, found);
        Recovered {
            took_a_deploy_back: took_a_deploy_back(unfinished, &ending),
            report: self.end(Operation::Recover, previous, &ending, since),
        }
    }

    fn recovered(&mut self, unfinished: &Unfinished, found: &HostState) -> Ending {
        let operation = unfinished.begin.operation;
        let mut ending = Ending::default();
        if !unfinished.past_the_switch {
            ending.failed =
                unfinished.begin.to.clone().filter(|to| !found.releases.contains_key(to));
            ending.error = Some(format!("{operation} was cut short before it touched a service"));
            self.stand_down();
            return ending;
        }
        if let Some(finish) = finish(unfinished, found)
            && self.restore(&finish, &mut ending).is_ok()
        {
            ending.outcome = Outcome::Deployed;
            return ending;
        }
        self.taken_back(unfinished, &mut ending);
        ending
    }

    fn taken_back(&mut self, unfinished: &Unfinished, ending: &mut Ending) {
        let before = &unfinished.begin.before;
        let to = unfinished.begin.to.as_ref().filter(|to| before.release.as_ref() != Some(*to));
        ending.failed = to.cloned();
        ending.error = Some(format!("{} was cut short", unfinished.begin.operation));
        if let Some(to) = to.filter(|to| unfinished.proven.contains(*to)) {
            self.withdraw_proof(to);
        }
        ending.outcome = match self.restore(before, ending) {
            Ok(Restored::Anew) if before.running && before.release.is_some() => Outcome::RolledBack,
            Ok(_) if before.running && before.release.is_none() => Outcome::Stuck,
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
    if let (Operation::Stop, Some(left)) = (begin.operation, &begin.wanted) {
        let (release, services) = (begin.before.release.clone(), Some(left.clone()));
        return Some(Before { release, running: !left.is_empty(), services });
    }
    if matches!(begin.operation, Operation::Stop | Operation::Run) {
        return Some(Before { release: begin.before.release.clone(), ..Before::nothing() });
    }
    if begin.operation == Operation::Uninstall {
        // What it had not removed yet the next one does.
        return Some(Before::nothing());
    }
    let to = begin.to.as_ref()?;
    let arrived = found.current.release() == Some(to) && found.is_verified(to);
    (arrived && unfinished.proven.contains(to)).then(|| Before {
        release: Some(to.clone()),
        running: true,
        services: None,
    })
}

/// Whether a recovery took a deploy back that had replaced the release before.
fn took_a_deploy_back(unfinished: &Unfinished, ending: &Ending) -> bool {
    let begin = &unfinished.begin;
    let replaced = begin.operation == Operation::Deploy && begin.to != begin.before.release;
    let back = matches!(ending.outcome, Outcome::RolledBack | Outcome::Failed);
    replaced && unfinished.past_the_switch && back && begin.before.release.is_some()
}
