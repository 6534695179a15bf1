//! The file systems of a node: this machine's below, or those of another root directory, the node's
//! own layer above. Does I/O.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use fs_err::File;
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};

use super::mounts::{self, Mount};
use super::place::Place;
use super::record::Record;
use super::{Layer, Options, disk, wait};

/// File systems that hold files of the machine, and not views of the kernel.
const KINDS: [&str; 8] = ["ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "bcachefs"];
/// Where a machine's own files may be mounted apart from its root directory, as seen from there.
const TREES: [&str; 8] = ["/etc", "/home", "/nix", "/opt", "/root", "/srv", "/usr", "/var"];

/// What stands before our mounts in the list of all.
const SOURCE: &str = "helionyx-node";

/// Makes what takes the node's changes, and mounts it.
pub fn create(place: &Place, record: &Record) -> Result<()> {
    let options = record.options;
    make_directory(place)?;
    if options.layer == Layer::Disk {
        disk::create(place, options.size_mib)?;
    }
    mount_layer(place, options)?;
    for lower in lowers(&record.base)? {
        fs_err::create_dir(upper(place, &lower))?;
        fs_err::create_dir(work(place, &lower))?;
        copy_mode(&lower.from, &upper(place, &lower))?;
    }
    Ok(())
}

/// The node's directory, as a mount that is shared: a node that boots meanwhile gets a copy of all
/// mounts, and would keep ours in use for as long as it runs, did the end of one not reach it.
fn make_directory(place: &Place) -> Result<()> {
    let directory = &place.directory;
    fs_err::create_dir_all(directory)?;
    mount_one(SOURCE, directory, "tmpfs", "mode=0755,size=64m")?;
    rustix::mount::mount_change(directory, MountPropagationFlags::SHARED)
        .with_context(|| format!("failed to share `{}`", directory.display()))?;
    fs_err::create_dir(&place.layer)?;
    Ok(fs_err::create_dir(&place.root)?)
}

/// Mounts what takes the node's changes, and the node's root directory.
pub fn mount(place: &Place, record: &Record) -> Result<()> {
    mount_layer(place, record.options)?;
    mount_root(place, record)
}

/// Mounts the node's root directory.
pub fn mount_root(place: &Place, record: &Record) -> Result<()> {
    let lowers = lowers(&record.base)?;
    for lower in lowers.iter().filter(|lower| upper(place, lower).is_dir()) {
        let target = place.root.join(lower.at.strip_prefix("/").unwrap_or(&lower.at));
        let data = format!(
            // A directory can be renamed, as on a file system that is not made of layers.
            "lowerdir={},upperdir={},workdir={},redirect_dir=on",
            lower.from.display(),
            upper(place, lower).display(),
            work(place, lower).display()
        );
        mount_one(SOURCE, &target, "overlay", &data)?;
    }
    Ok(())
}

/// Unmounts these again.
pub fn unmount(place: &Place) -> Result<()> {
    unmount_below(&place.root)?;
    unmount_below(&place.layer)
}

/// Unmounts everything of the node.
pub fn remove(place: &Place) -> Result<()> {
    unmount_below(&place.directory)
}

/// Unmounts all that is mounted at or below a directory.
pub fn unmount_below(directory: &Path) -> Result<()> {
    for point in mounts::below(directory)? {
        let shown = point.display();
        let goal = format!("unmount `{shown}` (`fuser -vm {shown}` says who uses it)");
        wait::for_kernel(&goal, || match rustix::mount::unmount(&point, UnmountFlags::NOFOLLOW) {
            Ok(()) => Ok(true),
            Err(Errno::BUSY) => Ok(false),
            Err(error) => bail!("failed to unmount `{shown}`: {error}"),
        })?;
    }
    Ok(())
}

/// Makes everything durable that was written so far.
pub fn sync(place: &Place) -> Result<()> {
    let layer = File::open(&place.layer)?;
    rustix::fs::syncfs(&layer).with_context(|| format!("failed to sync {}", place.name))
}

/// Whether what takes the node's changes takes any more. Syncing all of it would not tell.
pub fn is_alive(place: &Place) -> bool {
    File::open(&place.layer).is_ok_and(|layer| rustix::fs::fsync(&layer).is_ok())
}

fn mount_layer(place: &Place, options: Options) -> Result<()> {
    match options.layer {
        Layer::Memory => {
            let data = format!("mode=0755,size={}m", options.size_mib);
            mount_one(SOURCE, &place.layer, "tmpfs", &data)
        }
        // What nobody syncs stays unsynced, however long it takes until the power is cut.
        Layer::Disk => mount_one(&disk::device(place)?, &place.layer, "ext4", "commit=300"),
    }
}

fn mount_one(source: &str, target: &Path, kind: &str, data: &str) -> Result<()> {
    let data = std::ffi::CString::new(data)?;
    rustix::mount::mount(source, target, kind, MountFlags::empty(), data.as_c_str())
        .with_context(|| format!("failed to mount {kind} on `{}`", target.display()))
}

/// What a node sees of what it is booted on, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Lower {
    /// Where the node sees it.
    at: PathBuf,
    /// Where this machine has it.
    from: PathBuf,
}

/// The root directory that the node is booted on, and what is mounted apart from it.
fn lowers(base: &Path) -> Result<Vec<Lower>> {
    let mounts = mounts::all()?;
    let mut found: Vec<Lower> = mounts.into_iter().filter_map(|mount| apart(mount, base)).collect();
    found.push(Lower { at: PathBuf::from("/"), from: base.to_owned() });
    found.sort();
    found.dedup();
    Ok(found)
}

fn apart(mount: Mount, base: &Path) -> Option<Lower> {
    let at = Path::new("/").join(mount.point.strip_prefix(base).ok()?);
    let in_a_tree = TREES.iter().any(|tree| at.starts_with(tree));
    let has_files = KINDS.contains(&mount.kind.as_str()) && mount.point.is_dir();
    let is_apart = in_a_tree && has_files && is_sayable(&mount.point);
    is_apart.then_some(Lower { at, from: mount.point })
}

/// Whether a path can be said as an option of an overlay, and does not end it.
pub fn is_sayable(path: &Path) -> bool {
    !path.to_string_lossy().contains([':', ',', '\\', '"'])
}

fn upper(place: &Place, lower: &Lower) -> PathBuf {
    place.layer.join(format!("upper{}", flat(&lower.at)))
}

fn work(place: &Place, lower: &Lower) -> PathBuf {
    place.layer.join(format!("work{}", flat(&lower.at)))
}

/// A path as one name: the same after a power cut, whatever is mounted elsewhere by then.
fn flat(path: &Path) -> String {
    path.to_string_lossy().replace('/', "!")
}

/// The upper directory stands for the lower one, with its owner and mode.
fn copy_mode(from: &Path, to: &Path) -> Result<()> {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let found = fs_err::metadata(from)?;
    chown(to, Some(found.uid()), Some(found.gid()))?;
    Ok(fs_err::set_permissions(to, found.permissions())?)
}
