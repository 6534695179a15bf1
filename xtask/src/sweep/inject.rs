//! A fault at each call of an operation: the deployer is killed, the call fails, the power is cut.
//! Does I/O.

use anyhow::Result;

use super::check::{self, Seen};
use super::operation::Operation;
use super::place::{Ended, Place};
use super::tally::Tally;
use super::trace::{Fault, Point, hit, points, strace};

/// How often a point is tried again that was missed.
const ATTEMPTS: usize = 4;

/// Which faults, of which operation, at which points.
pub struct Injection<'p> {
    /// Where.
    pub place: &'p Place,
    /// What is disturbed.
    pub operation: Operation,
    /// How.
    pub fault: Fault,
    /// Whether the power is cut after it.
    pub cut: bool,
    /// Which points.
    pub choice: Choice,
    /// The words of `cargo xtask sweep …` that choose all this but the point.
    pub words: String,
}

/// Which of all points are tried.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct Choice {
    /// At most so many points, evenly spread
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub points: Option<u32>,
    /// Every so many points one
    #[arg(long, value_name = "K", conflicts_with = "points")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub every: Option<u32>,
    /// Only this point, from 1: one behind the last is the end of the operation
    #[arg(long, value_name = "N", conflicts_with_all = ["points", "every"])]
    pub at: Option<usize>,
}

impl Choice {
    /// The numbers of the points to try, of so many.
    pub fn of(self, count: usize) -> Vec<usize> {
        let every = match (self.at, self.every, self.points) {
            (Some(at), ..) => return vec![at],
            (_, Some(every), _) => every as usize,
            (_, _, Some(points)) => count.div_ceil(points as usize).max(1),
            _ => 1,
        };
        let mut chosen: Vec<usize> = (1..=count).step_by(every).collect();
        // The end, always: what was reported as done must be so.
        chosen.extend((chosen.last() != Some(&count)).then_some(count));
        chosen
    }
}

impl Injection<'_> {
    /// Tries all points; whether there was no violation.
    pub fn sweep(&self) -> Result<bool> {
        let mut all = self.operation.points(self.place)?;
        let mut tally = Tally::new(&self.words);
        let chosen = self.choice.of(all.len() + 1);
        for number in &chosen {
            tally.tried += 1;
            let (point, found) = match all.get(number - 1).cloned() {
                Some(point) => match self.hit(&point, &mut all)? {
                    Some((ended, before)) => {
                        tally.fired += 1;
                        (point.to_string(), self.after(&ended, &before, *number)?)
                    }
                    None => {
                        tally.missed += 1;
                        continue;
                    }
                },
                None => ("the end".to_owned(), self.after_the_end()?),
            };
            let repeat = format!("cargo xtask sweep {} --at {number}", self.words);
            tally.note(&point, &repeat, &found);
            tally.progress(chosen.len());
        }
        Ok(tally.end())
    }

    /// Runs the operation into the fault. Its calls are counted anew where it hit another one.
    fn hit(&self, point: &Point, all: &mut Vec<Point>) -> Result<Option<(Ended, Seen)>> {
        let log = self.place.beside("log");
        let same = |other: &&Point| (&other.call, other.kth) == (&point.call, point.kth);
        for _ in 0..ATTEMPTS {
            let Some(wanted) = all.iter().find(same).cloned() else { return Ok(None) };
            let before = self.operation.begin(self.place)?;
            let ended =
                self.operation.run(self.place, &strace(&log, Some((self.fault, &wanted))))?;
            let text = fs_err::read_to_string(&log)?;
            let is_it = |line: &&str| {
                points(&text).iter().any(|found| same(&found) && line.starts_with(&found.shown))
            };
            if hit(&text, self.fault).filter(is_it).is_some() {
                return Ok(Some((ended, before)));
            }
            *all = self.operation.points(self.place)?;
        }
        Ok(None)
    }

    /// Looks, then does what an operator would do, and looks again.
    fn after(&self, ended: &Ended, before: &Seen, number: usize) -> Result<Vec<String>> {
        let (place, operation) = (self.place, self.operation);
        let mut found = match (self.fault, self.cut) {
            (_, true) => {
                self.cut()?;
                Vec::new()
            }
            (Fault::Kill, _) => check::honest(place)?,
            (Fault::Error(_), _) => check::report(place, ended, before, operation.stops())?,
        };
        found.extend(check::instant(place, before, operation.prunes())?);
        // The next command repairs, be it `recover` or the same once more.
        if number.is_multiple_of(2) {
            let recovered = place.run(&["recover", "--env", "dev"])?;
            if recovered.code != Some(0) {
                found.push(format!(
                    "I6: `recover` ends with {:?}: {}",
                    recovered.code, recovered.said
                ));
            }
            found.extend(check::honest(place)?);
        }
        found.extend(self.converge(before)?);
        Ok(found)
    }

    /// I7: the same command again does it, and once more finds nothing to do.
    fn converge(&self, before: &Seen) -> Result<Vec<String>> {
        let (place, operation) = (self.place, self.operation);
        let mut found = Vec::new();
        let again = operation.again(place, before)?;
        if again.code != Some(0) {
            found.push(format!("I7: the next one ends with {:?}: {}", again.code, again.said));
        }
        found.extend(check::instant(place, before, operation.prunes())?);
        // After a power cut nothing runs, and what `recover` finds brought to an end stays down.
        let may_be_down = self.cut && operation == Operation::Recover;
        let running = match may_be_down {
            true => !check::look(place)?.running.is_empty(),
            false => !operation.stops(),
        };
        found.extend(check::settled(place, running)?);
        let journal = check::look(place)?.journal;
        let last = operation.once_more(place, before)?;
        if (last.code, last.outcome()) != (Some(0), "unchanged") {
            let (code, outcome) = (last.code, last.outcome());
            found.push(format!("I7: once more, it is {code:?} and `{outcome}`: {}", last.said));
        } else if check::look(place)?.journal != journal {
            found.push("I7: what changed nothing wrote into the journal".to_owned());
        }
        if !check::aside(place).is_empty() {
            place.change("after all")?;
            place.must(&["deploy", "--env", "dev"])?;
            found.extend(check::aside(place).iter().map(|name| format!("I6: {name} stays behind")));
        }
        Ok(found)
    }

    /// What was reported as done is so, also when the power is cut right then.
    fn after_the_end(&self) -> Result<Vec<String>> {
        let before = self.operation.begin(self.place)?;
        let ended = self.operation.run(self.place, &[])?;
        let mut found = check::report(self.place, &ended, &before, self.operation.stops())?;
        let done = check::look(self.place)?;
        if self.cut {
            self.cut()?;
        }
        let now = check::look(self.place)?;
        if now.current != done.current {
            found.push(format!(
                "I8: it was {:?}, and {:?} after a power cut",
                done.current, now.current
            ));
        }
        if !now.journal.starts_with(&done.journal) {
            found.push("I8: the journal lost the end of what was done".to_owned());
        }
        found.extend(check::instant(self.place, &before, self.operation.prunes())?);
        found.extend(self.converge(&before)?);
        Ok(found)
    }

    fn cut(&self) -> Result<()> {
        self.place.end()?;
        self.place.medium.cut()
    }
}
