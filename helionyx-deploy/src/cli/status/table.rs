//! Several services as a table, a line each. No I/O.

use crate::cli::failure::help_line;
use crate::cli::style::{BAD, DIM, GOOD, Glyphs, PLAIN, STRONG, WARN, age, bytes, columns, paint};
use crate::status::{RunState, Status};
use crate::time::Timestamp;

/// The table of several services, and below it what is wrong with them.
pub(super) fn render(services: &[Status], now: Timestamp, glyphs: Glyphs, program: &str) -> String {
    let titles = ["", "ENVIRONMENT", "UNIT", "STATE", "SINCE", "RELEASE", "HEALTH", "PORT", "PID"];
    let titles = titles.iter().chain(&["MEMORY"]);
    let mut rows = vec![titles.map(|title| (DIM, (*title).to_owned())).collect::<Vec<_>>()];
    rows.extend(services.iter().map(|service| row(service, now, glyphs)));
    let mut text = columns(&rows);
    for service in services {
        for finding in &service.findings {
            let id = format!("{}/{}", service.app, service.environment);
            let code = paint(DIM, format!("[{}]", finding.code));
            text += &format!("{} {id}: {} {code}\n", paint(WARN, "warning:"), finding.message);
            text += &help_line(&finding.hint, program);
        }
    }
    text
}

fn row(service: &Status, now: Timestamp, glyphs: Glyphs) -> Vec<(anstyle::Style, String)> {
    let or_dash = |value: Option<String>| (PLAIN, value.unwrap_or_else(|| "-".to_owned()));
    let (style, mark) = match service.state {
        _ if service.is_good() => (GOOD, glyphs.good),
        RunState::NotInstalled => (DIM, glyphs.note),
        _ => (BAD, glyphs.bad),
    };
    let state = match service.state {
        RunState::Running => "running",
        RunState::Stopped => "stopped",
        RunState::Starting => "starting",
        RunState::Failed => "failed",
        RunState::NotInstalled => "not installed",
    };
    let health = match (service.healthy, service.ready) {
        (_, Some(true)) => (GOOD, "ready"),
        (Some(true), _) => (WARN, "not ready"),
        (Some(false), _) => (BAD, "unhealthy"),
        (None, _) => (PLAIN, "-"),
    };
    vec![
        (style, mark.to_owned()),
        (STRONG, format!("{}/{}", service.app, service.environment)),
        (PLAIN, service.unit.to_string()),
        (PLAIN, state.to_owned()),
        or_dash(service.since.map(|since| age(now, since))),
        or_dash(service.release.as_ref().map(ToString::to_string)),
        (health.0, health.1.to_owned()),
        or_dash(service.port.map(|port| port.to_string())),
        or_dash(service.pid.map(|pid| pid.to_string())),
        or_dash(service.pid.map(|_| bytes(service.memory_bytes))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{samples, style};

    #[test]
    fn every_environment_has_its_own_line() {
        let stopped = Status {
            environment: "live".parse().unwrap(),
            state: RunState::Stopped,
            healthy: None,
            ready: None,
            pid: None,
            since: None,
            ..samples::status()
        };
        let services = [samples::status(), stopped];
        let text = render(&services, samples::later(), style::ASCII, "cargo xtask");
        let text = anstream::adapter::strip_str(&text).to_string();
        insta::assert_snapshot!(text, @r"
            ENVIRONMENT   UNIT  STATE    SINCE      RELEASE                   HEALTH  PORT   PID  MEMORY
        ok  sample/local  web   running  3 min ago  20261121T011037Z-aaaaaaa  ready   18080  123  3.2 MB
        !!  sample/live   web   stopped  -          20261121T011037Z-aaaaaaa  -       18080  -    -
        ");
    }
}
