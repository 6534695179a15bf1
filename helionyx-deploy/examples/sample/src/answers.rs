//! Which request gets which answer.

use crate::events::EventLog;
use crate::fault::{Fault, LAST_ANSWER};
use crate::json;
use crate::request::Request;
use crate::settings::Settings;
use serde_json::Value;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What the answers depend on.
pub struct State {
    pub settings: Settings,
    pub log: Option<EventLog>,
    /// True from the moment it serves to the moment it is told to stop.
    pub ready: AtomicBool,
    /// True from the moment it is told to stop.
    pub stopping: AtomicBool,
    health_answers: AtomicUsize,
}

/// What is done with a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply {
    Whole(Answer),
    /// A body without an end, as fast as the client takes it.
    Flood,
    /// An answer without an end, byte by byte.
    Drip,
    /// Nothing at all, with the connection left open.
    Silence,
}

/// An ordinary answer, whose body is JSON.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub location: Option<&'static str>,
    pub body: String,
}

/// An ordinary reply.
pub fn answer(status: u16, fields: &[(&str, Value)]) -> Reply {
    Reply::Whole(Answer { status, location: None, body: json::object(fields) })
}

impl State {
    pub fn new(settings: Settings, log: Option<EventLog>) -> Self {
        Self {
            settings,
            log,
            ready: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            health_answers: AtomicUsize::new(0),
        }
    }

    /// The reply to one request.
    pub fn reply(&self, request: &Request) -> Reply {
        if self.settings.fault == Fault::Hang {
            return Reply::Silence;
        }
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/") => self.identity(),
            ("GET", "/health") => self.health(Self::alive),
            ("GET", "/health/ready") => self.health(Self::readiness),
            ("GET", "/events") => self.with_log(200, "count", EventLog::count),
            ("POST", "/events") => self.accept_event(&request.body),
            _ => answer(404, &[("error", "not found".into())]),
        }
    }

    /// Whether the fault ends the service now that it has given so many answers.
    pub fn crashes(&self) -> bool {
        let answers = self.health_answers.load(Ordering::Relaxed);
        self.settings.fault == Fault::CrashAfter && answers >= LAST_ANSWER
    }

    fn identity(&self) -> Reply {
        let Settings { app, environment, release, .. } = &self.settings;
        let pid = std::process::id();
        answer(
            200,
            &[
                ("service", app.as_str().into()),
                ("environment", environment.as_str().into()),
                ("release", release.as_str().into()),
                ("pid", pid.into()),
            ],
        )
    }

    /// A health answer, unless the fault has something else in mind for it.
    fn health(&self, well: fn(&Self) -> Reply) -> Reply {
        let sick = || answer(500, &[("status", "sick".into())]);
        let before = self.health_answers.fetch_add(1, Ordering::Relaxed);
        match self.settings.fault {
            Fault::Sick => sick(),
            Fault::Flap if before % 2 == 1 => sick(),
            Fault::Redirect => {
                let body = json::object(&[("status", "elsewhere".into())]);
                Reply::Whole(Answer { status: 302, location: Some("/"), body })
            }
            Fault::Flood => Reply::Flood,
            Fault::Drip => Reply::Drip,
            _ => well(self),
        }
    }

    fn alive(&self) -> Reply {
        let app = self.settings.app.as_str();
        answer(200, &[("status", "healthy".into()), ("service", app.into())])
    }

    fn readiness(&self) -> Reply {
        let (status, word) =
            if self.ready.load(Ordering::SeqCst) { (200, "ready") } else { (503, "not ready") };
        let Settings { environment, release, .. } = &self.settings;
        answer(
            status,
            &[
                ("status", word.into()),
                ("environment", environment.as_str().into()),
                ("release", release.as_str().into()),
            ],
        )
    }

    fn accept_event(&self, body: &[u8]) -> Reply {
        match std::str::from_utf8(body) {
            Ok(text) if !text.is_empty() => {
                self.with_log(201, "seq", |log| log.record("accepted", Some(text)))
            }
            _ => answer(400, &[("error", "the body must be some UTF-8 text".into())]),
        }
    }

    /// Answers with a number out of the log, or says why there is none.
    fn with_log(
        &self,
        status: u16,
        name: &str,
        action: impl FnOnce(&EventLog) -> io::Result<u64>,
    ) -> Reply {
        let Some(log) = &self.log else {
            return answer(503, &[("error", "EVENT_LOG is not set".into())]);
        };
        match action(log) {
            Ok(number) => answer(status, &[(name, number.into())]),
            Err(e) => {
                self.settings.log(&format!("event log: {e}"));
                answer(500, &[("error", format!("event log: {e}").into())])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Ordering, Reply, Request, State};
    use crate::fault::Fault;
    use crate::settings::Settings;
    use std::time::Duration;

    fn get(state: &State, path: &str) -> (u16, String) {
        let request = Request { method: "GET".into(), path: path.into(), body: Vec::new() };
        match state.reply(&request) {
            Reply::Whole(Answer { status, body, .. }) => (status, body),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn it_is_ready_only_between_start_and_stop() {
        let settings = Settings {
            app: "sample".into(),
            environment: "test".into(),
            release: "r1".into(),
            address: None,
            event_log: None,
            fault: Fault::None,
            fault_delay: Duration::ZERO,
            grace: Duration::ZERO,
        };
        let state = State::new(settings, None);
        let not_ready = r#"{"status":"not ready","environment":"test","release":"r1"}"#;
        assert_eq!(get(&state, "/health/ready"), (503, not_ready.to_owned()));
        assert_eq!(get(&state, "/health").0, 200);
        state.ready.store(true, Ordering::SeqCst);
        assert_eq!(get(&state, "/health/ready").0, 200);
    }
}
