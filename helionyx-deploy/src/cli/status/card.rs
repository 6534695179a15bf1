//! One service as a card, in the words of `systemctl status`. No I/O.

use crate::cli::failure::help_line;
use crate::cli::style::{
    BAD, DIM, GOOD, Glyphs, PLAIN, STRONG, WARN, bytes, duration, paint, time,
};
use crate::hint;
use crate::status::{RunState, Status};
use crate::time::Timestamp;

/// The card of a service.
pub(super) fn render(service: &Status, now: Timestamp, glyphs: Glyphs, program: &str) -> String {
    let title = format!("{}/{}", service.app, service.environment);
    let unit = paint(DIM, format!("{} {}", glyphs.dash, service.unit));
    let mut text = format!("{} {} {unit}\n", mark(service, glyphs), paint(STRONG, title));
    for (name, value) in fields(service, now) {
        text += &format!("{name:>11}: {value}\n");
    }
    for finding in &service.findings {
        let code = paint(DIM, format!("[{}]", finding.code));
        text += &format!("{} {} {code}\n", paint(WARN, "warning:"), finding.message);
        text += &help_line(&finding.hint, program);
    }
    if service.state == RunState::NotInstalled {
        let id = format!("{}/{}", service.app, service.environment);
        let hint = match service.supervisor.needs_setup() {
            true => hint!(
                "run ",
                hint::command_for("setup", &id),
                ", which says what is to be done before a deploy"
            ),
            false => hint!("run ", hint::command_for("deploy", &id)),
        };
        text += &help_line(&hint, program);
    }
    text
}

/// Good, bad or to be noted.
pub(super) fn mark(service: &Status, glyphs: Glyphs) -> String {
    match service.state {
        _ if service.is_good() => paint(GOOD, glyphs.good),
        RunState::NotInstalled => paint(DIM, glyphs.note),
        _ => paint(BAD, glyphs.bad),
    }
}

fn fields(service: &Status, now: Timestamp) -> Vec<(&'static str, String)> {
    let installed = service.state != RunState::NotInstalled;
    let mut fields = vec![("Loaded", loaded(service)), ("Active", active(service, now))];
    let mut add = |name, value: Option<String>| {
        fields.extend(value.filter(|_| installed).map(|value| (name, value)));
    };
    add("Release", service.release.as_ref().map(ToString::to_string));
    let running = service.running_release.as_ref();
    add(
        "Running",
        running
            .filter(|_| running != service.release.as_ref())
            .map(|running| paint(BAD, format!("{running}, which is not the release in use"))),
    );
    add("Source", service.source.clone());
    add("Health", health(service));
    add("Port", service.port.map(|port| port.to_string()));
    add("PID", service.pid.map(|pid| pid.to_string()));
    add("Memory", service.pid.map(|_| bytes(service.memory_bytes)));
    add("Restarts", service.pid.map(|_| service.restarts.to_string()));
    fields
}

fn loaded(service: &Status) -> String {
    let enabled = if service.enabled { "enabled" } else { "disabled" };
    match service.state {
        RunState::NotInstalled => "not-found (nothing is deployed)".to_owned(),
        RunState::Running | RunState::Stopped | RunState::Starting | RunState::Failed => {
            format!("loaded ({}; {enabled})", service.supervisor.name())
        }
    }
}

fn active(service: &Status, now: Timestamp) -> String {
    match (service.state, service.since) {
        (RunState::Running, Some(since)) => {
            let (running, ago) = (paint(GOOD, "active (running)"), duration(now.since(since)));
            format!("{running} since {}; {ago} ago", time(since))
        }
        (RunState::Running, None) => paint(GOOD, "active (running)"),
        (RunState::Starting, _) => paint(WARN, "activating"),
        (RunState::Failed, _) => paint(BAD, "failed"),
        (RunState::Stopped, _) => paint(BAD, "inactive (dead)"),
        (RunState::NotInstalled, _) => paint(PLAIN, "inactive (dead)"),
    }
}

/// The verdict of the probes in words; none where there are none.
pub(super) fn health(service: &Status) -> Option<String> {
    Some(match (service.healthy, service.ready) {
        (_, Some(true)) => paint(GOOD, "healthy, ready"),
        (Some(true), _) => paint(WARN, "healthy, not ready"),
        (Some(false), _) => paint(BAD, "not healthy"),
        (None, _) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{samples, style};
    use crate::status::StatusFinding;

    fn plain(service: &Status) -> String {
        let text = render(service, samples::later(), style::UNICODE, "cargo xtask");
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn a_healthy_service_reads_like_systemctl_status() {
        let text = plain(&samples::status());
        assert!(text.contains("Loaded: loaded"), "(HEL-54)");
        assert!(text.contains("Active: active (running) since"), "(HEL-54)");
        insta::assert_snapshot!(text, @r"
        ✓ sample/local — web
             Loaded: loaded (embedded runtime; disabled)
             Active: active (running) since 2026-11-21 01:10:37 UTC; 3 min 12 s ago
            Release: 20261121T011037Z-aaaaaaa
             Source: /src (content 2d71164)
             Health: healthy, ready
               Port: 18080
                PID: 123
             Memory: 3.2 MB
           Restarts: 0
        ");
    }

    #[test]
    fn a_service_that_was_never_deployed_says_what_to_do() {
        let nothing = Status {
            state: RunState::NotInstalled,
            release: None,
            running_release: None,
            source: None,
            healthy: None,
            ready: None,
            pid: None,
            since: None,
            memory_bytes: 0,
            ..samples::status()
        };
        insta::assert_snapshot!(plain(&nothing), @r"
        • sample/local — web
             Loaded: not-found (nothing is deployed)
             Active: inactive (dead)
          help: run `cargo xtask deploy --env sample/local`
        ");
    }

    #[test]
    fn findings_come_with_what_to_type() {
        let finding = StatusFinding {
            code: "stale-process",
            message: "pid 123 of web runs from no known release, not from current".into(),
            hint: hint!("run ", hint::command_for("restart", "sample/local")),
        };
        let stale = Status {
            running_release: Some(samples::release("bbbbbbb")),
            ready: Some(false),
            findings: vec![finding],
            ..samples::status()
        };
        insta::assert_snapshot!(plain(&stale), @r"
        ✗ sample/local — web
             Loaded: loaded (embedded runtime; disabled)
             Active: active (running) since 2026-11-21 01:10:37 UTC; 3 min 12 s ago
            Release: 20261121T011037Z-aaaaaaa
            Running: 20261121T011037Z-bbbbbbb, which is not the release in use
             Source: /src (content 2d71164)
             Health: healthy, not ready
               Port: 18080
                PID: 123
             Memory: 3.2 MB
           Restarts: 0
        warning: pid 123 of web runs from no known release, not from current [stale-process]
          help: run `cargo xtask restart --env sample/local`
        ");
    }
}
