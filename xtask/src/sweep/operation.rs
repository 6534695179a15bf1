//! What is swept: where each operation begins, and what comes after it. Does I/O.

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use super::check::{Seen, look};
use super::place::{Ended, Place};
use super::trace::{Fault, Point, points, strace};

/// An operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Operation {
    /// A release that replaces another one.
    Deploy,
    /// To the release before.
    Rollback,
    /// Stop the service.
    Stop,
    /// Start it.
    Start,
    /// Both.
    Restart,
    /// A deploy that removes the oldest release.
    Prune,
    /// After a deploy that was killed behind its switch.
    Recover,
    /// A plan that was kept.
    Apply,
}

impl Operation {
    /// How many releases are kept.
    pub fn kept(self) -> u32 {
        if self == Operation::Prune { 2 } else { 4 }
    }

    /// Whether releases may be removed.
    pub fn prunes(self) -> bool {
        self == Operation::Prune
    }

    /// Whether nothing runs when it is done.
    pub fn stops(self) -> bool {
        self == Operation::Stop
    }

    /// Its name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Makes the state that it begins in, once, and keeps it.
    pub fn prepare(self, place: &Place) -> Result<()> {
        for note in ["first", "second", "third"] {
            place.change(note)?;
            place.must(&["deploy", "--env", "dev"])?;
        }
        match self {
            Operation::Start => drop(place.must(&["stop", "--env", "dev"])?),
            _ => place.end()?,
        }
        place.keep()
    }

    /// Comes back to the state that it begins in.
    pub fn begin(self, place: &Place) -> Result<Seen> {
        place.put_back()?;
        if self != Operation::Start {
            place.must(&["start", "--env", "dev"])?;
        }
        if matches!(
            self,
            Operation::Deploy | Operation::Prune | Operation::Recover | Operation::Apply
        ) {
            place.change("next")?;
        }
        match self {
            Operation::Recover => {
                // Its first signal is to the old service, after the switch.
                let first = Point { call: "kill".into(), kth: 1, nth: 1, shown: String::new() };
                let words = strace(&place.beside("log"), Some((Fault::Kill, &first)));
                place.run_under(&words, &["deploy", "--env", "dev"])?;
            }
            Operation::Apply => {
                let plan = place.beside("plan");
                let _ = fs_err::remove_file(&plan);
                let plan = plan.to_str().context("failed to name the plan")?.to_owned();
                place.must(&["plan", "--env", "dev", "--out", &plan])?;
            }
            _ => {}
        }
        place.medium.sync()?;
        look(place)
    }

    /// Does it, under strace where that is said.
    pub fn run(self, place: &Place, under: &[String]) -> Result<Ended> {
        match self {
            Operation::Deploy | Operation::Prune => {
                place.run_under(under, &["deploy", "--env", "dev"])
            }
            Operation::Apply => {
                let plan = place.beside("plan");
                place.run_under(under, &["apply", plan.to_str().unwrap_or_default()])
            }
            _ => place.run_under(under, &[&self.name(), "--env", "dev"]),
        }
    }

    /// What an operator does next: the same once more, by the name of what it is to reach.
    pub fn again(self, place: &Place, before: &Seen) -> Result<Ended> {
        match self {
            Operation::Rollback => {
                let present = before.current.clone().unwrap_or_default();
                let target = before.complete.iter().rfind(|id| **id < present);
                let target = target.context("failed to find the release before")?;
                place.run(&["rollback", "--env", "dev", target])
            }
            // A plan is carried out once.
            Operation::Apply => place.run(&["deploy", "--env", "dev"]),
            _ => self.run(place, &[]),
        }
    }

    /// What must find nothing left to do.
    pub fn once_more(self, place: &Place, before: &Seen) -> Result<Ended> {
        match self {
            Operation::Restart => place.run(&["start", "--env", "dev"]),
            _ => self.again(place, before),
        }
    }

    /// Its calls that change something, in a run without faults.
    pub fn points(self, place: &Place) -> Result<Vec<Point>> {
        self.begin(place)?;
        let log = place.beside("log");
        let ended = self.run(place, &strace(&log, None))?;
        anyhow::ensure!(
            ended.code == Some(0),
            "failed to see a {} end well: {}",
            self.name(),
            ended.said
        );
        Ok(points(&fs_err::read_to_string(log)?))
    }
}
