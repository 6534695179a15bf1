//! What a sweep writes to: memory, or a disk of its own whose power can be cut. Does I/O.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use fs_err::File;

use crate::node::{program, shut_down, wait};
use crate::workspace;

/// A file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// ext4 as it is mounted by default.
    Ext4,
    /// ext4 that does not write a file out because it replaces another one.
    Ext4Noauto,
    /// xfs.
    Xfs,
    /// Memory: nothing waits for a disk, and nothing outlives a power cut.
    #[value(skip)]
    Memory,
    /// ext4 of 8 MB.
    #[value(skip)]
    Small,
}

impl Kind {
    /// How it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Ext4 => "ext4",
            Kind::Ext4Noauto => "ext4-noauto",
            Kind::Xfs => "xfs",
            Kind::Memory => "memory",
            Kind::Small => "8 MB ext4",
        }
    }

    fn mkfs(self) -> Option<(&'static str, &'static [&'static str], u64)> {
        match self {
            Kind::Memory => None,
            Kind::Xfs => Some(("mkfs.xfs", &["-q"], 320)),
            Kind::Small => Some(("mkfs.ext4", &["-q", "-F", "-m", "0"], 8)),
            Kind::Ext4 | Kind::Ext4Noauto => Some(("mkfs.ext4", EXT4, 64)),
        }
    }
}

/// What is left for later would be written by a thread of the kernel while we look.
const EXT4: &[&str] =
    &["-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard"];

/// A file system that is mounted somewhere, until this is dropped.
#[derive(Debug)]
pub struct Medium {
    kind: Kind,
    point: PathBuf,
    image: PathBuf,
}

impl Medium {
    /// Makes it, and mounts it. Without root, memory is the directory itself.
    pub fn create(kind: Kind, point: &Path, image: &Path) -> Result<Medium> {
        fs_err::create_dir_all(point)?;
        let medium = Medium { kind, point: point.to_owned(), image: image.to_owned() };
        if let Some((mkfs, words, size_mib)) = kind.mkfs() {
            File::create(image)?.set_len(size_mib << 20)?;
            run(duct::cmd(program(mkfs)?, words.iter().map(Path::new).chain([image])))?;
        }
        medium.mount()?;
        Ok(medium)
    }

    /// Loses what was not synced, as a power cut does. No process may be left on it.
    pub fn cut(&self) -> Result<()> {
        let root = File::open(&self.point)?;
        shut_down(&root).context("failed to end the file system")?;
        drop(root);
        self.unmount()?;
        self.mount()
    }

    /// Makes everything durable that was written so far.
    pub fn sync(&self) -> Result<()> {
        Ok(rustix::fs::syncfs(File::open(&self.point)?)?)
    }

    /// Makes it read-only, or writable again.
    pub fn set_read_only(&self, read_only: bool) -> Result<()> {
        let options = if read_only { "remount,ro" } else { "remount,rw" };
        run(duct::cmd!(program("mount")?, "-o", options, &self.point))
    }

    fn mount(&self) -> Result<()> {
        let mount = program("mount")?;
        match self.kind {
            Kind::Memory if !rustix::process::geteuid().is_root() => Ok(()),
            Kind::Memory => run(duct::cmd!(mount, "-t", "tmpfs", "none", &self.point)),
            Kind::Ext4Noauto => {
                run(duct::cmd!(mount, "-o", "loop,noauto_da_alloc", &self.image, &self.point))
            }
            _ => run(duct::cmd!(mount, "-o", "loop", &self.image, &self.point)),
        }
    }

    fn unmount(&self) -> Result<()> {
        let umount = program("umount")?;
        let goal = format!("unmount `{}`", self.point.display());
        // A process that has just ended may hold it for a moment longer.
        wait::for_kernel(&goal, || Ok(run(duct::cmd!(&umount, &self.point)).is_ok()))
    }
}

impl Drop for Medium {
    fn drop(&mut self) {
        if self.kind != Kind::Memory || rustix::process::geteuid().is_root() {
            // The directory is removed without what is in it, where it is still mounted.
            let _ = self.unmount();
        }
        let _ = fs_err::remove_file(&self.image);
    }
}

/// Runs a program; what it says when it fails is in the error.
pub fn run(command: duct::Expression) -> Result<()> {
    workspace::run(&command).map(drop).context("failed to prepare")
}
