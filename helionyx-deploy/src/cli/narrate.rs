//! The engine's events as a story for people. No I/O: text goes out, the screen writes it.

use std::collections::{BTreeMap, VecDeque};

use crate::event::Event;

use super::style::{BAD, DIM, GOOD, Glyphs, STRONG, WARN, count, harmless, millis, paint};

mod result;

/// How many lines of a running step's output are kept to be shown when it fails.
const KEPT: usize = 20;
/// How wide the column of durations is.
const DURATION: usize = 8;

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// The result, and what went wrong.
    Quiet,
    /// A line per step.
    Normal,
    /// All that steps write.
    Verbose,
}

/// Tells what happens.
pub(super) struct Narrator<'a> {
    glyphs: Glyphs,
    level: Level,
    /// What one types to call us.
    program: &'a str,
    /// `deploy sample/local`.
    title: String,
    /// `sample/local`.
    id: String,
    has_title: bool,
    step: String,
    /// Steps that have begun and not ended, by their numbers.
    begun: BTreeMap<usize, String>,
    output: VecDeque<String>,
    /// The error that was shown last.
    shown: Option<String>,
    /// What would help to understand a failure.
    clue: Clue,
}

/// What would help to understand a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clue {
    /// Nothing in particular.
    Status,
    /// What a step wrote.
    Output,
    /// What a service wrote.
    Log,
}

impl<'a> Narrator<'a> {
    /// A narrator of an operation (`deploy`) on an environment (`sample/local`).
    pub(super) fn new(
        glyphs: Glyphs,
        level: Level,
        program: &'a str,
        operation: impl std::fmt::Display,
        id: &str,
    ) -> Narrator<'a> {
        Narrator {
            glyphs,
            level,
            program,
            title: format!("{operation} {id}"),
            id: id.to_owned(),
            has_title: false,
            step: String::new(),
            begun: BTreeMap::new(),
            output: VecDeque::new(),
            shown: None,
            clue: Clue::Status,
        }
    }

    /// What there is to say about an event; nothing, often.
    pub(super) fn tell(&mut self, event: &Event) -> String {
        let said = match event {
            Event::Waiting { holder } => {
                let who = holder.as_ref().map_or("somebody".to_owned(), ToString::to_string);
                self.normal(|g| format!("  {} waiting for {who}\n", g.note))
            }
            Event::TakingOver { from } => {
                self.normal(|g| format!("  {} taking the lock from {from}\n", g.note))
            }
            Event::Recovering { operation, to, .. } => {
                let to = to.as_ref().map(|to| format!(" to {to}")).unwrap_or_default();
                self.normal(|g| {
                    format!("  {} the {operation}{to} was cut short: it is ended first\n", g.note)
                })
            }
            Event::Plan { count: steps, from, to, reasons } => {
                self.plan(*steps, to.as_ref().filter(|_| from != to), reasons)
            }
            Event::StepStarted { index, text, .. } => {
                text.clone_into(&mut self.step);
                self.begun.insert(*index, text.clone());
                self.output.clear();
                String::new()
            }
            Event::Output { line } => self.output(line),
            Event::StepFinished { index, duration_ms, note } => {
                self.ended(*index);
                self.step_finished(*duration_ms, note)
            }
            Event::StepFailed { index, duration_ms, error } => {
                self.ended(*index);
                self.step_failed(*duration_ms, error)
            }
            Event::Warning { message, hint } => {
                let hint = match hint.is_empty() {
                    true => String::new(),
                    false => format!(" ({})", hint.shown(self.program)),
                };
                format!("  {} {message}{hint}\n", paint(WARN, "warning:"))
            }
            Event::Log { line } => return format!("{}\n", harmless(line)),
            Event::ServiceLog { service, lines } => self.service_log(service.as_str(), lines),
            Event::RollingBack { to } => {
                let to = to.as_ref().map_or("the state before".to_owned(), ToString::to_string);
                self.normal(|g| format!("  {} going back to {to}\n", g.note))
            }
            Event::ProbeAnswer { .. } | Event::Report(_) => String::new(),
        };
        self.titled(said)
    }

    fn titled(&mut self, said: String) -> String {
        if said.is_empty() || self.has_title {
            return said;
        }
        self.has_title = true;
        format!("{}\n{said}", paint(STRONG, &self.title))
    }

    fn normal(&self, say: impl FnOnce(&Glyphs) -> String) -> String {
        if self.level >= Level::Normal { say(&self.glyphs) } else { String::new() }
    }

    fn plan(
        &self,
        steps: usize,
        to: Option<&crate::name::ReleaseId>,
        reasons: &[String],
    ) -> String {
        self.normal(|_| {
            let to = to.map(|to| format!(" to {to}")).unwrap_or_default();
            let reasons: String = reasons.iter().map(|reason| format!("  {reason}\n")).collect();
            format!("{reasons}  {}\n", paint(DIM, format!("{}{to}", count(steps, "step"))))
        })
    }

    fn output(&mut self, line: &str) -> String {
        let is_first = self.output.is_empty();
        if self.output.len() == KEPT {
            self.output.pop_front();
        }
        self.output.push_back(line.to_owned());
        if self.level < Level::Verbose {
            return String::new();
        }
        let step = match is_first {
            true => format!("  {} {:>DURATION$}  {}\n", self.glyphs.note, "", self.step),
            false => String::new(),
        };
        step + &self.quote([line])
    }

    /// Steps that run side by side end in any order.
    fn ended(&mut self, index: usize) {
        if let Some(text) = self.begun.remove(&index) {
            self.step = text;
        }
    }

    fn step_finished(&mut self, duration_ms: u64, note: &str) -> String {
        let note = match note {
            "" => String::new(),
            note => paint(DIM, format!(" ({note})")),
        };
        self.normal(|g| self.step_line(&paint(GOOD, g.good), duration_ms) + &note + "\n")
    }

    fn step_failed(&mut self, duration_ms: u64, error: &str) -> String {
        let line = self.step_line(&paint(BAD, self.glyphs.bad), duration_ms);
        let mut said = format!("{line}\n      {} {error}\n", paint(BAD, "error:"));
        self.shown = Some(error.to_owned());
        if !self.output.is_empty() {
            self.clue = Clue::Output;
            if self.level < Level::Verbose {
                said += "      the last lines of its output:\n";
                said += &self.quote(self.output.iter().map(String::as_str));
            }
        }
        said
    }

    fn service_log(&mut self, service: &str, lines: &[String]) -> String {
        if lines.is_empty() {
            return format!("      {service} wrote nothing to its log\n");
        }
        self.clue = Clue::Log;
        let quoted = self.quote(lines.iter().map(String::as_str));
        format!("      the last lines of the log of {service}:\n{quoted}")
    }

    fn step_line(&self, mark: &str, duration_ms: u64) -> String {
        let duration = paint(DIM, format!("{:>DURATION$}", millis(duration_ms)));
        format!("  {mark} {duration}  {}", self.step)
    }

    fn quote<'l>(&self, lines: impl IntoIterator<Item = &'l str>) -> String {
        let bar = paint(DIM, self.glyphs.bar);
        let lines = lines.into_iter().map(|line| format!("      {bar} {}\n", harmless(line)));
        lines.collect()
    }
}

#[cfg(test)]
mod tests;
