//! What an environment needs on its host, looked at one by one: each look finds what it finds, and
//! none ends the others. Changes nothing.

use std::time::Duration;

use camino::Utf8Path;

use crate::event::chain;
use crate::host::Host;
use crate::model::{Environment, Severity, Source};
use crate::name::{HostName, Port};
use crate::observe;
use crate::plan::{Desired, Recipe, Refusal, Run, Target, Way, prerequisites, reach};
use crate::render::env_file;
use crate::source::{SourceError, Wish, resolve};
use crate::state::{Condition, HostState, Node};
use crate::status;

use super::{HostFinding, host_code as code};

/// The largest environment file that is read, in bytes.
const SECRETS_LIMIT: u64 = 1024 * 1024;

/// How long a connection to another machine may take.
const OUTBOUND: Duration = Duration::from_secs(3);

/// What to do where something cannot be looked at.
pub(super) const LOOK: &str = "mend it, or run the command as a user who may look at it";

/// What the environment lacks on its host.
pub(super) fn findings(host: &dyn Host, environment: &Environment) -> Vec<HostFinding> {
    let observed = observe::observe_whole(host, environment);
    let bytes = observed.as_ref().map_or(0, prerequisites::release_bytes);
    let looked = observe::prerequisites(host, environment);
    let missing = prerequisites::missing(environment, &looked, bytes);
    let mut findings: Vec<HostFinding> =
        missing.into_iter().map(|one| refused(environment, one)).collect();
    findings.extend(programs(host, environment));
    findings.extend(secrets(host, environment));
    findings.extend(journal(host, environment));
    let has = |code| move |one: &HostFinding| one.code == code;
    match observed {
        Ok(found) => {
            // What is missing is said already, and what follows from it need not be.
            let held = findings.iter().any(has(code::PORT_HELD));
            let hidden = findings.iter().any(has(code::MISSING_PROGRAM));
            let planned = plan(host, environment, &found).into_iter().filter(|one| {
                !(held && one.code == code::PORT_HELD || hidden && one.code == code::SOURCE)
            });
            findings.extend(planned);
            findings.extend(drift(environment, &found));
            findings.extend(damaged(environment, &found));
        }
        Err(_) if findings.iter().any(has(code::NO_SYSTEMD)) => {}
        Err(error) => {
            let place = error.subject.clone();
            findings.push(HostFinding::new("unreadable", &place, chain(&error), LOOK));
        }
    }
    findings
}

fn refused(environment: &Environment, refusal: Refusal) -> HostFinding {
    HostFinding::new(&refusal.code, &environment.id(), refusal.message, refusal.hint)
}

/// What is deployed and is not as it was sealed or started. That a service is stopped or sick is a
/// matter of `status`.
fn drift(environment: &Environment, found: &HostState) -> Vec<HostFinding> {
    let place = environment.layout.root.as_str();
    let mut drifts: Vec<HostFinding> = Vec::new();
    for service in status::status(environment, found) {
        let drifted = service.findings.into_iter().filter(|one| code::DRIFT.contains(&one.code));
        let drifted = drifted.map(|one| HostFinding::new(one.code, place, one.message, one.hint));
        // What is wrong with the environment as a whole every service says.
        let new: Vec<_> = drifted.filter(|drift| !drifts.contains(drift)).collect();
        drifts.extend(new);
    }
    drifts
}

/// Releases that are not in use and cannot be gone back to, because they are not as they were sealed.
fn damaged(environment: &Environment, found: &HostState) -> Vec<HostFinding> {
    let others = found.releases.iter().filter(|(id, _)| found.current.release() != Some(*id));
    let damaged = others.filter_map(|(id, state)| match &state.condition {
        Condition::Damaged(what) => {
            let place = environment.layout.release(id);
            let message = format!("the release is damaged: {what}; a rollback cannot go to it");
            let hint = format!("run `releases --env {}`: it says where one goes", environment.id());
            let code = code::DAMAGED_RELEASE;
            let finding = HostFinding::new(code, place.as_str(), message, hint);
            Some(HostFinding { severity: Severity::Warning, ..finding })
        }
        Condition::Complete | Condition::Unfinished | Condition::Foreign => None,
    });
    damaged.collect()
}

/// A warning where a machine cannot be connected to over HTTPS.
pub(super) fn unreachable(host: &dyn Host, name: &HostName) -> Option<HostFinding> {
    let why = host.connects(name.as_str(), Port::try_from(443).ok()?, OUTBOUND).err()?;
    let message = format!("{name} cannot be reached over HTTPS: {why}");
    let hint = "look at the network, DNS and firewall; a deploy goes on without it";
    let finding = HostFinding::new(code::UNREACHABLE, name.as_str(), message, hint);
    Some(HostFinding { severity: Severity::Warning, ..finding })
}

/// Whether the logs of units outlive a reboot (HEL-59).
fn journal(host: &dyn Host, environment: &Environment) -> Option<HostFinding> {
    environment.units()?;
    let kept = Utf8Path::new("/var/log/journal");
    match host.node(kept) {
        Ok(Node::Directory { .. }) => None,
        _ => {
            let message = "the journal is kept in memory: a reboot ends what services wrote";
            let hint = format!("run `mkdir {kept} && systemctl restart systemd-journald`");
            let place = kept.as_str();
            let finding = HostFinding::new(code::VOLATILE_JOURNAL, place, message.to_owned(), hint);
            Some(HostFinding { severity: Severity::Warning, ..finding })
        }
    }
}

/// Programs of build steps that are not there.
fn programs(host: &dyn Host, environment: &Environment) -> Vec<HostFinding> {
    let bindings = environment.bindings(&environment.layout.root.join("releases/check"));
    let mut findings = Vec::new();
    let mut look = |program: &str, what: String| {
        // One inside of the release is made by a build step before.
        let path = Utf8Path::new(program);
        let is_ours = path.starts_with(&environment.layout.root);
        let missing = match program.contains('/') {
            true => path.is_absolute() && host.node(path).is_ok_and(|node| node == Node::Missing),
            false => which::which(program).is_err(),
        };
        let is_named = environment.requires.iter().any(|one| one.program == program);
        if !is_ours && missing && !is_named {
            let message = format!("{what} needs `{program}`, which is not here");
            let hint = format!("install {program}");
            findings.push(HostFinding::new(
                code::MISSING_PROGRAM,
                &environment.id(),
                message,
                hint,
            ));
        }
    };
    for build in &environment.builds {
        for command in std::iter::once(&build.run).chain(&build.then) {
            let program = command.first().map(|word| word.expand(&bindings)).unwrap_or_default();
            look(&program, format!("build step {}", build.name));
        }
    }
    findings
}

/// The operator's environment file: there, readable for nobody else, understood, complete.
fn secrets(host: &dyn Host, environment: &Environment) -> Vec<HostFinding> {
    if !environment.has_secrets() {
        return Vec::new();
    }
    let path = environment.layout.secrets();
    match host.node(&path) {
        // The first deploy makes it.
        Ok(Node::Missing) if is_new(host, environment) => Vec::new(),
        Ok(Node::File { mode, .. }) => {
            let mut findings = mode_of_secrets(&path, mode);
            findings.extend(content_of_secrets(host, environment, &path));
            findings
        }
        Ok(found) => {
            let message = format!("the secrets should be in a file, but here is {found}");
            let hint = "run `deploy`: it makes one to be filled in";
            vec![HostFinding::new(code::SECRETS_FILE, path.as_str(), message, hint)]
        }
        Err(error) => {
            vec![HostFinding::new(code::SECRETS_FILE, path.as_str(), chain(&error), LOOK)]
        }
    }
}

fn is_new(host: &dyn Host, environment: &Environment) -> bool {
    matches!(host.node(&environment.layout.root), Ok(Node::Missing))
}

fn mode_of_secrets(path: &Utf8Path, mode: u32) -> Vec<HostFinding> {
    if mode & 0o077 == 0 {
        return Vec::new();
    }
    let message = format!("others may look at the secrets: the mode is {mode:04o}");
    let hint = format!("run `chmod 600 {path}`");
    vec![HostFinding::new(code::SECRETS_MODE, path.as_str(), message, hint)]
}

/// What is wrong with it for this environment. A placeholder or a missing value is an error only
/// where the environment cannot do without (HEL-05).
fn content_of_secrets(
    host: &dyn Host,
    environment: &Environment,
    path: &Utf8Path,
) -> Vec<HostFinding> {
    match host.read(path, SECRETS_LIMIT) {
        Ok(bytes) => {
            let model = env_file::declared(environment);
            let findings = env_file::check(path.as_str(), &bytes, Some(&model));
            findings.into_iter().map(HostFinding::from).collect()
        }
        Err(error) => {
            vec![HostFinding::new(code::SECRETS_FILE, path.as_str(), chain(&error), LOOK)]
        }
    }
}

/// What would keep a deploy from beginning: the source, and what is in the way on the host.
fn plan(host: &dyn Host, environment: &Environment, found: &HostState) -> Vec<HostFinding> {
    let origin = match resolve(host, environment, &Wish::default()) {
        Ok(origin) => origin,
        Err(error) => return vec![source_finding(environment, &error)],
    };
    let recipe = Recipe { origin, at: host.now(), by: host.actor(), newer_than: None };
    let (target, run) = (Target::Built(recipe), Run::all());
    let desired = Desired { environment: environment.clone(), target, run, way: Way::Forward };
    let refusals = reach(&desired, found).err().unwrap_or_default();
    refusals.into_iter().map(|refusal| refused(environment, refusal)).collect()
}

fn source_finding(environment: &Environment, error: &SourceError) -> HostFinding {
    let place = match &environment.source {
        Source::Path { dir, .. } => dir.to_string(),
        Source::Artifact { file } => file.to_string(),
        Source::Git { url, .. } => url.clone(),
    };
    let hint = "mend the source, or what the model says of it below [source]";
    HostFinding::new(code::SOURCE, &place, chain(error), hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;
    use crate::host::{FakeHost, Files as _};

    #[test]
    fn secrets_are_looked_at_without_ever_being_shown() {
        let mut environment = samples::environment();
        let secret = samples::secret();
        environment.variables.insert("TOKEN".parse().unwrap(), secret);
        let path = environment.layout.secrets();
        for (content, mode, codes) in [
            ("TOKEN=hunter2\n", 0o600, vec![]),
            ("OTHER=hunter2\n", 0o600, vec!["env-missing-key", "env-unknown-key"]),
            ("TOKEN=your_token_here\n", 0o600, vec!["env-placeholder"]),
            ("TOKEN=hunter2\n", 0o644, vec!["secrets-mode"]),
            (
                "export TOKEN=hunter2\nTOKEN='hunter2\n",
                0o600,
                vec!["env-export", "env-unterminated-quote"],
            ),
        ] {
            let host = FakeHost::default();
            host.create_dir(&environment.layout.shared(), 0o750).unwrap();
            host.write(&path, content.as_bytes(), mode).unwrap();
            let findings = secrets(&host, &environment);
            let found: Vec<&str> = findings.iter().map(|finding| &*finding.code).collect();
            assert_eq!(found, codes, "{content:?}");
            assert!(!format!("{findings:?}").contains("hunter2"), "(ALL-04)");
        }
    }

    #[test]
    fn the_first_deploy_makes_the_file_of_the_secrets() {
        let mut environment = samples::environment();
        let secret = samples::secret();
        environment.variables.insert("TOKEN".parse().unwrap(), secret);
        let host = FakeHost::default();
        assert_eq!(secrets(&host, &environment), Vec::new());
        host.create_dir(&environment.layout.root, 0o755).unwrap();
        assert_eq!(secrets(&host, &environment).len(), 1);
    }

    #[test]
    fn a_machine_that_cannot_be_reached_is_a_warning_by_its_name() {
        let host = FakeHost::default();
        let name: HostName = "api.example.org".parse().unwrap();
        assert_eq!(unreachable(&host, &name), None, "HEL-04");
        host.cut_off("api.example.org");
        let finding = unreachable(&host, &name).unwrap();
        assert_eq!((&*finding.code, finding.severity), ("unreachable", Severity::Warning));
        assert_eq!(finding.place, "api.example.org", "HEL-04");
    }

    #[test]
    fn a_source_that_is_not_there_is_found_before_a_deploy_is_tried() {
        let findings = findings(&FakeHost::default(), &samples::environment());
        let [finding] = &findings[..] else { panic!("{findings:?}") };
        assert_eq!((&*finding.code, &*finding.place), ("source", "/src"));
    }
}
