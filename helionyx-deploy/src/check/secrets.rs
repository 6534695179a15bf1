//! The operator's environment file with the secrets: there, readable for nobody else, understood,
//! complete. Reads it, and shows no value.

use camino::Utf8Path;

use super::{HostFinding, code};
use crate::event::chain;
use crate::hint;
use crate::hint::Hint;
use crate::host::Host;
use crate::model::Environment;
use crate::operate::MEND_ACCESS;
use crate::render::env_file;
use crate::state::Node;

/// The largest environment file that is read, in bytes.
const LIMIT: u64 = 1024 * 1024;

/// What is wrong with the file.
pub(super) fn findings(host: &dyn Host, environment: &Environment) -> Vec<HostFinding> {
    if !environment.has_secrets() {
        return Vec::new();
    }
    let path = environment.layout.secrets();
    match host.node(&path) {
        // The first deploy makes it.
        Ok(Node::Missing) if is_new(host, environment) => Vec::new(),
        Ok(Node::File { mode, .. }) => {
            let mut findings = of_mode(&path, mode);
            findings.extend(of_content(host, environment, &path));
            findings
        }
        Ok(found) => {
            let message = format!("the secrets should be in a file, but here is {found}");
            let hint = hint::run("deploy", &environment.id());
            vec![not_a_file(&path, message, hint.and(": it makes one to be filled in"))]
        }
        Err(error) => vec![not_a_file(&path, chain(&error), MEND_ACCESS)],
    }
}

fn is_new(host: &dyn Host, environment: &Environment) -> bool {
    matches!(host.node(&environment.layout.root), Ok(Node::Missing))
}

fn of_mode(path: &Utf8Path, mode: u32) -> Vec<HostFinding> {
    if mode & 0o077 == 0 {
        return Vec::new();
    }
    let message = format!("others may look at the secrets: the mode is {mode:04o}");
    let hint = hint!("run ", hint::shell(["chmod", "600", path.as_str()]));
    vec![HostFinding::error(code::SECRETS_MODE, path.as_str(), message, hint)]
}

/// What is wrong with the content for this environment. A placeholder or a missing value is an error
/// only where the environment cannot do without (HEL-05).
fn of_content(host: &dyn Host, environment: &Environment, path: &Utf8Path) -> Vec<HostFinding> {
    match host.read(path, LIMIT) {
        Ok(bytes) => {
            let model = env_file::declared(environment);
            let findings = env_file::check(path.as_str(), &bytes, Some(&model));
            findings.into_iter().map(HostFinding::from).collect()
        }
        Err(error) => vec![not_a_file(path, chain(&error), MEND_ACCESS)],
    }
}

fn not_a_file(path: &Utf8Path, message: String, hint: impl Into<Hint>) -> HostFinding {
    HostFinding::error(code::SECRETS_FILE, path.as_str(), message, hint)
}
