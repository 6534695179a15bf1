//! The operator's command line: arguments in, the engine's events out, for people or as JSON lines.
//!
//! One file per command or small group. What is written goes through `screen`, what is live through
//! `progress`; the rest renders values to text.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use camino::Utf8PathBuf;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::command::words;
use crate::host::{Clock as _, LocalHost, RecoveryProgram};

mod apply;
mod audit;
mod change;
mod check;
mod env_file;
pub mod exit;
mod generate;
#[cfg(test)]
mod hints;
mod history;
mod logs;
mod plan;
mod releases;
mod run;
mod status;
mod unit_file;

mod failure;
mod json;
mod models;
mod narrate;
mod progress;
#[cfg(test)]
mod samples;
mod screen;
mod signals;
mod style;
mod wait;

use failure::Failure;
pub use models::Models;
use screen::Screen;

/// The models' directory, when none is named.
const ENVS: &str = "envs";
/// The name of the installed binary.
pub const BINARY: &str = "helionyx-deploy";

const EXAMPLES: &str = "\
Examples:
  {program} plan --env local       what a deploy would do
  {program} deploy --env local     do it, prove it, or go back
  {program} status                 how all environments are doing
  {program} rollback --env local   back to the release before";

/// Deploys services to Linux hosts: planned, journaled, proven, rolled back.
#[derive(Parser)]
#[command(name = BINARY, version, arg_required_else_help = true)]
#[command(after_help = after_help())]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// The models' directory, here or in the nearest parent that has it
    #[arg(long, value_name = "DIR", default_value = ENVS, global = true)]
    envs_dir: Utf8PathBuf,
    /// JSON lines on standard output, people's text on standard error
    #[arg(long, global = true)]
    json: bool,
    /// When to use colours; NO_COLOR and CLICOLOR are honoured
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    color: Color,
    /// Show all that running steps write
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Show only the result, and what went wrong
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

impl Global {
    /// What one types to get at the same models.
    fn called(&self, program: &str) -> String {
        match self.envs_dir == ENVS {
            true => program.to_owned(),
            false => format!("{program} --envs-dir {}", words([&self.envs_dir.to_string()])),
        }
    }
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

/// A command of the operator.
#[derive(Subcommand, Clone, Debug)]
pub enum Command {
    /// Make a release, switch to it, prove it; go back when it fails
    Deploy(change::Deploy),
    /// Show what a deploy would do, and change nothing
    Plan(plan::Plan),
    /// Carry out a saved plan, if nothing has changed since
    Apply(apply::Apply),
    /// Make a host ready for a first deploy
    Setup(change::Setup),
    /// Remove what setup and deploys made
    Uninstall(change::Uninstall),
    /// Go back to a release that was verified before
    Rollback(change::Rollback),
    /// List the releases on the host
    Releases(releases::Releases),
    /// Show who did what, when, and with which result
    History(history::History),
    /// Verify the audit log
    Audit(audit::Audit),
    /// Show how services are doing
    Status(status::Status),
    /// Show what services wrote
    Logs(logs::Logs),
    /// Run services in the foreground, with their log, until Ctrl-C
    Run(run::Run),
    /// Start services that do not run, and prove them
    Start(change::Start),
    /// Stop services
    Stop(change::Stop),
    /// Stop services, start them anew, and prove them
    Restart(change::Restart),
    /// Check the models and what they need on the host
    Check(check::Check),
    /// Check environment files by systemd's rules
    EnvFile(env_file::EnvFile),
    /// Check unit files by systemd's rules
    UnitFile(unit_file::UnitFile),
    /// Finish or take back an interrupted operation
    Recover(change::Recover),
    /// Print completions for a shell
    Completions(generate::Completions),
    /// Print the manual page, or write all of them to a directory
    Man(generate::Man),
    /// Print the JSON schema of a model file
    #[cfg(feature = "schema")]
    Schema(generate::Schema),
}

impl Command {
    /// The program that systemd recovers with, as far as this command needs one. A program that has
    /// to be made first is made for those only that begin something new, or foresee it: whoever
    /// stops, restarts or rolls back an environment must not be kept from it by a build that fails.
    fn recovery(&self, program: RecoveryProgram) -> RecoveryProgram {
        use Command::{Apply, Check, Deploy, Plan, Setup};
        match (program, self) {
            (RecoveryProgram::Made(_), Deploy(_) | Plan(_) | Apply(_) | Setup(_) | Check(_)) => {
                program
            }
            (RecoveryProgram::Made(_), _) => RecoveryProgram::None,
            (RecoveryProgram::None | RecoveryProgram::Own, _) => program,
        }
    }
}

/// What a command works with.
struct Context<'a> {
    /// What one types to call us.
    program: &'a str,
    global: &'a Global,
    screen: Screen,
    host: LocalHost,
    interrupt: Arc<AtomicBool>,
}

impl<'a> Context<'a> {
    fn new(program: &'a str, recovery: RecoveryProgram, global: &'a Global) -> Context<'a> {
        let interrupt = Arc::new(AtomicBool::new(false));
        let host = LocalHost::with_interrupt(interrupt.clone()).recovered_by(recovery);
        Context { program, global, screen: Screen::new(global), host, interrupt }
    }

    /// The name of this machine.
    fn machine(&self) -> String {
        self.host.actor().host
    }
}

/// The installed binary: parses its arguments, does what they say, returns the exit code.
#[must_use]
pub fn main() -> ExitCode {
    match parse::<Cli>(BINARY) {
        Ok(Cli { global, command }) => run(BINARY, RecoveryProgram::Own, &global, &command),
        Err(code) => code,
    }
}

/// Parses our arguments; `program` stands in the examples. Help, and what is wrong with the
/// arguments, is printed here.
///
/// # Errors
/// The exit code, when there is nothing left to do.
pub fn parse<T: Parser>(program: &str) -> Result<T, ExitCode> {
    let matches = called::<T>(program).try_get_matches();
    matches.and_then(|matches| T::from_arg_matches(&matches)).map_err(|error| {
        error.print().ok();
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(exit::USAGE))
    })
}

/// Does what a command says; `program` is what one types to call us, shown in hints, and `recovery`
/// is the program that systemd recovers environments with.
#[must_use]
pub fn run(
    program: &str,
    recovery: RecoveryProgram,
    global: &Global,
    command: &Command,
) -> ExitCode {
    let program = global.called(program);
    let mut context = Context::new(&program, command.recovery(recovery), global);
    let done = dispatch(command, &mut context);
    let code = done.unwrap_or_else(|failure| failure.tell(&mut context));
    ExitCode::from(code)
}

/// All models, for developers' tasks. When they cannot be read or have mistakes, that is told here.
///
/// # Errors
/// The exit code, when there is nothing left to do.
pub fn models(program: &str, global: &Global) -> Result<Models, ExitCode> {
    let models = Models::load(global).and_then(|models| match models.are_broken() {
        true => Err(Failure::models(models.findings())),
        false => Ok(models),
    });
    models.map_err(|failure| {
        ExitCode::from(failure.tell(&mut Context::new(program, RecoveryProgram::None, global)))
    })
}

fn dispatch(command: &Command, context: &mut Context<'_>) -> Result<u8, Failure> {
    match command {
        Command::Deploy(args) => args.run(context),
        Command::Plan(args) => args.run(context),
        Command::Apply(args) => args.run(context),
        Command::Setup(args) => args.run(context),
        Command::Uninstall(args) => args.run(context),
        Command::Rollback(args) => args.run(context),
        Command::Releases(args) => args.run(context),
        Command::History(args) => args.run(context),
        Command::Audit(args) => args.run(context),
        Command::Status(args) => args.run(context),
        Command::Logs(args) => args.run(context),
        Command::Run(args) => args.run(context),
        Command::Start(args) => args.run(context),
        Command::Stop(args) => args.run(context),
        Command::Restart(args) => args.run(context),
        Command::Check(args) => args.run(context),
        Command::EnvFile(args) => args.run(context),
        Command::UnitFile(args) => args.run(context),
        Command::Recover(args) => args.run(context),
        Command::Completions(args) => args.run(context),
        Command::Man(args) => args.run(context),
        #[cfg(feature = "schema")]
        Command::Schema(args) => args.run(context),
    }
}

/// A program as it is called, by `--version` too.
fn called<T: CommandFactory>(program: &str) -> clap::Command {
    described::<T>(program).display_name(program.to_owned())
}

/// All commands of a program with their help; `program` stands in the examples.
#[must_use]
pub fn described<T: CommandFactory>(program: &str) -> clap::Command {
    for_program(T::command().bin_name(program), program)
}

/// The same commands with `program` in their examples.
fn for_program(command: clap::Command, program: &str) -> clap::Command {
    let help = command.get_after_help().map(|help| help.to_string().replace("{program}", program));
    let command = match help {
        Some(help) => command.after_help(help),
        None => command,
    };
    command.mut_subcommands(|command| for_program(command, program))
}

/// What stands below the list of commands.
#[must_use]
pub fn after_help() -> String {
    format!("{EXAMPLES}\n\n{}", exit::HELP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_that_of_the_program_as_it_is_called() {
        #[derive(Parser)]
        #[command(name = "xtask", version)]
        struct Developers {}
        for program in [BINARY, "cargo xtask"] {
            let version = format!("{program} {}\n", env!("CARGO_PKG_VERSION"));
            assert_eq!(called::<Developers>(program).render_version(), version);
        }
    }

    #[test]
    fn hints_name_the_models_that_the_command_was_given() {
        let called = |args: &[&str]| Cli::parse_from(args).global.called(BINARY);
        assert_eq!(called(&[BINARY, "status"]), BINARY);
        assert_eq!(
            called(&[BINARY, "status", "--envs-dir", "/srv/my models/envs"]),
            "helionyx-deploy --envs-dir '/srv/my models/envs'"
        );
    }
}
