//! An operation under the lock: carried out, or taken back.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::apply::{Applied, Heed, Work, apply};
use crate::event::{Event, Operation, Outcome, Report, chain};
use crate::host::{Host, both};
use crate::isolation::neighbours::Fingerprints;
use crate::journal::{self, Before, Begin, Expected, Journal, JournalError, Record};
use crate::model::Environment;
use crate::name::{ReleaseId, ServiceName};
use crate::observe::observe;
use crate::operate::planning::Planned;
use crate::plan::step::{CurrentStep, Phase};
use crate::plan::{Desired, Plan, Step, Wanted, clean_up, reach, stand_down};
use crate::state::{Answering, HostState, Node, ServiceState};

mod ending;
mod evidence;
mod foreground;
mod recover;
mod restore;

use ending::Ending;
use evidence::Evidence;
use restore::Restored;

pub(super) use ending::unchanged;

/// An operation under the lock.
pub(super) struct Session<'s, 'j> {
    pub(super) host: &'s dyn Host,
    pub(super) environment: &'s Environment,
    /// The other environments of the host.
    others: &'s [&'s Environment],
    pub(super) journal: &'s mut Journal<'j>,
    pub(super) events: &'s mut dyn FnMut(Event),
    evidence: Evidence,
    /// How long this process had waited for the disk when it began.
    syncing: Duration,
    /// What the host was found like after the last step, where nothing was done since.
    last_look: Option<HostState>,
    /// What the other environments were like then.
    pub(super) neighbours: Option<Fingerprints>,
}

impl<'s, 'j> Session<'s, 'j> {
    pub(super) fn new(
        host: &'s dyn Host,
        environment: &'s Environment,
        others: &'s [&'s Environment],
        journal: &'s mut Journal<'j>,
        events: &'s mut dyn FnMut(Event),
    ) -> Session<'s, 'j> {
        Session {
            host,
            environment,
            others,
            journal,
            events,
            evidence: Evidence::default(),
            syncing: host.syncing(),
            last_look: None,
            neighbours: None,
        }
    }
}

impl Session<'_, '_> {
    /// Carries a plan out, and goes back to the state before when that fails.
    ///
    /// # Errors
    /// When its begin could not be written down: then nothing was done; and when the lock was taken
    /// over: then nothing was done since. All else that happens later is in the report.
    pub(super) fn carry_out(
        &mut self,
        operation: Operation,
        planned: &Planned,
        begin: Duration,
    ) -> Result<Report, JournalError> {
        let Planned { found, desired, plan, .. } = planned;
        let before = before(found, &journal::expected(self.host, &self.environment.layout)?);
        let (begun, applied) = self.begin(operation, &before, planned)?;
        let mut ending = Ending::of(&applied);
        let on_purpose = applied.was_interrupted();
        let failure = match applied.failure {
            Some((_, error)) => Some(chain(&error)),
            None => self.is_reached(desired).err(),
        };
        match failure {
            None => ending.outcome = Outcome::Deployed,
            Some(error) => {
                ending.error = Some(error);
                ending.failed = plan.to.clone().filter(|to| before.release.as_ref() != Some(to));
                let fresh = ending.failed.clone().filter(|to| !found.is_verified(to));
                self.go_back(&before, applied.past_the_switch, fresh.as_ref(), &mut ending);
                if !on_purpose {
                    ending.evidence = self.keep_evidence(begun, operation, plan, &ending);
                }
            }
        }
        Ok(self.end(operation, plan.from.clone(), &ending, begin))
    }

    /// Writes down that an operation begins, and from what, tells the plan and carries it out; with the
    /// number of that entry.
    fn begin(
        &mut self,
        operation: Operation,
        before: &Before,
        planned: &Planned,
    ) -> Result<(u64, Applied), JournalError> {
        let Planned { plan, named, desired, .. } = planned;
        let wanted = match &desired.run.services {
            Wanted::Only(services) | Wanted::AtMost(services) if !named.is_empty() => {
                Some(services.clone())
            }
            Wanted::All | Wanted::Only(_) | Wanted::AtMost(_) => None,
        };
        self.journal.write(Record::Begin(Begin {
            operation,
            by: self.host.actor(),
            before: before.clone(),
            to: plan.to.clone(),
            services: named.clone(),
            wanted,
        }))?;
        let begun = self.journal.head().number;
        (self.events)(Event::plan(plan));
        let applied = self.apply(plan, Heed::Interruptions, None);
        self.journal.still_ours()?;
        Ok((begun, applied))
    }

    fn apply(&mut self, plan: &Plan, heed: Heed, down_since: Option<Duration>) -> Applied {
        (self.last_look, self.neighbours) = (None, None);
        let (host, environment) = (self.host, self.environment);
        let (events, evidence) = (&mut *self.events, &mut self.evidence);
        let events = &mut |event| {
            evidence.note(host, environment, &event);
            events(event);
        };
        let journal = &mut *self.journal;
        apply(plan, &mut Work { host, environment, journal, events, heed, down_since })
    }

    /// Whether the host is now what it should be: seen, not assumed.
    fn is_reached(&mut self, desired: &Desired) -> Result<(), String> {
        let (found, neighbours) = both(
            self.host,
            || observe(self.host, self.environment),
            || Fingerprints::of(self.host, self.others),
        );
        self.neighbours = Some(neighbours);
        let found = found.map_err(|error| chain(&error))?;
        let plan = reach(desired, &found).map_err(|refusals| refusals[0].to_string())?;
        self.last_look = Some(found);
        // What guards the steps says nothing of what is wrong: where there are others, one of them is named.
        let needed = || plan.steps.iter().filter(|step| !step.is_housekeeping());
        match needed().find(|step| step.phase() != Phase::Guard).or_else(|| needed().next()) {
            None => Ok(()),
            Some(step) => Err(format!("all steps were done, but one is still needed: {step}")),
        }
    }

    /// Reaches the state before, as far as the failed plan had left it. A proof that the failed
    /// operation itself wrote down is withdrawn: it did not hold.
    fn go_back(
        &mut self,
        before: &Before,
        past_the_switch: bool,
        fresh: Option<&ReleaseId>,
        ending: &mut Ending,
    ) {
        ending.outcome = Outcome::Failed;
        if !past_the_switch {
            self.stand_down();
            return;
        }
        let because = ending.error.clone().unwrap_or_default();
        self.note(Record::RollBack { because });
        (self.events)(Event::RollingBack { to: before.release.clone() });
        if let Some(release) = fresh {
            self.withdraw_proof(release);
        }
        ending.outcome = match self.restore(before, ending) {
            Ok(Restored::Anew) if before.running && before.release.is_some() => Outcome::RolledBack,
            Ok(_) if before.running && before.release.is_none() => {
                let why = "what ran before had no readable manifest, so it cannot be started again";
                ending.error = ending.error.take().map(|first| format!("{first}; then: {why}"));
                Outcome::Stuck
            }
            Ok(_) => Outcome::Failed,
            Err(error) => {
                ending.error = ending.error.take().map(|first| format!("{first}; then: {error}"));
                Outcome::Stuck
            }
        };
    }

    fn withdraw_proof(&mut self, release: &ReleaseId) {
        let path = self.environment.layout.verification(release);
        if matches!(self.host.node(&path), Ok(Node::Missing)) {
            return;
        }
        let found = HostState::default();
        let mut plan = clean_up(self.environment, &found);
        plan.steps.push(Step::Current(CurrentStep::WithdrawProof { release: release.clone() }));
        self.apply(&plan, Heed::Nothing, None);
    }

    /// Removes what a build left behind; what cannot be removed now is removed by the next one.
    fn clean_up(&mut self) {
        self.apply_found(clean_up);
    }

    /// The same, and nothing waits for us to die any more.
    pub(super) fn stand_down(&mut self) {
        self.apply_found(stand_down);
    }

    fn apply_found(&mut self, plan: impl FnOnce(&Environment, &HostState) -> Plan) {
        match observe(self.host, self.environment) {
            Ok(found) => {
                let plan = plan(self.environment, &found);
                self.apply(&plan, Heed::Nothing, None);
            }
            Err(error) => self.warn(format!("what was built is left for later: {}", chain(&error))),
        }
    }

    /// Writes an entry without which we can do: the begin of the operation is in the journal, and
    /// with it all that a recovery needs.
    fn note(&mut self, record: Record) {
        let written = self.journal.write(record);
        if let Err(error) = written
            && self.journal.still_ours().is_ok()
        {
            let what = "the next command will look whether all is as it should be";
            self.warn(format!("{}; {what}", chain(&error)));
        }
    }

    fn warn(&mut self, message: String) {
        (self.events)(Event::warning(message));
    }
}

/// The state to go back to: a release, and the services that ran or should have. A service that is
/// down although nobody wanted it so is wanted back.
fn before(found: &HostState, expected: &Expected) -> Before {
    let usable = found.current.release().filter(|id| found.manifest(id).is_some());
    let good = usable.filter(|id| is_good(found, id)).cloned();
    let release = good.or_else(|| found.last_verified()).or_else(|| usable.cloned());
    let seen = found.services.iter().filter(|(_, state)| !state.instances.is_empty());
    let mut ran: BTreeSet<&ServiceName> = seen.map(|(name, _)| name).collect();
    let manifest = release.as_ref().and_then(|id| found.manifest(id));
    let all = manifest.iter().flat_map(|manifest| &manifest.services);
    let all: BTreeSet<&ServiceName> = all.map(|service| &service.name).collect();
    match expected {
        Expected::All => ran.extend(&all),
        Expected::Only(services) => ran.extend(services),
        Expected::Nothing => {}
    }
    let running = !ran.is_empty() || (*expected != Expected::Nothing && release.is_some());
    let services = (!all.is_subset(&ran)).then(|| ran.into_iter().cloned().collect());
    Before { services: services.filter(|_| running), running, release }
}

/// Whether the release in use is one to go back to: it was proven once, even if something in it was
/// touched since, or it serves at this moment.
fn is_good(found: &HostState, current: &ReleaseId) -> bool {
    let identity = found.manifest(current).map(|manifest| manifest.identity);
    let proven = found.verification(current).map(|record| record.identity) == identity;
    let serves = |service: &ServiceState| {
        service.main().is_some() && !matches!(service.health, Answering::Failing { .. })
    };
    proven || (!found.services.is_empty() && found.services.values().all(serves))
}
