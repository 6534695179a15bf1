//! A run of the program that goes on only as far as a test reads its events. The test chooses a moment
//! by them, and the run is at work at that moment, on a fast machine as on a busy one. Does I/O.

use std::fs::File;
use std::io::{BufRead as _, BufReader};

use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use serde_json::Value;

use super::{Ended, Project};

/// The run.
///
/// Its standard output is a pipe that has room for one event: after `n` events were read, the run can
/// write one more, and waits where it writes the one after that.
pub(super) struct Held {
    handle: duct::Handle,
    output: BufReader<File>,
    /// The events that were read so far.
    pub(super) events: Vec<Value>,
}

impl Project {
    /// Starts the program, which waits where it writes its second event.
    pub(super) fn hold(&self, args: &[&str]) -> Held {
        let (read, write) = pipe_with(PipeFlags::DIRECT | PipeFlags::CLOEXEC).unwrap();
        // A pipe has at least one page. Each write into a direct pipe takes a page of its own.
        fcntl_setpipe_size(&write, 1).unwrap();
        let handle = self.command(args).stdout_file(File::from(write)).start().unwrap();
        Held { handle, output: BufReader::new(File::from(read)), events: Vec::new() }
    }
}

impl Held {
    pub(super) fn pid(&self) -> u32 {
        self.handle.pids()[0]
    }

    pub(super) fn kill(&self) {
        self.handle.kill().unwrap();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.handle.try_wait().unwrap().is_some()
    }

    /// Lets the run go on until `count` events were read, or the begin of its last step.
    pub(super) fn read(&mut self, count: usize) {
        while self.events.len() < count && !self.is_at_its_last_step() {
            assert!(self.next(), "the run ended after {:?}", self.events);
        }
    }

    /// Whether the begin of the last step is the last event that was read. The run holds its lock as
    /// long as it is not, and cannot have ended even then.
    pub(super) fn is_at_its_last_step(&self) -> bool {
        let last = self.events.last();
        last.is_some_and(|event| event["total"].is_u64() && event["index"] == event["total"])
    }

    /// Lets the run go on to its end.
    pub(super) fn end(&mut self) -> Ended {
        while self.next() {}
        let status = self.handle.wait().unwrap().status;
        let report = self.events.iter().rfind(|event| event["event"] == "report");
        let report = report.cloned().unwrap_or_default();
        Ended { code: status.code().unwrap_or(-1), pid: self.pid(), report }
    }

    /// Reads an event; whether there was one.
    fn next(&mut self) -> bool {
        let mut line = String::new();
        if self.output.read_line(&mut line).unwrap() == 0 {
            return false;
        }
        self.events.push(serde_json::from_str(&line).unwrap());
        true
    }
}
