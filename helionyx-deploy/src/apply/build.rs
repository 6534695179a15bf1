//! Build steps: run, or their outputs taken over from a release whose inputs were the same.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Applier, StepError};
use crate::command::{Command, ExitStatus, Inherit, Output};
use crate::digest::{Digest, Digester};
use crate::event::Event;
use crate::host::{Host, HostError};
use crate::name::ReleaseId;
use crate::plan::step::{BuildStep, Reusable};
use crate::release::{BuildRecord, FileRecord, Manifest};
use crate::source::{content_of, last_line};
use crate::state::Node;
use crate::time::millis;

impl Applier<'_, '_, '_> {
    /// The inputs are compared as they lie in the release: unchanged ones mean that the outputs
    /// are taken over, changed ones never (HEL-39).
    pub(super) fn build(
        &mut self,
        release: &ReleaseId,
        build: &BuildStep,
        reuse: &[Reusable],
    ) -> Result<String, StepError> {
        let host = self.work.host;
        let dir = self.plan.site.layout.release(release);
        let begin = host.elapsed();
        let inputs = inputs_digest(host, &dir, build)?;
        let same = reuse.iter().find(|reusable| reusable.inputs == inputs);
        let reused = match same {
            Some(same) if self.take_over(&same.release, &dir, build)? => Some(same.release.clone()),
            _ => None,
        };
        if reused.is_none() {
            self.run_build(&dir, build)?;
        }
        let note = reused.as_ref().map(|from| format!("reused from {from}")).unwrap_or_default();
        self.builds.push(BuildRecord {
            name: build.name.clone(),
            inputs,
            outputs: build.outputs.clone(),
            reused_from: reused,
            duration_ms: millis(host.elapsed().saturating_sub(begin)),
        });
        Ok(note)
    }

    /// Copies outputs; false when they are not what the release's manifest says.
    fn take_over(
        &self,
        from: &ReleaseId,
        to: &Utf8Path,
        build: &BuildStep,
    ) -> Result<bool, StepError> {
        let (host, layout) = (self.work.host, &self.plan.site.layout);
        let Some(manifest) = read_manifest(host, layout, from)? else { return Ok(false) };
        let is_output = |path: &Utf8Path| build.outputs.iter().any(|out| path.starts_with(out));
        let outputs = manifest.files.iter().filter(|(path, _)| is_output(path));
        let paths: Vec<Utf8PathBuf> = outputs.clone().map(|(path, _)| path.clone()).collect();
        host.copy(&layout.release(from), to, &paths)?;
        let copied = host.tree(to, &[])?;
        let copied = copied.iter().filter(|(path, _)| is_output(path));
        Ok(!paths.is_empty() && content_of(copied) == content_of(outputs))
    }

    fn run_build(&mut self, dir: &Utf8Path, build: &BuildStep) -> Result<(), StepError> {
        let failed = |why: String| StepError::Build { name: build.name.to_string(), why };
        let Some((program, args)) = build.run.split_first() else {
            return Err(failed("it has no command".to_owned()));
        };
        let mut command = Command::new(program, dir).args(args);
        command.inherit = Inherit::Basics(build.inherit.iter().map(ToString::to_string).collect());
        command.deadline = Duration::from_millis(build.deadline_ms);
        let output = self.run(&command)?;
        if output.status == ExitStatus::Interrupted {
            return Err(StepError::Interrupted);
        }
        if !output.status.success() {
            let said = last_line(&output).map(|line| format!(": {line}")).unwrap_or_default();
            return Err(failed(format!("{}{said}", output.status)));
        }
        for output in &build.outputs {
            if self.work.host.node(&dir.join(output))? == Node::Missing {
                return Err(failed(format!("it ended well but made no `{output}`")));
            }
        }
        Ok(())
    }

    /// Runs a command and hands its lines on.
    pub(super) fn run(&mut self, command: &Command) -> Result<Output, HostError> {
        let events = &mut self.work.events;
        self.work.host.run(command, &mut |line| events(Event::Output { line: line.to_owned() }))
    }
}

/// The digest of a build step's command and of the content of its inputs, as they lie in `dir`.
fn inputs_digest(host: &dyn Host, dir: &Utf8Path, build: &BuildStep) -> Result<Digest, HostError> {
    let mut digester = Digester::default().field(build.command.to_string());
    for input in &build.inputs {
        let path = dir.join(input);
        digester = digester.field(input.as_str());
        digester = match host.node(&path)? {
            Node::Directory { .. } => {
                digester.field("directory").field(content_of(&host.tree(&path, &[])?).to_string())
            }
            Node::File { mode, .. } => {
                let kind = if mode & 0o111 == 0 { "file" } else { "program" };
                digester.field(kind).field(host.digest(&path)?.to_string())
            }
            Node::Link { target } => digester.field("link").field(target.as_str()),
            Node::Missing | Node::Other => digester.field("missing"),
        };
    }
    Ok(digester.finish())
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
            let bytes = host.read(&path, crate::observe::MANIFEST_LIMIT)?;
            Ok(serde_json::from_slice(&bytes).ok())
        }
        _ => Ok(None),
    }
}

/// What differs between the files that a manifest names and those that are there; the first
/// difference in words.
pub(super) fn difference(
    manifest: &Manifest,
    found: &std::collections::BTreeMap<Utf8PathBuf, FileRecord>,
) -> Option<String> {
    let manifest_path = Utf8Path::new(crate::layout::MANIFEST);
    for (path, record) in &manifest.files {
        match found.get(path) {
            None => return Some(format!("{path} is missing")),
            Some(other) if !same_content(record, other) => {
                return Some(format!("{path} was changed"));
            }
            Some(_) => {}
        }
    }
    let added = |path: &&Utf8PathBuf| *path != manifest_path && !manifest.files.contains_key(*path);
    found.keys().find(added).map(|path| format!("{path} was added"))
}

fn same_content(one: &FileRecord, other: &FileRecord) -> bool {
    match (one, other) {
        (FileRecord::File { sha256, mode, .. }, FileRecord::File { sha256: s, mode: m, .. }) => {
            sha256 == s && (mode & 0o111 == 0) == (m & 0o111 == 0)
        }
        (FileRecord::Link { target }, FileRecord::Link { target: other }) => target == other,
        _ => false,
    }
}
