//! The control group of a node, where no systemd runs outside to make one. Does I/O.
//!
//! Each node needs one: systemd takes what it finds below its own for services that it must end.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::place::Place;
use super::wait;

/// Where the hierarchies are mounted that systemd keeps its units in: v2, hybrid, v1.
const HIERARCHIES: [&str; 3] =
    ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"];

/// Makes the node's group in every hierarchy; what must be joined to be in it.
pub fn create(place: &Place) -> Result<Vec<PathBuf>> {
    remove(place)?;
    let groups = groups(place);
    if groups.is_empty() {
        bail!("there are no control groups in /sys/fs/cgroup: mount them, or boot a systemd here");
    }
    for group in &groups {
        fs_err::create_dir_all(group)?;
    }
    Ok(groups)
}

/// Removes the node's groups, in which no process may be any more.
pub fn remove(place: &Place) -> Result<()> {
    for group in groups(place) {
        let goal = format!("remove the control group `{}`", group.display());
        // A process that has just ended may still be counted in it.
        wait::for_kernel(&goal, || Ok(remove_tree(&group).is_ok()))?;
    }
    Ok(())
}

/// The groups that a process is in, as directories.
pub fn of_process(pid: i32) -> Result<Vec<PathBuf>> {
    let text = fs_err::read_to_string(format!("/proc/{pid}/cgroup"))?;
    Ok(text.lines().filter_map(directory).filter(|group| group.is_dir()).collect())
}

/// Whether the control groups of a process (`/proc/<pid>/cgroup`) are those of this node.
pub fn is_of(place: &Place, text: &str) -> bool {
    let ours = |part: &str| part.strip_suffix(".service").unwrap_or(part) == place.unit;
    text.lines().filter_map(path).any(|path| path.split('/').any(ours))
}

fn path(line: &str) -> Option<&str> {
    line.splitn(3, ':').nth(2)
}

/// The directory of a line like `0::/init.scope` or `9:name=systemd:/init.scope`.
fn directory(line: &str) -> Option<PathBuf> {
    let path = path(line)?.trim_start_matches('/');
    let hierarchy = match line.split(':').nth(1)? {
        "name=systemd" => HIERARCHIES[2],
        "" if is_hierarchy(HIERARCHIES[0]) => HIERARCHIES[0],
        "" => HIERARCHIES[1],
        _ => return None,
    };
    Some(Path::new(hierarchy).join(path))
}

/// The node's groups, whether they are there or not.
pub fn groups(place: &Place) -> Vec<PathBuf> {
    let mounted = HIERARCHIES.iter().filter(|hierarchy| is_hierarchy(hierarchy));
    mounted.map(|hierarchy| Path::new(hierarchy).join(&place.unit)).collect()
}

fn is_hierarchy(directory: &str) -> bool {
    Path::new(directory).join("cgroup.procs").exists()
}

fn remove_tree(group: &Path) -> Result<()> {
    if !group.exists() {
        return Ok(());
    }
    for entry in fs_err::read_dir(group)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    Ok(fs_err::remove_dir(group)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_of_the_node_whose_group_it_is_in_under_systemd_or_not() {
        let place = Place::of(&"node1".parse().unwrap());
        for (text, expected) in [
            ("4:memory:/x\n0::/helionyx-node-node1/payload/init.scope\n", true),
            ("0::/system.slice/helionyx-node-node1.service/supervisor\n", true),
            ("9:name=systemd:/helionyx-node-node1/payload\n0::/\n", true),
            ("0::/helionyx-node-node12/payload/init.scope\n", false),
            ("0::/helionyx-node-node1.scope\n", false),
            ("0::/\n", false),
        ] {
            assert_eq!(is_of(&place, text), expected, "{text}");
        }
    }
}
