//! Removes nodes, whatever state they are in, and tells what is left of one. Does I/O.

use std::path::PathBuf;

use anyhow::Result;

use super::hold::Hold;
use super::place::{self, Place};
use super::record::Record;
use super::{cgroup, disk, layer, mounts, nspawn, processes};
use crate::workspace::say;

/// Removes everything. Can be cut short and done again.
pub fn remove(place: &Place) -> Result<()> {
    processes::kill_all(place)?;
    layer::remove(place)?;
    disk::remove(place)?;
    cgroup::remove(place)?;
    nspawn::clear(place)?;
    let unfinished = place.record.with_extension("unfinished");
    for file in [&place.record, &unfinished, &place.console] {
        ignore_missing(fs_err::remove_file(file))?;
    }
    // Never with what is in them: were something still mounted there, it would be lost.
    for directory in [&place.root, &place.layer, &place.directory] {
        ignore_missing(fs_err::remove_dir(directory))?;
    }
    Ok(())
}

/// Removes the nodes of callers that died: those that nobody holds and nobody wanted to keep.
pub fn sweep() -> Result<()> {
    for place in place::all()?.into_iter().filter(|place| !is_kept(place)) {
        let Some(hold) = Hold::try_take(&place)? else { continue };
        // It may have been made and kept meanwhile, or removed.
        if is_kept(&place) {
            continue;
        }
        let was_there = place.directory.exists();
        remove(&place)?;
        hold.forget()?;
        if was_there {
            say(&format!("removed {}, which a caller that died had left behind", place.name));
        }
    }
    Ok(())
}

/// What cannot be read was not finished, or not made by us.
fn is_kept(place: &Place) -> bool {
    Record::read(place).ok().flatten().is_some_and(|record| record.kept)
}

/// What there is of a node of this name: processes, mounts, disks, files, control groups.
///
/// # Errors
/// When it cannot be looked at.
pub fn remains(name: &str) -> Result<Vec<String>> {
    let place = Place::of(&name.parse()?);
    let mut found = Vec::new();
    if !processes::is_empty(&place)? {
        found.push("processes".to_owned());
    }
    let show = |path: PathBuf| path.display().to_string();
    found.extend(mounts::below(&place.directory)?.into_iter().map(show));
    found.extend(disk::devices(&place)?);
    found.extend(cgroup::groups(&place).into_iter().filter(|group| group.exists()).map(show));
    found.extend(nspawn::left_behind(&place).into_iter().map(show));
    let files = [place.directory, place.lock, place.image];
    found.extend(files.into_iter().filter(|file| file.symlink_metadata().is_ok()).map(show));
    Ok(found)
}

fn ignore_missing(done: std::io::Result<()>) -> Result<()> {
    match done {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
