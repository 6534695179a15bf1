//! `logs`: what services wrote, shown as the engine tells it.

use std::sync::atomic::Ordering;

use clap::Args;

use crate::event::chain;
use crate::host::Clock as _;
use crate::logs::{LogError, LogEvent, LogQuery, ServiceLog, Since, logs};
use crate::name::ServiceName;

use super::change::Site;
use super::json::{Line, Origin};
use super::screen::Screen;
use super::{Context, Failure, Models, exit, signals};

/// What may be asked for.
const MEANINGS: &str = "times are e.g. `2026-11-21 14:00`, `yesterday` or `-2h` (systemd.time(7)); \
                        priorities are emerg, alert, crit, err, warning, notice, info and debug";

/// Shows what services wrote: the last lines, and then, with -f, what they write.
///
/// Of what systemd runs it is what the journal has, with times; the embedded runtime keeps plain
/// lines without time or priority: there is nothing that `--since` or `-p` could choose by.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} logs --env local
  {program} logs --env local -n 200 | grep -i error
  {program} logs --env local -f
  {program} logs --env live --since '1 hour ago' -p warning")]
pub struct Logs {
    #[command(flatten)]
    site: Site,
    /// How many lines of each service at most
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    lines: usize,
    /// Go on with what is written, until interrupted
    #[arg(short, long)]
    follow: bool,
    /// Lines since a time, in journalctl's words; not of the embedded runtime, which keeps no times
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Lines of this priority or worse, e.g. warning; not of the embedded runtime
    #[arg(short, long, value_name = "PRIORITY")]
    priority: Option<String>,
}

impl Logs {
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        let models = Models::load(context.global)?;
        let environment = models.here(self.site.env.as_deref(), &context.machine())?;
        if self.follow {
            signals::watch(&context.interrupt)?;
        }
        let Context { screen, host, interrupt, .. } = context;
        let host = &*host;
        let mut several = false;
        logs(host, environment, &self.query(), &mut |event| {
            match event {
                LogEvent::Files { files } => {
                    several = files.len() > 1;
                    tell_of_nothing(screen, &files);
                }
                LogEvent::Line { service, bytes } if screen.is_json() => {
                    let origin = Origin::new(host.now(), Some(environment));
                    screen.line(&Line::new("log", origin, body(service.as_ref(), &bytes)));
                }
                LogEvent::Line { service, bytes } => {
                    screen.raw(&text(service.as_ref().filter(|_| several), &bytes));
                }
            }
            if screen.is_closed() {
                // Nobody looks on any more.
                interrupt.store(true, Ordering::Relaxed);
            }
        })?;
        Ok(exit::DONE)
    }

    fn query(&self) -> LogQuery {
        LogQuery {
            lines: self.lines,
            since: self.since.clone().map(Since::Time),
            priority: self.priority.clone(),
            follow: self.follow,
        }
    }
}

/// Says that nothing was written yet, where that is so.
fn tell_of_nothing(screen: &mut Screen, files: &[ServiceLog]) {
    if files.iter().all(|file| !file.exists) {
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let paths = paths.join(", ");
        screen.aside(&format!("nothing was written yet: there is no {paths}\n"));
    }
}

/// A line as JSON has it. The system's journal has the service in the line.
fn body(service: Option<&ServiceName>, bytes: &[u8]) -> serde_json::Value {
    let line = String::from_utf8_lossy(bytes);
    match service {
        Some(service) => serde_json::json!({ "service": service, "line": line }),
        None => serde_json::json!({ "line": line }),
    }
}

/// A line as it was written, behind the service where several have logs.
fn text(service: Option<&ServiceName>, bytes: &[u8]) -> Vec<u8> {
    let mut text = service.map(|service| format!("{service} | ")).unwrap_or_default().into_bytes();
    text.extend(bytes);
    text.push(b'\n');
    text
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Failure {
        let (code, hint) = match &error {
            LogError::Host(_) | LogError::Journal { .. } => (exit::FAILED, ""),
            LogError::NotKept { .. } => (exit::USAGE, "choose by number, with -n"),
            LogError::NotUnderstood { .. } => (exit::USAGE, MEANINGS),
        };
        Failure::new(code, chain(&error), hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_its_service_where_several_have_logs() {
        let web: ServiceName = "web".parse().unwrap();
        assert_eq!(text(Some(&web), b"started \xff"), b"web | started \xff\n");
        assert_eq!(text(None, b"started"), b"started\n");
        assert_eq!(body(Some(&web), b"x").to_string(), r#"{"line":"x","service":"web"}"#);
        assert_eq!(body(None, b"x\xff").to_string(), "{\"line\":\"x\u{fffd}\"}");
    }

    #[test]
    fn what_was_asked_wrongly_is_a_usage_error() {
        use crate::logs::Filter;
        let (filter, said) = (Filter::Since, "no such time".to_owned());
        let environment = "sample/local".to_owned();
        for (error, code) in [
            (LogError::NotKept { filter, environment }, exit::USAGE),
            (LogError::NotUnderstood { filter, said: said.clone() }, exit::USAGE),
            (LogError::Journal { said }, exit::FAILED),
        ] {
            assert_eq!(Failure::from(error).code, code);
        }
    }
}
