//! Looks at an environment with code of its own: nothing in here is of the library that is swept.
//! Reads files and `/proc`.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use super::place::{Ended, Place};
use super::processes;

/// What was there at some moment.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The release that `current` names.
    pub current: Option<String>,
    /// The releases that are complete.
    pub complete: BTreeSet<String>,
    /// What the processes run from; empty for one whose directory is gone.
    pub running: Vec<String>,
    /// What the service wrote.
    pub events: Vec<u8>,
    /// The journal.
    pub journal: Vec<u8>,
}

/// Looks.
pub fn look(place: &Place) -> Result<Seen> {
    let root = place.root();
    let running = processes::of(&root)?.into_iter();
    Ok(Seen {
        current: current(&root),
        complete: complete(&root),
        running: running.map(|process| process.release.unwrap_or_default()).collect(),
        events: fs_err::read(place.events()).unwrap_or_default(),
        journal: fs_err::read(root.join("journal.jsonl")).unwrap_or_default(),
    })
}

/// What must be so at every instant: I1, I4, I5, and every file that says that it is whole.
pub fn instant(place: &Place, before: &Seen, prunes: bool) -> Result<Vec<String>> {
    let (root, now) = (place.root(), look(place)?);
    let mut found = Vec::new();
    match &now.current {
        None => found.push("I1: current names no release".to_owned()),
        Some(id) if !now.complete.contains(id) => {
            found.push(format!("I1: current names {id}, which is not complete"));
        }
        Some(_) => {}
    }
    for id in &now.complete {
        found.extend(damage(&root.join("releases").join(id)));
    }
    let needed = before.current.iter().chain(before.complete.iter().filter(|_| !prunes));
    let gone = needed.filter(|id| !now.complete.contains(*id));
    found.extend(gone.map(|id| format!("I4: {id} is not there any more")));
    if !now.events.starts_with(&before.events) {
        found.push("I5: what the service wrote did not only grow".to_owned());
    }
    if !now.journal.starts_with(&before.journal) {
        found.push("the journal did not only grow".to_owned());
    }
    found.extend(unreadable(&root));
    Ok(found)
}

/// I3: what runs is what `current` names, or `status` says that something is wrong.
pub fn honest(place: &Place) -> Result<Vec<String>> {
    let now = look(place)?;
    let agrees = now.running.len() == 1 && now.running.first() == now.current.as_ref();
    if agrees || place.run(&["status", "--env", "dev"])?.code == Some(3) {
        return Ok(Vec::new());
    }
    let Seen { current, running, .. } = now;
    Ok(vec![format!("I3: {running:?} runs, current is {current:?}, and `status` finds that well")])
}

/// What must be so after a command that ended well: I3, I6.
pub fn settled(place: &Place, runs: bool) -> Result<Vec<String>> {
    let (root, now) = (place.root(), look(place)?);
    let mut found = Vec::new();
    let wanted: Vec<String> = now.current.iter().filter(|_| runs).cloned().collect();
    if now.running != wanted {
        found.push(format!("I3: {:?} runs, and it should be {wanted:?}", now.running));
    }
    let half =
        names(&root.join("releases")).into_iter().filter(|name| name.ends_with(".unfinished"));
    found.extend(half.map(|name| format!("I6: {name} was left behind")));
    if let Ok(file) = fs_err::File::open(root.join("lock"))
        && rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err()
    {
        found.push("I6: somebody still holds the lock".to_owned());
    }
    Ok(found)
}

/// What was made aside and never put in its place. It is in nobody's way, and goes at the next
/// change in its directory: a command that finds nothing to do there touches nothing.
pub fn aside(place: &Place) -> Vec<String> {
    let directories = ["", "releases", "verified", "shared", "log"].into_iter();
    let all = directories.flat_map(|directory| names(&place.root().join(directory)));
    all.filter(|name| name.starts_with(".aside")).collect()
}

/// I8: exit code, report and host agree.
pub fn report(place: &Place, ended: &Ended, before: &Seen, stops: bool) -> Result<Vec<String>> {
    let now = look(place)?;
    let runs_current = now.running.len() == 1 && now.running.first() == now.current.as_ref();
    let same = now.current == before.current;
    let said = ended.report["release"].as_str().map(str::to_owned);
    let is_so = match (ended.code, ended.outcome()) {
        (Some(0), "deployed" | "unchanged") if stops => now.running.is_empty(),
        (Some(0), "deployed" | "unchanged") => runs_current && said == now.current,
        // What was cut short before was brought to an end; the report says which end.
        (Some(0), "failed" | "rolled-back") => said == now.current,
        // 3: a kept plan is not carried out where the host is not as it was.
        (Some(1 | 3), "failed") => same && (now.running == before.running || runs_current),
        (Some(6), "rolled-back") => same && runs_current,
        _ => false,
    };
    if is_so {
        return Ok(Vec::new());
    }
    let (code, outcome) = (ended.code, ended.outcome());
    let Seen { current, running, .. } = now;
    let error = ended.report["error"].as_str().unwrap_or(&ended.said);
    Ok(vec![format!(
        "I8: exit code {code:?}, `{outcome}` of {said:?} ({error}), but current is {current:?} and \
         {running:?} runs; before, it was {:?} and {:?}",
        before.current, before.running
    )])
}

fn current(root: &Path) -> Option<String> {
    let target = fs_err::read_link(root.join("current")).ok()?;
    Some(target.strip_prefix("releases").ok()?.to_str()?.to_owned())
}

/// Those with a manifest, and no mark that they are not to be used.
fn complete(root: &Path) -> BTreeSet<String> {
    let releases = root.join("releases");
    let marked = |name: &String| releases.join(format!(".{name}.unfinished")).exists();
    let named = names(&releases).into_iter().filter(|name| !name.starts_with('.'));
    named
        .filter(|name| releases.join(name).join("release.json").exists() && !marked(name))
        .collect()
}

/// Files of a release that are not as its manifest says.
fn damage(release: &Path) -> Vec<String> {
    let Some(manifest) = json(&release.join("release.json")) else {
        return vec![format!("I1: the manifest of `{}` cannot be read", release.display())];
    };
    let path = release.join("release.files.json");
    let list = fs_err::read(&path).unwrap_or_default();
    if manifest["files"]["list"].as_str() != Some(blake3::hash(&list).to_hex().as_str()) {
        return vec![format!("I1: `{}` is not the list that the manifest names", path.display())];
    }
    let files = json(&path).and_then(|list| list.as_object().cloned()).unwrap_or_default();
    let is_whole = |(path, record): &(&String, &Value)| {
        let path = release.join(path);
        match record["link"]["target"].as_str() {
            Some(target) => fs_err::read_link(&path).is_ok_and(|found| found == Path::new(target)),
            None => fs_err::read(&path).is_ok_and(|bytes| {
                record["file"]["blake3"].as_str() == Some(blake3::hash(&bytes).to_hex().as_str())
            }),
        }
    };
    let mut found: Vec<_> = files
        .iter()
        .filter(|file| !is_whole(file))
        .map(|(path, _)| {
            format!("I1: `{}` is not as its manifest says", release.join(path).display())
        })
        .collect();
    if !files.contains_key("bin/sample") || !files.contains_key("made") {
        found.push(format!("I1: the manifest of `{}` lacks files", release.display()));
    }
    found
}

/// Records that were torn: a proof, the journal's head.
fn unreadable(root: &Path) -> Vec<String> {
    let verified = root.join("verified");
    let proofs = names(&verified).into_iter().filter(|name| !name.starts_with('.'));
    let all = proofs.map(|name| verified.join(name)).chain([root.join("journal.head")]);
    all.filter(|path| path.exists() && json(path).is_none())
        .map(|path| format!("`{}` is torn", path.display()))
        .collect()
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs_err::read(path).ok()?).ok()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
