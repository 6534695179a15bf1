//! What is needed to understand a failure later, kept below the environment's root. Does I/O
//! through `host`.
//!
//! Build steps see no secrets, and plans hold none. What a service writes into its log or answers
//! to a probe is its own: so nobody but the owner may read what is kept.

use std::collections::{BTreeMap, VecDeque};

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use super::{Ending, Session};
use crate::event::{Event, Operation, Outcome, chain};
use crate::host::{Host, HostError};
use crate::layout::{Layout, UNITS_DIR};
use crate::model::Environment;
use crate::name::{ReleaseId, ServiceName};
use crate::plan::step::{HostStep, ServiceStep};
use crate::plan::{Plan, Step};
use crate::release::{Actor, Service, Unit};
use crate::state::Node;
use crate::supervise;
use crate::time::Timestamp;

/// The file that makes a directory one of ours.
const EVENTS: &str = "events.jsonl";
/// Of so many failures something is kept.
const KEPT: usize = 10;
/// So many lines that build steps wrote are kept, the last ones.
const OUTPUT_LINES: usize = 400;
/// So many characters of each.
const OUTPUT_LENGTH: usize = 500;
/// So much of a unit's file is compared, in bytes: more is none of ours.
const UNIT_LIMIT: u64 = 64 * 1024;

/// What happened in an operation until now.
#[derive(Default)]
pub(in crate::operate) struct Evidence {
    events: Vec<NotedEvent>,
    output: VecDeque<String>,
    /// What lies beside the events, by name.
    files: BTreeMap<String, Vec<u8>>,
    /// The services that were started, and when.
    started: BTreeMap<ServiceName, (Service, Timestamp)>,
}

/// An event with the time when it was noted.
#[derive(Serialize)]
struct NotedEvent {
    time: Timestamp,
    #[serde(flatten)]
    event: Event,
}

/// The first line of what is kept.
#[derive(Serialize)]
struct FailureLine<'a> {
    event: &'static str,
    operation: Operation,
    by: Actor,
    from: Option<&'a ReleaseId>,
    to: Option<&'a ReleaseId>,
    outcome: Outcome,
    error: Option<&'a str>,
    output: &'a VecDeque<String>,
}

impl Evidence {
    /// Keeps what is to be known of an event, and the log of a service at the time when it failed.
    pub(super) fn note(&mut self, host: &dyn Host, environment: &Environment, event: &Event) {
        match event {
            Event::Output { line } => {
                self.output.push_back(line.chars().take(OUTPUT_LENGTH).collect());
                if self.output.len() > OUTPUT_LINES {
                    self.output.pop_front();
                }
                return;
            }
            Event::ServiceLog { service, .. } => {
                if let Some((service, since)) = self.started.get(service) {
                    let supervisor = supervise::of_service(host, environment, service);
                    let log = supervisor.kept_log(service, *since);
                    self.files.insert(format!("{}.log", service.name), log);
                }
            }
            Event::StepStarted { step, .. } => self.note_step(host, step),
            _ => {}
        }
        self.events.push(NotedEvent { time: host.now(), event: event.clone() });
    }

    /// Keeps what a step is about to change and nobody could look up later.
    fn note_step(&mut self, host: &dyn Host, step: &Step) {
        match step {
            Step::Host(HostStep::WriteUnit { unit }) => {
                // The first change is the operation's own; one after it takes that back.
                let name = format!("{}.diff", unit.name);
                self.files.entry(name).or_insert_with(|| unit_change(host, unit).into_bytes());
            }
            Step::Service(ServiceStep::Start { service, .. }) => {
                let started = ((**service).clone(), host.now());
                self.started.insert(service.name.clone(), started);
            }
            _ => {}
        }
    }

    fn write(
        &self,
        host: &dyn Host,
        dir: &Utf8Path,
        first: &FailureLine<'_>,
    ) -> Result<(), HostError> {
        let encode = |value: serde_json::Result<String>| {
            value.map_err(|error| HostError::refused("encode", EVENTS, error.to_string()))
        };
        let mut text = encode(serde_json::to_string(first))? + "\n";
        for noted in &self.events {
            text += &(encode(serde_json::to_string(noted))? + "\n");
        }
        host.create_dir(dir.parent().unwrap_or(dir), 0o700)?;
        host.create_dir(dir, 0o700)?;
        host.write(&dir.join(EVENTS), text.as_bytes(), 0o600)?;
        for (name, content) in &self.files {
            host.write(&dir.join(name), content, 0o600)?;
        }
        Ok(())
    }
}

/// How a unit's file changes, as a unified diff.
fn unit_change(host: &dyn Host, unit: &Unit) -> String {
    let path = Utf8Path::new(UNITS_DIR).join(unit.name.as_str());
    let before = match host.node(&path) {
        Ok(Node::File { .. }) => host.read(&path, UNIT_LIMIT).unwrap_or_default(),
        _ => Vec::new(),
    };
    let before = String::from_utf8_lossy(&before);
    let diff = similar::TextDiff::from_lines(before.as_ref(), &unit.text);
    diff.unified_diff().header(path.as_str(), path.as_str()).to_string()
}

impl Session<'_, '_> {
    /// Keeps what is known of a failure that began with this entry of the journal; where. That it
    /// cannot be kept is worth a warning, no more.
    pub(super) fn keep_evidence(
        &mut self,
        begin: u64,
        operation: Operation,
        plan: &Plan,
        ending: &Ending,
    ) -> Option<Utf8PathBuf> {
        let dir = self.environment.layout.evidence().join(format!("{begin:08}-{operation}"));
        let first = FailureLine {
            event: "failure",
            operation,
            by: self.host.actor(),
            from: plan.from.as_ref(),
            to: plan.to.as_ref(),
            outcome: ending.outcome,
            error: ending.error.as_deref(),
            output: &self.evidence.output,
        };
        let kept = self.evidence.write(self.host, &dir, &first);
        let kept = kept.and_then(|()| forget_the_oldest(self.host, &self.environment.layout));
        match kept {
            Ok(()) => Some(dir),
            Err(error) => {
                self.warn(format!("the evidence is not kept: {}", chain(&error)));
                None
            }
        }
    }
}

fn forget_the_oldest(host: &dyn Host, layout: &Layout) -> Result<(), HostError> {
    let mut ours = Vec::new();
    for name in host.list(&layout.evidence())? {
        let dir = layout.evidence().join(&name);
        let numbered = name.split_once('-').is_some_and(|(number, _)| {
            number.len() == 8 && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        if numbered && matches!(host.node(&dir.join(EVENTS))?, Node::File { .. }) {
            ours.push(dir);
        }
    }
    let old = ours.len().saturating_sub(KEPT);
    ours[..old].iter().try_for_each(|dir| host.remove_tree(dir))
}
