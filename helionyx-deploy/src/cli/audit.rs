//! `audit verify`: whether the journals are whole. Changes nothing.

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::hint;
use crate::hint::Hint;
use crate::journal::audit::{Audit as Found, Flaw, verify};
use crate::release::Anchor;

use super::failure::help_line;
use super::json::{Line, Origin};
use super::style::{BAD, DIM, GOOD, Glyphs, WARN, count, paint};
use super::{Context, Failure, Models, exit};
use crate::host::Clock as _;

/// Looks after the record of what was done.
#[derive(Args, Clone, Debug)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  {program} audit verify
  {program} audit verify --env live"
)]
pub struct Audit {
    #[command(subcommand)]
    command: What,
}

#[derive(Subcommand, Clone, Debug)]
enum What {
    /// Say whether an entry was changed, or is missing
    Verify(Verify),
}

/// Verifies the audit log: no entry was changed, no entry is missing.
///
/// Each entry bears the digest of the one before; proofs, manifests of releases and the end of the
/// last operation name entries too, so that a record which lacks its end is found as well. Under
/// systemd, the system's journal was told of each operation's end (`journalctl -t
/// helionyx-deploy`): it is asked, too. Exits 3 when the record is not whole.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} audit verify               all environments
  {program} audit verify --env live
  {program} audit verify --json")]
struct Verify {
    /// The environment: `environment` or `app/environment`; all when none is named
    #[arg(short, long, value_name = "ENVIRONMENT")]
    env: Option<String>,
}

/// What to do about a record that is not whole.
fn hint() -> Hint {
    let history = hint::command(["history"]);
    hint!("keep a copy, then look who changed it: ", history, " shows what is left")
}

const ASK_AS_ROOT: &str = "ask on the environment's host, as root";

/// A flaw as a finding.
#[derive(Serialize)]
struct Told<'a> {
    severity: &'a str,
    #[serde(rename = "where")]
    place: &'a str,
    code: &'a str,
    message: &'a str,
    #[serde(flatten)]
    hint: Hint,
}

/// What the last JSON line of an environment says.
#[derive(Serialize)]
struct Summary {
    whole: bool,
    entries: u64,
    anchors: usize,
    told: Option<usize>,
    head: Option<Anchor>,
}

impl Audit {
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        match &self.command {
            What::Verify(verify) => verify.run(context),
        }
    }
}

impl Verify {
    fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        let models = Models::load(context.global)?;
        let mut worst = exit::DONE;
        for environment in models.chosen(self.env.as_deref(), &context.machine())? {
            let found = verify(&context.host, environment)?;
            let origin = Origin::new(context.host.now(), Some(environment));
            let journal = environment.layout.journal();
            let place = journal.as_str();
            for Flaw { code, message } in &found.flaws {
                let (severity, code) = ("error", code.name());
                let body = Told { severity, place, code, message, hint: hint() };
                context.screen.line(&Line::new("finding", origin, body));
            }
            if let Some(why) = &found.silent {
                let message = &format!("the system's journal was not asked: {why}");
                let (severity, code) = ("warning", "no-witness");
                let body = Told { severity, place, code, message, hint: ASK_AS_ROOT.into() };
                context.screen.line(&Line::new("finding", origin, body));
            }
            let (whole, entries) = (found.is_whole(), found.entries);
            let (anchors, told, head) = (found.anchors, found.told, found.head);
            let body = Summary { whole, entries, anchors, told, head };
            context.screen.line(&Line::new("audit", origin, body));
            let id = environment.id();
            let text = render(&found, &id, context.screen.glyphs);
            let hint = if whole { String::new() } else { help_line(&hint(), context.program) };
            context.screen.say(&(text + &hint));
            worst = worst.max(if whole { exit::DONE } else { exit::DRIFT });
        }
        if self.env.is_none() && models.are_broken() {
            return Err(Failure::models(models.findings()));
        }
        Ok(worst)
    }
}

fn render(found: &Found, id: &str, glyphs: Glyphs) -> String {
    let entries = match found.entries {
        1 => "1 entry".to_owned(),
        entries => format!("{entries} entries"),
    };
    if found.is_whole() {
        let anchors = count(found.anchors, "record");
        let head = found.head.map(|head| format!(", the last is {}", head.line.short()));
        let head = head.unwrap_or_default();
        let told = found.told.map(|told| format!(" and {told} of the system's journal"));
        let told = told.unwrap_or_default();
        let details = format!("{} {entries}{head}; {anchors}{told} agree", glyphs.dash);
        let (good, details) = (paint(GOOD, glyphs.good), paint(DIM, details));
        return format!("{good} {id}: the journal is whole {details}\n") + &silence(found);
    }
    let flaws = found.flaws.iter().map(|Flaw { code, message }| {
        format!(
            "  {} {message} {}\n",
            paint(BAD, "error:"),
            paint(DIM, format!("[{}]", code.name()))
        )
    });
    let details = paint(DIM, format!("{} {entries}", glyphs.dash));
    let title = format!("{} {id}: the journal is not whole {details}\n", paint(BAD, glyphs.bad));
    title + &flaws.collect::<String>() + &silence(found)
}

/// That the system's journal could not be asked, if it could not.
fn silence(found: &Found) -> String {
    let said = found.silent.as_ref().map(|why| {
        let warning = paint(WARN, "warning:");
        format!("  {warning} the system's journal was not asked: {why}\n")
    });
    said.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::style;
    use crate::digest::Digest;
    use crate::journal::audit::FlawCode;

    fn plain(found: &Found) -> String {
        let text = render(found, "sample/local", style::UNICODE);
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn what_was_found_is_said_in_a_line_or_flaw_by_flaw() {
        let head = Some(Anchor { number: 12, line: Digest::of(b"x") });
        let whole = Found { entries: 12, head, anchors: 3, ..Found::default() };
        let message = "entry 7 follows entry 5".to_owned();
        let broken =
            Found { flaws: vec![Flaw { code: FlawCode::MissingEntry, message }], ..whole.clone() };
        let told = Found { told: Some(2), ..whole.clone() };
        let silent = Some("failed to run `journalctl`".to_owned());
        let silent = Found { silent, ..broken.clone() };
        let all = [&whole, &broken, &Found::default(), &told, &silent].map(plain).concat();
        insta::assert_snapshot!(all, @r"
        ✓ sample/local: the journal is whole — 12 entries, the last is 2d71164; 3 records agree
        ✗ sample/local: the journal is not whole — 12 entries
          error: entry 7 follows entry 5 [missing-entry]
        ✓ sample/local: the journal is whole — 0 entries; 0 records agree
        ✓ sample/local: the journal is whole — 12 entries, the last is 2d71164; 3 records and 2 of the system's journal agree
        ✗ sample/local: the journal is not whole — 12 entries
          error: entry 7 follows entry 5 [missing-entry]
          warning: the system's journal was not asked: failed to run `journalctl`
        ");
    }

    #[test]
    fn a_flaw_has_one_name_in_text_and_in_json() {
        for code in [
            FlawCode::ChangedEntry,
            FlawCode::MissingEntry,
            FlawCode::OvertakenEntry,
            FlawCode::TornEnd,
        ] {
            assert_eq!(serde_json::to_value(code).unwrap(), code.name());
        }
    }
}
