//! How long all was well with a service while it was being proven, and how far it came when it ended
//! then. No I/O.

use std::fmt;
use std::time::Duration;

use crate::model::Timing;
use crate::release::Service;
use crate::state::ProcessKey;

/// Tries that passed, in a row.
pub(super) struct Streak {
    pub(super) process: ProcessKey,
    pub(super) first: Duration,
    pub(super) last: Duration,
    pub(super) passes: u32,
}

impl Streak {
    /// One more pass; a streak belongs to one process.
    pub(super) fn add(streak: &mut Option<Streak>, process: ProcessKey, at: Duration) -> &Streak {
        let fresh = Streak { process, first: at, last: at, passes: 0 };
        let running = streak.take().filter(|running| running.process == process);
        let mut running = running.unwrap_or(fresh);
        running.passes += 1;
        running.last = at;
        streak.insert(running)
    }
}

/// How far a service came before it ended, in words: what it did, without its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// For how long it was seen to run; none where it was gone at the first look.
    pub ran: Option<Duration>,
    /// How often all was well in a row, the last time that it was.
    pub passes: u32,
    /// For how long.
    pub well: Duration,
    /// For how long it must be.
    pub window: Duration,
    /// Whether it has probes.
    pub is_asked: bool,
}

impl Life {
    pub(super) fn of(
        service: &Service,
        timing: &Timing,
        ran: Option<Duration>,
        streak: Option<&Streak>,
    ) -> Life {
        Life {
            ran,
            passes: streak.map_or(0, |streak| streak.passes),
            well: streak.map_or(Duration::ZERO, |streak| streak.last.saturating_sub(streak.first)),
            window: Duration::from_millis(timing.stable_ms),
            is_asked: service.health.is_some(),
        }
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (well, window) = (self.well.as_secs_f64(), self.window.as_secs_f64());
        match (self.ran, self.passes, self.is_asked) {
            (None, ..) => f.write_str("started"),
            (Some(ran), _, false) => {
                write!(f, "ran for {:.1} s of the {window:.1} s that it must", ran.as_secs_f64())
            }
            (Some(ran), 0, true) => {
                write!(f, "ran for {:.1} s, its probes not passing", ran.as_secs_f64())
            }
            (Some(_), 1, true) => {
                write!(f, "passed its probes once, not for the {window:.1} s that it must")
            }
            (Some(_), _, true) if self.well < self.window => {
                write!(f, "passed its probes for {well:.1} s of the {window:.1} s that it must")
            }
            (Some(_), passes, true) => {
                write!(f, "passed its probes {passes} times, which is not often enough")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_how_far_a_service_came() {
        let millis = Duration::from_millis;
        let life = |ran: Option<u64>, passes, well, is_asked| {
            let (ran, well, window) = (ran.map(millis), millis(well), millis(3000));
            Life { ran, passes, well, window, is_asked }.to_string()
        };
        for (said, expected) in [
            (life(None, 0, 0, true), "started"),
            (life(Some(250), 0, 0, true), "ran for 0.2 s, its probes not passing"),
            (life(Some(900), 1, 0, true), "passed its probes once, not for the 3.0 s that it must"),
            (
                life(Some(900), 4, 400, true),
                "passed its probes for 0.4 s of the 3.0 s that it must",
            ),
            (
                life(Some(9000), 2, 3100, true),
                "passed its probes 2 times, which is not often enough",
            ),
            (life(Some(900), 4, 900, false), "ran for 0.9 s of the 3.0 s that it must"),
        ] {
            assert_eq!(said, expected);
        }
    }
}
