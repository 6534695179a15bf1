//! The disk of a node: a file behind a loop device, and the end of its power. Does I/O.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use fs_err::File;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::ioctl::{Setter, ioctl, opcode};

use super::place::Place;
use super::{prerequisites, wait};

/// `EXT4_IOC_SHUTDOWN`, and `XFS_IOC_GOINGDOWN`: it is the same number.
const SHUTDOWN: rustix::ioctl::Opcode = opcode::read::<u32>(b'X', 125);
/// `EXT4_GOING_FLAGS_NOLOGFLUSH`, and that of xfs: not even the journal's pending transaction is written.
const NO_LOG_FLUSH: u32 = 2;

/// Makes the disk. Its file has no name any more afterwards: it goes with the loop device.
pub fn create(place: &Place, size_mib: u32) -> Result<()> {
    let image = File::create(&place.image)?;
    image.set_len(u64::from(size_mib) << 20)?;
    // What is left for later would be written by a thread of the kernel while tests run.
    let later = "lazy_itable_init=0,lazy_journal_init=0,nodiscard";
    let mkfs = prerequisites::program("mkfs.ext4")?;
    run(&duct::cmd!(mkfs, "-q", "-F", "-m", "0", "-E", later, &place.image))?;
    run(&duct::cmd!(prerequisites::program("losetup")?, "--find", &place.image))?;
    Ok(fs_err::remove_file(&place.image)?)
}

/// The loop device.
pub fn device(place: &Place) -> Result<String> {
    let device = devices(place)?.into_iter().next();
    device.with_context(|| format!("failed to find the disk of {}", place.name))
}

/// Every loop device that has a disk of this node.
pub fn devices(place: &Place) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir("/sys/block")? {
        let entry = entry?;
        let file = entry.path().join("loop/backing_file");
        let Ok(file) = fs_err::read_to_string(file) else { continue };
        let file = file.trim_end();
        let file = file.strip_suffix(" (deleted)").unwrap_or(file);
        if Path::new(file) == place.image {
            found.push(format!("/dev/{}", entry.file_name().to_string_lossy()));
        }
    }
    Ok(found)
}

/// Gives the loop devices back, and with them what was on the disk.
pub fn remove(place: &Place) -> Result<()> {
    wait::for_kernel(&format!("detach the disk of {}", place.name), || {
        let devices = devices(place)?;
        for device in &devices {
            // It may be in use for a moment longer: then it goes as soon as it is not.
            let _ = run(&duct::cmd!(prerequisites::program("losetup")?, "--detach", device));
        }
        Ok(devices.is_empty())
    })?;
    match fs_err::remove_file(&place.image) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Ends the file system of the disk: what is not written yet never will be. Where the disk is not
/// mounted, all is written.
///
/// The call ends whatever file system it is made on. So it is made on the disk's, or not at all.
pub fn lose_what_is_not_written(place: &Place) -> Result<()> {
    let disk = fs_err::metadata(device(place)?)?.rdev();
    let directory = File::open(&place.layer)?;
    if directory.metadata()?.dev() != disk {
        return Ok(());
    }
    shut_down(&directory).with_context(|| format!("failed to cut the power of {}", place.name))
}

/// Ends the file system that this directory is on.
#[expect(unsafe_code, reason = "no crate has this call")]
pub fn shut_down(directory: &File) -> rustix::io::Result<()> {
    // SAFETY: this call reads 32 bits of flags at the address that it is given.
    unsafe { ioctl(directory, Setter::<SHUTDOWN, u32>::new(NO_LOG_FLUSH)) }
}

/// Waits until the last namespace that had the disk mounted is gone: else it would only be mounted
/// once more in the state that it is in.
pub fn wait_until_free(place: &Place) -> Result<()> {
    let device = PathBuf::from(device(place)?);
    wait::for_kernel(&format!("see `{}` unmounted everywhere", device.display()), || {
        match rustix::fs::open(&device, OFlags::RDONLY | OFlags::EXCL, Mode::empty()) {
            Ok(_) => Ok(true),
            Err(Errno::BUSY) => Ok(false),
            Err(error) => Err(error).with_context(|| format!("failed to open `{device:?}`")),
        }
    })
}

/// Runs a program; what it says when it fails is in the error.
fn run(command: &duct::Expression) -> Result<()> {
    let output = command.stdin_null().stderr_to_stdout().stdout_capture().unchecked().run()?;
    let said = String::from_utf8_lossy(&output.stdout);
    anyhow::ensure!(output.status.success(), "failed to make or remove a disk: {}", said.trim());
    Ok(())
}
