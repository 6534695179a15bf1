//! `cargo xtask simulate`: operators and mishaps on a machine in memory, from seeds. Prints only.

use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use helionyx_deploy::model::Supervisor;
use helionyx_deploy::simulation::{Options, simulate, word};

use crate::workspace::say;

/// Simulates operators and mishaps on a machine in memory, and looks whether all that must hold does.
///
/// One seed says all that happens. What fails is printed with the last events and the command that
/// repeats it. Exits 1 when something does not hold.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} simulate
  {program} simulate --operations 1000000 --seed 7
  {program} simulate --supervisor systemd")]
pub struct Command {
    /// How many operations under each supervisor
    #[arg(long, default_value_t = 20_000)]
    operations: u64,
    /// The seed of the first world; each world after it has the next one
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only under this supervisor
    #[arg(long, value_parser = supervisor)]
    supervisor: Option<Supervisor>,
}

fn supervisor(text: &str) -> Result<Supervisor, String> {
    let all = [Supervisor::Process, Supervisor::Systemd];
    let found = all.into_iter().find(|one| word(*one) == text);
    found.ok_or_else(|| "expected `process` or `systemd`".to_owned())
}

impl Command {
    /// Simulates; the exit code says whether all held.
    #[must_use]
    pub fn run(&self) -> ExitCode {
        let all = [Supervisor::Process, Supervisor::Systemd];
        let wanted = |one: &Supervisor| self.supervisor.is_none_or(|only| only == *one);
        let mut good = true;
        for supervisor in all.into_iter().filter(wanted) {
            let begin = now();
            let (seed, operations) = (self.seed, self.operations);
            match simulate(Options { seed, operations, supervisor }) {
                Ok(tally) => {
                    let secs = begin.elapsed().as_secs_f64();
                    say(&format!("under {}, {secs:.1} s: {tally}", word(supervisor)));
                }
                Err(violation) => {
                    say(&violation.to_string());
                    good = false;
                }
            }
        }
        if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

#[expect(clippy::disallowed_methods, reason = "a task of developers, not the library")]
fn now() -> Instant {
    Instant::now()
}
