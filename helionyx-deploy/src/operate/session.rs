//! An operation under the lock: carried out, or taken back; and one that was cut short, recovered.

use std::time::Duration;

use super::OperateError;
use crate::apply::{Applied, Heed, Work, apply};
use crate::event::{Event, Operation, Outcome, Report, chain};
use crate::host::Host;
use crate::journal::{self, Before, Begin, Journal, Record};
use crate::model::Environment;
use crate::name::ReleaseId;
use crate::observe::observe;
use crate::plan::{Desired, Plan, Run, Target, clean_up, reach};
use crate::state::HostState;
use crate::time::millis;

/// An operation under the lock.
pub(super) struct Session<'s, 'j> {
    pub(super) host: &'s dyn Host,
    pub(super) environment: &'s Environment,
    pub(super) journal: &'s mut Journal<'j>,
    pub(super) events: &'s mut dyn FnMut(Event),
}

impl Session<'_, '_> {
    /// Carries a plan out, and goes back to the state before when that fails.
    pub(super) fn carry_out(
        &mut self,
        operation: Operation,
        desired: &Desired,
        plan: &Plan,
        found: &HostState,
        begin: Duration,
    ) -> Result<Report, OperateError> {
        let entries = journal::recent(self.host, &self.environment.layout)?;
        let before = before(found, journal::stopped_on_purpose(&entries));
        self.journal.write(Record::Begin(Begin {
            operation,
            by: self.host.actor(),
            before: before.clone(),
            to: plan.to.clone(),
        }))?;
        (self.events)(Event::plan(plan));
        let applied = self.apply(plan, Heed::Interruptions, None);
        let mut ending = Ending::of(&applied);
        let failure = match applied.failure {
            Some((_, error)) => Some(chain(&error)),
            None => self.is_reached(desired).err(),
        };
        match failure {
            None => ending.outcome = Outcome::Deployed,
            Some(error) => {
                ending.failed = plan.to.clone().filter(|to| Some(to) != plan.from.as_ref());
                ending.error = Some(error);
                let went_far = applied.past_the_switch;
                self.go_back(&before, went_far, &mut ending)?;
            }
        }
        self.end(operation, plan.from.clone(), &ending, begin)
    }

    fn apply(&mut self, plan: &Plan, heed: Heed, down_since: Option<Duration>) -> Applied {
        let (host, events) = (self.host, &mut *self.events);
        apply(plan, &mut Work { host, journal: self.journal, events, heed, down_since })
    }

    /// Whether the host is now what it should be: seen, not assumed.
    fn is_reached(&self, desired: &Desired) -> Result<(), String> {
        let found = observe(self.host, self.environment).map_err(|error| chain(&error))?;
        let left = match reach(desired, &found) {
            Ok(plan) => plan
                .steps
                .iter()
                .filter(|s| !s.is_housekeeping())
                .map(ToString::to_string)
                .collect(),
            Err(refusals) => refusals.iter().map(ToString::to_string).collect::<Vec<_>>(),
        };
        match left.first() {
            None => Ok(()),
            Some(first) => {
                Err(format!("all steps were done, but it would still be needed to {first}"))
            }
        }
    }

    /// Reaches the state before, as far as the failed plan had left it.
    fn go_back(
        &mut self,
        before: &Before,
        past_the_switch: bool,
        ending: &mut Ending,
    ) -> Result<(), OperateError> {
        ending.outcome = Outcome::Failed;
        if !past_the_switch {
            self.clean_up()?;
            return Ok(());
        }
        let because = ending.error.clone().unwrap_or_default();
        self.journal.write(Record::RollBack { because })?;
        (self.events)(Event::RollingBack { to: before.release.clone() });
        let restored = self.restore(before, ending);
        ending.outcome = match restored {
            Ok(Restored::Anew) if before.running && before.release.is_some() => Outcome::RolledBack,
            Ok(_) => Outcome::Failed,
            Err(error) => {
                ending.error = ending.error.take().map(|first| format!("{first}; then: {error}"));
                Outcome::Stuck
            }
        };
        Ok(())
    }

    /// Reaches the state before; the error in words.
    fn restore(&mut self, before: &Before, ending: &mut Ending) -> Result<Restored, String> {
        let desired = Desired {
            environment: self.environment.clone(),
            target: before.release.clone().map_or(Target::Nothing, Target::Existing),
            run: if before.running { Run::Running } else { Run::Stopped },
        };
        let found = observe(self.host, self.environment).map_err(|error| chain(&error))?;
        let plan = reach(&desired, &found).map_err(|refusals| {
            refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        })?;
        if plan.is_empty() {
            return Ok(Restored::NeverLeft);
        }
        let applied = self.apply(&plan, Heed::Nothing, ending.down_since);
        ending.steps += applied.done;
        ending.downtime = ending.downtime.max(applied.downtime);
        match applied.failure {
            Some((_, error)) => Err(chain(&error)),
            None => self.is_reached(&desired).map(|()| Restored::Anew),
        }
    }

    /// Removes what a build left behind; what cannot be removed now is removed by the next one.
    fn clean_up(&mut self) -> Result<(), OperateError> {
        let found = observe(self.host, self.environment)?;
        let plan = clean_up(self.environment, &found);
        self.apply(&plan, Heed::Nothing, None);
        Ok(())
    }

    /// Brings an operation that was cut short to an end: the new release if it was verified
    /// already, else the state before.
    pub(super) fn recover(&mut self) -> Result<Option<Report>, OperateError> {
        let begin = self.host.elapsed();
        let entries = journal::recent(self.host, &self.environment.layout)?;
        let Some(unfinished) = journal::unfinished(&entries) else { return Ok(None) };
        let Begin { operation, mut before, to, .. } = unfinished.begin;
        (self.events)(Event::Recovering {
            operation,
            from: before.release.clone(),
            to: to.clone(),
        });
        let found = observe(self.host, self.environment)?;
        let finish =
            to.as_ref().filter(|id| found.is_verified(id) && found.current.release() == Some(*id));
        let mut ending =
            Ending { error: Some(format!("{operation} was cut short")), ..Ending::default() };
        if let Some(to) = finish.filter(|_| operation != Operation::Stop) {
            ending.error = None;
            before = Before { release: Some(to.clone()), running: true };
        }
        if operation == Operation::Stop {
            ending.error = None;
            before.running = false;
        }
        ending.failed = to.clone().filter(|to| before.release.as_ref() != Some(to));
        self.clean_up()?;
        let restored = if unfinished.past_the_switch {
            self.restore(&before, &mut ending)
        } else {
            Ok(Restored::NeverLeft)
        };
        ending.outcome = match restored {
            Ok(_) if ending.error.is_none() => Outcome::Deployed,
            Ok(Restored::Anew) if before.running => Outcome::RolledBack,
            Ok(_) => Outcome::Failed,
            Err(error) => {
                ending.error = Some(error);
                Outcome::Stuck
            }
        };
        self.end(Operation::Recover, found.current.release().cloned(), &ending, begin).map(Some)
    }

    fn end(
        &mut self,
        operation: Operation,
        previous: Option<ReleaseId>,
        ending: &Ending,
        begin: Duration,
    ) -> Result<Report, OperateError> {
        let found = observe(self.host, self.environment)?;
        let mut report = report(self.host, operation, ending.outcome, &found, begin);
        report.previous = previous;
        report.failed = ending.failed.clone();
        report.error = ending.error.clone();
        report.steps = ending.steps;
        report.downtime_ms = ending.downtime.map(millis);
        self.journal.write(Record::End(report.clone()))?;
        Ok(report)
    }
}

/// How the state before came to be again.
enum Restored {
    /// It was never left.
    NeverLeft,
    /// By steps that were done, and proven.
    Anew,
}

/// How an operation comes to its end.
struct Ending {
    outcome: Outcome,
    failed: Option<ReleaseId>,
    error: Option<String>,
    steps: usize,
    downtime: Option<Duration>,
    down_since: Option<Duration>,
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
        }
    }
}

impl Ending {
    fn of(applied: &Applied) -> Ending {
        let Applied { done, downtime, down_since, .. } = *applied;
        Ending { steps: done, downtime, down_since, ..Ending::default() }
    }
}

/// The state to go back to: the verified release in use, or the one that was verified last. It runs
/// unless somebody had stopped it: a service that is down for another reason is wanted back.
fn before(found: &HostState, stopped_on_purpose: bool) -> Before {
    let current = found.current.release();
    let release =
        current.filter(|id| found.is_verified(id)).cloned().or_else(|| found.last_verified());
    let runs = found.services.values().any(|service| service.main().is_some());
    Before { running: runs || (release.is_some() && !stopped_on_purpose), release }
}

/// The report of an operation that found nothing to do.
pub(super) fn unchanged(
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
    }
}
