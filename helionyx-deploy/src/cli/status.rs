//! `status`: how services are doing, as a card for one environment and as a table for several.

use clap::Args;

use crate::host::Clock as _;
use crate::status::{self, Status as State};

use super::json::Own;
use super::style::{STRONG, paint};
use super::{Context, Failure, Models, exit};

mod card;
mod table;

/// Says how services are doing: what runs, from which release, since when, and whether it answers.
///
/// Exits 0 when all is well, 3 when anything is not, or is not installed.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} status                 all environments
  {program} status --env live
  {program} status --json | jq .state")]
pub struct Status {
    /// The environment: `environment` or `app/environment`; all when none is named
    #[arg(short, long, value_name = "ENVIRONMENT")]
    env: Option<String>,
}

impl Status {
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        let models = Models::load(context.global)?;
        let chosen = models.chosen(self.env.as_deref(), &context.machine())?;
        let mut services = Vec::new();
        let mut failed = false;
        for (environment, seen) in chosen.iter().zip(status::ask(&context.host, &chosen)) {
            match seen {
                Ok(seen) => services.extend(seen),
                Err(error) => {
                    let failure = Failure::from(error);
                    let message = format!("{}: {}", environment.id(), failure.message);
                    Failure::new(failure.code, message, failure.hint).tell(context);
                    failed = true;
                }
            }
        }
        if !services.is_empty() || !models.are_broken() {
            self.show(context, &services);
        }
        let good = services.iter().all(State::is_good);
        if self.env.is_none() && models.are_broken() {
            return Err(Failure::models(models.findings()));
        }
        Ok(match (failed, good) {
            (true, _) => exit::FAILED,
            (false, true) => exit::DONE,
            (false, false) => exit::DRIFT,
        })
    }

    fn show(&self, context: &mut Context<'_>, services: &[State]) {
        let (now, program) = (context.host.now(), context.program);
        for body in services {
            context.screen.line(&Own { event: "status", time: now, body });
        }
        let glyphs = context.screen.glyphs;
        let text = match services {
            [] => format!("{}\n", paint(STRONG, "no environments")),
            [only] => card::render(only, now, glyphs, program),
            several if self.env.is_some() => {
                let cards: Vec<String> =
                    several.iter().map(|one| card::render(one, now, glyphs, program)).collect();
                cards.join("\n")
            }
            several => table::render(several, now, glyphs, program),
        };
        context.screen.say(&text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;

    #[test]
    fn a_json_line_has_every_field_once() {
        let (time, body) = (samples::later(), samples::status());
        let line = serde_json::to_string(&Own { event: "status", time, body }).unwrap();
        assert_eq!(line.matches("\"app\"").count(), 1, "{line}");
        insta::assert_snapshot!(line, @r#"{"event":"status","time":"2026-11-21T01:13:49.000Z","app":"sample","environment":"local","supervisor":"process","unit":"web","state":"running","enabled":false,"release":"20261121T011037Z-aaaaaaa","commit":null,"source":"/src (content 2d71164)","running_release":"20261121T011037Z-aaaaaaa","healthy":true,"ready":true,"port":18080,"pid":123,"since":"2026-11-21T01:10:37.000Z","restarts":0,"memory_bytes":3200000,"findings":[]}"#);
    }
}
