//! The checks of `cargo xtask ci`. Asks cargo which test binaries there are, and the machine which
//! tools it has; runs no check.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::Value;
use xshell::{Cmd, Shell, cmd};

/// The sample service: a package of its own, outside of the workspace.
const SAMPLE: &str = "helionyx-deploy/examples/sample/Cargo.toml";
/// Where it is built, so that the two do not build each other's dependencies anew.
const SAMPLE_TARGET: &str = "target/sample";
/// The test binaries that need root.
const NEED_ROOT: [&str; 2] = ["node", "sweep"];
/// `sudo`, where it asks nothing.
const SUDO: [&str; 3] = ["sudo", "--non-interactive", "--preserve-env"];

/// A check: its name and what is run.
pub struct Check {
    /// By what `ci NAME` chooses it.
    pub name: String,
    variable: Option<(&'static str, &'static str)>,
    words: Vec<String>,
}

/// A tool that is not part of Rust: its checks run where it is installed.
pub struct Tool {
    /// The program.
    pub program: &'static str,
    /// What it is given.
    pub args: &'static [&'static str],
    /// What installs it.
    pub install: &'static str,
}

const TOOLS: [Tool; 3] = [
    Tool {
        program: "cargo-deny",
        args: &["--all-features", "check", "bans", "licenses", "sources"],
        install: "cargo install --locked cargo-deny",
    },
    Tool {
        program: "cargo-machete",
        args: &["--skip-target-dir"],
        install: "cargo install --locked cargo-machete",
    },
    Tool { program: "typos", args: &[], install: "cargo install --locked typos-cli" },
];

/// All checks that this machine can run, and the tools that it lacks for others.
///
/// # Errors
/// When cargo does not say which test binaries there are.
pub fn all(shell: &Shell) -> Result<(Vec<Check>, Vec<&'static Tool>)> {
    let mut checks = lints();
    checks.extend(tests(shell)?);
    checks.push(Check {
        variable: Some(("RUSTDOCFLAGS", "-D warnings")),
        ..check("doc", "cargo doc --locked --workspace --no-deps")
    });
    let (there, missing): (Vec<_>, Vec<_>) =
        TOOLS.iter().partition(|tool| is_installed(shell, tool.program));
    checks.extend(there.into_iter().map(|tool| {
        let words = std::iter::once(&tool.program).chain(tool.args).map(|word| (*word).to_owned());
        Check { name: tool.program.to_owned(), variable: None, words: words.collect() }
    }));
    Ok((checks, missing))
}

impl Check {
    /// What is run.
    pub fn command<'s>(&self, shell: &'s Shell) -> Cmd<'s> {
        let mut words = self.words.iter();
        let program = words.next().map(String::as_str).unwrap_or_default();
        shell.cmd(program).args(words).envs(self.variable)
    }

    /// The same as one types it into a shell.
    pub fn command_line(&self) -> String {
        let variable = self.variable.map(|(name, value)| format!("{name}={}", quoted(value)));
        let words = self.words.iter().map(|word| quoted(word));
        variable.into_iter().chain(words).collect::<Vec<_>>().join(" ")
    }

    fn with(mut self, words: &[&str]) -> Check {
        self.words.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }
}

/// A check whose words have no blanks in them.
fn check(name: &str, words: &str) -> Check {
    let words = words.split_ascii_whitespace().map(str::to_owned).collect();
    Check { name: name.to_owned(), variable: None, words }
}

fn lints() -> Vec<Check> {
    let sample = ["--manifest-path", SAMPLE, "--target-dir", SAMPLE_TARGET];
    let strict = ["--", "-D", "warnings"];
    vec![
        check("fmt", "cargo fmt --all --check"),
        check("fmt sample", "cargo fmt --check --manifest-path").with(&[SAMPLE]),
        check("clippy", "cargo clippy --locked --workspace --all-targets").with(&strict),
        check(
            "clippy without features",
            "cargo clippy --locked -p helionyx-deploy --no-default-features --lib",
        )
        .with(&strict),
        check("clippy sample", "cargo clippy --locked --all-targets").with(&sample).with(&strict),
        check("generated files", "cargo xtask render-units --check"),
    ]
}

/// Each test binary on its own: one that fails keeps no other from being run. All are chosen from the
/// whole workspace, so that nothing is built twice with other features.
fn tests(shell: &Shell) -> Result<Vec<Check>> {
    let test = |name: &str, words: &[&str]| {
        check(name, "cargo test --locked --no-fail-fast --workspace").with(words)
    };
    let metadata = cmd!(shell, "cargo metadata --locked --no-deps --format-version 1");
    let metadata = metadata.quiet().read().context("failed to ask cargo for all tests")?;
    let runner = root_runner(shell);
    let mut checks = vec![test("test lib and bins", &["--lib", "--bins"])];
    for binary in test_binaries(&serde_json::from_str(&metadata)?) {
        let as_root = runner.iter().filter(|_| NEED_ROOT.contains(&&*binary));
        let config: Vec<&str> = as_root.flat_map(|runner| ["--config", runner]).collect();
        checks.push(test(&format!("test {binary}"), &["--test", &binary]).with(&config));
    }
    checks.push(test("test doc", &["--doc"]));
    checks.push(Check {
        variable: Some(("PROPTEST_CASES", "100000")),
        ..test("test what is read back, 100,000 cases each", &["--test", "it", "written"])
    });
    let sample = ["--manifest-path", SAMPLE, "--target-dir", SAMPLE_TARGET];
    checks.push(check("test sample", "cargo test --locked --no-fail-fast").with(&sample));
    Ok(checks)
}

/// The names of all integration tests, from `cargo metadata`.
fn test_binaries(metadata: &Value) -> BTreeSet<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let targets = list(&metadata["packages"]).into_iter().flat_map(|one| list(&one["targets"]));
    let tests = targets.filter(|target| list(&target["kind"]).contains(&"test".into()));
    tests.filter_map(|target| target["name"].as_str().map(str::to_owned)).collect()
}

/// How cargo runs as root what needs it: by sudo, where that asks nothing. Elsewhere these tests say
/// what they lack.
fn root_runner(shell: &Shell) -> Option<String> {
    let is_root = cmd!(shell, "id -u").quiet().read().is_ok_and(|id| id == "0");
    let [sudo, args @ ..] = SUDO;
    let may = || cmd!(shell, "{sudo} {args...} true").quiet().ignore_stderr().run().is_ok();
    (!is_root && may()).then(|| format!("target.\"cfg(unix)\".runner = {SUDO:?}"))
}

fn is_installed(shell: &Shell, program: &str) -> bool {
    cmd!(shell, "{program} --version").quiet().ignore_stderr().read().is_ok()
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_of_every_package_is_a_check() {
        let metadata = serde_json::json!({"packages": [
            {"targets": [
                {"kind": ["lib"], "name": "one"},
                {"kind": ["test"], "name": "it"},
            ]},
            {"targets": [
                {"kind": ["test"], "name": "node"},
                {"kind": ["bin"], "name": "two"},
                {"kind": ["test"], "name": "it"},
            ]},
        ]});
        assert_eq!(test_binaries(&metadata).into_iter().collect::<Vec<_>>(), ["it", "node"]);
    }

    #[test]
    fn a_command_line_is_what_one_types() {
        let runner = format!("target.\"cfg(unix)\".runner = {SUDO:?}");
        let check = check("x", "cargo test --test node").with(&["--config", &runner]);
        let check = Check { variable: Some(("FLAGS", "-D warnings")), ..check };
        assert_eq!(
            check.command_line(),
            "FLAGS='-D warnings' cargo test --test node --config \
             'target.\"cfg(unix)\".runner = [\"sudo\", \"--non-interactive\", \"--preserve-env\"]'"
        );
    }
}
