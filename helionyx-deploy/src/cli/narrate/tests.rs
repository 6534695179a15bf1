//! What is told of hand-made events.

use super::*;
use crate::cli::{samples, style};
use crate::event::{Operation, Outcome, Report};
use crate::hint;
use crate::plan::Step;
use crate::plan::step::ReleaseStep;
use crate::status::Status;

fn narrator(level: Level) -> Narrator<'static> {
    Narrator::new(style::UNICODE, level, "cargo xtask", Operation::Deploy, "sample/local")
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

fn story(level: Level, events: &[Event], report: &Report) -> String {
    let mut narrator = narrator(level);
    let mut text: String = events.iter().map(|event| narrator.tell(event)).collect();
    text += &narrator.result(report, &[]);
    plain(&text)
}

fn started(index: usize, text: &str) -> Event {
    let step =
        Box::new(Step::Release(ReleaseStep::BeginRelease { release: samples::release("aaaaaaa") }));
    Event::StepStarted { index, total: 3, text: text.into(), step }
}

fn finished(index: usize, duration_ms: u64, note: &str) -> Event {
    Event::StepFinished { index, duration_ms, note: note.into() }
}

fn planned() -> Event {
    Event::plan(&samples::plan())
}

#[test]
fn a_deploy_that_works_is_a_line_per_step_and_a_result() {
    let events = [
        planned(),
        started(1, "build compile: cargo build"),
        Event::Output { line: "Compiling".into() },
        finished(1, 2100, ""),
        started(2, "start web"),
        finished(2, 12, "pid 123"),
        Event::warning("an old release is left for later"),
    ];
    let report = samples::report(Outcome::Deployed);
    insta::assert_snapshot!(story(Level::Normal, &events, &report), @r"
    deploy sample/local
      nothing is deployed yet
      3 steps to 20261121T011037Z-aaaaaaa
      ✓    2.1 s  build compile: cargo build
      ✓    12 ms  start web (pid 123)
      warning: an old release is left for later
    ✓ sample/local runs 20261121T011037Z-aaaaaaa from /src (content 2d71164) — 9 steps in 2.3 s (38 ms of it syncing), not answering for 41 ms
    ");
}

#[test]
fn verbose_shows_what_steps_write_as_they_write_it() {
    let events = [
        started(1, "build compile: cargo build"),
        Event::Output { line: "\u{1b}[32mCompiling\u{1b}[0m".into() },
        finished(1, 2100, ""),
    ];
    let report = samples::report(Outcome::Deployed);
    insta::assert_snapshot!(story(Level::Verbose, &events, &report), @r"
    deploy sample/local
      •           build compile: cargo build
          │ Compiling
      ✓    2.1 s  build compile: cargo build
    ✓ sample/local runs 20261121T011037Z-aaaaaaa from /src (content 2d71164) — 9 steps in 2.3 s (38 ms of it syncing), not answering for 41 ms
    ");
}

#[test]
fn quiet_is_the_result_alone() {
    let events = [planned(), started(1, "start web"), finished(1, 12, "")];
    let text = story(Level::Quiet, &events, &samples::report(Outcome::Deployed));
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn a_failed_build_shows_its_last_lines_and_what_to_type() {
    let mut events = vec![started(1, "build compile: cargo build")];
    events.extend((0..30).map(|number| Event::Output { line: format!("line {number}") }));
    let error = "build step compile failed: exit code 101".to_owned();
    events.push(Event::StepFailed { index: 1, duration_ms: 2100, error: error.clone() });
    let report = Report {
        release: None,
        error: Some(error),
        failed: Some(samples::release("bbbbbbb")),
        downtime_ms: None,
        steps: 0,
        ..samples::report(Outcome::Failed)
    };
    let text = story(Level::Normal, &events, &report);
    assert!(!text.contains("line 9\n"), "only the last lines are kept");
    insta::assert_snapshot!(text, @r"
    deploy sample/local
      ✗    2.1 s  build compile: cargo build
          error: build step compile failed: exit code 101
          the last lines of its output:
          │ line 10
          │ line 11
          │ line 12
          │ line 13
          │ line 14
          │ line 15
          │ line 16
          │ line 17
          │ line 18
          │ line 19
          │ line 20
          │ line 21
          │ line 22
          │ line 23
          │ line 24
          │ line 25
          │ line 26
          │ line 27
          │ line 28
          │ line 29
    ✗ sample/local: deploy failed: nothing is deployed, as before — 2.3 s (38 ms of it syncing)
      next: cargo xtask deploy --env sample/local --verbose
    ");
}

#[test]
fn a_service_that_fails_is_told_with_its_log_and_the_way_back() {
    let error = "web was not proven within 20 s".to_owned();
    let events = [
        started(1, "prove that web runs this release and healthy"),
        Event::StepFailed { index: 1, duration_ms: 20_100, error: error.clone() },
        Event::ServiceLog {
            service: "web".parse().unwrap(),
            lines: vec!["listening".into(), "panicked at main.rs".into()],
        },
        Event::RollingBack { to: Some(samples::release("aaaaaaa")) },
        started(1, "start web"),
        finished(1, 12, ""),
    ];
    let report = Report {
        error: Some(error),
        failed: Some(samples::release("bbbbbbb")),
        ..samples::report(Outcome::RolledBack)
    };
    insta::assert_snapshot!(story(Level::Normal, &events, &report), @r"
    deploy sample/local
      ✗   20.1 s  prove that web runs this release and healthy
          error: web was not proven within 20 s
          the last lines of the log of web:
          │ listening
          │ panicked at main.rs
      • going back to 20261121T011037Z-aaaaaaa
      ✓    12 ms  start web
    ✗ sample/local: deploy failed and was rolled back: 20261121T011037Z-aaaaaaa runs as before — 9 steps in 2.3 s (38 ms of it syncing), not answering for 41 ms
      release 20261121T011037Z-bbbbbbb was not verified: it cannot be rolled back to
      next: cargo xtask logs --env sample/local
    ");
}

#[test]
fn results_say_what_is_so_now() {
    let none = Report { release: None, source: None, ..samples::report(Outcome::Failed) };
    let mut said = String::new();
    for (operation, outcome, services) in [
        (Operation::Deploy, Outcome::Unchanged, vec![samples::status()]),
        (Operation::Stop, Outcome::Unchanged, vec![]),
        (Operation::Stop, Outcome::Deployed, vec![]),
        (Operation::Rollback, Outcome::Deployed, vec![]),
        (Operation::Recover, Outcome::Unchanged, vec![]),
        (Operation::Recover, Outcome::RolledBack, vec![]),
        (Operation::Restart, Outcome::Stuck, vec![]),
    ] {
        said += &last_words(&Report { operation, ..samples::report(outcome) }, &services);
    }
    said += &last_words(&none, &[]);
    insta::assert_snapshot!(said, @r"
    ✓ sample/local is unchanged: 20261121T011037Z-aaaaaaa runs, pid 123, healthy — 2.3 s (38 ms of it syncing)
    ✓ sample/local is unchanged: 20261121T011037Z-aaaaaaa is in use, nothing runs — 2.3 s (38 ms of it syncing)
    ✓ sample/local is stopped — 2.3 s (38 ms of it syncing)
    ✓ sample/local runs 20261121T011037Z-aaaaaaa from /src (content 2d71164) — 2.3 s (38 ms of it syncing)
    ✓ sample/local has nothing to recover — 2.3 s (38 ms of it syncing)
    ✓ sample/local is recovered: 20261121T011037Z-aaaaaaa runs as before — 2.3 s (38 ms of it syncing)
    ✗ sample/local: restart failed and the rollback failed too: act now — 2.3 s (38 ms of it syncing)
      next: cargo xtask status --env sample/local
      next: cargo xtask logs --env sample/local
    ✗ sample/local: deploy failed: nothing is deployed, as before — 2.3 s (38 ms of it syncing)
      next: cargo xtask status --env sample/local
    ");
}

fn last_words(report: &Report, services: &[Status]) -> String {
    let report = Report { steps: 0, downtime_ms: None, ..report.clone() };
    plain(&narrator(Level::Normal).result(&report, services))
}

#[test]
fn json_lines_of_events_say_when_and_of_which_environment() {
    use crate::cli::json::{Origin, Told};
    let environment = samples::environment();
    let origin = Origin::new(samples::time(), Some(&environment));
    let mut lines = String::new();
    for event in [
        planned(),
        Event::Output { line: "x".into() },
        finished(2, 12, "pid 123"),
        Event::RollingBack { to: None },
        Event::Report(samples::report(Outcome::Deployed)),
    ] {
        lines += &serde_json::to_string(&Told::new(&event, origin)).unwrap();
        lines.push('\n');
    }
    insta::assert_snapshot!(lines, @r#"
    {"event":"plan","count":3,"from":null,"to":"20261121T011037Z-aaaaaaa","reasons":["nothing is deployed yet"],"time":"2026-11-21T01:10:37.000Z","app":"sample","environment":"local"}
    {"event":"output","line":"x","time":"2026-11-21T01:10:37.000Z","app":"sample","environment":"local"}
    {"event":"step-finished","index":2,"duration_ms":12,"note":"pid 123","time":"2026-11-21T01:10:37.000Z","app":"sample","environment":"local"}
    {"event":"rolling-back","to":null,"time":"2026-11-21T01:10:37.000Z","app":"sample","environment":"local"}
    {"event":"report","operation":"deploy","outcome":"deployed","release":"20261121T011037Z-aaaaaaa","previous":null,"commit":null,"source":{"path":{"dir":"/src","content":"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}},"failed":null,"error":null,"steps":9,"duration_ms":2345,"downtime_ms":41,"sync_ms":38,"evidence":null,"time":"2026-11-21T01:10:37.000Z","app":"sample","environment":"local"}
    "#);
}

#[test]
fn a_warning_names_commands_as_they_are_typed() {
    let hint = hint!("look at ", hint::command_for("status", "live"), " and `/etc/x`");
    let warning = Event::Warning { message: "`deploy` has changed".into(), hint };
    let said = narrator(Level::Normal).tell(&warning);
    insta::assert_snapshot!(plain(&said), @"
    deploy sample/local
      warning: `deploy` has changed (look at `cargo xtask status --env live` and `/etc/x`)
    ");
}

#[test]
fn what_an_uninstallation_left_is_said_with_what_to_do() {
    let (operation, outcome) = (Operation::Uninstall, Outcome::Deployed);
    let left = vec!["remove /opt/shop/live/cache with all in it".to_owned()];
    let report = Report { operation, outcome, left, ..samples::report(outcome) };
    insta::assert_snapshot!(plain(&narrator(Level::Normal).result(&report, &[])), @"
    ✗ sample/local is uninstalled, but for what is left — 9 steps in 2.3 s (38 ms of it syncing), not answering for 41 ms
      still to be done: remove /opt/shop/live/cache with all in it
      next: mend what is in the way, then run it again
    ");
}
