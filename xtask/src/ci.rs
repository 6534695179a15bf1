//! `cargo xtask ci`: what CI, the hooks and people run. Runs all checks, then says which failed.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use xshell::{Cmd, Shell, cmd};

use crate::workspace::{root, say};

/// The sample service: a package of its own, outside of the workspace.
const SAMPLE: &str = "helionyx-deploy/examples/sample/Cargo.toml";
/// Where it is built, so that the two do not build each other's dependencies anew.
const SAMPLE_TARGET: &str = "target/sample";

/// Runs what CI runs: format, lints, generated files, tests, documentation.
///
/// Runs every check also when one before it failed, and ends with a summary; exits 1 when one
/// failed.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} ci
  {program} ci clippy        only the checks that have `clippy` in their name")]
pub struct Ci {
    /// Only checks that have this in their name
    only: Option<String>,
}

/// A check: its name and what is run.
struct Check<'s> {
    name: &'static str,
    command: Cmd<'s>,
}

/// A tool that is not part of Rust: its checks run where it is installed.
struct Tool {
    /// The program.
    program: &'static str,
    /// What it is given.
    args: &'static [&'static str],
    /// What installs it.
    install: &'static str,
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

impl Ci {
    /// Runs the checks; the exit code says whether all were well.
    pub fn run(&self) -> ExitCode {
        match self.checks() {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                say(&format!("error: {error:#}"));
                ExitCode::FAILURE
            }
        }
    }

    fn checks(&self) -> Result<bool> {
        let shell = Shell::new()?;
        shell.change_dir(root()?);
        let mut results = Vec::new();
        let mut missing = Vec::new();
        for check in checks(&shell) {
            results.extend(self.one(check));
        }
        for tool in &TOOLS {
            let (name, args) = (tool.program, tool.args);
            match is_installed(&shell, name) {
                true => {
                    let command = cmd!(shell, "{name} {args...}");
                    results.extend(self.one(Check { name, command }));
                }
                false => missing.push(tool),
            }
        }
        Ok(summary(&results, &missing))
    }

    fn one(&self, check: Check<'_>) -> Option<(&'static str, bool, Duration)> {
        if self.only.as_ref().is_some_and(|only| !check.name.contains(only.as_str())) {
            return None;
        }
        say(&format!("\n== {}: {}", check.name, check.command));
        let begin = now();
        let good = check.command.quiet().run().is_ok();
        let took = begin.elapsed();
        let verdict = if good { "ok" } else { "FAILED" };
        say(&format!("== {}: {verdict} in {:.1} s", check.name, took.as_secs_f64()));
        Some((check.name, good, took))
    }
}

fn checks(shell: &Shell) -> Vec<Check<'_>> {
    let apart = nodes_as_root(shell);
    let mut checks = usual(shell, apart.is_some().then_some(("HELIONYX_NODES", "apart")));
    checks.extend(apart);
    checks
}

/// The tests on nodes and the sweeps need root, all others do not: a check of its own where sudo asks nothing.
/// Elsewhere they say what they lack.
fn nodes_as_root(shell: &Shell) -> Option<Check<'_>> {
    let sudo = ["--non-interactive", "--preserve-env"];
    let is_root = cmd!(shell, "id -u").quiet().read().is_ok_and(|id| id == "0");
    let may = || cmd!(shell, "sudo {sudo...} true").quiet().ignore_stderr().run().is_ok();
    if is_root || !may() {
        return None;
    }
    let runner =
        format!("target.\"cfg(unix)\".runner = [\"sudo\", \"{}\", \"{}\"]", sudo[0], sudo[1]);
    let tests = ["--test", "node", "--test", "sweep"];
    let command = cmd!(shell, "cargo test --locked -p xtask {tests...} --config {runner}");
    Some(Check { name: "test nodes and sweeps", command })
}

fn usual<'s>(shell: &'s Shell, apart: Option<(&str, &str)>) -> Vec<Check<'s>> {
    let check = |name, command| Check { name, command };
    let sample = ["--manifest-path", SAMPLE, "--target-dir", SAMPLE_TARGET];
    let (no_warnings, locked) = (["--", "-D", "warnings"], "--locked");
    vec![
        check("fmt", cmd!(shell, "cargo fmt --all --check")),
        check("fmt sample", cmd!(shell, "cargo fmt --manifest-path {SAMPLE} --check")),
        check(
            "clippy",
            cmd!(shell, "cargo clippy {locked} --workspace --all-targets {no_warnings...}"),
        ),
        check(
            "clippy without features",
            cmd!(
                shell,
                "cargo clippy {locked} -p helionyx-deploy --no-default-features --lib {no_warnings...}"
            ),
        ),
        check(
            "clippy sample",
            cmd!(shell, "cargo clippy {locked} {sample...} --all-targets {no_warnings...}"),
        ),
        check("generated files", cmd!(shell, "cargo xtask render-units --check")),
        check("test", cmd!(shell, "cargo test {locked} --workspace").envs(apart)),
        check(
            "test what is read back, 100,000 cases each",
            cmd!(
                shell,
                "cargo test {locked} -p helionyx-deploy -p systemd-unit-file --test it written"
            )
            .env("PROPTEST_CASES", "100000"),
        ),
        check("test sample", cmd!(shell, "cargo test {locked} {sample...}")),
        check(
            "doc",
            cmd!(shell, "cargo doc {locked} --workspace --no-deps")
                .env("RUSTDOCFLAGS", "-D warnings"),
        ),
    ]
}

fn is_installed(shell: &Shell, program: &str) -> bool {
    cmd!(shell, "{program} --version").quiet().ignore_stderr().read().is_ok()
}

fn summary(results: &[(&'static str, bool, Duration)], missing: &[&Tool]) -> bool {
    say("\n== summary");
    for (name, good, took) in results {
        let verdict = if *good { "ok    " } else { "FAILED" };
        say(&format!("{verdict} {:>7.1} s  {name}", took.as_secs_f64()));
    }
    for tool in missing {
        say(&format!("skipped            {}: get it with `{}`", tool.program, tool.install));
    }
    !results.is_empty() && results.iter().all(|(_, good, _)| *good)
}

#[expect(clippy::disallowed_methods, reason = "a task of developers, not the library")]
fn now() -> Instant {
    Instant::now()
}
