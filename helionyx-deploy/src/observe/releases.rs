//! Looks at releases: what is recorded of them, and what their files look like.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::host::{Host, HostError};
use crate::layout::{FILE_LIST, Layout, MANIFEST};
use crate::name::ReleaseId;
use crate::release::{
    FORMAT, FileRecord, FileRecords, MANIFEST_LIMIT, Manifest, Verification, look_of,
};
use crate::state::{Condition, HostState, Node, ReleaseState};

/// The largest record of a proof that is read, in bytes.
const RECORD_LIMIT: u64 = 64 * 1024;

/// The releases that are here, without a look at their files.
pub(super) fn read(
    host: &dyn Host,
    layout: &Layout,
    state: &mut HostState,
) -> Result<(), HostError> {
    let mut marked = BTreeSet::new();
    let mut found = BTreeSet::new();
    for name in host.list(&layout.releases())? {
        if let Some(id) = Layout::marked_unfinished(&name) {
            // What is no file is no mark of ours: it marks nothing, and stays.
            match host.node(&layout.unfinished(&id))? {
                Node::File { .. } => drop(marked.insert(id)),
                _ => drop(state.strangers.insert(name)),
            }
        } else if let Ok(id) = name.parse::<ReleaseId>() {
            found.insert(id);
        } else {
            state.strangers.insert(name);
        }
    }
    for id in found.union(&marked) {
        let release = match marked.contains(id) {
            true => ReleaseState {
                condition: Condition::Unfinished,
                manifest: None,
                verification: None,
                pids: BTreeSet::new(),
            },
            false => release(host, layout, id)?,
        };
        state.releases.insert(id.clone(), release);
    }
    Ok(())
}

/// What the files of releases look like: all of the one in use, of the others, the newest first, as
/// many as the budget allows.
pub(super) fn look(
    host: &dyn Host,
    layout: &Layout,
    mut budget: usize,
    state: &HostState,
) -> Result<Vec<(ReleaseId, Condition)>, HostError> {
    let current = state.current.release();
    let manifests = state.releases.iter().rev().filter_map(|(id, release)| {
        let manifest = release.manifest.as_ref()?;
        (release.condition == Condition::Complete).then_some((id, manifest))
    });
    let look = |(id, manifest): (&ReleaseId, &Arc<Manifest>)| {
        let mut all = usize::MAX;
        let budget = if current == Some(id) { &mut all } else { &mut budget };
        Ok((id.clone(), look_at_files(host, layout, manifest, budget)?))
    };
    manifests.map(look).collect()
}

/// A release by its own records, without a look at its files.
fn release(host: &dyn Host, layout: &Layout, id: &ReleaseId) -> Result<ReleaseState, HostError> {
    let (condition, manifest) = match read_manifest(host, layout, id)? {
        Err(condition) => (condition, None),
        Ok(manifest) => (Condition::Complete, Some(Arc::new(manifest))),
    };
    let path = layout.verification(id);
    let verification = match host.node(&path)? {
        Node::File { .. } => serde_json::from_slice(&host.read(&path, RECORD_LIMIT)?).ok(),
        _ => None,
    };
    let verification = verification.filter(|record: &Verification| record.release == *id);
    let condition = match condition {
        // A record of its proof says that it is ours.
        Condition::Foreign if verification.is_some() => {
            Condition::Damaged("release.json is missing".to_owned())
        }
        condition => condition,
    };
    Ok(ReleaseState { condition, manifest, verification, pids: BTreeSet::new() })
}

/// The manifest of a release, or what its absence means.
fn read_manifest(
    host: &dyn Host,
    layout: &Layout,
    id: &ReleaseId,
) -> Result<Result<Manifest, Condition>, HostError> {
    let damaged = |what: &str| Ok(Err(Condition::Damaged(what.to_owned())));
    let path = layout.manifest(id);
    if !matches!(host.node(&layout.release(id))?, Node::Directory { .. }) {
        return Ok(Err(Condition::Foreign));
    }
    if !matches!(host.node(&path)?, Node::File { .. }) {
        return Ok(Err(Condition::Foreign));
    }
    match serde_json::from_slice::<Manifest>(&host.read(&path, MANIFEST_LIMIT)?) {
        Ok(manifest) if manifest.id != *id => damaged("its manifest is that of another release"),
        Ok(manifest) if manifest.format != FORMAT => damaged("its manifest has an unknown format"),
        Ok(manifest) => Ok(Ok(manifest)),
        Err(_) => damaged("its manifest is not readable"),
    }
}

/// The files of a release; none where their list is not the one that the manifest names.
pub(crate) fn files_of(
    host: &dyn Host,
    layout: &Layout,
    manifest: &Manifest,
) -> Result<Option<FileRecords>, HostError> {
    let path = layout.file_list(&manifest.id);
    match host.node(&path)? {
        Node::File { .. } => Ok(manifest.files.read(&host.read(&path, MANIFEST_LIMIT)?)),
        _ => Ok(None),
    }
}

/// A cheap look at the files of a release, where the budget allows it: there, of their length, not
/// touched since. What it does not see, the check before a switch does.
fn look_at_files(
    host: &dyn Host,
    layout: &Layout,
    manifest: &Manifest,
    budget: &mut usize,
) -> Result<Condition, HostError> {
    if manifest.files.count > *budget {
        return Ok(Condition::Complete);
    }
    *budget -= manifest.files.count;
    let mut nodes = host.nodes(&layout.release(&manifest.id))?;
    nodes.remove(MANIFEST);
    if look_of(&nodes) == manifest.files.look {
        return Ok(Condition::Complete);
    }
    // What differs is told; what somebody has only added is no damage.
    let Some(files) = files_of(host, layout, manifest)? else {
        return Ok(Condition::Damaged(format!("{FILE_LIST} was changed")));
    };
    for (path, record) in &files {
        let found = nodes.get(path).unwrap_or(&Node::Missing);
        let same = match (record, found) {
            (
                FileRecord::File { size, modified_ns, .. },
                Node::File { size: s, modified_ns: m, .. },
            ) => size == s && modified_ns == m,
            (FileRecord::Link { target }, Node::Link { target: found }) => target == found,
            _ => false,
        };
        if !same {
            let what = if *found == Node::Missing { "is missing" } else { "was changed" };
            return Ok(Condition::Damaged(format!("{path} {what}")));
        }
    }
    Ok(Condition::Complete)
}
