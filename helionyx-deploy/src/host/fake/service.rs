//! How fake services behave, and what they answer. No I/O.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::host::Answer;
use crate::state::{Process, mark};

/// How a fake service behaves: the content of its program's file, as JSON.
///
/// A program whose content is no JSON object is a healthy service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FakeService {
    /// What it answers.
    pub health: FakeHealth,
    /// When it listens, in milliseconds after its start.
    pub ready_after_ms: u64,
    /// When it crashes, in milliseconds after its start.
    pub crash_after_ms: Option<u64>,
    /// The exit code of a crash.
    pub exit_code: i32,
    /// Whether it ignores TERM.
    pub deaf: bool,
    /// The release that it claims to be, whatever it was started from.
    pub release: Option<String>,
    /// Whether it has a child process, which keeps the port when the main process has ended.
    pub child: bool,
    /// Whether it runs but never listens.
    pub deny_port: bool,
}

/// What a fake service answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FakeHealth {
    /// 200, with what was asked for.
    #[default]
    Ok,
    /// 500.
    Sick,
    /// Nothing: it accepts and says no word.
    Silent,
    /// 200 and 500 by turns, for each path apart.
    Flap,
}

impl Default for FakeService {
    fn default() -> Self {
        FakeService {
            health: FakeHealth::Ok,
            ready_after_ms: 0,
            crash_after_ms: None,
            exit_code: 3,
            deaf: false,
            release: None,
            child: false,
            deny_port: false,
        }
    }
}

impl FakeService {
    /// The content of a program's file that behaves so.
    #[must_use]
    pub fn content(&self) -> Vec<u8> {
        json!(self).to_string().into_bytes()
    }

    /// The behaviour that a file's content asks for, if any. An object with a key that is none of
    /// ours is an error: a misspelt behaviour must not pass for a healthy service.
    pub(super) fn parse(content: &[u8]) -> io::Result<Option<FakeService>> {
        if content.trim_ascii_start().first() != Some(&b'{') {
            return Ok(None);
        }
        let parsed = serde_json::from_slice(content);
        parsed.map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// What it answers to a GET; nothing when it is silent.
    pub(super) fn answer(
        &self,
        process: &Process,
        path: &str,
        visits: &mut BTreeMap<String, u32>,
    ) -> Option<Answer> {
        let visit = visits.entry(path.to_owned()).or_default();
        *visit += 1;
        let sick = match self.health {
            FakeHealth::Silent => return None,
            FakeHealth::Ok => false,
            FakeHealth::Sick => true,
            FakeHealth::Flap => visit.is_multiple_of(2),
        };
        let release = self.release.as_ref().or_else(|| process.marks.get(mark::RELEASE));
        let environment = process.marks.get(mark::ENVIRONMENT);
        let (status, body) = match path {
            "/" | "/health" | "/health/ready" if sick => (500, json!({ "status": "sick" })),
            "/health" => (200, json!({ "status": "healthy" })),
            "/health/ready" => {
                let release = json!(release);
                (200, json!({ "status": "ready", "release": release, "environment": environment }))
            }
            "/" => {
                let pid = process.key.pid;
                (200, json!({ "release": release, "environment": environment, "pid": pid }))
            }
            _ => (404, json!({ "status": "not found" })),
        };
        Some(Answer { status, body: body.to_string().into_bytes() })
    }
}
