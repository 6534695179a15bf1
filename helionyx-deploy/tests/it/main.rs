//! All integration tests in one binary: one link, one harness.

#![allow(clippy::print_stderr, reason = "sweeps say how many points they tried")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic where it stands")]

mod builds;
mod conformance;
#[cfg(feature = "cli")]
mod env_file_program;
mod evidence;
mod foreground;
mod git;
mod hostile;
mod journal;
mod layers;
mod planning;
mod plans;
mod prerequisites;
#[cfg(feature = "cli")]
mod program;
mod real;
mod recovery;
mod retried;
mod rig;
mod saved;
#[cfg(feature = "cli")]
mod seeded;
mod services;
#[cfg(feature = "simulation")]
mod simulation;
mod sweeps;
mod systemd;
mod units;
mod world;
