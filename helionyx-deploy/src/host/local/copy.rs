//! Copies files and links between trees: content and execute bits only. Does I/O.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt, PermissionsExt};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::io::Errno;

use super::super::HostError;
use super::aside::{aside, put};
use super::context::Context;
use super::files::{link_target, open_regular, parent_of, set_dir_mode};
use super::place::{Place, inside};
use super::tree::executable;
use crate::release::FilePath;

/// Copies files and links, by relative path, from one directory to another that exists; replaces
/// files and links that are there.
///
/// Durable only once the tree is sealed: syncing each of some ten thousand files takes minutes.
pub fn copy(from: &Utf8Path, to: &Utf8Path, paths: &[FilePath]) -> Result<(), HostError> {
    let pairs = pairs(from, to, paths)?;
    pairs.iter().try_for_each(|(source, target)| copy_one(source, target))
}

/// From where to where each goes; the directories that they go to are there.
pub fn pairs(
    from: &Utf8Path,
    to: &Utf8Path,
    paths: &[FilePath],
) -> Result<Vec<(Utf8PathBuf, Utf8PathBuf)>, HostError> {
    let mut place = Place::below(to)?;
    let pairs = paths.iter().map(|relative| {
        let Some(relative) = inside(relative.as_str()).filter(|path| !path.as_str().is_empty())
        else {
            return Err(HostError::refused("copy", relative, "it is not inside the directory"));
        };
        Ok((from.join(&relative), place.prepare(&relative)?))
    });
    pairs.collect()
}

/// Whether a file is as sealing leaves it: ours, and nobody may write to it.
pub fn is_sealed(metadata: &Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw()
        && matches!(metadata.permissions().mode() & 0o7777, 0o444 | 0o555)
}

pub fn clear(target: &Utf8Path) -> Result<(), HostError> {
    match rustix::fs::unlink(target.as_str()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(HostError::new("replace", target, error.into())),
    }
}

/// Replaces a file by a copy of its own with this mode, with the same content and the same time of
/// its last change: what has other names of the old one has nothing to do with it any more.
///
/// Durable only once the tree is sealed. Leaves its directory open for its owner to write.
pub fn separate(path: &Utf8Path, mode: u32) -> Result<(), HostError> {
    let (mut content, metadata) = open_regular("copy", path, OpenOptions::new().read(true))?;
    let parent = parent_of(path);
    set_dir_mode(parent, 0o755).at("open", parent)?;
    let (mut file, aside) = aside(path, |aside| {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(aside)
    })?;
    let modified = metadata.modified();
    let copied = fill(&mut file, &mut content)
        .and_then(|()| file.set_permissions(PermissionsExt::from_mode(mode)))
        .and_then(|()| file.set_modified(modified?))
        .at("copy", path);
    put(&aside, path, copied)
}

/// A new file to fill, with 0755 or 0644.
pub fn new_file(path: &Utf8Path, executable: bool) -> Result<File, HostError> {
    new_file_of(path, if executable { 0o755 } else { 0o644 })
}

/// A new file to fill, with this mode whatever the umask is.
pub fn new_file_of(path: &Utf8Path, mode: u32) -> Result<File, HostError> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path).at("make", path)?;
    file.set_permissions(PermissionsExt::from_mode(mode)).at("make", path)?;
    Ok(file)
}

fn copy_one(source: &Utf8Path, target: &Utf8Path) -> Result<(), HostError> {
    let metadata = source.symlink_metadata().at("copy", source)?;
    clear(target)?;
    if metadata.is_symlink() {
        let link = link_target(source)?;
        return rustix::fs::symlink(link.as_str(), target.as_str()).at("link", target);
    }
    let (mut content, metadata) = open_regular("copy", source, OpenOptions::new().read(true))?;
    let mut file = new_file(target, executable(&metadata))?;
    fill(&mut file, &mut content).at("copy", source)
}

pub fn fill(file: &mut File, content: &mut File) -> io::Result<()> {
    if rustix::fs::ioctl_ficlone(&*file, &*content).is_ok() {
        return Ok(());
    }
    // Between two files this is copy_file_range(2), and falls back by itself.
    io::copy(content, file).map(drop)
}

#[cfg(test)]
mod tests {
    use super::super::scratch::{Scratch, mode_of};
    use super::super::{files, whole};
    use super::*;

    #[test]
    fn content_execute_bits_and_links_are_copied_and_nothing_else() {
        let dir = Scratch::new();
        let (from, to) = (dir.join("from"), dir.join("to"));
        whole::create_dir(&from.join("bin"), 0o700).unwrap();
        whole::create_dir(&to, 0o755).unwrap();
        whole::write(&from.join("bin/tool"), b"tool", 0o4510).unwrap();
        whole::write(&from.join("data"), &vec![7; 300_000], 0o400).unwrap();
        whole::replace_link(&from.join("link"), Utf8Path::new("nowhere")).unwrap();
        whole::write(&to.join("data"), b"older", 0o600).unwrap();

        copy(&from, &to, &["bin/tool", "data", "link"].map(FilePath::from)).unwrap();

        assert_eq!(mode_of(&to.join("bin")), 0o755);
        assert_eq!(mode_of(&to.join("bin/tool")), 0o755);
        assert_eq!(mode_of(&to.join("data")), 0o644);
        assert_eq!(files::read(&to.join("data"), 1 << 20).unwrap(), vec![7; 300_000]);
        assert_eq!(files::link_target(&to.join("link")).unwrap(), "nowhere");
    }

    #[test]
    fn nothing_is_copied_out_of_or_into_another_place() {
        let dir = Scratch::new();
        let (from, to) = (dir.join("from"), dir.join("to"));
        whole::create_dir(&from.join("out"), 0o755).unwrap();
        whole::create_dir(&to, 0o755).unwrap();
        whole::write(&dir.join("secret"), b"secret", 0o644).unwrap();
        whole::write(&from.join("out/file"), b"x", 0o644).unwrap();
        // The target's `out` leads elsewhere.
        whole::replace_link(&to.join("out"), Utf8Path::new("..")).unwrap();
        for path in ["../secret", "out/../../secret", "", "out/file", "missing", "out"] {
            assert!(copy(&from, &to, &[path.into()]).is_err(), "{path:?} (ALL-08)");
        }
        let absolute = dir.join("secret");
        assert!(copy(&from, &to, &[absolute.into()]).is_err());
        assert_eq!(files::list(dir.path()).unwrap(), ["from", "secret", "to"]);
    }
}
