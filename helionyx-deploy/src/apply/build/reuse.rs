//! Takes the outputs of a build step over from another release, if they are what they were and do
//! not depend on where that release lies.

use camino::{Utf8Path, Utf8PathBuf};

use super::{read_manifest, same_content};
use crate::apply::{Applier, StepError};
use crate::host::{Host, HostError};
use crate::name::ReleaseId;
use crate::observe::files_of;
use crate::plan::step::{Bound, BuildStep};
use crate::release::{FileRecord, FileRecords};
use crate::state::Node;

impl Applier<'_, '_, '_> {
    /// Copies outputs; or says why not, and has then copied nothing.
    pub(super) fn take_over(
        &self,
        from: &ReleaseId,
        to: &Utf8Path,
        build: &BuildStep,
    ) -> Result<Result<(), String>, StepError> {
        let (host, layout) = (self.work.host, &self.plan.site.layout);
        let dir = layout.release(from);
        let Some(manifest) = read_manifest(host, layout, from)? else {
            return Ok(Err(format!("{from} has no manifest")));
        };
        let Some(files) = files_of(host, layout, &manifest)? else {
            return Ok(Err(format!("{from} has no list of its files")));
        };
        let outputs = outputs_of(&files, build);
        if outputs.is_empty() {
            return Ok(Err(format!("{from} has no outputs of it")));
        }
        let found = found_outputs(host, &dir, build)?;
        for (path, record) in &outputs {
            let found = found.get(*path);
            if let Some(why) = unfit(host, from, (&dir, path), record, found, build.adoption.bound)?
            {
                return Ok(Err(format!("{path} of {from} {why}")));
            }
        }
        let paths: Vec<Utf8PathBuf> = outputs.iter().map(|(path, _)| (*path).clone()).collect();
        let renamed = to.file_name().map(|to| (from.as_str(), to));
        let renamed = renamed.filter(|_| build.adoption.bound == Bound::Renamed);
        host.adopt(&dir, to, &paths, renamed, build.adoption.sharing)?;
        Ok(Ok(()))
    }
}

fn outputs_of<'m>(
    files: &'m FileRecords,
    build: &BuildStep,
) -> Vec<(&'m Utf8PathBuf, &'m FileRecord)> {
    let is_output = |path: &Utf8Path| build.outputs.iter().any(|out| path.starts_with(out));
    files.iter().filter(|(path, _)| is_output(path)).collect()
}

/// All that lies at the outputs now.
fn found_outputs(
    host: &dyn Host,
    dir: &Utf8Path,
    build: &BuildStep,
) -> Result<FileRecords, HostError> {
    let mut found = FileRecords::new();
    for output in &build.outputs {
        let path = dir.join(output);
        match host.node(&path)? {
            Node::Directory { .. } => {
                let below = host.tree(&path, &[])?.into_iter();
                found.extend(below.map(|(path, record)| (output.join(path), record)));
            }
            Node::File { mode, size, modified_ns } => {
                let record =
                    FileRecord::File { sha256: host.digest(&path)?, size, mode, modified_ns };
                found.insert(output.clone(), record);
            }
            Node::Link { target } => {
                found.insert(output.clone(), FileRecord::Link { target });
            }
            Node::Missing | Node::Other => {}
        }
    }
    Ok(found)
}

/// Why a file must not be taken over.
fn unfit(
    host: &dyn Host,
    from: &ReleaseId,
    (dir, path): (&Utf8Path, &Utf8Path),
    record: &FileRecord,
    found: Option<&FileRecord>,
    bound: Bound,
) -> Result<Option<&'static str>, HostError> {
    let Some(found) = found else { return Ok(Some("is missing")) };
    if !same_content(record, found) {
        return Ok(Some("was changed"));
    }
    if bound == Bound::Renamed {
        return Ok(None);
    }
    // The name of a release occurs in nothing but paths into it, whatever leads to its parents.
    let bound = match found {
        FileRecord::File { .. } => host.contains(&dir.join(path), from.as_str().as_bytes())?,
        FileRecord::Link { target } => target.as_str().contains(from.as_str()),
    };
    Ok(bound.then_some("holds the path of that release"))
}
