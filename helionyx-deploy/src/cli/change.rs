//! The commands that change a host: one way for all of them, from the arguments to the last words.

use std::sync::atomic::Ordering;
use std::time::Duration;

use camino::Utf8PathBuf;
use clap::Args;

use crate::event::{Event, Operation, Outcome, Report};
use crate::host::{Clock as _, Host};
use crate::isolation;
use crate::model::Environment;
use crate::name::{ReleaseId, ServiceName};
use crate::observe::observe;
use crate::operate::{self, Done, Force, Goal, OperateError, operate_beside};
use crate::plan::select::Act;
use crate::source::Wish;
use crate::status::status;

use super::json::{Origin, Told};
use super::narrate::{Level, Narrator};
use super::progress::Progress;
use super::{Context, Failure, Models, exit, models, plan, signals, wait};

mod next;
mod recover;
mod uninstall;

pub use recover::Recover;
pub use uninstall::Uninstall;

/// Which environment, for commands that need one.
#[derive(Args, Clone, Debug)]
pub(super) struct Site {
    /// The environment: `environment` or `app/environment`; never a default
    #[arg(short, long, value_name = "ENVIRONMENT")]
    pub(super) env: Option<String>,
}

/// How a change is made.
#[derive(Args, Clone, Debug)]
pub(super) struct Manner {
    /// Say what would be done, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// How long to wait while somebody else is at work, e.g. 30s or 5m
    #[arg(long, value_name = "DURATION", default_value = "0", value_parser = wait::parse)]
    pub(super) wait: Duration,
}

/// What to deploy.
#[derive(Args, Clone, Debug)]
pub(super) struct What {
    /// The branch, tag or commit, of a git source
    #[arg(long = "ref", value_name = "COMMIT|BRANCH|TAG", conflicts_with = "artifact")]
    reference: Option<String>,
    /// A file to deploy instead of the model's source: an archive, or the program itself
    #[arg(long, value_name = "FILE")]
    artifact: Option<Utf8PathBuf>,
    /// Build a new release even if the same one is there
    #[arg(long)]
    force: bool,
}

impl What {
    /// What is asked of the engine.
    ///
    /// # Errors
    /// When the current directory is unusable.
    pub(super) fn goal(&self) -> Result<Goal, Failure> {
        Ok(Goal::Deploy { wish: self.wish()?, force: self.force() })
    }

    /// What of the source.
    ///
    /// # Errors
    /// When the current directory is unusable.
    pub(super) fn wish(&self) -> Result<Wish, Failure> {
        let artifact = match &self.artifact {
            Some(file) => Some(models::current_directory()?.join(file)),
            None => None,
        };
        Ok(Wish { reference: self.reference.clone(), artifact })
    }

    /// Whether a new release is built in any case.
    pub(super) fn force(&self) -> Force {
        if self.force { Force::Always } else { Force::IfNeeded }
    }
}

/// Makes a release of the source and runs it.
///
/// With nothing to change it says so, touches nothing and exits 0. Otherwise the new release is
/// built beside the one that runs, switched to, started and proven; when that fails, the one before
/// is brought back and proven, and the exit code is 6.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} deploy --env local
  {program} deploy --env live --ref v1.4.0 --wait 5m
  {program} deploy --env live --artifact target/release/app
  {program} deploy --env live --dry-run")]
pub struct Deploy {
    #[command(flatten)]
    site: Site,
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    manner: Manner,
}

/// Makes a host ready for a first deploy: the user that services run as, directories, and the file
/// that the secrets are put in.
///
/// What is there already is left as it is: it can be run again at any time.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} setup --env live --dry-run
  {program} setup --env live")]
pub struct Setup {
    #[command(flatten)]
    site: Site,
    #[command(flatten)]
    manner: Manner,
}

/// Goes back to the release before, or to a named one.
///
/// Only a release that was once verified can be gone back to; `releases` lists them. Nothing is
/// built or copied: switch, restart, proof.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} rollback --env live
  {program} rollback --env live 20261121T011037Z-3fa2c1d
  {program} rollback --env live --dry-run")]
pub struct Rollback {
    #[command(flatten)]
    site: Site,
    /// The release to go back to; the one before when none is named
    release: Option<ReleaseId>,
    #[command(flatten)]
    manner: Manner,
}

/// Starts services that do not run, and proves them.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} start --env local
  {program} start --env live --service web")]
pub struct Start {
    #[command(flatten)]
    site: Site,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    manner: Manner,
}

/// Stops services: TERM, then KILL of the whole group when they take too long.
///
/// A service that does not run is no error.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} stop --env local
  {program} stop --env live --service web")]
pub struct Stop {
    #[command(flatten)]
    site: Site,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    manner: Manner,
}

/// Stops services, starts them anew and proves them, as a deploy does.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} restart --env local
  {program} restart --env live --wait 1m
  {program} restart --env live --service web")]
pub struct Restart {
    #[command(flatten)]
    site: Site,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    manner: Manner,
}

/// Which services.
#[derive(Args, Clone, Debug)]
pub(super) struct Which {
    /// Only this service, with those that need it or that it needs; may be given several times
    #[arg(long = "service", value_name = "NAME")]
    services: Vec<ServiceName>,
}

impl Which {
    /// The goal for the services that were named, or else for all.
    fn goal(&self, all: Goal, act: Act) -> Goal {
        match self.services.is_empty() {
            true => all,
            false => Goal::Services(act, self.services.iter().cloned().collect()),
        }
    }
}

impl Deploy {
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        change(context, &self.site, &self.what.goal()?, &self.manner)
    }
}

impl Setup {
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        change(context, &self.site, &Goal::Setup, &self.manner)
    }
}

impl Rollback {
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        change(context, &self.site, &Goal::Rollback(self.release.clone()), &self.manner)
    }
}

impl Start {
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        change(context, &self.site, &self.which.goal(Goal::Start, Act::Start), &self.manner)
    }
}

impl Stop {
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        change(context, &self.site, &self.which.goal(Goal::Stop, Act::Stop), &self.manner)
    }
}

impl Restart {
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        change(context, &self.site, &self.which.goal(Goal::Restart, Act::Restart), &self.manner)
    }
}

pub(super) fn change(
    context: &mut Context<'_>,
    site: &Site,
    goal: &Goal,
    manner: &Manner,
) -> Result<u8, Failure> {
    let models = Models::load(context.global);
    change_one_of(context, models, site, goal, manner)
}

/// The same, where models have been read.
fn change_one_of(
    context: &mut Context<'_>,
    models: Result<Models, Failure>,
    site: &Site,
    goal: &Goal,
    manner: &Manner,
) -> Result<u8, Failure> {
    let (operation, machine) = (goal.operation(), context.machine());
    let models = models.map_err(|failure| not_begun(failure, operation, None, context))?;
    // A mistake in another model is no reason to leave a service running, stopped or rolled
    // forward that its operator wants otherwise now. A deploy can wait for it to be mended.
    let selected = match goal {
        Goal::Deploy { .. } | Goal::Apply(_) => {
            models.here_to_change(site.env.as_deref(), &machine)
        }
        _ => models.here(site.env.as_deref(), &machine),
    };
    let apart = |environment| match goal {
        Goal::Deploy { .. } | Goal::Apply(_) => apart(context, &models, environment),
        _ => Ok(environment),
    };
    let environment = selected.and_then(apart);
    let environment =
        environment.map_err(|failure| not_begun(failure, operation, None, context))?;
    let others = models.others_here(environment, &machine);
    if manner.dry_run {
        return plan::show(context, environment, &others, goal);
    }
    signals::watch(&context.interrupt)?;
    let result = narrated(context, environment, operation, |host, events| {
        operate_beside(host, environment, &others, goal, manner.wait, events)
    });
    let (Done { report, found }, mut narrator) =
        result.map_err(|failure| not_begun(failure, operation, Some(environment), context))?;
    let seen = match (report.outcome, found) {
        (Outcome::Unchanged, Some(found)) => status(environment, &found),
        (Outcome::Unchanged, None) => seen(&context.host, environment),
        _ => Vec::new(),
    };
    let mut last_words = narrator.result(&report, &seen);
    if *goal == Goal::Setup && exit::of_report(&report) == exit::DONE {
        last_words += &next::after_setup(&context.host, environment, context.program);
    }
    context.screen.say(&last_words);
    Ok(exit::of_report(&report))
}

/// Refuses an environment that shares with another one of this machine what it must not.
///
/// # Errors
/// What it shares, and when that cannot be looked at.
pub(super) fn apart<'m>(
    context: &Context<'_>,
    models: &Models,
    environment: &'m Environment,
) -> Result<&'m Environment, Failure> {
    let here = models.all_here(&context.machine());
    let shared = isolation::shared(&context.host, &here)?;
    let concerns = |one: &isolation::Shared| one.owners.contains(&environment.id());
    let findings: Vec<_> =
        shared.into_iter().filter(concerns).map(|shared| shared.finding).collect();
    if findings.is_empty() {
        return Ok(environment);
    }
    if findings.iter().all(isolation::Shared::is_unknown) {
        // Who may not look says so best with all else that is missing.
        let missing = operate::missing(&context.host, environment);
        if !missing.is_empty() {
            return Err(OperateError::Refused(missing).into());
        }
    }
    Err(Failure::shared(&environment.id(), findings))
}

/// Lets the engine work while its events are told, to people and as JSON lines.
pub(super) fn narrated<'p, R, E>(
    context: &mut Context<'p>,
    environment: &Environment,
    operation: Operation,
    work: impl FnOnce(&dyn Host, &mut dyn FnMut(Event)) -> Result<R, E>,
) -> Result<(R, Narrator<'p>), Failure>
where
    Failure: From<E>,
{
    let (id, level) = (environment.id(), level(context));
    let Context { screen, host, program, interrupt, .. } = context;
    let mut narrator = Narrator::new(screen.glyphs, level, program, operation, &id);
    let mut progress = Progress::new(screen, interrupt);
    progress.start("looking at the source and the host");
    let result = work(host, &mut |event| {
        screen.line(&Told::new(&event, Origin::new(host.now(), Some(environment))));
        let text = narrator.tell(&event);
        match &event {
            Event::Output { line } => progress.note(line),
            Event::StepStarted { .. } => {}
            _ => progress.stop(),
        }
        if !text.is_empty() {
            progress.aside(|| screen.say(&text));
        }
        if matches!(event, Event::Log { .. }) && screen.is_closed() {
            // Nobody looks on any more.
            interrupt.store(true, Ordering::Relaxed);
        }
        if let Event::StepStarted { text, .. } = &event {
            progress.start(text);
        }
    });
    progress.stop();
    Ok((result?, narrator))
}

fn level(context: &Context<'_>) -> Level {
    match (context.global.quiet, context.global.verbose) {
        (true, _) => Level::Quiet,
        (false, false) => Level::Normal,
        (false, true) => Level::Verbose,
    }
}

/// What services are like now; nothing where that cannot be seen.
fn seen(host: &dyn Host, environment: &Environment) -> Vec<crate::status::Status> {
    let found = observe(host, environment);
    found.map(|found| status(environment, &found)).unwrap_or_default()
}

/// The failure of an operation that did not begin, with what is in use all the same.
pub(super) fn not_begun(
    failure: Failure,
    operation: Operation,
    environment: Option<&Environment>,
    context: &Context<'_>,
) -> Failure {
    let found = environment.filter(|_| context.screen.is_json());
    let found = found.and_then(|environment| observe(&context.host, environment).ok());
    let release = found.as_ref().and_then(|found| found.current.release().cloned());
    let manifest =
        release.as_ref().and_then(|id| found.as_ref()?.releases.get(id)?.manifest.clone());
    let source = manifest.map(|manifest| manifest.source.clone());
    let report = Report {
        operation,
        outcome: Outcome::Failed,
        previous: release.clone(),
        commit: source.as_ref().and_then(|source| source.commit().cloned()),
        source,
        release,
        failed: None,
        error: None,
        steps: 0,
        duration_ms: crate::time::millis(context.host.elapsed()),
        downtime_ms: None,
        sync_ms: 0,
        evidence: None,
        neighbours: Vec::new(),
        left: Vec::new(),
    };
    failure.of_operation(report, environment)
}
