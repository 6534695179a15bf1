//! `run`: services in the foreground, with their log, until somebody has seen enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;

use crate::event::{Event, Operation};
use crate::host::{Clock as _, Host as _, LocalHost};
use crate::model::Environment;
use crate::operate::{self, run_in_foreground};
use crate::tool::journalctl::{self, Wanted};

use super::change::{Manner, Site, narrated, not_begun};
use super::logs::{INTERVAL, Source, sources};
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
        let mut log = Log::new(environment, &context.host)?;
        let result = narrated(context, environment, Operation::Run, |host, events| {
            run_in_foreground(host, environment, self.manner.wait, events, &mut |events| {
                log.show(&interrupt, events);
            })
        });
        let (report, mut narrator) =
            result.map_err(|failure| begun(failure, Some(environment), context))?;
        context.screen.say(&narrator.result(&report, &[]));
        Ok(exit::of_report(&report))
    }
}

/// What is written from here on.
enum Log<'e> {
    /// To files: of the embedded runtime.
    Files(&'e Environment, Vec<Source>),
    /// To the host's journal, since a time in journalctl's words.
    Journal(&'e Environment, String),
}

impl<'e> Log<'e> {
    fn new(environment: &'e Environment, host: &LocalHost) -> Result<Log<'e>, Failure> {
        if environment.units().is_some() {
            let millis = host.now().as_millis();
            let since = format!("@{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000));
            return Ok(Log::Journal(environment, since));
        }
        let mut sources = sources(host, environment)?;
        for source in &mut sources {
            source.last(0)?;
        }
        Ok(Log::Files(environment, sources))
    }

    /// Tells each line, until an interruption or until nothing runs any more.
    fn show(&mut self, interrupt: &Arc<AtomicBool>, events: &mut dyn FnMut(Event)) {
        let over = Arc::new(AtomicBool::new(false));
        let environment = match self {
            Log::Files(environment, _) | Log::Journal(environment, _) => *environment,
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                until_the_end(environment, interrupt);
                over.store(true, Ordering::Relaxed);
            });
            let told = self.follow(&LocalHost::with_interrupt(Arc::clone(&over)), events);
            if let Err(failure) = told {
                let message = format!("the log cannot be shown: {}", failure.message);
                events(Event::warning(message));
            }
        });
    }

    fn follow(&mut self, host: &LocalHost, events: &mut dyn FnMut(Event)) -> Result<(), Failure> {
        match self {
            Log::Files(_, sources) => loop {
                let is_over = host.interrupted();
                for source in &mut *sources {
                    for line in source.more()? {
                        let line = String::from_utf8_lossy(&line).into_owned();
                        events(Event::Log { line });
                    }
                }
                if is_over {
                    return Ok(());
                }
                host.pause(INTERVAL);
            },
            Log::Journal(environment, since) => {
                let services = environment.services.iter();
                let units: Vec<_> =
                    services.filter_map(|service| environment.unit(&service.name)).collect();
                let since = Some(since.clone());
                let wanted = Wanted { lines: LINES, since, follow: true, priority: None };
                let read = journalctl::read(&units, &wanted);
                host.run(&read, &mut |line| events(Event::Log { line: line.to_owned() }))?;
                Ok(())
            }
        }
    }
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
