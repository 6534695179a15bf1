//! Developers' tasks, and every operator command of `helionyx-deploy`: `cargo xtask <command>`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use helionyx_deploy::cli;
use helionyx_deploy::host::RecoveryProgram;

pub mod build;
pub mod node;
pub mod site;
pub mod sweep;

mod bench;
mod ci;
mod render_units;
mod simulate;
mod workspace;

/// What developers type to call us.
const PROGRAM: &str = "cargo xtask";

/// Developers' tasks, and every command of the installed `helionyx-deploy`.
#[derive(Parser)]
#[command(name = "xtask", bin_name = PROGRAM, version, arg_required_else_help = true)]
#[command(after_help = cli::after_help())]
struct Xtask {
    #[command(flatten)]
    global: cli::Global,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    #[command(flatten)]
    Operator(cli::Command),
    /// Run what CI runs: format, lints, tests, documentation
    Ci(ci::Ci),
    /// Write all files that are generated and checked in
    RenderUnits(render_units::RenderUnits),
    /// Boot throw-away machines with a systemd of their own, and work on them
    Node(node::Command),
    /// Disturb every operation at each of its system calls, and look whether the host is whole
    Sweep(sweep::Command),
    /// Simulate operators and mishaps on a machine in memory, and look whether all that must hold does
    Simulate(simulate::Command),
    /// Measure deploys, beside the same effects by direct commands
    Bench(bench::Command),
}

/// Reads the arguments and does what they say.
#[must_use]
pub fn main() -> ExitCode {
    match cli::parse::<Xtask>(PROGRAM) {
        Ok(Xtask { global, task: Task::Operator(command) }) => {
            // What recovers a host as root is what operators install, and not all of our tasks.
            let recovery = RecoveryProgram::Made(build::recovery_program);
            cli::run(PROGRAM, recovery, &global, &command)
        }
        Ok(Xtask { task: Task::Ci(ci), .. }) => ci.run(),
        Ok(Xtask { global, task: Task::RenderUnits(render) }) => render.run(&global),
        Ok(Xtask { task: Task::Node(node), .. }) => node.run(),
        Ok(Xtask { task: Task::Sweep(sweep), .. }) => sweep.run(),
        Ok(Xtask { task: Task::Bench(bench), .. }) => bench.run(),
        Ok(Xtask { task: Task::Simulate(simulate), .. }) => simulate.run(),
        Err(code) => code,
    }
}
