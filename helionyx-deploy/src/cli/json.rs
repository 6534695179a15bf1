//! The shape of JSON lines: every one says what, when, and of which environment. No I/O.

use serde::Serialize;

use crate::event::{Event, Report};
use crate::hint::Hint;
use crate::journal::Holder;
use crate::model::Environment;
use crate::name::{AppName, EnvironmentName};
use crate::plan::{Refusal, Step};
use crate::time::Timestamp;

/// A line with a name of its own.
#[derive(Serialize)]
pub(super) struct Line<'a, T> {
    event: &'a str,
    #[serde(flatten)]
    origin: Origin<'a>,
    #[serde(flatten)]
    body: T,
}

/// An event of the engine, which brings its name along.
#[derive(Serialize)]
pub(super) struct Told<'a> {
    #[serde(flatten)]
    event: &'a Event,
    #[serde(flatten)]
    origin: Origin<'a>,
}

/// When, and of which environment; an error may come before one was chosen.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Origin<'a> {
    time: Timestamp,
    app: Option<&'a AppName>,
    environment: Option<&'a EnvironmentName>,
}

impl<'a> Origin<'a> {
    pub(super) fn new(time: Timestamp, environment: Option<&'a Environment>) -> Origin<'a> {
        Origin {
            time,
            app: environment.map(|environment| &environment.app),
            environment: environment.map(|environment| &environment.name),
        }
    }
}

impl<'a, T: Serialize> Line<'a, T> {
    pub(super) fn new(event: &'a str, origin: Origin<'a>, body: T) -> Line<'a, T> {
        Line { event, origin, body }
    }
}

impl<'a> Told<'a> {
    pub(super) fn new(event: &'a Event, origin: Origin<'a>) -> Told<'a> {
        Told { event, origin }
    }
}

/// A line whose body names its environment itself.
#[derive(Serialize)]
pub(super) struct Own<'a, T> {
    pub(super) event: &'a str,
    pub(super) time: Timestamp,
    #[serde(flatten)]
    pub(super) body: T,
}

/// A line whose body says when, and of which environment.
#[derive(Serialize)]
pub(super) struct Named<'a, T> {
    pub(super) event: &'a str,
    #[serde(flatten)]
    pub(super) body: T,
}

/// A planned step.
#[derive(Serialize)]
pub(super) struct PlannedStep<'a> {
    pub(super) index: usize,
    pub(super) text: String,
    pub(super) step: &'a Step,
}

/// The report of an operation that did not begin.
#[derive(Serialize)]
pub(super) struct NotBegun<'a> {
    #[serde(flatten)]
    pub(super) report: &'a Report,
    #[serde(flatten)]
    pub(super) hint: &'a Hint,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) holder: Option<&'a Holder>,
    #[serde(skip_serializing_if = "<[Refusal]>::is_empty")]
    pub(super) refusals: &'a [Refusal],
    pub(super) exit_code: u8,
}

/// Why a command that is no operation came to nothing.
#[derive(Serialize)]
pub(super) struct Failed<'a> {
    pub(super) error: &'a str,
    #[serde(flatten)]
    pub(super) hint: &'a Hint,
    #[serde(skip_serializing_if = "<[Refusal]>::is_empty")]
    pub(super) refusals: &'a [Refusal],
    pub(super) exit_code: u8,
}
