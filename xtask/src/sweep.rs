//! `cargo xtask sweep`: disturbs every operation of the real program at each of its system calls,
//! and looks, with code of its own, whether all that always holds still does. Does I/O.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum as _};

mod apart;
mod check;
mod full;
mod inject;
mod medium;
mod operation;
mod place;
mod processes;
mod tally;
mod trace;
mod twice;

use inject::{Choice, Injection};
use medium::Kind;
use operation::Operation;
use place::Place;
use trace::Fault;

use crate::node::{may_mount, program};
use crate::workspace::say;

/// Disturbs operations at each of their system calls, and looks whether the host is whole.
///
/// Each point begins in the same state, in an environment of its own in the directory for temporary
/// files. After the fault the host is looked at by other code than that under test; then the next
/// command must bring it to its end, and the same once more must find nothing to do. Exits 1 when
/// anything is not as it must be, with the command that repeats that point.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} sweep kill                             all operations, killed at every call
  {program} sweep kill --operation deploy --every 7
  {program} sweep error --errno EIO                each call fails, one at a time
  {program} sweep cut --fs xfs --operation deploy  the power is cut after every call
  {program} sweep full                             a full disk, a read-only one, files that cannot be changed
  {program} sweep twice                            two at once, and one that is suspended and overtaken")]
pub struct Command {
    /// The program to sweep; else it is built from here, in the profile of this one
    #[arg(long, value_name = "FILE", global = true)]
    deployer: Option<PathBuf>,
    #[command(subcommand)]
    sweep: Sweep,
}

#[derive(Subcommand, Clone, Debug)]
enum Sweep {
    /// Kill the deployer before each call that changes something
    Kill(Which),
    /// Let each call that changes something fail
    Error {
        #[command(flatten)]
        which: Which,
        /// How it fails; in all four ways when none is named
        #[arg(long, value_name = "ERROR", value_parser = ["EIO", "ENOSPC", "EROFS", "EDQUOT"])]
        errno: Option<String>,
    },
    /// Kill the deployer before each call that changes something, and cut the power
    Cut {
        #[command(flatten)]
        which: Which,
        /// The file system; all three when none is named
        #[arg(long)]
        fs: Option<Kind>,
    },
    /// Deploy to a full disk, to a read-only one, and over files that cannot be changed
    Full(Choice),
    /// Two deploys at once; a deployer that is suspended and overtaken
    Twice {
        /// How often
        #[arg(long, default_value_t = 100)]
        rounds: usize,
    },
}

#[derive(Args, Clone, Debug)]
struct Which {
    /// The operation; all of them when none is named
    #[arg(long)]
    operation: Option<Operation>,
    #[command(flatten)]
    choice: Choice,
}

/// Errors that a disk can give, by the names that strace knows.
const ERRORS: [&str; 4] = ["EIO", "ENOSPC", "EROFS", "EDQUOT"];

/// Programs, and the packages that have them on Debian and Ubuntu.
const STRACE: (&str, &str) = ("strace", "strace");
const EXT4: (&str, &str) = ("mkfs.ext4", "e2fsprogs");
const CHATTR: (&str, &str) = ("chattr", "e2fsprogs");
const XFS: (&str, &str) = ("mkfs.xfs", "xfsprogs");

/// What this machine lacks for all sweeps, with its remedy; none where it lacks nothing.
#[must_use]
pub fn missing() -> Option<String> {
    lacking(&[STRACE, EXT4, CHATTR, XFS, ("unshare", "util-linux")], true)
}

fn lacking(needs: &[(&str, &str)], mounts: bool) -> Option<String> {
    if let Some((name, package)) = needs.iter().find(|(name, _)| program(name).is_err()) {
        return Some(format!("`{name}` is missing (Debian: `apt-get install {package}`)"));
    }
    let is_root = rustix::process::geteuid().is_root();
    match mounts {
        true if !is_root => Some("disks need root: run it with `sudo --preserve-env=PATH`".into()),
        true if !may_mount() => Some("mounting is not allowed here: run it on a machine".into()),
        _ => None,
    }
}

impl Command {
    /// Sweeps; the exit code says whether all was whole.
    #[must_use]
    pub fn run(&self) -> ExitCode {
        match self.sweep() {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                say(&format!("error: {error:#}"));
                ExitCode::FAILURE
            }
        }
    }

    fn sweep(&self) -> Result<bool> {
        if let Some(missing) = self.missing() {
            bail!("{missing}");
        }
        if apart::is_needed() {
            match apart::become_apart()? {}
        }
        match &self.sweep {
            Sweep::Kill(which) => self.inject("kill", which, &[Fault::Kill], &[Kind::Memory]),
            Sweep::Error { which, errno } => {
                let wanted = |name: &&&str| errno.as_ref().is_none_or(|errno| errno == **name);
                let faults: Vec<_> =
                    ERRORS.iter().filter(wanted).map(|name| Fault::Error(name)).collect();
                self.inject("error", which, &faults, &[Kind::Memory])
            }
            Sweep::Cut { which, fs } => {
                let kinds = fs.map_or(Kind::value_variants().to_vec(), |kind| vec![kind]);
                self.inject("cut", which, &[Fault::Kill], &kinds)
            }
            Sweep::Full(choice) => self.apart(Kind::Small, |place| full::sweep(place, *choice)),
            Sweep::Twice { rounds } => {
                self.apart(Kind::Memory, |place| twice::sweep(place, *rounds))
            }
        }
    }

    /// What this machine lacks; none where it lacks nothing.
    fn missing(&self) -> Option<String> {
        let needs: &[_] = match &self.sweep {
            Sweep::Kill(_) | Sweep::Error { .. } | Sweep::Twice { .. } => &[STRACE],
            Sweep::Full(_) => &[EXT4, CHATTR],
            Sweep::Cut { fs: Some(Kind::Ext4 | Kind::Ext4Noauto), .. } => &[STRACE, EXT4],
            Sweep::Cut { .. } => &[STRACE, EXT4, XFS],
        };
        lacking(needs, matches!(self.sweep, Sweep::Cut { .. } | Sweep::Full(_)))
    }

    fn inject(&self, sweep: &str, which: &Which, faults: &[Fault], kinds: &[Kind]) -> Result<bool> {
        let all = which.operation.map_or(Operation::value_variants().to_vec(), |one| vec![one]);
        let mut good = true;
        for kind in kinds {
            for operation in &all {
                let place = Place::create(*kind, operation.kept(), self.deployer.as_deref())?;
                operation.prepare(&place)?;
                for fault in faults {
                    let mut words = format!("{sweep} --operation {}", operation.name());
                    words += &match (fault, kind) {
                        (Fault::Error(error), _) => format!(" --errno {error}"),
                        (_, Kind::Memory) => String::new(),
                        _ => format!(" --fs {}", kind.name()),
                    };
                    let (cut, choice) = (*kind != Kind::Memory, which.choice);
                    let injection = Injection {
                        place: &place,
                        operation: *operation,
                        fault: *fault,
                        cut,
                        choice,
                        words,
                    };
                    good &= injection.sweep()?;
                }
            }
        }
        Ok(good)
    }

    fn apart(&self, kind: Kind, sweep: impl FnOnce(&Place) -> Result<bool>) -> Result<bool> {
        let place = Place::create(kind, 2, self.deployer.as_deref())?;
        sweep(&place)
    }
}
