//! Carries out a plan: each step is written to the journal, then done. Decides nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::event::{Event, chain};
use crate::health::{Life, Unproven};
use crate::host::{HeldLock, Host, HostError};
use crate::journal::{Journal, JournalError, Record};
use crate::name::{ServiceName, UnitName};
use crate::plan::{Plan, Step};
use crate::release::{BuildRecord, FileRecords};
use crate::source::SourceError;
use crate::state::ProcessKey;
use crate::state::unit::Shown;
use crate::time::{Timestamp, millis};

mod build;
mod ended;
mod fill;
mod recovery;
mod remove;
mod seal;
mod service;
mod unit;

/// What carrying out a plan needs.
pub struct Work<'w, 'j> {
    /// The machine.
    pub host: &'w dyn Host,
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
    /// An environment file has lines that cannot be read without doubt.
    #[error("{path}: {problems}")]
    EnvironmentFile {
        /// The file.
        path: camino::Utf8PathBuf,
        /// What is wrong, line by line, without values.
        problems: String,
    },
    /// A service did not stop.
    #[error("{service} did not stop: {left} still lives after KILL")]
    NotStopped {
        /// The service.
        service: String,
        /// A process that is left.
        left: String,
    },
    /// systemd did not start a unit.
    #[error("{unit} did not start: {why}")]
    NotStarted {
        /// The unit.
        unit: String,
        /// Why.
        why: String,
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
    /// What systemd would start is not the release: something else than its unit decides.
    #[error("{unit} would not run this release: {what}")]
    Overridden {
        /// The unit.
        unit: String,
        /// What counts instead.
        what: String,
    },
    /// The process that was proven is not the one that systemd started.
    #[error("{service} runs as pid {pid}, which is not the main process of {unit}")]
    OutsideOfUnit {
        /// The service.
        service: String,
        /// The process.
        pid: u32,
        /// The unit.
        unit: String,
    },
    /// A service was not proven.
    #[error(transparent)]
    Unproven(#[from] Unproven),
    /// The operator interrupted before anything that a service could notice was begun.
    #[error("interrupted")]
    Interrupted,
}

impl StepError {
    /// Whether the machine failed, and not the release, the service or the operator: once more may
    /// do.
    #[must_use]
    pub fn is_of_the_machine(&self) -> bool {
        matches!(self, StepError::Host(_) | StepError::Unproven(Unproven::Host(_)))
    }
}

/// Carries out a plan as far as it goes. From the first step that a service could notice on, only a
/// failure ends it.
pub fn apply(plan: &Plan, work: &mut Work<'_, '_>) -> Applied {
    let down_since = work.down_since;
    let mut applier = Applier {
        plan,
        work,
        applied: Applied { down_since, ..Applied::default() },
        builds: Vec::new(),
        known: FileRecords::new(),
        started: BTreeMap::new(),
        logged: BTreeMap::new(),
        begun: BTreeMap::new(),
        stopped: BTreeMap::new(),
    };
    for (index, step) in plan.steps.iter().enumerate() {
        if let Err(error) = applier.one(index + 1, step) {
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
    /// What the build steps of the release at hand came to: goes into its manifest.
    builds: Vec<BuildRecord>,
    /// Files of the release that is being made, as they were taken over: nothing has changed them
    /// since.
    known: FileRecords,
    /// The processes that this plan started.
    started: BTreeMap<ServiceName, ProcessKey>,
    /// How long each service's log was before this plan started it.
    logged: BTreeMap<ServiceName, u64>,
    /// When this plan started each service that systemd runs.
    begun: BTreeMap<ServiceName, Timestamp>,
    /// What systemd knows of each unit that this plan stopped, as long as that has not changed.
    stopped: BTreeMap<UnitName, Shown>,
}

impl Applier<'_, '_, '_> {
    fn one(&mut self, index: usize, step: &Step) -> Result<(), StepError> {
        let host = self.work.host;
        let past = self.applied.past_the_switch || step.is_past_the_switch();
        if self.work.heed == Heed::Interruptions && !past && host.interrupted() {
            return Err(StepError::Interrupted);
        }
        self.announce(step)?;
        let total = self.plan.steps.len();
        let (text, boxed) = (step.title(), Box::new(step.clone()));
        (self.work.events)(Event::StepStarted { index, total, text, step: boxed });
        self.applied.past_the_switch = past;
        let begin = host.elapsed();
        let result = self.perform(step);
        let duration_ms = millis(host.elapsed().saturating_sub(begin));
        match result {
            Ok(note) => {
                self.applied.done += 1;
                (self.work.events)(Event::StepFinished { index, duration_ms, note });
                Ok(())
            }
            Err(error) if step.is_housekeeping() => {
                let message = format!("{step} failed and is left for later: {}", chain(&error));
                (self.work.events)(Event::Warning { message });
                Ok(())
            }
            // Whoever rolls back in an emergency must not be kept from it.
            Err(error) if step.is_guard() && self.arms() => {
                let why = "nothing would end this operation if we died";
                let message = format!("{step} failed, and {why}: {}", chain(&error));
                (self.work.events)(Event::Warning { message });
                Ok(())
            }
            Err(error) => {
                let error = self.with_exit_status(step, error);
                let error_text = chain(&error);
                (self.work.events)(Event::StepFailed { index, duration_ms, error: error_text });
                self.tell_answer(step, &error);
                self.tell_service_log(step);
                Err(error)
            }
        }
    }

    /// Whether the plan arms a recovery, and not only installs it.
    fn arms(&self) -> bool {
        self.plan.steps.iter().any(|step| matches!(step, Step::ArmRecovery { .. }))
    }

    /// Writes a step down before it is done. The way back does not depend on it: the begin of the
    /// operation, which says where to go back to, is in the journal already.
    fn announce(&mut self, step: &Step) -> Result<(), HostError> {
        let written = self.work.journal.write(Record::Step { step: Box::new(step.clone()) });
        match (written, self.work.heed) {
            (Err(error), Heed::Nothing) => {
                (self.work.events)(Event::Warning { message: chain(&error) });
                Ok(())
            }
            (written, _) => written,
        }
    }

    /// Does one step; returns what there is to say about it.
    fn perform(&mut self, step: &Step) -> Result<String, StepError> {
        let host = self.work.host;
        let layout = &self.plan.site.layout;
        match step {
            Step::CreateUser { .. }
            | Step::RemoveUser { .. }
            | Step::WriteUnit { .. }
            | Step::RemoveUnit { .. }
            | Step::ReloadUnits
            | Step::EnableUnit { .. }
            | Step::InstallTool { .. }
            | Step::RemoveTool
            | Step::InstallRecovery { .. }
            | Step::RemoveRecovery { .. } => return self.change_the_host(step),
            Step::CreateDirectory { path, mode, owner: None } => host.create_dir(path, *mode)?,
            Step::CreateDirectory { path, mode, owner: Some(owner) } => {
                self.create_directory_for(path, *mode, owner)?;
            }
            Step::CreateFile { path, mode, content } => self.create_file(path, *mode, content)?,
            Step::RemoveRelease { release, .. } => return self.remove_release(release),
            Step::BeginRelease { release } => self.begin_release(release)?,
            Step::CopySource { release, dir, exclude, content } => {
                return self.copy_source(release, dir, exclude, *content);
            }
            Step::UnpackArtifact { release, file, content } => {
                self.unpack_artifact(release, file, *content)?;
            }
            Step::FetchCommit { url, commit, replaces, .. } => {
                return self.fetch_commit(url, commit, replaces.as_ref());
            }
            Step::ExportCommit { release, commit } => self.export_commit(release, commit)?,
            Step::Build { release, build, user, reuse } => {
                return self.build(release, build, user.as_ref(), reuse);
            }
            Step::WriteConfiguration { release, content } => {
                let path = layout.release(release).join(crate::layout::RELEASE_ENV);
                host.write(&path, content.as_bytes(), 0o644)?;
            }
            Step::SealRelease { release, facts } => return self.seal_release(release, facts),
            Step::CheckRelease { release } => return self.check_release(release),
            Step::SwitchCurrent { to, .. } => {
                let target = crate::layout::Layout::current_target(to);
                host.replace_link(&layout.current(), &target)?;
            }
            Step::UnlinkCurrent { .. } => host.remove(&layout.current())?,
            Step::StopService { service, timeout_ms, unit } => {
                let timeout = Duration::from_millis(*timeout_ms);
                return self.stop_service(service, unit.as_ref(), timeout);
            }
            Step::ArmRecovery { timer } => self.arm_recovery(timer)?,
            Step::DisarmRecovery { timer } => self.disarm_recovery(timer)?,
            Step::RemoveDirectory { path } => host.remove_tree(path)?,
            Step::RemoveFile { path } => host.remove(path)?,
            Step::StartService { service, release } => return self.start_service(service, release),
            Step::ProveService { service, release } => return self.prove_service(service, release),
            Step::WithdrawProof { release } => host.remove(&layout.verification(release))?,
            Step::MarkVerified { release, identity, previous } => {
                self.mark_verified(release, *identity, previous.as_ref())?;
            }
        }
        Ok(String::new())
    }

    /// Does a step that changes what all environments of the host share.
    fn change_the_host(&mut self, step: &Step) -> Result<String, StepError> {
        let _held = self.lock_the_host()?;
        match step {
            Step::CreateUser { user, home } => self.create_user(user, home)?,
            Step::WriteUnit { unit } => self.write_unit(unit)?,
            Step::RemoveUnit { unit } => self.remove_unit(unit)?,
            Step::ReloadUnits => self.reload_units()?,
            Step::EnableUnit { unit } => self.enable_unit(unit)?,
            Step::InstallTool { program } => return self.install_tool(program),
            Step::InstallRecovery { recovery } => self.install_recovery(recovery)?,
            Step::RemoveRecovery { service, timer } => self.remove_recovery(service, timer)?,
            Step::RemoveTool => self.remove_tool()?,
            Step::RemoveUser { user } => self.remove_user(user)?,
            other => {
                let why = "it is no step that all environments share";
                return Err(HostError::refused("do", other, why).into());
            }
        }
        Ok(String::new())
    }

    fn lock_the_host(&mut self) -> Result<Box<dyn HeldLock>, JournalError> {
        let (journal, events) = (&self.work.journal, &mut self.work.events);
        journal.lock_host(&mut |holder| events(Event::Waiting { holder }))
    }

    fn measure_downtime(&mut self, first_pass: Duration) {
        if let Some(since) = self.applied.down_since.take() {
            let downtime = first_pass.saturating_sub(since);
            self.applied.downtime = self.applied.downtime.max(Some(downtime));
        }
    }
}
