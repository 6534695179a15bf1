//! Throw-away machines: a systemd of their own, booted on an overlay of this machine, or of another
//! root directory. Does I/O.
//!
//! A node sees this machine's file system and keeps what it writes to itself, on a tmpfs or on a
//! disk of its own. It is started by `systemd-nspawn`, in a network of its own, with nothing running
//! but systemd, its journal, D-Bus and logind.
//!
//! ```no_run
//! use xtask::node::{Node, Options};
//!
//! let mut node = Node::up("demo", Options::default())?;
//! let output = node.run(&["systemctl", "is-system-running"])?;
//! assert_eq!(output.stdout, b"running\n");
//! node.reboot()?;
//! # Ok::<(), anyhow::Error>(())
//! ```
//!
//! Everything that a node has can be found by its name alone, so that whoever comes next can remove
//! what a caller that was killed left behind.

use std::path::Path;
use std::process::Output;

use anyhow::{Context as _, Result, bail, ensure};

mod base;
mod command;
mod name;
mod place;
mod record;

mod cgroup;
mod disk;
mod enter;
mod furnish;
mod hold;
mod layer;
mod mounts;
mod nspawn;
mod prerequisites;
mod processes;
mod remains;
pub mod wait;

pub use base::wanted;
pub use command::Command;
pub(crate) use disk::shut_down;
pub use name::Name;
pub use prerequisites::{lacking, missing};
pub(crate) use prerequisites::{may_mount, program};
pub use record::{Layer, Network, Options, State};
pub use remains::remains;

use hold::Hold;
use place::Place;
use record::Record;

use crate::workspace::say;

/// A machine of its own. It is gone when this is dropped, unless it was found or kept.
#[derive(Debug)]
pub struct Node {
    place: Place,
    record: Record,
    /// Whoever holds a node may change it. None: it was found, and others may.
    hold: Option<Hold>,
}

impl Node {
    /// Boots a new node on what [`wanted`] names, and removes what callers that died have left
    /// behind.
    ///
    /// # Errors
    /// What this machine lacks; a name that is taken; whatever keeps it from booting.
    pub fn up(name: &str, options: Options) -> Result<Node> {
        Node::up_on(&wanted(), name, options)
    }

    /// The same on another root directory than this machine's, of which nothing is changed.
    ///
    /// # Errors
    /// As [`Node::up`]; what that directory lacks.
    pub fn up_on(base: &Path, name: &str, options: Options) -> Result<Node> {
        let (place, base) = (Place::of(&name.parse()?), base::whole(base));
        prerequisites::check(options, Some(&base))?;
        remains::sweep()?;
        let hold = Hold::take(&place)?;
        if Record::read(&place)?.is_some() {
            bail!("{name} is there already: `cargo xtask node down --name {name}` removes it");
        }
        let record = Record { options, base, kept: false };
        let node = Node { place, record, hold: Some(hold) };
        // From here on, dropping it removes what has been made.
        node.make().with_context(|| format!("failed to boot {name}"))?;
        Ok(node)
    }

    /// A node that was kept, or that another process holds.
    ///
    /// # Errors
    /// When there is none of this name; what this machine lacks.
    pub fn find(name: &str) -> Result<Node> {
        let place = Place::of(&name.parse()?);
        prerequisites::check(Options::default(), None)?;
        remains::sweep()?;
        match Record::read(&place)? {
            Some(record) => Ok(Node { place, record, hold: None }),
            None => bail!("there is no {name}: `cargo xtask node up --name {name}` boots it"),
        }
    }

    /// All nodes, by name.
    ///
    /// # Errors
    /// When what is there cannot be read.
    pub fn all() -> Result<Vec<Node>> {
        remains::sweep()?;
        let mut nodes = Vec::new();
        for place in place::all()? {
            let record = Record::read(&place)?;
            nodes.extend(record.map(|record| Node { place, record, hold: None }));
        }
        Ok(nodes)
    }

    /// Lets the node run on after this process.
    ///
    /// # Errors
    /// When that cannot be recorded.
    pub fn keep(mut self) -> Result<()> {
        self.record.kept = true;
        self.record.write(&self.place)?;
        self.hold = None;
        Ok(())
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.place.name
    }

    /// What it was made with.
    #[must_use]
    pub fn options(&self) -> Options {
        self.record.options
    }

    /// The root directory that it was booted on: this machine's own, mostly.
    #[must_use]
    pub fn base(&self) -> &Path {
        &self.record.base
    }

    /// Its root directory, seen from this machine; `/run` and `/tmp` are the node's own and not in it.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.place.root
    }

    /// How it is doing.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn state(&self) -> Result<State> {
        Ok(if processes::leader(&self.place)?.is_some() { State::Up } else { State::Stopped })
    }

    /// A command in the node, to be given its input and output: nothing is quoted, nothing expanded.
    ///
    /// # Errors
    /// When the node does not run.
    pub fn command(&self, command: &[impl AsRef<str>]) -> Result<duct::Expression> {
        enter::command(&self.place, command)
    }

    /// Runs a command in the node, without input. A command that fails is not an error.
    ///
    /// # Errors
    /// When the node does not run.
    pub fn run(&self, command: &[impl AsRef<str>]) -> Result<Output> {
        let words: Vec<&str> = command.iter().map(AsRef::as_ref).collect();
        let command = self.command(&words)?.stdin_null().stdout_capture().stderr_capture();
        command.unchecked().run().with_context(|| format!("failed to run `{}`", words.join(" ")))
    }

    /// The units that failed, one per line; empty where all is well.
    ///
    /// # Errors
    /// When the node does not run.
    pub fn failed_units(&self) -> Result<String> {
        let output =
            self.run(&["systemctl", "list-units", "--failed", "--plain", "--no-legend"])?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Shuts the node down in order and boots it again; a stopped one is just booted.
    ///
    /// # Errors
    /// When it does not come back; when another process holds it.
    pub fn reboot(&mut self) -> Result<()> {
        self.held(|node| {
            match layer::is_alive(&node.place) {
                true => nspawn::shut_down(&node.place)?,
                // A power cut that was cut short itself: nothing can end in order without a disk.
                false => processes::kill_all(&node.place)?,
            }
            node.boot_again()
        })
    }

    /// Cuts the power: what was not synced is lost. Then boots the node again.
    ///
    /// # Errors
    /// When it has no disk; when it does not come back; when another process holds it.
    pub fn cut(&mut self) -> Result<()> {
        let name = self.name();
        ensure!(
            self.record.options.layer == Layer::Disk,
            "{name} has no disk, so nothing would be lost in a power cut: boot one with \
             `cargo xtask node up --disk`"
        );
        self.held(|node| {
            disk::lose_what_is_not_written(&node.place)?;
            processes::kill_all(&node.place)?;
            node.boot_again()
        })
    }

    /// Removes the node and all that it wrote.
    ///
    /// # Errors
    /// When something cannot be removed; when another process holds it.
    pub fn down(mut self) -> Result<()> {
        let hold = match self.hold.take() {
            Some(hold) => hold,
            None => Hold::take(&self.place)?,
        };
        remains::remove(&self.place)?;
        hold.forget()
    }

    fn make(&self) -> Result<()> {
        layer::create(&self.place, &self.record)?;
        layer::mount_root(&self.place, &self.record)?;
        furnish::furnish(&self.place)?;
        nspawn::boot(&self.place, &self.record)?;
        // A machine that has been there for a while has nothing of its installation to lose.
        layer::sync(&self.place)?;
        self.record.write(&self.place)
    }

    /// From what is on its disk, as any machine does; also after a call before was cut short.
    fn boot_again(&self) -> Result<()> {
        if self.record.options.layer == Layer::Disk {
            layer::unmount(&self.place)?;
            disk::wait_until_free(&self.place)?;
            layer::mount(&self.place, &self.record)?;
        }
        nspawn::boot(&self.place, &self.record)
    }

    /// Does something that only one process may do at a time.
    fn held(&mut self, change: impl FnOnce(&Node) -> Result<()>) -> Result<()> {
        let _for_now = match self.hold {
            Some(_) => None,
            None => Some(Hold::take(&self.place)?),
        };
        change(self)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let Some(hold) = self.hold.take() else { return };
        if let Err(error) = remains::remove(&self.place).and_then(|()| hold.forget()) {
            let name = self.name();
            say(&format!("warning: {error:#}; `cargo xtask node down --name {name}` tries again"));
        }
    }
}
