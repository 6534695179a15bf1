//! What a node has of its own before its first boot, and what it shall not see. Does I/O.

use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};

use super::place::Place;

/// Directories of which a node sees nothing: what this machine starts, and what it logged.
const EMPTIED: [&str; 8] = [
    "/etc/systemd/system",
    "/etc/rc2.d",
    "/etc/rc3.d",
    "/etc/rc4.d",
    "/etc/rc5.d",
    "/etc/rcS.d",
    "/var/lib/systemd/linger",
    "/var/log/journal",
];

/// What would be started without being enabled in one of them: by generators, by packages.
const MASKED: [&str; 5] = [
    "cloud-init.target",
    "console-getty.service",
    "getty.target",
    "rc-local.service",
    "systemd-tmpfiles-clean.timer",
];

/// The journal stays over a reboot, and loses nothing when much is written.
const JOURNAL: &str = "[Journal]\nStorage=persistent\nRateLimitIntervalSec=0\n";

/// Writes it into the node's root directory, which is mounted.
pub fn furnish(place: &Place) -> Result<()> {
    let inside = Inside { root: &place.root };
    for directory in EMPTIED {
        inside.empty(directory)?;
    }
    for unit in MASKED {
        inside.link("/dev/null", &format!("/etc/systemd/system/{unit}"))?;
    }
    let name = &place.name;
    let hosts = format!("127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {name}\n");
    inside.write("/etc/hosts", &hosts)?;
    inside.write("/etc/hostname", &format!("{name}\n"))?;
    inside.write("/etc/machine-id", &machine_id()?)?;
    inside.write("/etc/fstab", "")?;
    inside.write("/etc/crypttab", "")?;
    inside.write("/etc/systemd/journald.conf.d/50-helionyx-node.conf", JOURNAL)
}

/// A new identity. Without one, systemd would take this for a first boot and enable everything.
fn machine_id() -> Result<String> {
    let uuid = fs_err::read_to_string("/proc/sys/kernel/random/uuid")?;
    Ok(uuid.replace('-', ""))
}

/// Paths of the node. A link in one of them leads to a place in the node, never out of it.
struct Inside<'p> {
    root: &'p Path,
}

impl Inside<'_> {
    fn write(&self, path: &str, content: &str) -> Result<()> {
        let (_directory, file) = self.at(path)?;
        // What lies there may be a link.
        remove(&file)?;
        Ok(fs_err::write(file, content)?)
    }

    fn link(&self, to: &str, path: &str) -> Result<()> {
        let (_directory, link) = self.at(path)?;
        Ok(fs_err::os::unix::fs::symlink(to, link)?)
    }

    /// Leaves alone what is not there.
    fn empty(&self, path: &str) -> Result<()> {
        let (_directory, directory) = self.at(path)?;
        let there = directory.symlink_metadata().is_ok();
        remove(&directory)?;
        match there {
            true => Ok(fs_err::create_dir(directory)?),
            false => Ok(()),
        }
    }

    /// What a path names, by way of its directory, which is made where it is missing and must stay
    /// open meanwhile.
    fn at(&self, path: &str) -> Result<(OwnedFd, PathBuf)> {
        let (parent, name) = path.rsplit_once('/').with_context(|| format!("no path: {path}"))?;
        let mut directory = self.open(Path::new("/"))?;
        let mut so_far = PathBuf::from("/");
        for part in parent.split('/').filter(|part| !part.is_empty()) {
            so_far.push(part);
            let here = by_descriptor(&directory).join(part);
            if here.symlink_metadata().is_err() {
                fs_err::create_dir(here)?;
            }
            directory = self.open(&so_far)?;
        }
        let named = by_descriptor(&directory).join(name);
        Ok((directory, named))
    }

    fn open(&self, path: &Path) -> Result<OwnedFd> {
        let root =
            rustix::fs::openat(CWD, self.root, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT)
            .with_context(|| format!("failed to open `{}` in the node", path.display()))
    }
}

fn by_descriptor(directory: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()))
}

fn remove(path: &Path) -> Result<()> {
    match path.symlink_metadata() {
        Err(_) => Ok(()),
        Ok(found) if found.is_dir() => Ok(fs_err::remove_dir_all(path)?),
        Ok(_) => Ok(fs_err::remove_file(path)?),
    }
}
