//! `run`: services in the foreground, with their log, until somebody has seen enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;

use crate::event::{Event, Operation, chain};
use crate::host::{Clock as _, LocalHost};
use crate::logs::{self, Log, LogEvent, LogQuery, Since};
use crate::model::Environment;
use crate::operate::{self, run_in_foreground};

use super::change::{Manner, Site, narrated, not_begun};
use super::{Context, Failure, Models, exit, plan, signals};

/// How often it is looked whether services still run: each look asks systemd, or reads /proc.
const LOOK: Duration = Duration::from_secs(1);
/// So many lines that were written before the proof are shown at most.
const LINES: usize = 10_000;

/// Runs the release in use in the foreground: starts its services as they always run, with their own
/// user, sandbox and environment, proves them, shows what they write, and stops them at Ctrl-C.
///
/// It is refused while they run already. It holds the environment's lock: nobody deploys meanwhile.
/// When the services end by themselves, so does it, with 1. When it is killed, the next command or
/// boot stops them; under systemd also a timer, within the first hour.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} run --env dev
  {program} run --env dev | grep 'Chat ID'")]
pub struct Run {
    #[command(flatten)]
    site: Site,
    #[command(flatten)]
    manner: Manner,
}

impl Run {
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        let machine = context.machine();
        let begun = |failure, environment, context: &Context<'_>| {
            not_begun(failure, Operation::Run, environment, context)
        };
        let models =
            Models::load(context.global).map_err(|failure| begun(failure, None, context))?;
        let environment = models
            .here(self.site.env.as_deref(), &machine)
            .map_err(|failure| begun(failure, None, context))?;
        if self.manner.dry_run {
            let plan = operate::may_run(&context.host, environment)?;
            let others = models.others_here(environment, &machine);
            plan::tell(context, environment, &others, Operation::Start, &plan);
            return Ok(exit::DONE);
        }
        signals::watch(&context.interrupt)?;
        let interrupt = Arc::clone(&context.interrupt);
        let wanted =
            LogQuery { lines: LINES, since: Some(Since::Opened), follow: true, priority: None };
        let mut log = logs::open(&context.host, environment, &wanted)?;
        let result = narrated(context, environment, Operation::Run, |host, events| {
            run_in_foreground(host, environment, self.manner.wait, events, &mut |events| {
                follow(&mut *log, environment, &interrupt, events);
            })
        });
        let (report, mut narrator) =
            result.map_err(|failure| begun(failure, Some(environment), context))?;
        context.screen.say(&narrator.result(&report, &[]));
        Ok(exit::of_report(&report))
    }
}

/// Tells each line of a log, until an interruption or until nothing of the services runs any more.
fn follow(
    log: &mut dyn Log,
    environment: &Environment,
    interrupt: &Arc<AtomicBool>,
    events: &mut dyn FnMut(Event),
) {
    let over = Arc::new(AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            until_the_end(environment, interrupt);
            over.store(true, Ordering::Relaxed);
        });
        let host = LocalHost::with_interrupt(Arc::clone(&over));
        let told = log.read(&host, &mut |event| {
            if let LogEvent::Line { bytes, .. } = event {
                let line = String::from_utf8_lossy(&bytes).into_owned();
                events(Event::Log { line });
            }
        });
        if let Err(error) = told {
            let message = format!("the log cannot be shown: {}", chain(&error));
            events(Event::warning(message));
        }
    });
}

/// Returns when there is an interruption, or when nothing of the services runs any more.
fn until_the_end(environment: &Environment, interrupt: &Arc<AtomicBool>) {
    let host = LocalHost::with_interrupt(Arc::clone(interrupt));
    while !host.interrupted() {
        // What cannot be asked now may be answered later.
        if matches!(operate::runs(&host, environment), Ok(false)) {
            return;
        }
        host.pause(LOOK);
    }
}
