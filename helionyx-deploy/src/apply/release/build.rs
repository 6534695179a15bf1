//! Build steps: run, or their outputs taken over from a release whose inputs were the same.

use std::time::Duration;

use camino::Utf8Path;

use super::Maker;
use crate::apply::StepError;
use crate::apply::host::account_of;
use crate::command::{Command, ExitStatus, Inherit, Leftovers};
use crate::event::Event;
use crate::host::{Host, HostError};
use crate::name::{ReleaseId, UserName};
use crate::plan::step::{BuildStep, Reusable};
use crate::release::{BuildRecord, FileRecord, FileRecords, Manifest};
use crate::source::last_line;
use crate::state::{Node, Process};
use crate::time::millis;
use crate::tool::account;

mod inputs;
mod reuse;

use inputs::inputs_digest;
pub(super) use inputs::place_of;

impl Maker<'_> {
    /// The inputs are compared as they lie in the release: unchanged ones mean that the outputs
    /// are taken over, changed ones never (HEL-39).
    pub(super) fn build(
        &mut self,
        release: &ReleaseId,
        build: &BuildStep,
        user: Option<&UserName>,
        reuse: &[Reusable],
    ) -> Result<String, StepError> {
        let host = self.host;
        let dir = self.site.layout.release(release);
        let begin = host.elapsed();
        let inputs = inputs_digest(host, &dir, build)?;
        let same = reuse.iter().find(|reusable| reusable.inputs == inputs);
        let taken = same.map(|same| self.take_over(&same.release, &dir, build)).transpose()?;
        let (reused, note) = match (same, taken) {
            (Some(same), Some(Ok(records))) => {
                self.made.known.extend(records);
                (Some(same.release.clone()), format!("reused from {}", same.release))
            }
            (_, Some(Err(why))) => (None, format!("not reused: {why}")),
            _ => (None, String::new()),
        };
        if reused.is_none() {
            self.run_build(&dir, build, user)?;
        }
        self.made.builds.push(BuildRecord {
            name: build.name.clone(),
            inputs,
            outputs: build.outputs.clone(),
            reused_from: reused,
            duration_ms: millis(host.elapsed().saturating_sub(begin)),
        });
        Ok(note)
    }

    fn run_build(
        &mut self,
        dir: &Utf8Path,
        build: &BuildStep,
        user: Option<&UserName>,
    ) -> Result<(), StepError> {
        let failed = |why: String| failed(build, why);
        // It may change whatever lies there.
        self.made.known.clear();
        let end = self.host.elapsed() + Duration::from_millis(build.deadline_ms);
        let commands = std::iter::once(&build.run).chain(&build.then);
        let run = commands.into_iter().try_for_each(|words| {
            let left = end.saturating_sub(self.host.elapsed());
            self.run_command(dir, build, words, user, left)
        });
        if user.is_some() {
            // At once: from here on we read and write in it, and nobody else may put something else
            // in its place. No process of the build is left that could.
            self.host.take_back(dir)?;
        }
        run?;
        for output in &build.outputs {
            if self.host.node(&dir.join(output))? == Node::Missing {
                return Err(failed(format!("it ended well but made no `{output}`")));
            }
            if place_of(self.host, dir, output)?.is_none() {
                return Err(failed(format!("output `{output}` leads out of the release")));
            }
        }
        Ok(())
    }

    fn run_command(
        &mut self,
        dir: &Utf8Path,
        build: &BuildStep,
        words: &[String],
        user: Option<&UserName>,
        deadline: Duration,
    ) -> Result<(), StepError> {
        let Some((program, args)) = words.split_first() else {
            return Err(failed(build, "it has no command".to_owned()));
        };
        let mut command = Command::new(program, dir).args(args);
        command.inherit = Inherit::Basics(build.inherit.iter().map(ToString::to_string).collect());
        command.deadline = deadline;
        command.leftovers = Leftovers::EndWherePossible;
        if let Some(user) = user {
            command.leftovers = Leftovers::End;
            command = self.as_user(command, dir, user)?;
        }
        let output = self.run(&command)?;
        if output.status == ExitStatus::Interrupted {
            return Err(StepError::Interrupted);
        }
        if !output.status.success() {
            let said = last_line(&output).map(|line| format!(": {line}")).unwrap_or_default();
            let which =
                if build.then.is_empty() { String::new() } else { format!("`{program}`: ") };
            return Err(failed(build, format!("{which}{}{said}", output.status)));
        }
        self.judge_left(dir, build, &output.left)
    }

    /// What was left running has been ended with the build. What worked on the release may not have
    /// been done with it; of the rest it is enough to say so.
    fn judge_left(
        &mut self,
        dir: &Utf8Path,
        build: &BuildStep,
        left: &[Process],
    ) -> Result<(), StepError> {
        // By the release's name, which nothing else has: a link may lead to its directory.
        let is_in = |process: &&Process| {
            let mut paths = [&process.cwd, &process.exe].into_iter().flatten();
            paths.any(|path| path.iter().any(|part| Some(part) == dir.file_name()))
        };
        if let Some(left) = left.iter().find(is_in) {
            let left = left.describe();
            return Err(failed(
                build,
                format!("it left {left} running in the release, now killed"),
            ));
        }
        if let Some(first) = left.first() {
            let others = left.len() - 1;
            let more = if others == 0 { String::new() } else { format!(" and {others} more") };
            let name = &build.name;
            let left = first.describe();
            let message = format!("build step {name} left {left}{more} running, now killed");
            (self.events)(Event::warning(message));
        }
        Ok(())
    }

    /// The same command as a user who owns the release until it is sealed, and the cache: what is
    /// built is code of others, and must not run as root.
    fn as_user(
        &self,
        command: Command,
        dir: &Utf8Path,
        user: &UserName,
    ) -> Result<Command, StepError> {
        let (host, cache) = (self.host, self.site.layout.cache());
        let account = account_of(host, "build as", user)?;
        host.give_away(dir, account)?;
        Ok(account::run_as((user, account), command, &cache))
    }
}

fn failed(build: &BuildStep, why: String) -> StepError {
    StepError::Build { name: build.name.to_string(), why }
}

/// The manifest of a release, if there is a readable one.
pub(super) fn read_manifest(
    host: &dyn Host,
    layout: &crate::layout::Layout,
    release: &ReleaseId,
) -> Result<Option<Manifest>, HostError> {
    let path = layout.manifest(release);
    match host.node(&path)? {
        Node::File { .. } => {
            let bytes = host.read(&path, crate::release::MANIFEST_LIMIT)?;
            Ok(serde_json::from_slice(&bytes).ok())
        }
        _ => Ok(None),
    }
}

/// What differs between the files that a manifest names and those that are there; the first
/// difference in words. Files that were added since do not count: what the release is made of is
/// whole.
pub(super) fn difference(files: &FileRecords, found: &FileRecords) -> Option<String> {
    for (path, record) in files {
        match found.get(path) {
            None => return Some(format!("{path} is missing")),
            Some(other) if !same_content(record, other) => {
                return Some(format!("{path} was changed"));
            }
            Some(_) => {}
        }
    }
    None
}

fn same_content(one: &FileRecord, other: &FileRecord) -> bool {
    match (one, other) {
        (FileRecord::File { blake3, mode, .. }, FileRecord::File { blake3: b, mode: m, .. }) => {
            blake3 == b && (mode & 0o111 == 0) == (m & 0o111 == 0)
        }
        (FileRecord::Link { target }, FileRecord::Link { target: other }) => target == other,
        _ => false,
    }
}
