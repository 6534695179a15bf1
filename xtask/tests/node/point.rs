//! Moments of a program that strace can find again: each is one of its system calls.

/// A system call of a program's first thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// Its name.
    pub call: String,
    /// Which one of that name, from 1.
    pub number: usize,
}

impl Point {
    /// What makes strace send this signal there: KILL comes before the call, STOP after it.
    pub fn inject(&self, signal: &str) -> String {
        format!("inject={}:signal={signal}:when={}", self.call, self.number)
    }
}

/// The calls of these names in a trace, in their order.
pub fn points(trace: &str, calls: &[&str]) -> Vec<Point> {
    let mut numbers = std::collections::BTreeMap::new();
    let names = trace.lines().filter_map(|line| line.split_once('(').map(|(name, _)| name));
    let points = names.filter(|name| calls.contains(name)).map(|name| {
        let number = numbers.entry(name).or_insert(0);
        *number += 1;
        Point { call: name.to_owned(), number: *number }
    });
    points.collect()
}

/// Every how many points are tried: in CI a part of them.
pub fn every(part: usize) -> usize {
    let wanted = std::env::var("HELIONYX_EVERY").ok();
    wanted.and_then(|text| text.parse().ok()).unwrap_or(part)
}
