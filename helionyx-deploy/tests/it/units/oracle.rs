//! The machine's own `systemd-analyze`, where there is one.

/// What a program wrote, and whether it was content.
pub struct Said {
    /// Standard output and error, as they came.
    pub text: String,
    /// Whether it ended with 0.
    pub is_success: bool,
}

/// Says aloud that a test cannot run here. In CI that is a failure: CI installs what it needs.
pub fn skipped(missing: &str) {
    let text = format!("SKIPPED: it needs {missing}");
    assert!(std::env::var_os("CI").is_none(), "{text}");
    eprintln!("{text}");
}

/// What `systemd-analyze` says; none where it is not installed.
pub fn analyze(args: &[&str]) -> Option<Said> {
    if which::which("systemd-analyze").is_err() {
        skipped("`systemd-analyze` (Debian: apt-get install systemd)");
        return None;
    }
    Some(said(duct::cmd("systemd-analyze", ["--man=no"].iter().chain(args))))
}

/// What a script says in a mount namespace of its own; none where there cannot be one.
pub fn in_a_namespace(script: &str, args: &[String]) -> Option<Said> {
    for (program, package) in [("systemd-analyze", "systemd"), ("unshare", "util-linux")] {
        if which::which(program).is_err() {
            skipped(&format!("`{program}` (Debian: apt-get install {package})"));
            return None;
        }
    }
    if !said(duct::cmd!("unshare", "--mount", "true")).is_success {
        skipped("the right to make a mount namespace");
        return None;
    }
    let words = ["--mount", "sh", "-c", script, "sh"].map(str::to_owned);
    Some(said(duct::cmd("unshare", words.iter().chain(args))))
}

fn said(command: duct::Expression) -> Said {
    let output = command.unchecked().stderr_to_stdout().stdout_capture().run().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    Said { text, is_success: output.status.success() }
}
