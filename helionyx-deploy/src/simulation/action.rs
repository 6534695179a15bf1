//! What operators do, and how it ends. No I/O.

use std::time::Duration;

use super::world::World;
use crate::event::Report;
use crate::host::FakeHost;
use crate::host::fake::{FakeHealth, FakeService};
use crate::journal::JournalError;
use crate::model::{Environment, Supervisor};
use crate::name::{ReleaseId, UnitName};
use crate::operate::{self, Force, Goal, OperateError};
use crate::plan::Leaving;
use crate::source::Wish;

/// What an operator, or systemd in the place of one, does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Setup,
    Deploy,
    Rollback,
    Start,
    Stop,
    Restart,
    Uninstall,
    Recover,
    /// Takes the lock from whoever has it.
    TakeOver,
    /// The service that recovers, which systemd has started.
    Due(UnitName),
}

/// How it ended.
#[derive(Debug)]
pub(super) enum Ended {
    Reported(Box<Report>),
    /// There was nothing to recover.
    Nothing,
    Refused(String),
    Locked,
    Overtaken,
    /// The machine failed before anything was begun, or the deployer died.
    Failed(String),
}

impl Ended {
    pub fn word(&self) -> String {
        match self {
            Ended::Reported(report) => format!("{:?}", report.outcome),
            Ended::Failed(_) => "failed or died".to_owned(),
            Ended::Refused(_) => "refused".to_owned(),
            other => format!("{other:?}"),
        }
    }

    pub fn report(&self) -> Option<&Report> {
        match self {
            Ended::Reported(report) => Some(report),
            _ => None,
        }
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ended::Reported(report) => {
                let Report { operation, outcome, release, failed, error, .. } = &**report;
                let named = |id: &Option<ReleaseId>| {
                    id.as_ref().map_or("none", |id| id.as_str()).to_owned()
                };
                write!(f, "{operation} {outcome:?}, current {}", named(release))?;
                write!(f, ", failed {}, {error:?}", named(failed))
            }
            Ended::Refused(why) => write!(f, "refused: {why}"),
            Ended::Failed(why) => write!(f, "failed: {why}"),
            other => write!(f, "{other:?}"),
        }
    }
}

impl Action {
    pub fn name(&self) -> String {
        match self {
            Action::Due(_) => "Recover by itself:".to_owned(),
            other => format!("{other:?}:"),
        }
    }

    /// Whether it has the services run.
    pub fn runs(&self) -> bool {
        matches!(self, Action::Deploy | Action::Rollback | Action::Start | Action::Restart)
    }

    pub fn perform(&self, host: &FakeHost, environment: &Environment, wait: Duration) -> Ended {
        let goal = match self {
            Action::Setup => Goal::Setup,
            Action::Deploy => Goal::Deploy { wish: Wish::default(), force: Force::IfNeeded },
            Action::Rollback => Goal::Rollback(None),
            Action::Start => Goal::Start,
            Action::Stop => Goal::Stop,
            Action::Restart => Goal::Restart,
            Action::Uninstall => Goal::Uninstall(Leaving::Data),
            Action::Recover => {
                return recovered(operate::recover(host, environment, wait, &mut drop));
            }
            Action::TakeOver => return taken_over(host, environment),
            Action::Due(unit) => {
                let ended = recovered(operate::recover(host, environment, wait, &mut drop));
                let is_well = !matches!(ended, Ended::Failed(_) | Ended::Refused(_));
                host.finish(unit, i32::from(!is_well));
                return ended;
            }
        };
        match operate::operate(host, environment, &goal, wait, &mut drop) {
            Ok(report) => Ended::Reported(Box::new(report)),
            Err(error) => error.into(),
        }
    }
}

fn recovered(result: Result<Option<Report>, OperateError>) -> Ended {
    match result {
        Ok(Some(report)) => Ended::Reported(Box::new(report)),
        Ok(None) => Ended::Nothing,
        Err(error) => error.into(),
    }
}

/// Takes the lock from its holder, if somebody has it.
fn taken_over(host: &FakeHost, environment: &Environment) -> Ended {
    let first = operate::recover(host, environment, Duration::ZERO, &mut drop);
    let held = match &first {
        Err(OperateError::Journal(JournalError::Locked(Some(holder)))) => holder.pid,
        _ => return recovered(first),
    };
    recovered(operate::take_over(host, environment, held, &mut drop))
}

impl From<OperateError> for Ended {
    fn from(error: OperateError) -> Ended {
        match error {
            OperateError::Journal(JournalError::Locked(_)) => Ended::Locked,
            OperateError::Journal(JournalError::Overtaken(_)) => Ended::Overtaken,
            OperateError::Refused(_) => Ended::Refused(error.to_string()),
            error => Ended::Failed(crate::event::chain(&error)),
        }
    }
}

impl World {
    /// What is done next, by one operator or by several at once.
    pub fn choose_actions(&mut self) -> Vec<Action> {
        let mut actions: Vec<Action> = Vec::new();
        if self.supervisor == Supervisor::Systemd {
            actions.extend(self.host.due().into_iter().map(Action::Due));
        }
        let count = match self.random.below(100) {
            0..70 => 1,
            70..92 => 2,
            _ => 3,
        };
        while actions.len() < count {
            let action = self.choose_action(actions.len());
            actions.push(action);
        }
        actions
    }

    fn choose_action(&mut self, before: usize) -> Action {
        let action = match self.random.below(100) {
            0..45 => Action::Deploy,
            45..57 => Action::Rollback,
            57..64 => Action::Start,
            64..72 => Action::Stop,
            72..80 => Action::Restart,
            80..84 => Action::Setup,
            84..86 => Action::Uninstall,
            _ if before > 0 => Action::TakeOver,
            _ => Action::Recover,
        };
        if action == Action::Deploy && self.random.chance(75) {
            self.change_the_source();
        }
        action
    }

    fn change_the_source(&mut self) {
        let healthy = FakeService::default();
        let short = Some(self.random.below(400));
        let long = Some(1000 + self.random.below(100_000));
        let of_health = |health| FakeService { health, ..FakeService::default() };
        let content = match self.random.below(100) {
            0..50 => healthy.content(),
            50..58 => of_health(FakeHealth::Sick).content(),
            58..62 => of_health(FakeHealth::Silent).content(),
            62..66 => of_health(FakeHealth::Flap).content(),
            66..74 => FakeService { crash_after_ms: short, ..healthy }.content(),
            74..80 => FakeService { crash_after_ms: long, ..healthy }.content(),
            80..86 => FakeService { ready_after_ms: 250, ..healthy }.content(),
            86..90 => FakeService { deaf: true, ..healthy }.content(),
            90..94 => FakeService { child: true, ..healthy }.content(),
            94..97 => FakeService { deny_port: true, ..healthy }.content(),
            _ => b"broken".to_vec(),
        };
        self.host.put_file("/src/lib/web", &content, 0o644);
        let number = self.random.below(1000);
        self.host.put_file("/src/README", number.to_string(), 0o644);
        let text = String::from_utf8_lossy(&content).into_owned();
        self.note("a new source", &text);
    }
}
