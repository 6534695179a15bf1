//! What a sweep has found, and how it is told.

use std::time::{Duration, Instant};

use crate::workspace::say;

/// The figures of one sweep.
pub struct Tally {
    name: String,
    begin: Instant,
    /// How many points were tried.
    pub tried: usize,
    /// At how many of them the fault happened.
    pub fired: usize,
    /// How many points were never hit: other processes make calls come sooner or later.
    pub missed: usize,
    violations: Vec<String>,
}

impl Tally {
    /// Nothing was tried yet.
    pub fn new(name: impl Into<String>) -> Tally {
        Tally {
            name: name.into(),
            begin: now(),
            tried: 0,
            fired: 0,
            missed: 0,
            violations: Vec::new(),
        }
    }

    /// Tells what was found at a point, and the command that does the same again.
    pub fn note(&mut self, point: &str, repeat: &str, found: &[String]) {
        for finding in found {
            let text = format!("VIOLATION: {}, {point}\n  {finding}\n  again: {repeat}", self.name);
            say(&text);
            self.violations.push(text);
        }
    }

    /// Says how far it is, from time to time.
    pub fn progress(&self, of: usize) {
        if self.tried.is_multiple_of(25) {
            let (name, tried, violations) = (&self.name, self.tried, self.violations.len());
            say(&format!("{name}: {tried} of {of} points, {violations} violations"));
        }
    }

    /// The line of figures; whether there was no violation.
    pub fn end(self) -> bool {
        let Tally { name, tried, fired, missed, violations, begin } = self;
        let seconds = Duration::as_secs_f64(&begin.elapsed());
        let missed = if missed == 0 { String::new() } else { format!("{missed} missed, ") };
        say(&format!(
            "{name}: {tried} points tried, {fired} fired, {missed}{} violations, {seconds:.1} s",
            violations.len()
        ));
        violations.is_empty()
    }
}

#[expect(clippy::disallowed_methods, reason = "a task of developers, not the library")]
fn now() -> Instant {
    Instant::now()
}
