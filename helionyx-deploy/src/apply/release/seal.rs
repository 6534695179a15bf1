//! Steps that make a release complete, check it, and record its proof.

use std::collections::BTreeMap;

use camino::Utf8Path;

use super::Maker;
use super::build::{difference, place_of, read_manifest};
use crate::apply::StepError;
use crate::event::Event;
use crate::host::{Host, HostError};
use crate::layout::{FILE_LIST, Layout, MANIFEST};
use crate::name::ReleaseId;
use crate::observe::files_of;
use crate::plan::step::Facts;
use crate::release::{FORMAT, FileList, FileRecord, FileRecords, Manifest, Service, look_of};
use crate::state::Node;

/// So many links are named in a warning.
const NAMED_LINKS: usize = 3;

impl Maker<'_> {
    /// Writes the manifest last, makes all read-only and durable, then takes the mark away.
    pub(super) fn seal_release(
        &mut self,
        release: &ReleaseId,
        facts: &Facts,
    ) -> Result<String, StepError> {
        let (host, site) = (self.host, self.site);
        let dir = site.layout.release(release);
        host.remove(&dir.join(MANIFEST))?;
        host.remove(&dir.join(FILE_LIST))?;
        let mut files = host.tree(&dir, &[], &self.made.known)?;
        self.warn_of_links_out(&dir, &files)?;
        files.values_mut().for_each(seal_mode);
        facts.services.iter().try_for_each(|service| self.has_program(&dir, &files, service))?;
        let text = serde_json::to_vec(&files).map_err(|error| encoding(&error))?;
        host.write(&dir.join(FILE_LIST), &text, 0o444)?;
        let mut nodes: BTreeMap<_, _> =
            files.iter().map(|(path, record)| (path.clone(), record.node())).collect();
        nodes.insert(FILE_LIST.into(), host.node(&dir.join(FILE_LIST))?);
        let list = FileList::of(&files, &text, look_of(&nodes));
        let manifest = Manifest {
            format: FORMAT,
            id: release.clone(),
            app: site.app.clone(),
            environment: site.environment.clone(),
            identity: facts.identity,
            source: facts.source.clone(),
            built_at: facts.built_at,
            built_by: facts.built_by.clone(),
            builds: std::mem::take(&mut self.made.builds),
            services: facts.services.clone(),
            variables: facts.variables.clone(),
            files: list,
            journal: Some(self.head),
        };
        host.write(&dir.join(MANIFEST), &encode(&manifest)?, 0o444)?;
        host.seal(&dir)?;
        host.remove(&site.layout.unfinished(release))?;
        Ok(format!("{} files", list.count))
    }

    /// A link of the source that leads out of the release stays as it is, but what it leads to is
    /// no part of the release: it can change without a deploy, and no rollback brings it back. What
    /// a build step made may lead where it needs to, e.g. to the interpreter of the system.
    fn warn_of_links_out(&mut self, dir: &Utf8Path, files: &FileRecords) -> Result<(), StepError> {
        let outputs: Vec<_> = self.made.builds.iter().flat_map(|build| &build.outputs).collect();
        let is_built = |path: &Utf8Path| outputs.iter().any(|output| path.starts_with(output));
        let mut out = Vec::new();
        for (path, record) in files {
            let FileRecord::Link { target } = record else { continue };
            if !is_built(path) && place_of(self.host, dir, path)?.is_none() {
                out.push(format!("{path} -> {target}"));
            }
        }
        if out.is_empty() {
            return Ok(());
        }
        let more = match out.len().saturating_sub(NAMED_LINKS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        out.truncate(NAMED_LINKS);
        let message = format!("links of the source lead out of it: {}{more}", out.join(", "));
        (self.events)(Event::warning(message));
        Ok(())
    }

    /// A service's program must be there before anything is stopped for it.
    fn has_program(
        &self,
        dir: &Utf8Path,
        files: &FileRecords,
        service: &Service,
    ) -> Result<(), StepError> {
        let program = Utf8Path::new(service.exec.first().map_or("", String::as_str));
        let fault = match program.strip_prefix(dir).ok() {
            Some(inside) => match files.get(inside.as_str()) {
                None => Some("the release has no such file"),
                Some(FileRecord::File { mode, .. }) if mode & 0o111 == 0 => {
                    Some("it is not executable")
                }
                Some(_) => None,
            },
            None if self.host.node(program)? == Node::Missing => Some("there is no such file"),
            None => None,
        };
        match fault {
            Some(fault) => Err(StepError::NoProgram {
                service: service.name.to_string(),
                program: program.to_owned(),
                fault,
            }),
            None => Ok(()),
        }
    }
}

/// Compares every file with the manifest, by content.
pub(super) fn check_release(
    host: &dyn Host,
    layout: &Layout,
    release: &ReleaseId,
) -> Result<String, StepError> {
    let damaged = |what: String| StepError::Damaged { release: release.to_string(), what };
    let manifest = read_manifest(host, layout, release)?;
    let manifest = manifest.ok_or_else(|| damaged("it has no readable manifest".to_owned()))?;
    let files = files_of(host, layout, &manifest)?;
    let files = files.ok_or_else(|| damaged(format!("{FILE_LIST} was changed")))?;
    let found = host.tree(&layout.release(release), &[], &FileRecords::new())?;
    match difference(&files, &found) {
        Some(what) => Err(damaged(what)),
        None => {
            let count = files.len();
            // The manifest and the list are not among its files.
            Ok(match found.len().saturating_sub(count + 2) {
                0 => format!("{count} files"),
                added => format!("{count} files; {added} more were added since"),
            })
        }
    }
}

/// The mode that sealing gives a file: nobody may write, who could execute still can.
fn seal_mode(record: &mut FileRecord) {
    if let FileRecord::File { mode, .. } = record {
        *mode = if *mode & 0o111 == 0 { 0o444 } else { 0o555 };
    }
}

pub(in crate::apply) fn encode(value: &impl serde::Serialize) -> Result<Vec<u8>, HostError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| encoding(&error))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn encoding(error: &serde_json::Error) -> HostError {
    HostError::refused("encode", "a record", error.to_string())
}
