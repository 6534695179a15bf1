//! What an environment lacks on its host: all of it at once, before anything is begun. No I/O.

use camino::{Utf8Path, Utf8PathBuf};
use systemd_unit_file::OLDEST;

use crate::hint;
use crate::model::{Environment, ProgramVersion, Requirement};
use crate::name::Port;
use crate::plan::Refusal;
use crate::plan::runtime::rules;
use crate::state::prerequisite::{Asked, Prerequisites, Systemd};
use crate::state::{HostState, Instance, Listener};

/// What must be free for a release besides twice the size of the one in use, in bytes.
const ROOM: u64 = 64 * MIB;
/// What must be free for data.
const ROOM_FOR_DATA: u64 = 16 * MIB;
const MIB: u64 = 1024 * 1024;

/// Codes of what no other deployer of the same environment can bring about or put right: what is
/// found of them needs no lock to be true.
pub const OF_THE_HOST: [&str; 6] =
    ["no-systemd", "missing-program", "old-program", "lacking-program", "no-rights", "not-mounted"];

/// What is missing, with what was found instead. `release_bytes` is the size of the release in use.
#[must_use]
pub fn missing(
    environment: &Environment,
    found: &Prerequisites,
    release_bytes: u64,
) -> Vec<Refusal> {
    let mut all: Vec<Refusal> = systemd(found).into_iter().collect();
    all.extend(found.programs.iter().filter_map(|(one, asked)| program(one, asked)));
    all.extend(unmounted(environment, found));
    if rules(environment).needs().rights_and_room {
        all.extend(room(environment, found, release_bytes));
        all.extend(rights(found.uid));
    }
    all.extend(ports(found));
    all
}

/// How large the release in use is, as it was sealed; 0 where there is none.
#[must_use]
pub fn release_bytes(found: &HostState) -> u64 {
    let manifest = found.current.release().and_then(|id| found.manifest(id));
    manifest.map_or(0, |manifest| manifest.files.bytes)
}

fn systemd(found: &Prerequisites) -> Option<Refusal> {
    let (message, hint) = match found.systemd.as_ref()? {
        Systemd::NotRunning => (
            "this machine is not run by systemd".to_owned(),
            "deploy to a machine that systemd boots, or write `supervisor = \"process\"`",
        ),
        Systemd::Running(Some(version)) if *version < OLDEST.0 => (
            format!("systemd {version} is too old: units are written for {} or newer", OLDEST.0),
            "upgrade the machine, e.g. to Debian 12",
        ),
        Systemd::Running(_) => return None,
    };
    Some(Refusal::new("no-systemd", message, hint))
}

fn program(one: &Requirement, asked: &Asked) -> Option<Refusal> {
    let name = &one.program;
    let wanted = one.at_least.as_ref();
    let needed = wanted.map_or_else(String::new, |version| format!(" {version} or newer"));
    let install = format!("install {name}{needed}");
    match asked {
        Asked::Missing => {
            let needs = if needed.is_empty() { "" } else { ": the app needs" };
            let message = format!("{name} is not here{needs}{needed}");
            Some(Refusal::new("missing-program", message, install))
        }
        Asked::Failed(why) => {
            let message = format!("{name} does not work: {why}");
            Some(Refusal::new("lacking-program", message, install))
        }
        Asked::Said(said) => outdated(name, said, wanted?, &install),
        // What is too old need not have all the rest.
        Asked::Lacking(said, why) => {
            let outdated = wanted.and_then(|version| outdated(name, said, version, &install));
            Some(outdated.unwrap_or_else(|| {
                let check = crate::command::words(one.run.iter().flatten());
                let message = format!("{name} ({said}) lacks something: `{check}` says: {why}");
                Refusal::new("lacking-program", message, "install what it lacks")
            }))
        }
    }
}

fn outdated(name: &str, said: &str, wanted: &ProgramVersion, install: &str) -> Option<Refusal> {
    let message = match ProgramVersion::find(said) {
        Some(version) if version >= *wanted => return None,
        Some(version) => format!("{name} is {version}: the app needs {wanted} or newer"),
        None => format!("{name} does not tell its version: the app needs {wanted} or newer"),
    };
    Some(Refusal::new("old-program", message, install))
}

/// What is written below a mount point before it is mounted is hidden by the mount, and what lies on
/// the file system is not seen (T-HEL-18).
fn unmounted(environment: &Environment, found: &Prerequisites) -> Vec<Refusal> {
    let layout = &environment.layout;
    let ours: [&Utf8Path; 3] = [&layout.root, &layout.data, &environment.backups];
    let is_missing = |place: &Utf8PathBuf| {
        // Where it is not known what is mounted, nothing is missing.
        !found.mounts.is_empty() && !found.mounts.contains(place)
    };
    let missing = found.wanted_mounts.iter().filter(|(place, _)| is_missing(place));
    let refusals = missing.filter_map(|(place, by)| {
        let below = ours.into_iter().find(|path| path.starts_with(place))?;
        let message = format!("{below} lies below {place}, which {by} mounts and is not mounted");
        let mount = hint!("run ", hint::shell(["mount", place.as_str()]));
        Some(Refusal::new("not-mounted", message, mount))
    });
    refusals.collect()
}

fn room(environment: &Environment, found: &Prerequisites, release_bytes: u64) -> Vec<Refusal> {
    let layout = &environment.layout;
    let release = release_bytes.saturating_mul(2).saturating_add(ROOM);
    let needs = [
        (&layout.root, release, "remove old releases, or give it more room"),
        (&layout.data, ROOM_FOR_DATA, "give it more room"),
    ];
    let lacking = needs.into_iter().filter_map(|(dir, needed, hint)| {
        let free = *found.free.get(dir)?;
        let (has, needs) = (free / MIB, needed.div_ceil(MIB));
        let message = format!("{dir} has {has} MiB left, {needs} MiB are needed");
        (free < needed).then(|| Refusal::new("no-room", message, hint))
    });
    lacking.collect()
}

fn rights(uid: u32) -> Option<Refusal> {
    let message = format!("user id {uid} may not do this: units, users and releases are root's");
    (uid != 0).then(|| Refusal::new("no-rights", message, "do it as root, e.g. with sudo"))
}

/// A port that another one's process holds. Who may not see whose it is, is told so (HEL-02).
fn ports(found: &Prerequisites) -> Vec<Refusal> {
    let is_ours = |holder: &Instance| holder.service.is_some();
    let refuse = |(port, listeners): (&Port, &Vec<Listener<Instance>>)| {
        let strange = listeners.iter().filter(|listener| !listener.is_held_by(is_ours));
        let who: Vec<String> =
            strange.map(|one| format!("{} on {}", one.describe(), one.address)).collect();
        let message = format!("port {port} is held by {}", who.join(", "));
        let hint = "stop that process, or give the environment another port";
        (!who.is_empty()).then(|| Refusal::new("port-held", message, hint))
    };
    found.listeners.iter().filter_map(refuse).collect()
}

#[cfg(test)]
mod tests;
