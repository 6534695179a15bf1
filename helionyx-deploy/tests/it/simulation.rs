//! Operators and mishaps from seeds, on a machine in memory.

use helionyx_deploy::model::Supervisor;
use helionyx_deploy::simulation::{Options, Tally, simulate};

/// So many operations under each supervisor: `cargo xtask simulate` runs more of them.
const OPERATIONS: u64 = 1000;

fn simulated(seed: u64, operations: u64, supervisor: Supervisor) -> Tally {
    simulate(Options { seed, operations, supervisor }).unwrap_or_else(|found| panic!("{found}"))
}

fn is_well(supervisor: Supervisor) {
    let tally = simulated(1, OPERATIONS, supervisor);
    eprintln!("simulated under {supervisor}: {tally}");
    // Nothing is proven where nothing comes to pass.
    for end in ["Deploy: Deployed", "Deploy: RolledBack", "Rollback: Deployed", "Stop: Deployed"] {
        assert!(tally.ends.get(end).is_some_and(|count| *count > 0), "{end}: {tally}");
    }
    for what in ["PowerCut", "Kill", "DiskFull"] {
        assert!(tally.disturbances.contains_key(what), "{what}: {tally}");
    }
}

#[test]
fn all_that_must_hold_does_in_the_embedded_runtime() {
    is_well(Supervisor::Process);
}

#[test]
fn all_that_must_hold_does_under_systemd() {
    is_well(Supervisor::Systemd);
}

#[test]
fn the_same_seed_is_the_same_world_in_every_run() {
    for supervisor in [Supervisor::Process, Supervisor::Systemd] {
        let [one, other] = [(); 2].map(|()| simulated(7, 60, supervisor));
        assert_eq!(one, other);
        assert_ne!(one.trace, simulated(8, 60, supervisor).trace, "another seed, another world");
    }
}
