//! What the engine tells while it works, and its report at the end: plain data. No I/O.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::hint::Hint;
use crate::name::{CommitId, ReleaseId, ServiceName};
use crate::plan::{Plan, Step};
use crate::release::{Actor, Origin};
use crate::time::Timestamp;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// Somebody else is at work: it is waited for.
    Waiting {
        /// Who, where that is known.
        holder: Option<Holder>,
    },
    /// The lock is being taken from its holder.
    TakingOver {
        /// From whom.
        from: Holder,
    },
    /// An operation that was cut short before is being brought to an end.
    Recovering {
        /// What it was.
        operation: Operation,
        /// Where it had begun from.
        from: Option<ReleaseId>,
        /// Where it was going.
        to: Option<ReleaseId>,
    },
    /// What will be done.
    Plan {
        /// How many steps.
        count: usize,
        /// The release before.
        from: Option<ReleaseId>,
        /// The release after.
        to: Option<ReleaseId>,
        /// Why.
        reasons: Vec<String>,
    },
    /// A step begins.
    StepStarted {
        /// Which, from 1.
        index: usize,
        /// Of how many.
        total: usize,
        /// In words.
        text: String,
        /// The step.
        step: Box<Step>,
    },
    /// A line that a running step wrote.
    Output {
        /// The line.
        line: String,
    },
    /// A line that a service wrote that runs in the foreground.
    Log {
        /// The line.
        line: String,
    },
    /// A step is done.
    StepFinished {
        /// Which, from 1.
        index: usize,
        /// How long it took.
        duration_ms: u64,
        /// What there is to say about it, or nothing.
        note: String,
    },
    /// A step failed.
    StepFailed {
        /// Which, from 1.
        index: usize,
        /// How long it took.
        duration_ms: u64,
        /// Why: the error and its causes.
        error: String,
    },
    /// Worth knowing.
    Warning {
        /// What.
        message: String,
        /// What to do about it.
        #[serde(flatten, skip_serializing_if = "Hint::is_empty")]
        hint: Hint,
    },
    /// The end of a service's log, after it failed.
    ServiceLog {
        /// The service.
        service: ServiceName,
        /// Its last lines.
        lines: Vec<String>,
    },
    /// What a probe was answered last, after it did not pass in time.
    ProbeAnswer {
        /// The service.
        service: ServiceName,
        /// The answer.
        #[serde(flatten)]
        answer: Answered,
    },
    /// The state before is being restored.
    RollingBack {
        /// To which release; none where there was none.
        to: Option<ReleaseId>,
    },
    /// The end.
    Report(Report),
}

/// What a probe was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answered {
    /// What was asked for.
    pub path: String,
    /// The HTTP status.
    pub status: u16,
    /// The begin of the body.
    pub body: String,
}

/// What an operator asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// A release of the source.
    Deploy,
    /// A release that was verified before.
    Rollback,
    /// The services to run.
    Start,
    /// The services to run for as long as somebody looks on.
    Run,
    /// The services not to run.
    Stop,
    /// The services to run anew.
    Restart,
    /// A host to be made ready for a first deploy.
    Setup,
    /// Nothing of it to be on the host any more.
    Uninstall,
    /// What was cut short to be brought to an end.
    Recover,
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Operation::Deploy => "deploy",
            Operation::Rollback => "rollback",
            Operation::Start => "start",
            Operation::Run => "run",
            Operation::Stop => "stop",
            Operation::Restart => "restart",
            Operation::Setup => "setup",
            Operation::Uninstall => "uninstall",
            Operation::Recover => "recover",
        })
    }
}

/// Who holds the lock of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// When it began, in clock ticks since boot: tells it from another that has its pid later.
    #[serde(default)]
    pub started_ticks: u64,
    /// Who.
    pub by: Actor,
    /// What for.
    pub operation: Operation,
    /// Since when.
    pub since: Timestamp,
    /// What was typed.
    #[serde(default)]
    pub command: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} (pid {}) since {}", self.operation, self.by, self.pid, self.since)?;
        if self.command.is_empty() { Ok(()) } else { write!(f, ": `{}`", self.command) }
    }
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// What was asked for is so, and proven.
    Deployed,
    /// It was so already: nothing was touched.
    Unchanged,
    /// It failed; the state before is back, and proven.
    RolledBack,
    /// It failed; the state before was never left, or it is back and nothing had run.
    Failed,
    /// It failed and the rollback failed too: somebody must act now.
    Stuck,
}

/// The end of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What was asked for.
    pub operation: Operation,
    /// How it ended.
    pub outcome: Outcome,
    /// The release that is in use now.
    pub release: Option<ReleaseId>,
    /// The one that was in use before.
    pub previous: Option<ReleaseId>,
    /// The commit of the release in use, where its source has commits.
    pub commit: Option<CommitId>,
    /// Where the code of the release in use came from.
    pub source: Option<Origin>,
    /// The release that failed.
    pub failed: Option<ReleaseId>,
    /// Why it failed: the error and its causes.
    pub error: Option<String>,
    /// How many steps were done, those of a rollback included.
    pub steps: usize,
    /// How long it took.
    pub duration_ms: u64,
    /// How long the service did not answer: from its stop to the first answer of the new process.
    pub downtime_ms: Option<u64>,
    /// How long it waited for the disk, so that a power cut loses nothing.
    #[serde(default)]
    pub sync_ms: u64,
    /// Where it is kept what is needed to understand why it failed.
    #[serde(default)]
    pub evidence: Option<Utf8PathBuf>,
    /// What became of the other environments of the host meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub neighbours: Vec<Neighbour>,
    /// What an uninstallation could not take back, in words: the steps that are still to be done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
}

/// Another environment of the host, after an operation that was none of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Which: `app/environment`.
    pub environment: String,
    /// What it would load or run is not what it was; nothing where it was left alone.
    pub changes: Vec<String>,
    /// Whether somebody was at work there.
    pub was_at_work: bool,
}

impl Event {
    /// The event that says what is worth knowing, where nothing need be done about it.
    pub fn warning(message: impl Into<String>) -> Event {
        Event::Warning { message: message.into(), hint: Hint::default() }
    }

    /// The event that shows a plan.
    #[must_use]
    pub fn plan(plan: &Plan) -> Event {
        Event::Plan {
            count: plan.steps.len(),
            from: plan.from.clone(),
            to: plan.to.clone(),
            reasons: plan.reasons.clone(),
        }
    }
}

/// An error and its causes in one line.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}
