//! All integration tests in one binary: one link, one harness.

mod git;
mod layers;
mod plans;
mod sweeps;
mod world;
