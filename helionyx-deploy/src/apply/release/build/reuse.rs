//! Takes the outputs of a build step over from another release, if they are what they were and do
//! not depend on where that release lies.

use camino::Utf8Path;

use super::{read_manifest, same_content};
use crate::apply::StepError;
use crate::apply::release::Maker;
use crate::host::Searched;
use crate::name::ReleaseId;
use crate::observe::files_of;
use crate::plan::step::{Bound, BuildStep};
use crate::release::{FilePath, FileRecord, FileRecords};

impl Maker<'_> {
    /// Takes outputs over, and says how they are recorded; or says why not, and has then changed
    /// nothing.
    pub(super) fn take_over(
        &self,
        from: &ReleaseId,
        to: &Utf8Path,
        build: &BuildStep,
    ) -> Result<Result<FileRecords, String>, StepError> {
        let (host, layout) = (self.host, &self.site.layout);
        let dir = layout.release(from);
        let Some(manifest) = read_manifest(host, layout, from)? else {
            return Ok(Err(format!("{from} has no manifest")));
        };
        let Some(mut records) = files_of(host, layout, &manifest)? else {
            return Ok(Err(format!("{from} has no list of its files")));
        };
        records.retain(|path, _| build.outputs.iter().any(|output| path.starts_with(output)));
        if records.is_empty() {
            return Ok(Err(format!("{from} has no outputs of it")));
        }
        // The name of a release occurs in nothing but paths into it, whatever leads to its parents.
        let paths: Vec<FilePath> = records.keys().cloned().collect();
        let found = host.search(&dir, &paths, from.as_str())?;
        let adoption = build.adoption;
        for (path, record) in &records {
            if let Some(why) = unfit(record, found.get(path), adoption.bound) {
                return Ok(Err(format!("{path} of {from} {why}")));
            }
        }
        let (bound, free): (Vec<_>, Vec<_>) =
            paths.into_iter().partition(|path| found.get(path).is_some_and(|found| found.holds));
        host.adopt(&dir, to, &free, adoption.sharing)?;
        let names = (from.as_str(), to.file_name().unwrap_or_default());
        records.extend(host.adopt_renamed(&dir, to, &bound, names, adoption.sharing)?);
        Ok(Ok(records))
    }
}

/// Why a file must not be taken over.
fn unfit(record: &FileRecord, found: Option<&Searched>, bound: Bound) -> Option<&'static str> {
    match found {
        None => Some("is missing"),
        Some(found) if !same_content(record, &found.record) => Some("was changed"),
        Some(found) if found.holds && bound == Bound::Refused => {
            Some("holds the path of that release")
        }
        Some(_) => None,
    }
}
