//! `cargo xtask ci`: what CI, the hooks and people run. Runs all checks, then says which failed and
//! how to repeat each of them. Runs programs.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use xshell::Shell;

use crate::workspace::{root, say};

mod checks;
mod summary;

use checks::Check;
use summary::{Ended, Summary};

/// Runs what CI runs: format, lints, generated files, tests, documentation.
///
/// Runs every check also when one before it failed, each test binary as a check of its own, and ends
/// with a summary: which failed, with the command that repeats it. Exits 1 when one failed.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} ci
  {program} ci clippy        only the checks that have `clippy` in their name")]
pub struct Ci {
    /// Only checks that have this in their name
    only: Option<String>,
}

impl Ci {
    /// Runs the checks; the exit code says whether all were well.
    pub fn run(&self) -> ExitCode {
        match self.checks() {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                say(&format!("error: {error:#}"));
                ExitCode::FAILURE
            }
        }
    }

    fn checks(&self) -> Result<bool> {
        let shell = Shell::new()?;
        shell.change_dir(root()?);
        let is_wanted =
            |check: &Check| self.only.as_ref().is_none_or(|only| check.name.contains(only));
        let (checks, missing) = checks::all(&shell)?;
        let ended = checks.into_iter().filter(is_wanted).map(|check| run(&shell, check)).collect();
        let summary = Summary { ended, missing };
        say(&format!("\n{summary}"));
        Ok(summary.is_good())
    }
}

fn run(shell: &Shell, check: Check) -> Ended {
    say(&format!("\n== {}: {}", check.name, check.command_line()));
    let begin = now();
    let is_good = check.command(shell).quiet().run().is_ok();
    let took = begin.elapsed();
    let verdict = if is_good { "ok" } else { "FAILED" };
    say(&format!("== {}: {verdict} in {:.1} s", check.name, took.as_secs_f64()));
    Ended { repeat: check.command_line(), name: check.name, is_good, took }
}

#[expect(clippy::disallowed_methods, reason = "a task of developers, not the library")]
fn now() -> Instant {
    Instant::now()
}
