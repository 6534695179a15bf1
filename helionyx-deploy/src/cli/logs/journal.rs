//! What units wrote, from the host's journal.

use crate::host::{Clock as _, Host as _};
use crate::model::Environment;
use crate::tool::journalctl::{self, Wanted};

use super::super::json::{Line, Origin};
use super::super::{Context, Failure, exit, signals};
use super::Logs;

/// What may be asked for.
const MEANINGS: &str = "times are e.g. `2026-11-21 14:00`, `yesterday` or `-2h` (systemd.time(7)); \
                        priorities are emerg, alert, crit, err, warning, notice, info and debug";

/// Shows the journal of an environment's units, one line after the other as they come.
///
/// # Errors
/// What journalctl says when it cannot.
pub(super) fn show(
    context: &mut Context<'_>,
    environment: &Environment,
    args: &Logs,
) -> Result<u8, Failure> {
    let services = environment.services.iter();
    let units: Vec<_> = services.filter_map(|service| environment.unit(&service.name)).collect();
    let wanted = Wanted {
        lines: args.lines,
        since: args.since.clone(),
        priority: args.priority.clone(),
        follow: args.follow,
    };
    if args.follow {
        signals::watch(&context.interrupt)?;
    }
    let Context { screen, host, .. } = context;
    let host = &*host;
    let output = host.run(&journalctl::read(&units, &wanted), &mut |line| {
        if screen.is_json() {
            let body = serde_json::json!({ "line": line });
            screen.line(&Line::new("log", Origin::new(host.now(), Some(environment)), body));
        } else {
            screen.raw(format!("{line}\n").as_bytes());
        }
    })?;
    if output.status.success() || host.interrupted() {
        return Ok(exit::DONE);
    }
    let said = output.tail(2).join("; ");
    Err(match journalctl::misunderstood(&output.text) {
        Some(option) => Failure::new(exit::USAGE, format!("{option}: {said}"), MEANINGS),
        None => Failure::new(exit::FAILED, format!("journalctl failed: {said}"), ""),
    })
}
