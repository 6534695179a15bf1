//! `check`: the models, the unit files made from them, and what they need on the host. Changes
//! nothing.

use std::collections::BTreeSet;

use camino::Utf8Path;
use clap::Args;
use serde::Serialize;
use systemd_unit_file::{Code, OLDEST};

use crate::host::Clock as _;
use crate::isolation;
use crate::model::{Environment, Finding, Runtime, Severity};

use super::failure::{Failure, help_line, render_finding};
use super::json::{Line, Origin};
use super::style::{BAD, DIM, GOOD, WARN, count, paint};
use super::{Context, Models, exit, unit_file};

mod examples;
mod host;
pub mod host_code;

/// Checks the models, the unit files made from them, and what each environment needs on its host.
///
/// Of an environment that runs on another host only the models and unit files are checked. Exits 4
/// when a model or unit file has mistakes, 3 when the host lacks something, 0 otherwise. Every
/// finding says where, what, and what to do.
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
    severity: Severity,
    code: String,
    #[serde(rename = "where")]
    place: String,
    message: String,
    hint: String,
}

impl HostFinding {
    fn new(code: &str, place: &str, message: String, hint: impl Into<String>) -> HostFinding {
        let (code, place) = (code.to_owned(), place.to_owned());
        HostFinding { severity: Severity::Error, code, place, message, hint: hint.into() }
    }

    fn render(&self, program: &str) -> String {
        let HostFinding { place, message, code, .. } = self;
        let severity = match self.severity {
            Severity::Error => paint(BAD, "error:"),
            Severity::Warning => paint(WARN, "warning:"),
        };
        let code = paint(DIM, format!("[{code}]"));
        format!("{place}: {severity} {message} {code}\n") + &help_line(&self.hint, program)
    }
}

impl From<Finding> for HostFinding {
    fn from(finding: Finding) -> HostFinding {
        let Finding { place, severity, code, message, hint } = finding;
        HostFinding { severity, code: code.to_owned(), place: place.to_string(), message, hint }
    }
}

impl Check {
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        let models = Models::load(context.global)?;
        tell(context, models.findings());
        let chosen = match &self.env {
            None => models.environments().collect(),
            Some(_) => match models.select(self.env.as_deref()) {
                Ok(environment) => vec![environment],
                // Its mistakes stand above.
                Err(failure) if failure.code == exit::CONFIGURATION => Vec::new(),
                Err(failure) => return Err(failure),
            },
        };
        let (mistaken, mut lacking) = units(context, &models, &chosen);
        let pasted = examples::findings(&context.host, &models, &chosen)?;
        tell(context, &pasted);
        let mistaken = mistaken || !pasted.is_empty();
        lacking += shared(context, &models, &chosen);
        outbound(context, &chosen);
        for environment in &chosen {
            lacking += one(context, environment);
        }
        Ok(match (models.are_broken() || mistaken, lacking) {
            (true, _) => exit::CONFIGURATION,
            (false, 0) => exit::DONE,
            (false, _) => exit::DRIFT,
        })
    }
}

fn tell(context: &mut Context<'_>, findings: &[Finding]) {
    let now = context.host.now();
    for finding in findings {
        context.screen.line(&Line::new("finding", Origin::new(now, None), finding));
        context.screen.say(&render_finding(finding, context.program));
    }
}

/// The unit files that are checked in for these environments: whether one has a mistake, and how
/// much this machine lacks of what they name.
fn units(context: &mut Context<'_>, models: &Models, chosen: &[&Environment]) -> (bool, usize) {
    let machine = context.machine();
    let is_systemd =
        |environment: &&&Environment| matches!(environment.runtime, Runtime::Systemd(_));
    let apps: BTreeSet<_> =
        chosen.iter().filter(is_systemd).map(|environment| &environment.app).collect();
    // Of another machine nothing is known but that its systemd may be old.
    let residents: Vec<&Environment> = chosen
        .iter()
        .filter(is_systemd)
        .filter(|environment| environment.runs_on(&machine))
        .copied()
        .collect();
    let version = match residents.is_empty() {
        true => OLDEST,
        false => unit_file::version_of(&context.host),
    };
    let (mut is_wrong, mut lacking) = (false, 0);
    for app in apps {
        let path = Utf8Path::new("systemd").join(app.as_str());
        let place = (&*models.project().join(&path), &*models.shown(&path));
        let residents: Vec<_> =
            residents.iter().filter(|environment| environment.app == *app).copied().collect();
        let findings = unit_file::checked_in(&context.host, place, version, &residents);
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
        let host_codes = Code::OF_THE_HOST.map(Code::name);
        let (of_the_host, of_the_file): (Vec<_>, Vec<_>) =
            errors.partition(|finding| host_codes.contains(&finding.code));
        lacking += of_the_host.len();
        is_wrong |= !of_the_file.is_empty();
        tell(context, &findings);
    }
    (is_wrong, lacking)
}

/// What environments of this machine share that their models cannot know.
fn shared(context: &mut Context<'_>, models: &Models, chosen: &[&Environment]) -> usize {
    let here = models.all_here(&context.machine());
    let found = match isolation::shared(&context.host, &here) {
        Ok(shared) => {
            let ids: Vec<String> = chosen.iter().map(|environment| environment.id()).collect();
            let concerns = |one: &isolation::Shared| one.owners.iter().any(|id| ids.contains(id));
            let shared = shared.into_iter().filter(concerns);
            shared.map(|shared| HostFinding::from(shared.finding)).collect::<Vec<_>>()
        }
        Err(error) => {
            let (place, why) = (error.subject.clone(), crate::event::chain(&error));
            vec![HostFinding::new("unreadable", &place, why, host::LOOK)]
        }
    };
    let (now, program) = (context.host.now(), context.program);
    for finding in &found {
        context.screen.line(&Line::new("finding", Origin::new(now, None), finding));
        context.screen.say(&finding.render(program));
    }
    found.len()
}

/// Says which of the machines that services ask over HTTPS cannot be connected to, each once. What a
/// service does without them is its own matter (HEL-04).
fn outbound(context: &mut Context<'_>, chosen: &[&Environment]) {
    let machine = context.machine();
    let here = chosen.iter().filter(|environment| environment.runs_on(&machine));
    let names: BTreeSet<_> = here.flat_map(|environment| &environment.reaches).collect();
    for name in names {
        let Some(finding) = host::unreachable(&context.host, name) else { continue };
        let now = context.host.now();
        context.screen.line(&Line::new("finding", Origin::new(now, None), &finding));
        context.screen.say(&finding.render(context.program));
    }
}

/// What one environment lacks on its host; the number of errors.
fn one(context: &mut Context<'_>, environment: &Environment) -> usize {
    let (glyphs, id) = (context.screen.glyphs, environment.id());
    if let Some(host) =
        environment.host.as_ref().filter(|_| !environment.runs_on(&context.machine()))
    {
        let aside = paint(DIM, format!("(models only: it runs on {host})"));
        context.screen.say(&format!("{} {id} {aside}\n", paint(GOOD, glyphs.good)));
        return 0;
    }
    let findings = host::findings(&context.host, environment);
    let origin = Origin::new(context.host.now(), Some(environment));
    let mut text = String::new();
    for finding in &findings {
        context.screen.line(&Line::new("finding", origin, finding));
        text += &finding.render(context.program);
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    text += &match findings.len() {
        0 => format!("{} {id}\n", paint(GOOD, glyphs.good)),
        some if errors == 0 => {
            format!("{} {id}: {}\n", paint(WARN, glyphs.good), count(some, "warning"))
        }
        some => format!("{} {id}: {}\n", paint(BAD, glyphs.bad), count(some, "finding")),
    };
    context.screen.say(&text);
    errors
}
