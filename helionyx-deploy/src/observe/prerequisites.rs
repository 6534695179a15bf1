//! Looks for what an environment needs on its host before anything is begun: programs and their
//! versions, systemd, room, mounts. Changes nothing, and takes some time: it is not part of every
//! look at a host.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use crate::command::{Command, Output};
use crate::event::chain;
use crate::host::{Host, HostError};
use crate::model::{Environment, Requirement, Source};
use crate::plan::runtime::rules;
use crate::state::Node;
use crate::state::prerequisite::{Asked, Prerequisites, Systemd};
use crate::supervise::modelled;
use crate::tool::{mount, systemctl};

/// How long a program may take to say its version, or to find out whether it has all it needs.
const DEADLINE: Duration = Duration::from_secs(20);
/// The largest file that names mounts, in bytes.
const LIMIT: u64 = 4 * 1024 * 1024;
/// There while systemd runs the machine: what sd_booted(3) looks at.
const BOOTED: &str = "/run/systemd/system";
const FSTAB: &str = "/etc/fstab";
const MOUNTINFO: &str = "/proc/self/mountinfo";

/// What is there of what an environment needs.
#[must_use]
pub fn prerequisites(host: &dyn Host, environment: &Environment) -> Prerequisites {
    let layout = &environment.layout;
    let directories = [&layout.root, &layout.data].into_iter();
    let supervisor = modelled(host, environment);
    let ports = environment.all_ports();
    let listeners = ports.filter_map(|port| Some((port, supervisor.listeners(port).ok()?)));
    let needed: Vec<Requirement> = needed(environment).collect();
    // All are asked at once: most of the time of each is its start.
    let has_units = rules(environment).needs().systemd;
    let systemd_version = has_units.then(systemctl::version);
    let commands: Vec<_> =
        systemd_version.into_iter().chain(needed.iter().flat_map(questions)).collect();
    let mut answers = host.run_all(&commands).into_iter();
    let systemd = has_units.then(|| systemd(host, answers.next()));
    let programs = needed.into_iter().map(|one| {
        let version = answers.next();
        let check = questions(&one).nth(1).and_then(|_| answers.next());
        (one, asked(version, check))
    });
    let programs = programs.collect();
    Prerequisites {
        uid: host.ourselves().uid,
        systemd,
        programs,
        free: directories.filter_map(|dir| Some((dir.clone(), host.free(dir).ok()?))).collect(),
        wanted_mounts: wanted_mounts(host),
        mounts: mounts(host),
        listeners: listeners.collect(),
    }
}

/// What is asked about a program: its version, then its check, if it has one.
fn questions(one: &Requirement) -> impl Iterator<Item = Command> + use<> {
    let command = |program: &str, args: &[String]| {
        let command = Command::new(program, "/").args(args.to_vec()).variable("LC_ALL", "C");
        Command { deadline: DEADLINE, ..command }
    };
    let check = one.run.as_ref().and_then(|words| words.split_first());
    let check = check.map(|(program, args)| command(program, args));
    [command(&one.program, &["--version".to_owned()])].into_iter().chain(check)
}

/// The programs of the model, and git where the source needs it.
fn needed(environment: &Environment) -> impl Iterator<Item = Requirement> {
    let all = environment.requires.clone();
    let is_git = |one: &Requirement| Utf8Path::new(&one.program).file_name() == Some("git");
    let wants_git = matches!(environment.source, Source::Git { .. }) && !all.iter().any(is_git);
    let git = Requirement { program: "git".to_owned(), at_least: None, run: None };
    all.into_iter().chain(wants_git.then_some(git))
}

/// What became of a question about a program, if it was asked.
type Answer = Option<Result<Output, HostError>>;

/// What a program said of its version, and what its check came to.
fn asked(version: Answer, check: Answer) -> Asked {
    let said = match text(version) {
        Err(asked) => return asked,
        Ok(text) => {
            text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
        }
    };
    match check.map(|answer| text(Some(answer))) {
        None | Some(Ok(_)) => Asked::Said(said),
        Some(Err(Asked::Failed(why))) => Asked::Lacking(said, why),
        Some(Err(_)) => Asked::Lacking(said, "there is no such program".to_owned()),
    }
}

/// What a program wrote, if it ended well.
fn text(answer: Answer) -> Result<String, Asked> {
    match answer {
        None => Err(Asked::Missing),
        Some(Err(error)) if error.source.kind() == ErrorKind::NotFound => Err(Asked::Missing),
        Some(Err(error)) => Err(Asked::Failed(chain(&error))),
        Some(Ok(output)) if output.status.success() => Ok(output.text),
        Some(Ok(output)) => {
            let said = crate::source::last_line(&output);
            Err(Asked::Failed(said.unwrap_or_else(|| output.status.to_string())))
        }
    }
}

fn systemd(host: &dyn Host, version: Answer) -> Systemd {
    let is_booted = matches!(host.node(Utf8Path::new(BOOTED)), Ok(Node::Directory { .. }));
    match version {
        Some(Err(error)) if error.source.kind() == ErrorKind::NotFound => Systemd::NotRunning,
        _ if !is_booted => Systemd::NotRunning,
        said => {
            let text = said.and_then(Result::ok).map(|output| output.text).unwrap_or_default();
            Systemd::Running(systemctl::parse_version(&text).map(|version| version.0))
        }
    }
}

/// Of links and files that cannot be read nothing is known.
fn wanted_mounts(host: &dyn Host) -> BTreeMap<Utf8PathBuf, Utf8PathBuf> {
    let mut wanted = BTreeMap::new();
    let units = Utf8Path::new(crate::layout::UNITS_DIR);
    for name in host.list(units).unwrap_or_default() {
        let file = units.join(&name);
        let place = name.ends_with(".mount").then(|| host.read(&file, LIMIT).ok()).flatten();
        wanted.extend(place.and_then(|bytes| Some((mount::of_unit(&bytes)?, file))));
    }
    let fstab = mount::of_fstab(&content(host, FSTAB));
    wanted.extend(fstab.into_iter().map(|place| (place, Utf8PathBuf::from(FSTAB))));
    wanted
}

fn mounts(host: &dyn Host) -> BTreeSet<Utf8PathBuf> {
    mount::mounted(&content(host, MOUNTINFO)).into_iter().collect()
}

fn content(host: &dyn Host, path: &str) -> String {
    let bytes = host.read(Utf8Path::new(path), LIMIT).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
