//! `history`: who did what, when, with which result; read from the journals.

use clap::Args;

use crate::event::Outcome;
use crate::history::{End, Past, history};

use super::json::Named;
use super::style::{BAD, DIM, GOOD, Glyphs, PLAIN, WARN, columns, millis, time};
use super::{Context, Failure, Models, exit};

/// Says who did what, when, with which result, the newest first.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} history                all environments
  {program} history --env live -n 5
  {program} history --json")]
pub struct History {
    /// The environment: `environment` or `app/environment`; all when none is named
    #[arg(short, long, value_name = "ENVIRONMENT")]
    env: Option<String>,
    /// How many operations at most
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    lines: usize,
}

impl History {
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        let models = Models::load(context.global)?;
        let chosen = models.chosen(self.env.as_deref(), &context.machine())?;
        let all = history(&context.host, &chosen, self.lines)?;
        for body in &all {
            context.screen.line(&Named { event: "history", body });
        }
        let text = match all.is_empty() {
            true => "nothing was done yet\n".to_owned(),
            false => render(&all, context.screen.glyphs),
        };
        context.screen.say(&text);
        if self.env.is_none() && models.are_broken() {
            return Err(Failure::models(models.findings()));
        }
        Ok(exit::DONE)
    }
}

fn render(all: &[Past], glyphs: Glyphs) -> String {
    let titles = ["", "WHEN", "ENVIRONMENT", "WHAT", "BY", "RESULT", "RELEASE", "TOOK"];
    let mut rows = vec![titles.map(|title| (DIM, title.to_owned())).to_vec()];
    for past in all {
        rows.push(row(past, glyphs));
        // In lines of their own, which do not widen the columns.
        rows.extend(asides(past).iter().map(|_| Vec::new()));
    }
    let table = columns(&rows);
    let asides = all.iter().flat_map(asides);
    let mut asides = asides.map(|aside| format!("  {}", super::style::paint(DIM, aside)));
    let lines = table.lines().map(|line| match line {
        "" => asides.next().unwrap_or_default() + "\n",
        line => format!("{line}\n"),
    });
    lines.collect()
}

/// What there is to say besides.
fn asides(past: &Past) -> Vec<String> {
    let evidence = past.evidence.as_ref().map(|dir| format!("evidence: {dir}"));
    let taken = past.taken_over_by.as_ref().map(|by| format!("taken over by {by}"));
    past.error.clone().into_iter().chain(taken).chain(evidence).collect()
}

fn row(past: &Past, glyphs: Glyphs) -> Vec<(anstyle::Style, String)> {
    let (style, mark, result) = match past.outcome {
        End::Known(Outcome::Deployed) => (GOOD, glyphs.good, "done"),
        End::Known(Outcome::Unchanged) => (GOOD, glyphs.good, "unchanged"),
        End::Known(Outcome::RolledBack) => (WARN, glyphs.bad, "rolled back"),
        End::Known(Outcome::Failed) => (BAD, glyphs.bad, "failed"),
        End::Known(Outcome::Stuck) => (BAD, glyphs.bad, "stuck"),
        End::Unknown(_) => (WARN, glyphs.note, "not ended"),
    };
    let result = if past.recovered { format!("{result}, recovered") } else { result.to_owned() };
    let (wanted, in_use) = (past.to.as_ref(), past.release.as_ref());
    let release = match past.outcome {
        End::Known(Outcome::Deployed | Outcome::Unchanged) => in_use.or(wanted),
        // Of what came to nothing, the one that it was to bring.
        _ => wanted.or(in_use),
    };
    vec![
        (style, mark.to_owned()),
        (PLAIN, time(past.time)),
        (PLAIN, past.id()),
        (PLAIN, past.operation.to_string()),
        (PLAIN, past.by.clone()),
        (style, result),
        (PLAIN, release.map_or("-".to_owned(), ToString::to_string)),
        (DIM, past.duration_ms.map_or("-".to_owned(), millis)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{samples, style};
    use crate::digest::Digest;
    use crate::event::{Operation, Report};
    use crate::history::operations;
    use crate::journal::{Before, Begin, Entry, Record};

    fn entries(records: Vec<Record>) -> Vec<Entry> {
        let number = |(index, record)| Entry {
            number: index as u64 + 1,
            fence: 1,
            time: samples::time().plus(std::time::Duration::from_secs(index as u64)),
            previous_line: Digest::of(b""),
            record,
        };
        records.into_iter().enumerate().map(number).collect()
    }

    fn begin(operation: Operation) -> Record {
        let before = Before::nothing();
        let to = Some(samples::release("aaaaaaa"));
        Record::Begin(Begin {
            operation,
            by: samples::actor(),
            before,
            to,
            services: [].into(),
            wanted: None,
        })
    }

    fn end(operation: Operation, outcome: Outcome, error: Option<&str>) -> Record {
        let error = error.map(str::to_owned);
        let mut report = Report { operation, error, ..samples::report(outcome) };
        if outcome == Outcome::RolledBack {
            report.release = Some(samples::release("bbbbbbb"));
        }
        Record::End(report)
    }

    #[test]
    fn the_journal_becomes_a_table_of_who_did_what_with_which_result() {
        let entries = entries(vec![
            end(Operation::Deploy, Outcome::Deployed, None),
            begin(Operation::Deploy),
            end(Operation::Deploy, Outcome::Deployed, None),
            begin(Operation::Restart),
            end(Operation::Restart, Outcome::RolledBack, Some("web was not proven")),
            begin(Operation::Stop),
            end(Operation::Recover, Outcome::Deployed, None),
            begin(Operation::Deploy),
        ]);
        let mut rows = operations(&samples::environment(), &entries);
        rows.reverse();
        let text = render(&rows, style::UNICODE);
        insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string(), @"
           WHEN                     ENVIRONMENT   WHAT     BY              RESULT           RELEASE                   TOOK
        •  2026-11-21 01:10:44 UTC  sample/local  deploy   operator@node1  not ended        20261121T011037Z-aaaaaaa  -
        ✓  2026-11-21 01:10:42 UTC  sample/local  stop     operator@node1  done, recovered  20261121T011037Z-aaaaaaa  2.3 s
        ✗  2026-11-21 01:10:40 UTC  sample/local  restart  operator@node1  rolled back      20261121T011037Z-aaaaaaa  2.3 s
          web was not proven
        ✓  2026-11-21 01:10:38 UTC  sample/local  deploy   operator@node1  done             20261121T011037Z-aaaaaaa  2.3 s
        ");
    }

    #[test]
    fn a_way_back_that_a_recovery_found_later_is_told_of_what_had_none() {
        let past = operations(
            &samples::environment(),
            &entries(vec![
                begin(Operation::Deploy),
                end(Operation::Deploy, Outcome::Stuck, Some("no way back")),
                end(Operation::Recover, Outcome::RolledBack, Some("deploy was cut short")),
                end(Operation::Recover, Outcome::RolledBack, None),
            ]),
        );
        let told = past.iter().map(|past| (past.operation, past.outcome, past.recovered));
        let told: Vec<_> = told.collect();
        let back = (Operation::Deploy, End::Known(Outcome::RolledBack), true);
        assert_eq!(told, [back], "I6: not stuck for ever");
    }

    #[test]
    fn json_has_every_field_by_its_name() {
        let entries = entries(vec![begin(Operation::Deploy)]);
        let body = operations(&samples::environment(), &entries).remove(0);
        let line = serde_json::to_string(&Named { event: "history", body: &body }).unwrap();
        let read: Past = serde_json::from_str(&line).unwrap();
        assert_eq!(read, body, "what another program reads is what was told");
        insta::assert_snapshot!(line, @r#"{"event":"history","time":"2026-11-21T01:10:37.000Z","app":"sample","environment":"local","operation":"deploy","by":"operator@node1","tool":"0.1.0","from":null,"to":"20261121T011037Z-aaaaaaa","release":null,"commit":null,"outcome":"unfinished","error":null,"steps":null,"duration_ms":null,"evidence":null,"taken_over_by":null,"recovered":false}"#);
    }
}
