//! A pid namespace: no process that begins in it can leave it, or outlive it. Does I/O.
//!
//! It lives as long as its first process does, the keeper, which adopts whatever is orphaned in it:
//! when the keeper ends, the kernel kills all others. The keeper ends when it is killed, and when
//! its standard input does, whose other end we alone have open: so also when we are killed.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, UnshareFlags};

use super::super::Clock as _;
use super::{LocalHost, child, nap, proc};
use crate::state::Process;

/// A pid namespace with its keeper. Dropping it ends all that is in it.
pub struct Enclosure {
    keeper: Child,
    namespace: File,
}

/// It reads until there is nothing more to come. As it ignores how its children end, the kernel
/// buries them.
const KEEPER: [&str; 3] = ["/usr/bin/env", "--ignore-signal=CHLD", "cat"];
/// Where the kernel says in which pid namespace the children of this thread begin.
const CHILDREN_BEGIN_IN: &str = "/proc/thread-self/ns/pid_for_children";

impl Enclosure {
    /// An empty one. It takes root's rights; in most containers root has them not.
    pub fn open() -> io::Result<Enclosure> {
        let ours = File::open(CHILDREN_BEGIN_IN)?;
        unshare_pids()?;
        let keeper = start_keeper().and_then(|keeper| Ok((keeper, File::open(CHILDREN_BEGIN_IN)?)));
        begin_in(&ours)?;
        let (keeper, namespace) = keeper?;
        let mut enclosure = Enclosure { keeper, namespace };
        enclosure.await_keeper()?;
        Ok(enclosure)
    }

    /// Calls what starts processes from this thread, which then begin in here. It must not start a
    /// thread: the kernel refuses that.
    pub fn within<T>(&self, start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let ours = File::open(CHILDREN_BEGIN_IN)?;
        begin_in(&self.namespace)?;
        let started = start();
        begin_in(&ours)?;
        started
    }

    /// What is in here that lost its parent, and whether that is all: what one leaves that ends at
    /// this moment is only in the next list. Nothing where the kernel keeps no list.
    pub fn orphans(&self) -> (Vec<Process>, bool) {
        let keeper = self.keeper.id();
        let children = format!("/proc/{keeper}/task/{keeper}/children");
        let children = fs_err::read_to_string(children).unwrap_or_default();
        let pids: Vec<u32> =
            children.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect();
        let Ok(mut reader) = proc::Reader::new() else { return (Vec::new(), true) };
        let found: Vec<_> = pids.iter().filter_map(|pid| reader.process(*pid)).collect();
        let is_all = found.len() == pids.len();
        (found, is_all)
    }

    /// Kills all that is in here.
    pub fn kill(&mut self) -> io::Result<()> {
        self.keeper.kill()
    }

    /// Waits until nothing is left of it, at most so long. What was started in here must have been
    /// waited for.
    pub fn wait(&mut self, host: &LocalHost, grace: Duration) -> io::Result<()> {
        let end = host.elapsed() + grace;
        while self.keeper.try_wait()?.is_none() && host.elapsed() < end {
            nap(Duration::from_micros(200));
        }
        Ok(())
    }

    /// The keeper says back what it is told once it is one.
    fn await_keeper(&mut self) -> io::Result<()> {
        let (Some(input), Some(output)) = (&mut self.keeper.stdin, &mut self.keeper.stdout) else {
            return Err(io::Error::other("the keeper has no pipes"));
        };
        input.write_all(b"\n").and_then(|()| output.read_exact(&mut [0])).map_err(|error| {
            io::Error::other(format!("`{}` did not come up: {error}", KEEPER.join(" ")))
        })
    }
}

impl Drop for Enclosure {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        // Without waiting: who could still be waited for is not known here.
        let _ = self.keeper.try_wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "the door of commands")]
fn start_keeper() -> io::Result<Child> {
    let [program, args @ ..] = KEEPER;
    let mut command = Command::new(program);
    command.args(args).current_dir("/").env_clear().env("PATH", "/usr/bin:/bin");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    child::detach(&mut command);
    command.spawn()
}

/// The children of this thread begin in another pid namespace.
fn begin_in(namespace: &File) -> io::Result<()> {
    let kind = Some(LinkNameSpaceType::ProcessID);
    Ok(rustix::thread::move_into_link_name_space(namespace.as_fd(), kind)?)
}

#[expect(unsafe_code, reason = "rustix takes no namespace to be safe, for the sake of descriptors")]
fn unshare_pids() -> io::Result<()> {
    // SAFETY: the table of descriptors is not touched.
    Ok(unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWPID) }?)
}
