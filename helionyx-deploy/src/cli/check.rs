//! `check`: the models, the unit files made from them, and what they need on the host. Changes
//! nothing.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use systemd_unit_file::{Code, OLDEST};

use crate::check::{HostFinding, Question, check};
use crate::host::Clock as _;
use crate::model::{Environment, Finding, Severity};
use crate::plan::runtime::rules;

use super::failure::{Failure, help_line, render_finding};
use super::json::{Line, Origin};
use super::models::current_directory;
use super::style::{BAD, DIM, GOOD, WARN, count, paint};
use super::{Context, Models, exit, unit_file};

mod examples;

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
        lacking += on_the_host(context, &models, &chosen)?;
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
    let is_systemd = |environment: &&&Environment| rules(environment).needs().systemd;
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

/// Shows what the environments of this machine lack on it, and which run elsewhere; the number of
/// errors.
fn on_the_host(
    context: &mut Context<'_>,
    models: &Models,
    chosen: &[&Environment],
) -> Result<usize, Failure> {
    let machine = context.machine();
    let residents: Vec<&Environment> =
        chosen.iter().filter(|environment| environment.runs_on(&machine)).copied().collect();
    let (here, path) = (models.all_here(&machine), path()?);
    let question = Question { chosen: &residents, here: &here, path: &path };
    let checked = check(&context.host, &question);
    for finding in &checked.host {
        let origin = Origin::new(context.host.now(), None);
        context.screen.line(&Line::new("finding", origin, finding));
        context.screen.say(&render_host_finding(finding, context.program));
    }
    let errors = checked.errors();
    let mut of_residents = checked.environments.iter();
    for environment in chosen {
        match &environment.host {
            Some(host) if !environment.runs_on(&machine) => {
                let aside = paint(DIM, format!("(models only: it runs on {host})"));
                let (good, id) = (paint(GOOD, context.screen.glyphs.good), environment.id());
                context.screen.say(&format!("{good} {id} {aside}\n"));
            }
            _ => show(context, environment, of_residents.next().map_or(&[], Vec::as_slice)),
        }
    }
    Ok(errors)
}

/// The directories of our `PATH`, which build steps get.
fn path() -> Result<Vec<Utf8PathBuf>, Failure> {
    let here = current_directory()?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path);
    let directories = directories.filter_map(|path| Utf8PathBuf::from_path_buf(path).ok());
    Ok(directories.map(|directory| here.join(directory)).collect())
}

/// Shows what one environment lacks on its host.
fn show(context: &mut Context<'_>, environment: &Environment, findings: &[HostFinding]) {
    let (glyphs, id) = (context.screen.glyphs, environment.id());
    let origin = Origin::new(context.host.now(), Some(environment));
    let mut text = String::new();
    for finding in findings {
        context.screen.line(&Line::new("finding", origin, finding));
        text += &render_host_finding(finding, context.program);
    }
    let is_error = |finding: &HostFinding| finding.severity == Severity::Error;
    text += &match findings.len() {
        0 => format!("{} {id}\n", paint(GOOD, glyphs.good)),
        some if !findings.iter().any(is_error) => {
            format!("{} {id}: {}\n", paint(WARN, glyphs.good), count(some, "warning"))
        }
        some => format!("{} {id}: {}\n", paint(BAD, glyphs.bad), count(some, "finding")),
    };
    context.screen.say(&text);
}

fn render_host_finding(finding: &HostFinding, program: &str) -> String {
    let HostFinding { place, message, code, .. } = finding;
    let severity = match finding.severity {
        Severity::Error => paint(BAD, "error:"),
        Severity::Warning => paint(WARN, "warning:"),
    };
    let code = paint(DIM, format!("[{code}]"));
    format!("{place}: {severity} {message} {code}\n") + &help_line(&finding.hint, program)
}
