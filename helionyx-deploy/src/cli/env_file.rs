//! `env-file`: what systemd reads from an environment file, what is wrong with it, and an example
//! to begin with. Reads the file that is named; changes nothing.

use std::collections::BTreeMap;
use std::io::Read as _;

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::host::Clock as _;
use crate::model::{Environment, Finding, Severity};
use crate::render::env_file::{self, Systemd};

use super::failure::render_finding;
use super::json::{Line, Origin};
use super::style::{BAD, GOOD, WARN, count, paint};
use super::{Context, Failure, Models, exit};

/// The largest environment file that is read, in bytes.
const LIMIT: u64 = 1024 * 1024;

/// Looks at environment files by the rules of systemd, which are not those of a shell.
#[derive(Args, Clone, Debug)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  {program} env-file check .env.live --env live
  {program} env-file parse .env.live --systemd 252
  {program} env-file template --env live > .env.live.example"
)]
pub struct EnvFile {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Clone, Debug)]
enum What {
    /// Say what is wrong with a file, by line and name, never showing a value
    Check(Check),
    /// Print what systemd would read from a file, with the values
    Parse(Parse),
    /// Print an example with all variables of an environment
    Template(Template),
}

/// Says what is wrong with a file: what systemd drops, refuses or reads in another way than it was
/// meant, what other programs do not read alike, and what is still to be filled in.
///
/// With --env the file is compared with the model, too. Exits 4 when there is an error.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} env-file check .env.live
  {program} env-file check .env.live --env live
  {program} env-file check .env.live --json")]
struct Check {
    /// The environment file
    file: Utf8PathBuf,
    /// The environment it is for: `environment` or `app/environment`
    #[arg(short, long, value_name = "ENVIRONMENT")]
    env: Option<String>,
}

/// Prints what systemd would read from a file, as NAME=value. The values are shown.
///
/// Exits 4 when systemd would refuse the file.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} env-file parse .env.live
  {program} env-file parse .env.live --systemd 252 --json")]
struct Parse {
    /// The environment file
    file: Utf8PathBuf,
    /// The version of systemd whose rules are taken
    #[arg(long, value_name = "VERSION", default_value = "257")]
    systemd: Systemd,
}

/// Prints an example with all variables of an environment: the model's values, and placeholders
/// for the secrets.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} env-file template --env live > .env.live.example")]
struct Template {
    /// The environment: `environment` or `app/environment`
    #[arg(short, long, value_name = "ENVIRONMENT")]
    env: Option<String>,
}

impl EnvFile {
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        match &self.what {
            What::Check(args) => args.run(context),
            What::Parse(args) => args.run(context),
            What::Template(args) => args.run(context),
        }
    }
}

/// What the last JSON line of `check` says.
#[derive(Serialize)]
struct Summary<'a> {
    file: &'a Utf8Path,
    errors: usize,
    warnings: usize,
}

impl Check {
    fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        let models = self.env.as_ref().map(|_| Models::load(context.global)).transpose()?;
        let environment = match &models {
            Some(models) => Some(models.select(self.env.as_deref())?),
            None => None,
        };
        let bytes = read(&self.file)?;
        let model = environment.map(env_file::declared);
        let findings = env_file::check(self.file.as_str(), &bytes, model.as_deref());
        let origin = Origin::new(context.host.now(), environment);
        let mut text = String::new();
        for finding in &findings {
            context.screen.line(&Line::new("finding", origin, finding));
            text += &render_finding(finding, context.program);
        }
        let errors = errors(&findings);
        let warnings = findings.len() - errors;
        let body = Summary { file: &self.file, errors, warnings };
        context.screen.line(&Line::new("env-file", origin, body));
        text += &self.verdict(context, errors, warnings);
        context.screen.say(&text);
        Ok(if errors == 0 { exit::DONE } else { exit::CONFIGURATION })
    }

    fn verdict(&self, context: &Context<'_>, errors: usize, warnings: usize) -> String {
        let (glyphs, file) = (context.screen.glyphs, &self.file);
        match (errors, warnings) {
            (0, 0) => format!("{} {file}\n", paint(GOOD, glyphs.good)),
            (0, some) => {
                format!("{} {file}: {}\n", paint(WARN, glyphs.good), count(some, "warning"))
            }
            (some, 0) => format!("{} {file}: {}\n", paint(BAD, glyphs.bad), count(some, "error")),
            (errors, warnings) => {
                let (errors, warnings) = (count(errors, "error"), count(warnings, "warning"));
                format!("{} {file}: {errors}, {warnings}\n", paint(BAD, glyphs.bad))
            }
        }
    }
}

/// The one JSON line of `parse`.
#[derive(Serialize)]
struct Parsed<'a> {
    file: &'a Utf8Path,
    systemd: String,
    /// What the unit's start would come to, in systemd's words.
    result: &'static str,
    variables: BTreeMap<&'a str, &'a str>,
    findings: &'a [Finding],
}

impl Parse {
    fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        let bytes = read(&self.file)?;
        let read = env_file::read(&bytes, self.systemd);
        let findings = env_file::lint(self.file.as_str(), &bytes);
        let variables = read.variables();
        let (result, code) = match &variables {
            Some(_) => ("success", exit::DONE),
            None => ("resources", exit::CONFIGURATION),
        };
        let variables = variables.unwrap_or_default();
        if context.screen.is_json() {
            let variables = variables.iter().map(|(name, value)| (*name, value.expose())).collect();
            let systemd = self.systemd.to_string();
            let (file, findings) = (&*self.file, &*findings);
            let body = Parsed { file, systemd, result, variables, findings };
            let origin = Origin::new(context.host.now(), None::<&Environment>);
            context.screen.line(&Line::new("env-file", origin, body));
        } else {
            let mut text = String::new();
            for (name, value) in &variables {
                text += &format!("{name}={}\n", value.expose());
            }
            context.screen.raw(text.as_bytes());
        }
        let told: String =
            findings.iter().map(|finding| render_finding(finding, context.program)).collect();
        context.screen.aside(&told);
        Ok(code)
    }
}

impl Template {
    fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        let models = Models::load(context.global)?;
        let environment = models.select(self.env.as_deref())?;
        let text = env_file::example(environment);
        let origin = Origin::new(context.host.now(), Some(environment));
        if context.screen.is_json() {
            context.screen.line(&Line::new("env-file", origin, Example { text: &text }));
        } else {
            context.screen.raw(text.as_bytes());
        }
        Ok(exit::DONE)
    }
}

/// The one JSON line of `template`.
#[derive(Serialize)]
struct Example<'a> {
    text: &'a str,
}

fn errors(findings: &[Finding]) -> usize {
    findings.iter().filter(|finding| finding.severity == Severity::Error).count()
}

fn read(path: &Utf8Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| {
        let mut failure = Failure::from(error);
        failure.code = exit::CONFIGURATION;
        failure
    };
    let file = fs_err::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LIMIT {
        let message = format!("failed to read `{path}`: it is larger than 1 MiB");
        return Err(Failure::new(exit::CONFIGURATION, message, "is it an environment file?"));
    }
    Ok(bytes)
}
