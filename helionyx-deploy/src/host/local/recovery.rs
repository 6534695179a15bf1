//! Which program recovers an environment when the deployer dies. Reads /proc.

use std::io;
use std::sync::{Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};

use super::super::HostError;

/// The program that systemd runs as root to recover an environment when the deployer dies. The
/// program understands `recover --root DIR`, as `helionyx-deploy` does.
#[derive(Clone, Copy, Debug)]
pub enum RecoveryProgram {
    /// The deployer brings none. A program that is installed stays; without one, `setup` and deploys
    /// under systemd are refused.
    None,
    /// The program that runs now, as long as its file is there.
    Own,
    /// The file that this function makes. The function is called until it succeeds once, and only
    /// when an environment under systemd is looked at.
    Made(fn() -> io::Result<Utf8PathBuf>),
}

/// The program, found or made at the first question.
#[derive(Debug)]
pub(super) struct Recovering {
    program: RecoveryProgram,
    made: Mutex<Option<Utf8PathBuf>>,
}

impl Recovering {
    pub(super) fn by(program: RecoveryProgram) -> Recovering {
        Recovering { program, made: Mutex::new(None) }
    }

    /// Where the program lies.
    pub(super) fn path(&self) -> Result<Option<Utf8PathBuf>, HostError> {
        match self.program {
            RecoveryProgram::None => Ok(None),
            RecoveryProgram::Own => Ok(own()),
            RecoveryProgram::Made(make) => {
                // Who asks at the same time waits.
                let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
                if made.is_none() {
                    let failed = |error| HostError::new("make", "the recovery program", error);
                    *made = Some(make().map_err(failed)?);
                }
                Ok(made.clone())
            }
        }
    }
}

/// The program that runs now; none where its file is gone.
fn own() -> Option<Utf8PathBuf> {
    let program = Utf8Path::new("/proc/self/exe").read_link_utf8().ok();
    // Of a file that was deleted the kernel says so behind the name.
    program.filter(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_program_is_made_once_and_tried_again_after_a_failure() {
        static CALLS: AtomicUsize = AtomicUsize::new(0);
        let make = || match CALLS.fetch_add(1, Ordering::Relaxed) {
            0 => Err(io::Error::other("it does not compile")),
            _ => Ok("/made".into()),
        };
        let recovering = Recovering::by(RecoveryProgram::Made(make));
        let error = recovering.path().unwrap_err();
        assert_eq!(
            crate::event::chain(&error),
            "failed to make `the recovery program`: it does not compile"
        );
        for _ in 0..2 {
            assert_eq!(recovering.path().unwrap(), Some("/made".into()));
        }
        assert_eq!(CALLS.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_program_of_its_own_is_the_file_that_runs() {
        let path = |program| Recovering::by(program).path().unwrap();
        assert_eq!(path(RecoveryProgram::None), None);
        let own = path(RecoveryProgram::Own).unwrap();
        assert_eq!(own, std::env::current_exe().unwrap());
    }
}
