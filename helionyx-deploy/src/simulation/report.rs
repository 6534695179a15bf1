//! What a simulation came to. No I/O.

use std::collections::BTreeMap;
use std::fmt;

use crate::digest::Digest;
use crate::model::Supervisor;

/// So many of the last events are told with a violation.
const EVENTS: usize = 40;

/// What was simulated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many operations, recoveries included.
    pub operations: u64,
    /// In how many worlds, each with a seed of its own.
    pub worlds: u64,
    /// How many operations came to which end.
    pub ends: BTreeMap<String, u64>,
    /// What came to pass besides, and how often.
    pub disturbances: BTreeMap<String, u64>,
    /// A digest of all events: the same in every run of the same seed.
    pub trace: Option<Digest>,
}

impl Tally {
    pub(super) fn add(&mut self, world: Tally) {
        self.operations += world.operations;
        self.worlds += world.worlds;
        for (end, count) in world.ends {
            *self.ends.entry(end).or_default() += count;
        }
        for (what, count) in world.disturbances {
            *self.disturbances.entry(what).or_default() += count;
        }
        let both = format!("{:?} {:?}", self.trace, world.trace);
        self.trace = Some(Digest::of(both.as_bytes()));
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} operations in {} worlds", self.operations, self.worlds)?;
        for (what, count) in self.ends.iter().chain(&self.disturbances) {
            writeln!(f, "{count:>9}  {what}")?;
        }
        Ok(())
    }
}

/// Something that must hold and does not.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The number of what must hold.
    pub number: u32,
    /// What is so instead.
    pub what: String,
    /// The seed of the world.
    pub seed: u64,
    /// How many operations had begun in it.
    pub operation: u64,
    /// What runs the services.
    pub supervisor: Supervisor,
    /// What came to pass, the oldest first.
    pub events: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation { number, what, seed, operation, supervisor, events } = self;
        for event in &events[events.len().saturating_sub(EVENTS)..] {
            writeln!(f, "  {event}")?;
        }
        writeln!(f, "violation of {number}: {what}")?;
        writeln!(f, "seed {seed}, operation {operation}; this repeats it:")?;
        let supervisor = super::word(*supervisor);
        write!(
            f,
            "cargo xtask simulate --seed {seed} --operations {operation} --supervisor {supervisor}"
        )
    }
}

impl std::error::Error for Violation {}
