//! `unit-file`: what is wrong with unit files, also what `systemd-analyze verify` lets pass. Reads
//! the files that are named; changes nothing.

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::host::{Clock as _, Files as _, Host};
use crate::model::{Finding, Severity};
use crate::render::unit_file::Version;
use crate::render::unit_file::lint::{Facts, Options, Policy, lint};
use crate::tool::systemctl;

use super::failure::render_finding;
use super::json::{Line, Origin};
use super::style::{BAD, GOOD, WARN, count, paint};
use super::{Context, Failure, exit};

/// The largest unit file that is read, in bytes: systemd reads no longer line.
const LIMIT: u64 = 1024 * 1024;
/// What is assumed where there is no systemd to ask: the oldest that is known.
pub(super) const OLDEST: Version = Version(252);

/// Looks at unit files by the rules of systemd.
#[derive(Args, Clone, Debug)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  {program} unit-file check systemd/helionyx/*.service
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
/// Exits 4 when there is an error.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} unit-file check systemd/helionyx/*.service
  {program} unit-file check --strict systemd/helionyx/*.service
  {program} unit-file check --systemd 257 --json web.service")]
struct Check {
    /// The unit files; a file's name is the unit's name
    #[arg(required = true)]
    files: Vec<Utf8PathBuf>,
    /// The version of systemd that shall read them; this machine's when none is named
    #[arg(long, value_name = "VERSION")]
    systemd: Option<u16>,
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
        let here = super::models::current_directory()?;
        let mut all_good = true;
        for file in &self.files {
            let bytes = context.host.read(&here.join(file), LIMIT).map_err(|error| {
                let mut failure = Failure::from(error);
                failure.code = exit::CONFIGURATION;
                failure
            })?;
            let options = Options { version, facts: Facts::default(), policy };
            let findings = lint(file.as_str(), &bytes, &options);
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

/// The version of this machine's systemd, or the oldest that is known.
pub(super) fn version_of(host: &dyn Host) -> Version {
    let said = host.run(&systemctl::version(), &mut |_| {});
    said.ok().and_then(|output| systemctl::parse_version(&output.text)).unwrap_or(OLDEST)
}

/// What is wrong with the unit files that are checked in for an app, for one version of systemd.
pub(super) fn checked_in(
    host: &dyn Host,
    (directory, shown): (&Utf8Path, &Utf8Path),
    version: Version,
) -> Result<Vec<Finding>, crate::host::HostError> {
    let mut findings = Vec::new();
    for name in host.list(directory)? {
        let types = [".service", ".socket", ".timer", ".path", ".target"];
        if !types.iter().any(|unit_type| name.ends_with(unit_type)) {
            continue;
        }
        let bytes = host.read(&directory.join(&name), LIMIT)?;
        let options = Options { version, facts: Facts::default(), policy: Policy::Deployed };
        findings.extend(lint(shown.join(&name).as_str(), &bytes, &options));
    }
    Ok(findings)
}
