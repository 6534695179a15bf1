//! A deterministic simulation: from one seed, operators, crashes, power cuts, full disks, strangers
//! and sick releases on a machine in memory, interleaved at every call; a checker of its own looks
//! after each. No I/O.
//!
//! A run consists of worlds of a few operations each, one seed after the other, so that what fails is
//! repeated by the seed of its world alone. What holds (the numbers are those of a [`Violation`]):
//!
//!  1. At every instant `current` names a directory with a readable manifest, or is not there.
//!  2. At every instant under systemd a main process runs from the release that `current` names.
//!  3. The data and the secrets of the operator are byte by byte what they were.
//!  4. Whoever was overtaken makes no change from then on, but for one that was in the middle of it.
//!  5. The chain of the journal is whole.
//!  6. With no operation under way, what runs is what `current` names: one main process at most.
//!  7. With no operation under way, a healthy service runs that was last brought to run, unless it was
//!     stopped, a stranger has its port, or the last operation ended as stuck.
//!  8. What was stopped on purpose stays stopped until it is started, deployed or the machine boots.
//!  9. A release in use, and the one that a rollback goes to, are whole, unless a stranger touched them.
//! 10. A release that failed is not recorded as proven.
//! 11. `unchanged` has changed nothing.
//! 12. `deployed` is so: the process runs from that release and is healthy, or nothing runs after a stop.
//! 13. `rolled-back` and `failed` have left `current` where it was.
//! 14. `stuck` has a reason: a stranger, or a release that is not healthy, or a full disk.
//! 15. Under systemd what a dead deployer left past the switch is brought to an end by itself.
//! 16. The release in use is not marked as unfinished, and nothing waits for a deployer to die that has ended well.

use crate::model::Supervisor;

mod action;
mod check;
mod nature;
mod random;
mod report;
mod world;

pub use report::{Tally, Violation};

use random::Random;
use world::World;

/// How many operations one world sees.
const OPERATIONS_OF_A_WORLD: u64 = 25;

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The seed of the first world.
    pub seed: u64,
    /// How many operations there are in all.
    pub operations: u64,
    /// What runs the services.
    pub supervisor: Supervisor,
}

/// Simulates; what was done, or the first thing that does not hold.
///
/// # Errors
/// What does not hold, with all that repeats it.
pub fn simulate(options: Options) -> Result<Tally, Box<Violation>> {
    let mut tally = Tally::default();
    let mut seed = options.seed;
    while tally.operations < options.operations {
        let left = options.operations - tally.operations;
        let world = World::new(Random::new(seed), options.supervisor);
        tally.add(world.live(seed, left.min(OPERATIONS_OF_A_WORLD))?);
        seed = seed.wrapping_add(1);
    }
    Ok(tally)
}

/// A supervisor as models and commands name it.
#[must_use]
pub fn word(supervisor: Supervisor) -> &'static str {
    match supervisor {
        Supervisor::Process => "process",
        Supervisor::Systemd => "systemd",
    }
}
