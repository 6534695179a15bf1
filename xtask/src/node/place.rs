//! Where the parts of a node lie on this machine, and what they are called. Lists directories.

use std::path::PathBuf;

use anyhow::Result;

use super::Name;

/// All nodes lie here: it does not outlive this machine's own boot, and nor do they.
const NODES: &str = "/run/helionyx-nodes";
/// A disk's file lies here, because `/run` is memory, and small.
const IMAGES: &str = "/var/tmp";

/// Where the parts of a node lie.
#[derive(Clone, Debug)]
pub struct Place {
    /// The node's name.
    pub name: Name,
    /// Its unit, machine and control group, on this machine.
    pub unit: String,
    /// Who holds it.
    pub lock: PathBuf,
    /// The directory of all that follows.
    pub directory: PathBuf,
    /// What it was made with.
    pub record: PathBuf,
    /// What systemd wrote to its console.
    pub console: PathBuf,
    /// Where the file system is mounted that takes what the node writes.
    pub layer: PathBuf,
    /// Where its root directory is mounted.
    pub root: PathBuf,
    /// The file of its disk, until a loop device has it.
    pub image: PathBuf,
}

impl Place {
    /// The place of the node of this name.
    pub fn of(name: &Name) -> Place {
        let unit = format!("helionyx-node-{name}");
        let directory = PathBuf::from(NODES).join(name.to_string());
        Place {
            name: name.clone(),
            lock: PathBuf::from(NODES).join(format!("{name}.lock")),
            record: directory.join("node.json"),
            console: directory.join("console.log"),
            layer: directory.join("layer"),
            root: directory.join("root"),
            image: PathBuf::from(IMAGES).join(format!("{unit}.ext4")),
            unit,
            directory,
        }
    }
}

/// The places of all nodes of which something is there, by name.
pub fn all() -> Result<Vec<Place>> {
    let entries = match fs_err::read_dir(NODES) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut names: Vec<Name> = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        names.extend(name.strip_suffix(".lock").unwrap_or(&name).parse::<Name>());
    }
    names.sort();
    names.dedup();
    Ok(names.iter().map(Place::of).collect())
}
