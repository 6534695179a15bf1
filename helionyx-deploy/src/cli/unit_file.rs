//! `unit-file`: what is wrong with unit files, also what `systemd-analyze verify` lets pass. Reads
//! the files that are named, and looks for what they name on this machine; changes nothing.

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, Subcommand};
use serde::Serialize;
use systemd_unit_file::{OLDEST, Policy, Version};

use crate::host::{Clock as _, Host};
use crate::model::{Finding, Severity};
use crate::tool::systemctl;

use super::failure::render_finding;
use super::json::{Line, Origin};
use super::style::{BAD, GOOD, WARN, count, paint};
use super::{Context, Failure, exit};

mod files;
mod here;

pub(super) use files::checked_in;
use here::Here;

/// The newest whose rules are known.
const NEWEST: Version = Version(258);

/// Looks at unit files by the rules of systemd.
#[derive(Args, Clone, Debug)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  {program} unit-file check --elsewhere systemd/helionyx/*.service
  {program} unit-file check --systemd 257 /etc/systemd/system/web.service"
)]
pub struct UnitFile {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Clone, Debug)]
enum What {
    /// Say what systemd ignores, refuses, or does otherwise than it reads
    Check(Check),
}

/// Says what is wrong with unit files: what systemd ignores, refuses, or does otherwise than it
/// reads. `systemd-analyze verify` lets much of it pass, and ends with 0.
///
/// Programs, paths, users and units that they name are looked for on this machine, but with
/// --elsewhere.
///
/// Exits 4 when there is an error.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} unit-file check /etc/systemd/system/web.service
  {program} unit-file check --strict --elsewhere systemd/helionyx/*.service
  {program} unit-file check --systemd 257 --json web.service")]
struct Check {
    /// The unit files; a file's name is the unit's name
    #[arg(required = true)]
    files: Vec<Utf8PathBuf>,
    /// The version of systemd that shall read them; this machine's when none is named
    #[arg(long, value_name = "VERSION", value_parser = known_version)]
    systemd: Option<u16>,
    /// The units are for another machine: do not look for what they name on this one
    #[arg(long)]
    elsewhere: bool,
    /// Also refuse what a deployed service must not do: run as root, restart for ever
    #[arg(long)]
    strict: bool,
}

impl UnitFile {
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        let What::Check(check) = &self.what;
        check.run(context)
    }
}

/// What the last JSON line of a file says.
#[derive(Serialize)]
struct Summary<'a> {
    file: &'a Utf8Path,
    systemd: u16,
    errors: usize,
    warnings: usize,
}

impl Check {
    fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        let version = self.systemd.map_or_else(|| version_of(&context.host), Version);
        let policy = if self.strict { Policy::Deployed } else { Policy::Meaning };
        let directory = super::models::current_directory()?;
        let paths: Vec<_> = self.files.iter().map(|file| directory.join(file)).collect();
        let beside = paths.iter().filter_map(|path| path.parent()).map(Utf8Path::to_owned);
        let beside = beside.collect();
        let mut all_good = true;
        for (file, path) in self.files.iter().zip(&paths) {
            let here = Here {
                host: &context.host,
                beside: Vec::clone(&beside),
                made_later: vec![],
                user: None,
            };
            let here = Some(&here).filter(|_| !self.elsewhere);
            let rules = (version, policy);
            let findings = files::one(&context.host, (path, file.as_str()), rules, here);
            all_good &= tell(context, file, version, &findings);
        }
        Ok(if all_good { exit::DONE } else { exit::CONFIGURATION })
    }
}

/// Tells what was found in one file; whether it has no error.
fn tell(
    context: &mut Context<'_>,
    file: &Utf8Path,
    version: Version,
    findings: &[Finding],
) -> bool {
    let origin = Origin::new(context.host.now(), None);
    let mut text = String::new();
    for finding in findings {
        context.screen.line(&Line::new("finding", origin, finding));
        text += &render_finding(finding, context.program);
    }
    let is_error = |finding: &&Finding| finding.severity == Severity::Error;
    let errors = findings.iter().filter(is_error).count();
    let warnings = findings.len() - errors;
    let body = Summary { file, systemd: version.0, errors, warnings };
    context.screen.line(&Line::new("unit-file", origin, body));
    let glyphs = context.screen.glyphs;
    text += &match (errors, warnings) {
        (0, 0) => format!("{} {file}\n", paint(GOOD, glyphs.good)),
        (0, some) => format!("{} {file}: {}\n", paint(WARN, glyphs.good), count(some, "warning")),
        (some, _) => format!("{} {file}: {}\n", paint(BAD, glyphs.bad), count(some, "error")),
    };
    context.screen.say(&text);
    errors == 0
}

/// A version whose rules are known, as `257`, `257.13` or `v257`.
fn known_version(text: &str) -> Result<u16, String> {
    let number = text.strip_prefix('v').unwrap_or(text).split(['.', '-', '~', ' ']).next();
    match number.and_then(|number| number.parse().ok()) {
        Some(number) if (OLDEST.0..=NEWEST.0).contains(&number) => Ok(number),
        Some(_) => Err(format!("known are the rules of systemd {} to {}", OLDEST.0, NEWEST.0)),
        None => Err("a version is a number, e.g. 252 or 257.13".to_owned()),
    }
}

/// The version of this machine's systemd, or the oldest that is known.
pub(super) fn version_of(host: &dyn Host) -> Version {
    let said = host.run(&systemctl::version(), &mut |_| {});
    said.ok().and_then(|output| systemctl::parse_version(&output.text)).unwrap_or(OLDEST)
}
