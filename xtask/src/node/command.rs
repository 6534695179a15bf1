//! `cargo xtask node`: arguments in, what is to be said to people and programs out.

use std::io::IsTerminal as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};

use super::{Layer, Name, Network, Node, Options, State, wanted};
use crate::workspace::say;

/// Boots throw-away machines with a systemd of their own, and works on them.
///
/// A node sees this machine's files; what it writes is its own, and gone with it. It needs root,
/// and systemd-nspawn (Debian: systemd-container).
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} node up                              node1, in a second
  {program} node run -- systemctl status         a command in it; ends with its exit code
  {program} node up --disk --name node2          one whose power can be cut
  {program} node cut --name node2                what was not synced is lost
  {program} node up --network host --name tools  one that can install packages
  {program} node down                            nothing is left of it")]
pub struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Clone, Debug)]
enum Action {
    /// Boot a new node
    Up(Up),
    /// Run a command in a node; ends with its exit code, or 125 when there is no such node
    Run(Run),
    /// Open a shell in a node
    Shell(Named),
    /// Shut a node down in order, and boot it again
    Reboot(Named),
    /// Cut the power of a node with a disk, and boot it again: what was not synced is lost
    Cut(Named),
    /// Remove a node and all that it wrote
    Down(Named),
    /// List the nodes
    List,
}

/// Which node.
#[derive(Args, Clone, Debug)]
struct Named {
    /// The node: lower-case letters, digits and `-`
    #[arg(long, default_value = "node1")]
    name: Name,
}

#[derive(Args, Clone, Debug)]
struct Up {
    #[command(flatten)]
    named: Named,
    /// Write to a disk of its own, from which the power can be cut, instead of to memory
    #[arg(long)]
    disk: bool,
    /// What it is connected to
    #[arg(long, value_enum, default_value = "private")]
    network: Network,
    /// Boot it on the root directory of another distribution, not on this machine's own; without
    /// it, HELIONYX_NODE_ROOT counts
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The most that it may write, in MiB
    #[arg(long, value_name = "MIB", default_value_t = Options::default().size_mib)]
    #[arg(value_parser = clap::value_parser!(u32).range(64..))]
    size: u32,
}

#[derive(Args, Clone, Debug)]
struct Run {
    #[command(flatten)]
    named: Named,
    /// The command, word by word: no shell reads it
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// As of a container engine: the command was not run at all.
const NOT_RUN: u8 = 125;

impl Command {
    /// Does it; the exit code is the command's own for `run` and `shell`.
    #[must_use]
    pub fn run(&self) -> ExitCode {
        let failed = match &self.action {
            Action::Run(_) | Action::Shell(_) => NOT_RUN,
            _ => 1,
        };
        self.action.run().unwrap_or_else(|error| {
            say(&format!("error: {error:#}"));
            ExitCode::from(failed)
        })
    }
}

impl Action {
    fn run(&self) -> Result<ExitCode> {
        match self {
            Action::Up(up) => up.run()?,
            Action::Run(run) => return enter(&run.named, &run.command),
            Action::Shell(named) => return enter(named, shell()),
            Action::Reboot(named) => {
                let mut node = named.find()?;
                node.reboot()?;
                tell_up(&node, "is up again")?;
            }
            Action::Cut(named) => {
                let mut node = named.find()?;
                node.cut()?;
                tell_up(&node, "lost its power, and is up again")?;
            }
            Action::Down(named) => {
                named.find()?.down()?;
                say(&format!("{} is gone", named.name));
            }
            Action::List => list()?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Named {
    fn find(&self) -> Result<Node> {
        Node::find(&self.name.to_string())
    }
}

impl Up {
    fn run(&self) -> Result<()> {
        let layer = if self.disk { Layer::Disk } else { Layer::Memory };
        let options = Options { layer, network: self.network, size_mib: self.size };
        let base = self.root.clone().unwrap_or_else(wanted);
        let node = Node::up_on(&base, &self.named.name.to_string(), options)?;
        tell_up(&node, "is up")?;
        node.keep()
    }
}

/// Says so, and which units failed.
fn tell_up(node: &Node, what: &str) -> Result<()> {
    let (name, root) = (node.name(), node.root().display());
    say(&format!("{name} {what}; its files: {root}"));
    let failed = node.failed_units()?;
    if !failed.is_empty() {
        say(&format!("warning: units failed in it:\n{failed}"));
    }
    Ok(())
}

/// A shell, on a terminal of the node's own where there is one here: ours has no name in there.
fn shell() -> &'static [&'static str] {
    match std::io::stdin().is_terminal() {
        true => &["script", "--quiet", "--return", "--command", "bash -l", "/dev/null"],
        false => &["bash", "-l"],
    }
}

fn enter(named: &Named, command: &[impl AsRef<str>]) -> Result<ExitCode> {
    let command = named.find()?.command(command)?;
    let output = command.unchecked().run().context("failed to enter the node")?;
    // As a shell does: 128 and the signal.
    let code = output.status.code().or(output.status.signal().map(|signal| 128 + signal));
    Ok(ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(NOT_RUN)))
}

#[expect(clippy::print_stdout, reason = "the list is what was asked for")]
fn list() -> Result<()> {
    for node in Node::all()? {
        let Options { layer, network, size_mib } = node.options();
        let state = match node.state()? {
            State::Up => "up",
            State::Stopped => "stopped",
        };
        let (name, layer) = (node.name().to_string(), format!("{layer:?}").to_lowercase());
        let network = format!("{network:?}").to_lowercase();
        let base = match node.base() {
            base if base == Path::new("/") => String::new(),
            base => format!("  on {}", base.display()),
        };
        println!("{name:<16} {state:<8} {layer:<7} {size_mib:>6} MiB  network {network}{base}");
    }
    Ok(())
}
