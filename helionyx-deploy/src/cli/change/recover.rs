//! `recover`: brings operations that were cut short to an end.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;

use super::{narrated, not_begun, seen, signals};
use crate::cli::json::{Line, Origin};
use crate::cli::{Context, Failure, Models, exit, models, wait};
use crate::event::{Event, Operation, Outcome, Report};
use crate::host::{Clock as _, Host};
use crate::journal::{recent, unfinished};
use crate::layout::{MODEL, MODEL_LIMIT};
use crate::model::Environment;
use crate::operate::{recover, take_over};

/// Brings an operation that was cut short to an end: the new release if it was verified already,
/// else the state before.
///
/// Every command that changes a host does this first by itself. With nothing to recover it says so
/// and exits 0.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} recover                            all environments
  {program} recover --env live
  {program} recover --root /opt/app/live       what lies there, by the model that its last deploy kept
  {program} recover --env live --take-over 4711   end a deployer that hangs, then recover")]
pub struct Recover {
    /// The environment; all when none is named
    #[arg(short, long, value_name = "ENVIRONMENT")]
    env: Option<String>,
    /// The environment that lies here, by the model that its last operation kept: what systemd calls
    /// when a deployer died
    #[arg(long, value_name = "DIR", conflicts_with = "env")]
    root: Option<Utf8PathBuf>,
    /// Say what would be recovered, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// How long to wait while somebody else is at work, e.g. 30s or 5m
    #[arg(long, value_name = "DURATION", default_value = "0", value_parser = wait::parse)]
    wait: Duration,
    /// End the process with this pid, which holds the lock, and go on in its place: for one that is
    /// suspended or hangs
    #[arg(long, value_name = "PID", requires = "env", conflicts_with_all = ["wait", "dry_run"])]
    take_over: Option<u32>,
}

impl Recover {
    pub(in crate::cli) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        let refuse =
            |failure, context: &Context<'_>| not_begun(failure, Operation::Recover, None, context);
        let (models, kept);
        let chosen = match &self.root {
            Some(root) => {
                kept = kept_in(&context.host, root).map_err(|failure| refuse(failure, context))?;
                vec![&kept]
            }
            None => {
                models =
                    Models::load(context.global).map_err(|failure| refuse(failure, context))?;
                let chosen = models.chosen(self.env.as_deref(), &context.machine());
                chosen.map_err(|failure| refuse(failure, context))?
            }
        };
        signals::watch(&context.interrupt)?;
        let mut worst = exit::DONE;
        for environment in chosen {
            let done = match self.dry_run {
                true => foresee(context, environment),
                false => one(context, environment, self),
            };
            worst = worst.max(done.unwrap_or_else(|failure| failure.tell(context)));
        }
        Ok(worst)
    }
}

/// The environment that lies in a root.
fn kept_in(host: &dyn Host, root: &Utf8Path) -> Result<Environment, Failure> {
    let (root, hint) = (models::current_directory()?.join(root), "name it with --env");
    let path = root.join(MODEL);
    let text = host.read(&path, MODEL_LIMIT)?;
    let kept: Result<Environment, _> = serde_json::from_slice(&text);
    match kept {
        Ok(kept) if kept.layout.root == root => Ok(kept),
        Ok(kept) => {
            let message = format!("{path} is of {}, which lies in {}", kept.id(), kept.layout.root);
            Err(Failure::new(exit::CONFIGURATION, message, hint))
        }
        Err(error) => {
            let message = format!("failed to read `{path}`: {error}");
            Err(Failure::new(exit::CONFIGURATION, message, hint))
        }
    }
}

fn one(
    context: &mut Context<'_>,
    environment: &Environment,
    args: &Recover,
) -> Result<u8, Failure> {
    let result =
        narrated(context, environment, Operation::Recover, |host, events| match args.take_over {
            Some(pid) => take_over(host, environment, pid, events),
            None => recover(host, environment, args.wait, events),
        });
    let (report, mut narrator) = result
        .map_err(|failure| not_begun(failure, Operation::Recover, Some(environment), context))?;
    let report = match report {
        Some(report) => report,
        None => {
            let report = nothing(context, environment);
            let event = Event::Report(report.clone());
            let origin = Origin::new(context.host.now(), Some(environment));
            context.screen.line(&crate::cli::json::Told::new(&event, origin));
            report
        }
    };
    context.screen.say(&narrator.result(&report, &[]));
    Ok(exit::of_report(&report))
}

/// The report when there was nothing to recover.
fn nothing(context: &Context<'_>, environment: &Environment) -> Report {
    let seen = seen(&context.host, environment);
    let first = seen.first();
    Report {
        operation: Operation::Recover,
        outcome: Outcome::Unchanged,
        release: first.and_then(|service| service.release.clone()),
        previous: first.and_then(|service| service.release.clone()),
        commit: first.and_then(|service| service.commit.clone()),
        source: None,
        failed: None,
        error: None,
        steps: 0,
        duration_ms: crate::time::millis(context.host.elapsed()),
        downtime_ms: None,
        sync_ms: 0,
        evidence: None,
        neighbours: Vec::new(),
        left: Vec::new(),
    }
}

fn foresee(context: &mut Context<'_>, environment: &Environment) -> Result<u8, Failure> {
    let open = unfinished(&recent(&context.host, &environment.layout)?);
    let id = environment.id();
    let text = match &open {
        None => format!("{id} has nothing to recover\n"),
        Some(open) => {
            let begin = &open.begin;
            let to = begin.to.as_ref().map(|to| format!(" to {to}")).unwrap_or_default();
            let before = begin.before.release.as_ref();
            let before = before.map_or("nothing".to_owned(), ToString::to_string);
            format!(
                "{id}: the {}{to} by {} was cut short; before it, {before} was in use\n",
                begin.operation, begin.by
            )
        }
    };
    let origin = Origin::new(context.host.now(), Some(environment));
    let begin = open.map(|open| open.begin);
    context.screen.line(&Line::new("unfinished", origin, serde_json::json!({ "begin": begin })));
    context.screen.say(&text);
    Ok(exit::DONE)
}
