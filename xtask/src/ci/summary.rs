//! The end of `cargo xtask ci`: what each check came to, and how to repeat what failed. No I/O.

use std::fmt;
use std::time::Duration;

use super::checks::Tool;

/// A check that was run.
pub struct Ended {
    /// The name of the check.
    pub name: String,
    /// The command line that repeats the check.
    pub repeat: String,
    /// Whether the check found nothing wrong.
    pub is_good: bool,
    /// How long the check took.
    pub took: Duration,
}

/// What all checks came to.
pub struct Summary {
    /// The checks, in their order.
    pub ended: Vec<Ended>,
    /// The tools whose checks were left out, as they are not installed.
    pub missing: Vec<&'static Tool>,
}

impl Summary {
    /// Whether there were checks, and none failed.
    pub fn is_good(&self) -> bool {
        !self.ended.is_empty() && self.failed().next().is_none()
    }

    fn failed(&self) -> impl Iterator<Item = &Ended> {
        self.ended.iter().filter(|check| !check.is_good)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "== summary")?;
        for Ended { name, is_good, took, .. } in &self.ended {
            let verdict = if *is_good { "ok    " } else { "FAILED" };
            write!(f, "\n{verdict} {:>7.1} s  {name}", took.as_secs_f64())?;
        }
        for Tool { program, install, .. } in &self.missing {
            write!(f, "\nskipped            {program}: get it with `{install}`")?;
        }
        let (failed, all) = (self.failed().count(), self.ended.len());
        match failed {
            0 => write!(f, "\nof {all} checks none failed"),
            _ => write!(f, "\n{failed} of {all} checks failed; to repeat them:"),
        }?;
        self.failed().try_for_each(|check| write!(f, "\n  {}", check.repeat))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(name: &str, repeat: &str, is_good: bool) -> Ended {
        let took = Duration::from_millis(1250);
        Ended { name: name.to_owned(), repeat: repeat.to_owned(), is_good, took }
    }

    #[test]
    fn what_failed_is_named_at_the_end_with_the_command_that_repeats_it() {
        static TOOL: Tool =
            Tool { program: "typos", args: &[], install: "cargo install typos-cli" };
        let mut summary = Summary {
            ended: vec![
                ended("fmt", "cargo fmt --check", true),
                ended("test it", "cargo test --test it", false),
                ended("doc", "RUSTDOCFLAGS=\"-D warnings\" cargo doc", false),
            ],
            missing: vec![&TOOL],
        };
        assert!(!summary.is_good());
        let expected = "== summary\n\
                        ok         1.2 s  fmt\n\
                        FAILED     1.2 s  test it\n\
                        FAILED     1.2 s  doc\n\
                        skipped            typos: get it with `cargo install typos-cli`\n\
                        2 of 3 checks failed; to repeat them:\n  \
                        cargo test --test it\n  \
                        RUSTDOCFLAGS=\"-D warnings\" cargo doc";
        assert_eq!(summary.to_string(), expected);
        summary.ended.truncate(1);
        assert!(summary.is_good());
        assert!(summary.to_string().ends_with("\nof 1 checks none failed"), "{summary}");
        summary.ended.clear();
        assert!(!summary.is_good(), "no check has that name");
    }
}
