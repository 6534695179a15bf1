//! `cargo xtask bench`: how long deploys take, beside a floor: the same effects on the same host by
//! direct commands, measured in the same run. Does I/O.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

mod measure;
mod table;

use measure::{Bench, Took};
use table::{Goal, Row, Table};

use crate::build::{Profile, deployer};
use crate::node::{Layer, Options};
use crate::site::{self, standin, wheelhouse};
use crate::workspace::say;

/// Measures deploys, beside the same effects by direct commands.
///
/// Boots a node with what stands in for Helionyx (FastAPI and uvicorn, in a virtual environment of
/// pip's) in three environments, by Helionyx's own model. Each repetition deploys a commit with
/// other code and the same dependencies, deploys it once more, asks for the status of all
/// environments and rolls back; and does the same to another service with a shell script: fetch,
/// check out, link the dependencies, switch, restart, wait for the first answer. It needs root,
/// systemd-nspawn, and PyPI once. It says how far the goals are met, and never fails because of one.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} bench                        a table of medians, ratios and goals
  {program} bench --repetitions 20 --disk
  {program} bench --json > before.json   one object, for programs")]
pub struct Command {
    /// How often each is measured
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: u32,
    /// Let the node write to a disk of its own instead of to memory
    #[arg(long)]
    disk: bool,
    /// The program to measure; else it is built from here, as what operators install
    #[arg(long, value_name = "FILE")]
    deployer: Option<PathBuf>,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

impl Command {
    /// Measures; fails only where something could not be measured.
    #[must_use]
    pub fn run(&self) -> ExitCode {
        match self.measure() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                say(&format!("error: {error:#}"));
                ExitCode::FAILURE
            }
        }
    }

    #[expect(clippy::print_stdout, reason = "the figures are what was asked for")]
    fn measure(&self) -> Result<()> {
        let layer = if self.disk { Layer::Disk } else { Layer::Memory };
        let options = Options { layer, ..Options::default() };
        // What is missing is said before minutes are spent on building.
        if let Some(missing) = site::missing(options) {
            bail!("{missing}");
        }
        wheelhouse::filled()?;
        let program = match &self.deployer {
            Some(program) => program.clone(),
            None => deployer(Profile::Release)?,
        };
        let name = format!("bench-{}", std::process::id());
        let site = standin::up(&name, options, &program, &[])?;
        let mut bench = Bench::new(site)?;
        for round in 1..=self.repetitions {
            say(&format!("{round} of {}", self.repetitions));
            bench.round(round)?;
        }
        let table = self.table(&bench)?;
        match self.json {
            true => println!("{}", serde_json::to_string(&table)?),
            false => print!("{table}"),
        }
        Ok(())
    }

    fn table(&self, bench: &Bench) -> Result<Table> {
        ensure!(!bench.deploys.is_empty(), "nothing was measured");
        let window = bench.window_ms.context("failed to find the stability window in a plan")?;
        let row = |name, took: &[Took], floor, goal| Row::new(name, took, (floor, window), goal);
        let beside = Goal::Beside { times: 1.25 };
        let rows = vec![
            row(
                "deploy, other code, same dependencies",
                &bench.deploys,
                &bench.floor_deploys,
                Some(beside),
            ),
            row("deploy, unchanged", &bench.unchanged, &[], Some(Goal::Under { ms: 100.0 })),
            row(
                "status of three environments",
                &bench.statuses,
                &[],
                Some(Goal::Under { ms: 100.0 }),
            ),
            row("rollback", &bench.rollbacks, &bench.floor_rollbacks, None),
        ];
        let steps = table::steps(&bench.deploys);
        Ok(Table { repetitions: self.repetitions, window_ms: window, rows, steps })
    }
}
