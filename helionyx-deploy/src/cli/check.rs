//! `check`: the models, and what they need on the host. Changes nothing.

use clap::Args;
use serde::Serialize;

use crate::host::Clock as _;
use crate::model::Environment;

use super::failure::{Failure, help_line, render_finding};
use super::json::{Line, Origin};
use super::style::{BAD, DIM, GOOD, count, paint};
use super::{Context, Models, exit};

mod host;

/// Checks the models, and for each environment what it needs on the host.
///
/// Exits 4 when a model has mistakes, 3 when the host lacks something, 0 otherwise. Every finding
/// says where, what, and what to do.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} check
  {program} check --env live
  {program} check --json")]
pub struct Check {
    /// The environment: `environment` or `app/environment`; all when none is named
    #[arg(short, long, value_name = "ENVIRONMENT")]
    env: Option<String>,
}

/// Something that an environment needs on its host and has not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct HostFinding {
    severity: &'static str,
    code: String,
    #[serde(rename = "where")]
    place: String,
    message: String,
    hint: String,
}

impl HostFinding {
    fn new(code: &str, place: &str, message: String, hint: impl Into<String>) -> HostFinding {
        let (code, place) = (code.to_owned(), place.to_owned());
        HostFinding { severity: "error", code, place, message, hint: hint.into() }
    }

    fn render(&self, program: &str) -> String {
        let HostFinding { place, message, code, .. } = self;
        let code = paint(DIM, format!("[{code}]"));
        format!("{place}: {} {message} {code}\n", paint(BAD, "error:"))
            + &help_line(&self.hint, program)
    }
}

impl Check {
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        let models = Models::load(context.global)?;
        let (now, program) = (context.host.now(), context.program);
        for finding in models.findings() {
            context.screen.line(&Line::new("finding", Origin::new(now, None), finding));
            context.screen.say(&render_finding(finding, program));
        }
        let chosen = match models.chosen(self.env.as_deref()) {
            Ok(chosen) => chosen,
            // Its mistakes stand above.
            Err(failure) if failure.code == exit::CONFIGURATION => Vec::new(),
            Err(failure) => return Err(failure),
        };
        let mut lacking = 0;
        for environment in &chosen {
            lacking += one(context, environment);
        }
        Ok(match (models.are_broken(), lacking) {
            (true, _) => exit::CONFIGURATION,
            (false, 0) => exit::DONE,
            (false, _) => exit::DRIFT,
        })
    }
}

fn one(context: &mut Context<'_>, environment: &Environment) -> usize {
    let findings = host::findings(&context.host, environment);
    let origin = Origin::new(context.host.now(), Some(environment));
    let mut text = String::new();
    for finding in &findings {
        context.screen.line(&Line::new("finding", origin, finding));
        text += &finding.render(context.program);
    }
    let (glyphs, id) = (context.screen.glyphs, environment.id());
    text += &match findings.len() {
        0 => format!("{} {id}\n", paint(GOOD, glyphs.good)),
        some => format!("{} {id}: {}\n", paint(BAD, glyphs.bad), count(some, "finding")),
    };
    context.screen.say(&text);
    findings.len()
}
