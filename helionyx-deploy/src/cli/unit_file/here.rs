//! What units ask about the host they are for, answered by this machine. Changes nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use systemd_unit_file::{Facts, PathState, Questions};

use crate::command::{Command, ExitStatus};
use crate::host::Host;
use crate::name::UserName;
use crate::state::Node;

/// Where systemd looks for units (systemd.unit(5)), also for those that it made itself.
const UNIT_PATH: [&str; 11] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
];
/// Units that are nowhere but in a file: mounts, devices, slices and scopes also come by themselves.
const WITH_A_FILE: [&str; 5] = ["service", "socket", "target", "timer", "path"];
/// A unit that every machine with systemd has.
const EVERYWHERE: &str = "basic.target";
/// The largest list of users that is read, in bytes.
const LIMIT: u64 = 1024 * 1024;
/// How many links may lead to a file, as the kernel has it.
const LINKS: usize = 40;

/// This machine, as the host that units ask about.
pub(super) struct Here<'a> {
    /// The machine.
    pub(super) host: &'a dyn Host,
    /// Directories whose units will be installed together with the one that asks.
    pub(super) beside: Vec<Utf8PathBuf>,
    /// What a deploy makes, and looks after: nothing is said of paths below.
    pub(super) made_later: Vec<Utf8PathBuf>,
    /// The user, with its group, that `setup` makes: whether it is there is said elsewhere.
    pub(super) user: Option<UserName>,
}

impl Here<'_> {
    /// The answers; what cannot be found out is left open.
    pub(super) fn facts(&self, file: &Utf8Path, questions: &Questions) -> Facts {
        let paths = questions.paths.iter().filter(|path| !self.is_made_later(path));
        let accounts = |database: &str, names: &BTreeSet<String>| {
            let is_made_later = |name: &&String| {
                self.user.as_ref().is_some_and(|user| user.as_str() == name.as_str())
            };
            let answers = names
                .iter()
                .filter(|name| !is_made_later(name))
                .filter_map(|name| Some((name.clone(), self.has_account(database, name)?)));
            answers.collect()
        };
        let has_units = self.finds(EVERYWHERE, false) == Some(true);
        let units = questions.units.iter().filter(|_| has_units);
        Facts {
            paths: paths.filter_map(|path| Some((path.clone(), self.state(path)?))).collect(),
            users: accounts("passwd", &questions.users),
            groups: accounts("group", &questions.groups),
            units: units.filter_map(|name| Some((name.clone(), self.has_unit(name)?))).collect(),
            is_executable: self.state(file) == Some(PathState::Program),
        }
    }

    fn is_made_later(&self, path: &Utf8Path) -> bool {
        self.made_later.iter().any(|root| path.starts_with(root))
    }

    /// What is at a path, links followed.
    fn state(&self, path: &Utf8Path) -> Option<PathState> {
        let mut path = path.to_owned();
        for _ in 0..LINKS {
            path = match self.host.node(&path).ok()? {
                Node::Missing => return Some(PathState::Missing),
                Node::Directory { .. } => return Some(PathState::Directory),
                Node::File { mode, .. } if mode & 0o111 != 0 => return Some(PathState::Program),
                Node::File { .. } | Node::Other => return Some(PathState::File),
                Node::Link { target } => path.parent()?.join(target),
            };
        }
        None
    }

    fn has_unit(&self, name: &str) -> Option<bool> {
        let (stem, suffix) = name.rsplit_once('.').filter(|(_, end)| WITH_A_FILE.contains(end))?;
        let found = self.finds(name, true)?;
        match stem.split_once('@').filter(|_| !found) {
            Some((template, _)) => self.finds(&format!("{template}@.{suffix}"), true),
            None => Some(found),
        }
    }

    /// Whether a unit's file is there; a link counts, wherever it leads.
    fn finds(&self, name: &str, beside: bool) -> Option<bool> {
        let beside = self.beside.iter().map(Utf8PathBuf::as_path).filter(|_| beside);
        for directory in UNIT_PATH.iter().map(Utf8Path::new).chain(beside) {
            if self.host.node(&directory.join(name)).ok()? != Node::Missing {
                return Some(true);
            }
        }
        Some(false)
    }

    fn has_account(&self, database: &str, name: &str) -> Option<bool> {
        let file = Utf8PathBuf::from(format!("/etc/{database}"));
        let text = self.host.read(&file, LIMIT).unwrap_or_default();
        let is_it = |line: &str| line.split(':').next() == Some(name);
        if String::from_utf8_lossy(&text).lines().any(is_it) {
            return Some(true);
        }
        // Others come from elsewhere, e.g. LDAP.
        let mut getent = Command::new("getent", "/").args([database, name]);
        getent.deadline = Duration::from_secs(10);
        match self.host.run(&getent, &mut |_| {}).ok()?.status {
            ExitStatus::Code(0) => Some(true),
            ExitStatus::Code(2) => Some(false),
            _ => None,
        }
    }
}
