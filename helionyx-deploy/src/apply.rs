//! Carries out a plan: each step is written to the journal, then done. Decides nothing.

use std::time::Duration;

use crate::event::{Event, chain};
use crate::health::{Life, Unproven};
use crate::host::{HeldLock, Host, HostError};
use crate::journal::{Journal, JournalError, Record};
use crate::model::Environment;
use crate::plan::desired::Way;
use crate::plan::step::{GuardStep, Phase, ServiceStep};
use crate::plan::{Plan, Step};
use crate::source::SourceError;
use crate::supervise::ServiceError;
use crate::time::millis;

mod files;
mod host;
mod release;
mod service;

use release::{Made, Maker};
use service::{Done, Supervisors};

/// What carrying out a plan needs.
pub struct Work<'w, 'j> {
    /// The machine.
    pub host: &'w dyn Host,
    /// The environment that is changed.
    pub environment: &'w Environment,
    /// Where steps are announced.
    pub journal: &'w mut Journal<'j>,
    /// Where events go.
    pub events: &'w mut dyn FnMut(Event),
    /// Whether an interruption ends it.
    pub heed: Heed,
    /// Since when a service does not answer, because of a plan before this one.
    pub down_since: Option<Duration>,
}

/// Whether an interruption ends a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heed {
    /// It does, until the first step that a service could notice.
    Interruptions,
    /// It does not: the plan is the way back.
    Nothing,
}

impl Heed {
    /// The way that a plan goes.
    fn way(self) -> Way {
        match self {
            Heed::Interruptions => Way::Forward,
            Heed::Nothing => Way::Back,
        }
    }
}

/// What came of a plan that was carried out, whole or in part.
#[derive(Debug, Default)]
pub struct Applied {
    /// How many steps were done.
    pub done: usize,
    /// Whether a step was begun that a service could notice.
    pub past_the_switch: bool,
    /// How long a service did not answer.
    pub downtime: Option<Duration>,
    /// Since when a service does not answer, if it was stopped and nothing was proven since.
    pub down_since: Option<Duration>,
    /// The step that failed, and why.
    pub failure: Option<(Box<Step>, StepError)>,
}

impl Applied {
    /// Whether it ended because somebody wanted it to.
    #[must_use]
    pub fn was_interrupted(&self) -> bool {
        matches!(self.failure, Some((_, StepError::Interrupted)))
    }
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The machine refused.
    #[error(transparent)]
    Host(#[from] HostError),
    /// What all environments of the host share is being changed by somebody else.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The source could not be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The source is not what the plan was made for.
    #[error("`{0}` changed since the plan was made")]
    SourceChanged(camino::Utf8PathBuf),
    /// A build step failed.
    #[error("build step {name} failed: {why}")]
    Build {
        /// The step.
        name: String,
        /// Why.
        why: String,
    },
    /// A service's program is not there, or cannot be executed.
    #[error("{service} cannot be started from `{program}`: {fault}")]
    NoProgram {
        /// The service.
        service: String,
        /// Its program.
        program: camino::Utf8PathBuf,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A release is not what its manifest says.
    #[error("release {release} is damaged: {what}")]
    Damaged {
        /// The release.
        release: String,
        /// What differs.
        what: String,
    },
    /// systemd started a unit, and it ended while it was being proven.
    #[error("{unit} {life}, then {why}")]
    UnitEnded {
        /// The unit.
        unit: String,
        /// How far it came.
        life: Life,
        /// How it ended.
        why: String,
    },
    /// A service could not be started or stopped.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A service was not proven.
    #[error(transparent)]
    Unproven(#[from] Unproven),
    /// The operator interrupted before anything that a service could notice was begun.
    #[error("interrupted")]
    Interrupted,
}

impl StepError {
    /// Whether the machine failed, and not the release, the service or the operator, and we did not
    /// refuse: the next attempt may succeed.
    #[must_use]
    pub fn is_of_the_machine(&self) -> bool {
        match self {
            StepError::Host(error)
            | StepError::Service(ServiceError::Host(error))
            | StepError::Unproven(Unproven::Host(error)) => !error.is_refusal(),
            _ => false,
        }
    }
}

/// Carries out a plan as far as it goes. From the first step that a service could notice on, only a
/// failure ends it.
pub fn apply(plan: &Plan, work: &mut Work<'_, '_>) -> Applied {
    let down_since = work.down_since;
    let supervisors = Supervisors::new(work.host, work.environment);
    let applied = Applied { down_since, ..Applied::default() };
    let mut applier = Applier { plan, work, applied, made: Made::default(), supervisors };
    let mut steps = plan.steps.iter().enumerate().peekable();
    while let Some((index, step)) = steps.next() {
        let mut proofs = Vec::new();
        while step.is_proof()
            && let Some(next) = steps.next_if(|(_, next)| next.is_proof())
        {
            proofs.push((next.0 + 1, next.1));
        }
        let failure = match proofs.is_empty() {
            true => applier.one(index + 1, step).err().map(|error| (step, error)),
            false => {
                proofs.insert(0, (index + 1, step));
                applier.side_by_side(&proofs).err()
            }
        };
        if let Some((step, error)) = failure {
            applier.applied.failure = Some((Box::new(step.clone()), error));
            break;
        }
    }
    applier.applied
}

struct Applier<'a, 'w, 'j> {
    plan: &'a Plan,
    work: &'a mut Work<'w, 'j>,
    applied: Applied,
    made: Made,
    supervisors: Supervisors<'w>,
}

impl Applier<'_, '_, '_> {
    fn one(&mut self, index: usize, step: &Step) -> Result<(), StepError> {
        self.begin(index, step)?;
        let begin = self.work.host.elapsed();
        let result = self.perform(step);
        let duration_ms = millis(self.work.host.elapsed().saturating_sub(begin));
        match result {
            Ok(note) => {
                self.finish(index, duration_ms, note);
                Ok(())
            }
            Err(error) => self.failed(index, step, error, duration_ms),
        }
    }

    /// Proves services that do not need each other side by side: each must stay healthy for a while,
    /// and all can do so at once. The first failure of them is that of the plan.
    fn side_by_side<'s>(
        &mut self,
        proofs: &[(usize, &'s Step)],
    ) -> Result<(), (&'s Step, StepError)> {
        for (index, step) in proofs {
            self.begin(*index, step).map_err(|error| (*step, error))?;
        }
        let begin = self.work.host.elapsed();
        let steps = proofs.iter().filter_map(|(_, step)| match step {
            Step::Service(step) => Some(step),
            _ => None,
        });
        let proven = self.supervisors.prove_all(&steps.collect::<Vec<_>>());
        let duration_ms = millis(self.work.host.elapsed().saturating_sub(begin));
        let mut failure = None;
        for ((index, step), result) in proofs.iter().zip(proven) {
            match result {
                Ok(done) => {
                    let note = self.noted(done);
                    self.finish(*index, duration_ms, note);
                }
                Err(error) => {
                    let error = self.told(*index, step, error, duration_ms);
                    failure.get_or_insert((*step, error));
                }
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// Announces a step, unless somebody interrupted before anything that a service could notice.
    fn begin(&mut self, index: usize, step: &Step) -> Result<(), StepError> {
        let host = self.work.host;
        let past = self.applied.past_the_switch || step.is_noticeable();
        if self.work.heed == Heed::Interruptions && !past && host.interrupted() {
            return Err(StepError::Interrupted);
        }
        self.announce(step)?;
        let total = self.plan.steps.len();
        let (text, boxed) = (step.title(), Box::new(step.clone()));
        (self.work.events)(Event::StepStarted { index, total, text, step: boxed });
        self.applied.past_the_switch = past;
        Ok(())
    }

    fn finish(&mut self, index: usize, duration_ms: u64, note: String) {
        self.applied.done += 1;
        (self.work.events)(Event::StepFinished { index, duration_ms, note });
    }

    /// What a failure of a step means for the plan.
    fn failed(
        &mut self,
        index: usize,
        step: &Step,
        error: StepError,
        duration_ms: u64,
    ) -> Result<(), StepError> {
        let message = match step.phase() {
            Phase::Housekeeping => {
                format!("{step} failed and is left for later: {}", chain(&error))
            }
            // Whoever rolls back in an emergency must not be kept from it.
            Phase::Guard if self.arms() => {
                let why = "nothing would end this operation if we died";
                format!("{step} failed, and {why}: {}", chain(&error))
            }
            Phase::Guard | Phase::Prepare | Phase::Noticeable => {
                return Err(self.told(index, step, error, duration_ms));
            }
        };
        (self.work.events)(Event::warning(message));
        Ok(())
    }

    /// Tells all that is known of a failure.
    fn told(&mut self, index: usize, step: &Step, error: StepError, duration_ms: u64) -> StepError {
        let events = &mut *self.work.events;
        let tell = |error: &StepError, events: &mut dyn FnMut(Event)| {
            events(Event::StepFailed { index, duration_ms, error: chain(error) });
        };
        match step {
            Step::Service(step) => {
                let error = self.supervisors.explained(step, error);
                tell(&error, events);
                self.supervisors.tell_failure(step, &error, events);
                error
            }
            _ => {
                tell(&error, events);
                error
            }
        }
    }

    /// Whether the plan arms a recovery, and not only installs it.
    fn arms(&self) -> bool {
        self.plan.steps.iter().any(|step| matches!(step, Step::Guard(GuardStep::Arm { .. })))
    }

    /// Writes a step down before it is done. The way back does not depend on it: the begin of the
    /// operation, which says where to go back to, is in the journal already.
    fn announce(&mut self, step: &Step) -> Result<(), HostError> {
        let written = self.work.journal.write(Record::Step { step: Box::new(step.clone()) });
        match (written, self.work.heed) {
            (Err(error), Heed::Nothing) => {
                (self.work.events)(Event::warning(chain(&error)));
                Ok(())
            }
            (written, _) => written,
        }
    }

    /// Does one step; returns what there is to say about it.
    fn perform(&mut self, step: &Step) -> Result<String, StepError> {
        let (host, site, head) = (self.work.host, &self.plan.site, self.work.journal.head());
        let layout = &site.layout;
        match step {
            Step::Files(step) => files::perform(host, step)?,
            Step::Current(step) => files::perform_current(host, layout, head, step)?,
            Step::Release(step) => {
                let (events, made) = (&mut *self.work.events, &mut self.made);
                return Maker { host, site, events, made, head }.perform(step);
            }
            Step::Service(step) => return self.perform_service(step),
            Step::Host(step) => {
                let _held = self.lock_the_host()?;
                self.supervisors.forget();
                return host::perform(host, layout, step);
            }
            Step::Guard(step) => host::guard(host, step)?,
        }
        Ok(String::new())
    }

    fn perform_service(&mut self, step: &ServiceStep) -> Result<String, StepError> {
        if let ServiceStep::Stop { .. } = step {
            self.applied.down_since.get_or_insert(self.work.host.elapsed());
        }
        let done = self.supervisors.perform(step, self.work.heed.way(), self.work.events)?;
        Ok(self.noted(done))
    }

    /// What there is to say of a service, and since when it answers again.
    fn noted(&mut self, done: Done) -> String {
        if let (Some(first_pass), Some(since)) = (done.first_pass, self.applied.down_since) {
            self.applied.down_since = None;
            let downtime = first_pass.saturating_sub(since);
            self.applied.downtime = self.applied.downtime.max(Some(downtime));
        }
        done.note
    }

    fn lock_the_host(&mut self) -> Result<Box<dyn HeldLock>, JournalError> {
        let (journal, events) = (&self.work.journal, &mut self.work.events);
        journal.lock_host(&mut |holder| events(Event::Waiting { holder }))
    }
}
