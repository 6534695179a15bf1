//! What is to be done on a host that was just set up. Reads the host.

use crate::cli::style::{COMMAND, paint};
use crate::hint;
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
    let check = hint::command(["env-file", "check", path.as_str(), "--env", &id]);
    let then = hint!(check, ", ", hint::command_for("deploy", &id));
    match missing.is_empty() {
        true if found.current != Current::Missing => String::new(),
        true => format!("  next: {}\n", paint(COMMAND, format!("{program} deploy --env {id}"))),
        false => format!(
            "  next: fill in {} in {path}, then {}\n",
            missing.join(", "),
            then.shown(program)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;
    use crate::host::FakeHost;

    #[test]
    fn setup_says_which_secrets_are_to_be_filled_in_and_then_to_deploy() {
        let mut environment = samples::environment();
        environment.variables.insert("TOKEN".parse().unwrap(), samples::secret());
        let (host, path) = (FakeHost::default(), environment.layout.secrets());
        let said = |host: &FakeHost| {
            let said = after_setup(host, &environment, "cargo xtask");
            anstream::adapter::strip_str(&said).to_string()
        };
        host.create_dir(&environment.layout.shared(), 0o750).unwrap();
        host.write(&path, b"TOKEN=your_token_here\n", 0o600).unwrap();
        let fill_in = format!("  next: fill in TOKEN in {path}, then `cargo xtask env-file check");
        assert!(said(&host).starts_with(&fill_in), "HEL-05: {}", said(&host));
        host.write(&path, b"TOKEN=hunter2\n", 0o600).unwrap();
        assert_eq!(said(&host), "  next: cargo xtask deploy --env sample/local\n");
    }
}
