//! What is to be done on a host that was just set up. Reads the host.

use crate::cli::style::{COMMAND, commands, paint};
use crate::host::Host;
use crate::model::Environment;
use crate::observe::observe;
use crate::state::Current;

/// The next step after `setup`: what of the secrets is to be filled in, or the first deploy; nothing
/// where something is deployed.
pub(super) fn after_setup(host: &dyn Host, environment: &Environment, program: &str) -> String {
    let (id, path) = (environment.id(), environment.layout.secrets());
    let Ok(found) = observe(host, environment) else { return String::new() };
    let missing: Vec<String> = found.missing_secrets.iter().map(ToString::to_string).collect();
    let check = format!("`env-file check {path} --env {id}`, `deploy --env {id}`");
    match missing.is_empty() {
        true if found.current != Current::Missing => String::new(),
        true => format!("  next: {}\n", paint(COMMAND, format!("{program} deploy --env {id}"))),
        false => format!(
            "  next: fill in {} in {path}, then {}\n",
            missing.join(", "),
            commands(&check, program)
        ),
    }
}
