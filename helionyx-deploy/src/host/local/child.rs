//! What a child does to itself between fork and exec. Does I/O.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::fs::{CWD, Mode, OFlags, RawDir};
use rustix::io::{Errno, FdFlags};
use rustix::mount::{MountFlags, MountPropagationFlags};
use rustix::process::Signal;
use rustix::thread::UnshareFlags;

/// The child begins a session of its own, and has nothing open of ours but its standard streams: a
/// lock or a socket that was handed down to us would else be held as long as the service runs.
pub fn detach(command: &mut Command) {
    before_exec(command, || {
        rustix::process::setsid()?;
        close_on_exec()
    });
}

/// The child leads a process group of its own. Nothing is done between fork and exec, so that our
/// memory need not be made ready to be copied.
pub fn lead(command: &mut Command) {
    command.process_group(0);
}

/// The child leads a process group of its own, and is killed when the thread that starts it ends,
/// however it ends: that thread is to wait for the child.
///
/// The kernel does this for the child alone. Nothing does it for the rest of its group: what the
/// child started goes on until it misses the child, or its output's reader. Neither is a program
/// bound that gains rights when it is executed (set-user-id).
pub fn bind(command: &mut Command) {
    command.process_group(0);
    let parent = rustix::process::getpid();
    before_exec(command, move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // A parent that died before that sends nothing any more.
        let orphaned = rustix::process::getppid() != Some(parent);
        if orphaned { Err(Errno::SRCH.into()) } else { Ok(()) }
    });
}

/// The child leads a process group of its own, and `/proc` is for it that of the enclosure that it
/// is started in: it finds itself there, and nobody who is not in it.
pub fn enclose(command: &mut Command) {
    command.process_group(0);
    before_exec(command, || {
        // A container may be refused it. Then the child sees processes by numbers that are not
        // theirs inside; what it is enclosed in is the same.
        let _ = mount_proc();
        Ok(())
    });
}

fn mount_proc() -> rustix::io::Result<()> {
    unshare_mounts()?;
    // What is mounted outside still arrives; what is mounted from here on stays inside.
    let inward = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    rustix::mount::mount_change(c"/", inward)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    rustix::mount::mount(c"proc", c"/proc", c"proc", flags, None)
}

#[expect(unsafe_code, reason = "rustix takes no namespace to be safe, for the sake of descriptors")]
fn unshare_mounts() -> rustix::io::Result<()> {
    // SAFETY: the table of descriptors is not touched.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }
}

/// `prepare` may make system calls and nothing else; that is why it is private to this file.
#[expect(unsafe_code, reason = "std has no other way to prepare a child")]
fn before_exec(
    command: &mut Command,
    prepare: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) {
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. All that is given to
    // this function is in this file, makes plain system calls, takes no lock and allocates
    // nothing: neither does turning an error number into an `io::Error`.
    unsafe {
        command.pre_exec(prepare);
    }
}

/// Marks all but the standard streams to be closed by exec. In the child, not in us: what we hand
/// on to a build, e.g. make's job server, stays open for it.
fn close_on_exec() -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::openat(CWD, c"/proc/self/fd", flags, Mode::empty())?;
    let mut buffer = [MaybeUninit::uninit(); 2048];
    let mut entries = RawDir::new(&dir, &mut buffer);
    while let Some(entry) = entries.next() {
        let number = entry?.file_name().to_str().ok().and_then(|name| name.parse().ok());
        if let Some(fd) = number.filter(|fd| *fd > 2) {
            mark(fd)?;
        }
    }
    Ok(())
}

#[expect(unsafe_code, reason = "the kernel lists descriptors as numbers")]
fn mark(fd: RawFd) -> io::Result<()> {
    // SAFETY: it was listed a moment ago as open in this process, whose only thread is this one.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    Ok(rustix::io::fcntl_setfd(fd, FdFlags::CLOEXEC)?)
}
