//! Secrets that somebody has filled in where everybody can read them: in an example. No I/O.

use super::super::grammar::{self, Key, Systemd};
use super::{Finding, Issue, code, found, is_placeholder};
use crate::hint;

/// The values of these secrets in a file that is checked in, which are no placeholders.
#[must_use]
pub fn pasted(file: &str, bytes: &[u8], secrets: &[&str]) -> Vec<Finding> {
    let read = grammar::read(bytes, Systemd::V257);
    let mut issues = Vec::new();
    for assignment in &read.assignments {
        let (Key::Name(name), Some(value)) = (&assignment.key, &assignment.value) else { continue };
        let value = value.expose();
        if !secrets.contains(&name.as_str()) || value.trim().is_empty() || is_placeholder(value) {
            continue;
        }
        let problem = "a secret has a value here, where everybody can read it";
        let hint = hint!(
            "change the secret, and run ",
            hint::shell(["cargo", "xtask", "render-units"]),
            "; its value belongs in `shared/.env` on the host"
        );
        let issue = Issue::error(assignment.value_at, code::SECRET_IN_EXAMPLE, problem, hint);
        issues.push(issue.of(name));
    }
    found(file, bytes, issues)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_secrets_with_values_are_found_and_never_shown() {
        let text =
            b"# TOKEN=x\nTOKEN=hunter2\nKEY=your_key_here\nOTHER=hunter2\nKEY=\nKEY='hunter2'\n";
        let found = pasted(".env.dev.example", text, &["TOKEN", "KEY"]);
        let places: Vec<_> = found.iter().map(|found| found.place.to_string()).collect();
        assert_eq!(places, [".env.dev.example:2:7", ".env.dev.example:6:5"]);
        assert!(!format!("{found:?}").contains("hunter2"), "(ALL-04)");
    }
}
