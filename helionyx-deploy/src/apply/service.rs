//! Steps that stop, start and prove services.

use std::collections::BTreeMap;
use std::time::Duration;

use super::StepError;
use crate::event::Event;
use crate::health::{self, Unproven};
use crate::host::{Host, each};
use crate::model::{Environment, Supervisor};
use crate::name::ReleaseId;
use crate::plan::desired::Way;
use crate::plan::step::ServiceStep;
use crate::release::Service;
use crate::supervise::{self, End, Supervise};

/// How many of its last lines are shown when a service fails.
const LOG_LINES: usize = 20;

/// The supervisors that a plan uses: that of the model, and those of releases that were made for
/// another one.
pub(super) struct Supervisors<'w> {
    host: &'w dyn Host,
    environment: &'w Environment,
    all: BTreeMap<Supervisor, Box<dyn Supervise + 'w>>,
}

/// What came of a step.
#[derive(Default)]
pub(super) struct Done {
    /// What there is to say about it.
    pub note: String,
    /// When the service answered for the first time, if it was proven.
    pub first_pass: Option<Duration>,
}

impl<'w> Supervisors<'w> {
    pub fn new(host: &'w dyn Host, environment: &'w Environment) -> Supervisors<'w> {
        Supervisors { host, environment, all: BTreeMap::new() }
    }

    fn get(&mut self, supervisor: Supervisor) -> &mut (dyn Supervise + 'w) {
        let (host, environment) = (self.host, self.environment);
        let make = || supervise::of(host, environment, supervisor);
        &mut **self.all.entry(supervisor).or_insert_with(make)
    }

    fn of(&mut self, service: &Service) -> &mut (dyn Supervise + 'w) {
        self.get(service.managed.supervisor())
    }

    /// Forgets what is remembered of what supervisors know: they were told something new.
    pub fn forget(&mut self) {
        self.all.values_mut().for_each(|supervisor| supervisor.forget());
    }

    /// Does one step.
    pub fn perform(
        &mut self,
        step: &ServiceStep,
        way: Way,
        events: &mut dyn FnMut(Event),
    ) -> Result<Done, StepError> {
        let note = match step {
            ServiceStep::Stop { service, timeout_ms, handle } => {
                let timeout = Duration::from_millis(*timeout_ms);
                let modelled = self.environment.runtime.supervisor();
                self.get(modelled).stop(service, handle, timeout)?
            }
            ServiceStep::Start { service, release } => {
                let warn = &mut |message| events(Event::warning(message));
                self.of(service).start(service, release, way, warn)?
            }
            ServiceStep::Prove { service, release } => {
                return prove(self.of(service), service, release);
            }
        };
        Ok(Done { note, first_pass: None })
    }

    /// Proves services at once where the machine can; what came of each, in their order.
    pub fn prove_all(&mut self, steps: &[&ServiceStep]) -> Vec<Result<Done, StepError>> {
        let proofs = steps.iter().filter_map(|step| match step {
            ServiceStep::Prove { service, release } => Some((service, release)),
            ServiceStep::Stop { .. } | ServiceStep::Start { .. } => None,
        });
        let proofs: Vec<_> = proofs.collect();
        for (service, _) in &proofs {
            self.of(service);
        }
        let all = &self.all;
        each(self.host, &proofs, &|(service, release)| {
            let supervisor = &all[&service.managed.supervisor()];
            prove(&**supervisor, service, release)
        })
    }

    /// The error of a step with how the service ended, if it ended under our eyes.
    pub fn explained(&mut self, step: &ServiceStep, error: StepError) -> StepError {
        let (ServiceStep::Prove { service, .. }, StepError::Unproven(Unproven::Ended { life, .. })) =
            (step, &error)
        else {
            return error;
        };
        let life = *life;
        match self.of(service).how_it_ended(service) {
            Some(End::Unit(unit, why)) => {
                StepError::UnitEnded { unit: unit.to_string(), life, why }
            }
            Some(End::Status(status)) => {
                let (service, status) = (service.name.to_string(), Some(status));
                Unproven::Ended { service, life, status }.into()
            }
            None => error,
        }
    }

    /// Tells what a service that failed answered to a probe and wrote since this plan started it.
    pub fn tell_failure(
        &mut self,
        step: &ServiceStep,
        error: &StepError,
        events: &mut dyn FnMut(Event),
    ) {
        let (ServiceStep::Start { service, .. } | ServiceStep::Prove { service, .. }) = step else {
            return;
        };
        if let StepError::Unproven(Unproven::NotHealthy { answer: Some(answer), .. }) = error {
            let (service, answer) = (service.name.clone(), (**answer).clone());
            events(Event::ProbeAnswer { service, answer });
        }
        let lines = self.of(service).recent_log(service, LOG_LINES);
        events(Event::ServiceLog { service: service.name.clone(), lines });
    }
}

/// Waits until a service is proven. Whether its process is the supervisor's own is asked while it is
/// to stay healthy: the same process stays what it is.
fn prove(
    supervisor: &dyn Supervise,
    service: &Service,
    release: &ReleaseId,
) -> Result<Done, StepError> {
    let mut foreign = None;
    let passed = &mut |process| foreign = supervisor.check(service, process).err();
    let proof = health::prove(supervisor, service, release, passed)?;
    if let Some(foreign) = foreign {
        return Err(foreign.into());
    }
    let note = format!("pid {}, {} tries", proof.process.pid, proof.tries);
    Ok(Done { note, first_pass: Some(proof.first_pass) })
}
