//! What is wrong with a unit file, where, and what to write instead. No I/O.

use std::fmt;

use super::Code;

/// One thing that is wrong. Findings sort by their lines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, as its name was given.
    pub file: String,
    /// The line, from 1, as editors count; 0 for the file as a whole.
    pub line: usize,
    /// How bad it is.
    pub severity: Severity,
    /// What kind of finding it is.
    pub code: Code,
    /// What is wrong. It never repeats the value of a variable or credential: that may be a secret.
    pub message: String,
    /// What to write or do instead.
    pub hint: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The unit does not do what its file says.
    Error,
    /// Worth knowing.
    Warning,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {severity}: {} [{}]", self.message, self.code)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, "\n  help: {}", self.hint) }
    }
}
