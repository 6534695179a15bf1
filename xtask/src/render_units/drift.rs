//! What is not as it must be, and how that is shown. No I/O of its own.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Generated;

/// So many lines are shown of either side.
const SHOWN: usize = 10;

/// A file that is not what it must be.
#[derive(Debug, PartialEq, Eq)]
pub struct Drift {
    /// The file.
    pub path: PathBuf,
    /// What it must hold; none when it must not be there.
    pub wanted: Option<String>,
    /// What is there; none when the file is missing.
    pub found: Option<String>,
}

/// Those of the files that are not what they must be; `read` gives what is there, if anything.
///
/// # Errors
/// When `read` fails.
pub fn drifts(
    all: Vec<Generated>,
    read: impl Fn(&Path) -> Result<Option<String>>,
) -> Result<Vec<Drift>> {
    let mut drifts = Vec::new();
    for Generated { path, content } in all {
        let found = read(&path)?;
        if found.as_ref() != Some(&content) {
            drifts.push(Drift { path, wanted: Some(content), found });
        }
    }
    Ok(drifts)
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        let Some(wanted) = &self.wanted else {
            return write!(f, "{path} is there, but is no longer generated");
        };
        let Some(found) = &self.found else { return write!(f, "{path} is missing") };
        // With their line breaks: a missing last one is a difference, too.
        let old: Vec<&str> = found.split_inclusive('\n').collect();
        let new: Vec<&str> = wanted.split_inclusive('\n').collect();
        let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
        let (old, new) = (&old[same..], &new[same..]);
        let tail = old.iter().rev().zip(new.iter().rev());
        let tail = tail.take_while(|(old, new)| old == new).count();
        write!(f, "--- {path}\n+++ {path}, as generated\n@@ from line {} @@", same + 1)?;
        let old = &old[..old.len() - tail];
        match holds_values(&self.path) {
            true => lines(f, '-', &old.iter().map(|line| key_of(line)).collect::<Vec<_>>())?,
            false => lines(f, '-', old)?,
        }
        lines(f, '+', &new[..new.len() - tail])
    }
}

/// Whether somebody may have pasted a secret into a file of this name.
fn holds_values(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".env"))
}

/// A line of an environment file without its value: what is shown here lands in the logs of CI. What
/// we would write holds no secrets, and is shown as it is.
fn key_of(line: &str) -> String {
    let (text, end) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
    let (mark, rest) = text.strip_prefix("# ").map_or(("", text), |rest| ("# ", rest));
    let key = rest.split_once('=').map(|(key, _)| key).filter(|key| is_name(key));
    match key {
        Some(key) => format!("{mark}{key}=…{end}"),
        None if text.is_empty() => end.to_owned(),
        None => format!("{mark}…{end}"),
    }
}

fn is_name(key: &str) -> bool {
    key.parse::<helionyx_deploy::name::VariableName>().is_ok()
}

fn lines<S: AsRef<str>>(f: &mut fmt::Formatter<'_>, mark: char, lines: &[S]) -> fmt::Result {
    for line in lines.iter().take(SHOWN) {
        let line = line.as_ref();
        let (text, end) = match line.strip_suffix('\n') {
            Some(text) => (text, ""),
            None => (line, " (without a line break)"),
        };
        write!(f, "\n{mark}{}{end}", text.replace('\r', "\\r"))?;
    }
    match lines.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => write!(f, "\n{mark}… and {more} lines more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: &str = "one\ntwo\nthree\n";

    fn shown(found: Option<&str>) -> Vec<String> {
        let all = vec![Generated { path: "docs/x.md".into(), content: WANTED.to_owned() }];
        let drifts = drifts(all, |path| {
            assert_eq!(path, Path::new("docs/x.md"));
            Ok(found.map(str::to_owned))
        });
        drifts.unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn only_a_changed_or_missing_file_is_drift_and_its_difference_is_shown() {
        let head = "--- docs/x.md\n+++ docs/x.md, as generated\n@@ from line";
        for (found, expected) in [
            (Some(WANTED), None),
            (None, Some("docs/x.md is missing".to_owned())),
            (Some("one\n2\nthree\n"), Some(format!("{head} 2 @@\n-2\n+two"))),
            (Some("one\nthree\n"), Some(format!("{head} 2 @@\n+two"))),
            (Some("one\ntwo\nthree\nfour\n"), Some(format!("{head} 4 @@\n-four"))),
            (
                Some("one\ntwo\nthree"),
                Some(format!("{head} 3 @@\n-three (without a line break)\n+three")),
            ),
            (Some("one\ntwo\r\nthree\n"), Some(format!("{head} 2 @@\n-two\\r\n+two"))),
        ] {
            assert_eq!(shown(found), expected.into_iter().collect::<Vec<_>>(), "{found:?}");
        }
    }

    #[test]
    fn of_environment_files_only_the_keys_are_shown() {
        let found = "A=hunter2\n# B=hunter2\nhunter2\n# hunter2\nexport C=hunter2\nhun\"ter2=\n\n";
        let all =
            vec![Generated { path: "envs/a/.env.dev.example".into(), content: "A=1\n".into() }];
        let drifts = drifts(all, |_| Ok(Some(found.to_owned()))).unwrap();
        let shown = drifts[0].to_string();
        assert!(!shown.contains("hunter2") && !shown.contains("ter2"), "{shown} (ALL-04)");
        assert!(shown.contains("\n-A=…\n-# B=…\n-…\n-# …\n-…\n-…\n-\n+A=1"), "{shown}");
    }

    #[test]
    fn a_long_difference_is_cut() {
        let long = "x\n".repeat(25);
        let shown = shown(Some(&long)).remove(0);
        assert!(shown.contains("\n-… and 15 lines more\n+one"), "{shown}");
    }
}
