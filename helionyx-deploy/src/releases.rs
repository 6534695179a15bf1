//! The releases of an environment on its host, and what each is good for. Reads through `host`.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::host::{Host, HostError};
use crate::model::Environment;
use crate::name::{CommitId, ReleaseId};
use crate::observe::observe_whole;
use crate::plan::desired::rollback_target;
use crate::state::{Condition, HostState, ReleaseState};
use crate::time::Timestamp;

/// What lies among the releases of an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Releases {
    /// The releases, the newest first.
    pub releases: Vec<Listed>,
    /// What is no release: never touched.
    pub strangers: Vec<Utf8PathBuf>,
}

/// A release, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The release.
    pub id: ReleaseId,
    /// What it is good for.
    pub state: Standing,
    /// What is wrong with a damaged one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
    /// Its source in words.
    pub source: Option<String>,
    /// Its commit, where its source has commits.
    pub commit: Option<CommitId>,
    /// When it was built.
    pub built_at: Option<Timestamp>,
    /// By whom.
    pub built_by: Option<String>,
    /// When it was proven, where that counts.
    pub verified_at: Option<Timestamp>,
    /// Whether a process runs from it.
    pub in_use: bool,
    /// Whether `current` names it.
    pub is_current: bool,
    /// Whether a rollback without a choice goes to it.
    pub is_rollback_target: bool,
}

/// What a release is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It is in use.
    Current,
    /// It was proven: a rollback can go to it.
    Verified,
    /// It was never proven.
    Failed,
    /// It is being built or removed, or that was interrupted.
    Unfinished,
    /// It is not as it was sealed.
    Damaged,
    /// It looks like a release and is not known to be ours.
    Foreign,
}

/// The releases of an environment, as they are on its host.
///
/// # Errors
/// When something cannot be looked at.
pub fn releases(host: &dyn Host, environment: &Environment) -> Result<Releases, HostError> {
    let found = observe_whole(host, environment)?;
    let dir = environment.layout.releases();
    let strangers = found.strangers.iter().map(|name| dir.join(name)).collect();
    Ok(Releases { releases: list(environment, &found), strangers })
}

fn list(environment: &Environment, found: &HostState) -> Vec<Listed> {
    let target = rollback_target(environment, found, None).ok();
    let newest_first = found.releases.iter().rev();
    newest_first.map(|(id, state)| listed(id, state, found, target.as_ref())).collect()
}

fn listed(
    id: &ReleaseId,
    state: &ReleaseState,
    found: &HostState,
    target: Option<&ReleaseId>,
) -> Listed {
    let manifest = state.manifest.as_deref();
    let is_current = found.current.release() == Some(id);
    let verified = state.verification.as_ref().filter(|_| state.is_verified());
    Listed {
        id: id.clone(),
        state: standing(state, is_current),
        damage: match &state.condition {
            Condition::Damaged(what) => Some(what.clone()),
            Condition::Complete | Condition::Unfinished | Condition::Foreign => None,
        },
        source: manifest.map(|manifest| manifest.source.to_string()),
        commit: manifest.and_then(|manifest| manifest.source.commit().cloned()),
        built_at: manifest.map(|manifest| manifest.built_at),
        built_by: manifest.map(|manifest| manifest.built_by.to_string()),
        verified_at: verified.map(|verification| verification.at),
        in_use: !state.pids.is_empty(),
        is_current,
        is_rollback_target: target == Some(id),
    }
}

fn standing(state: &ReleaseState, is_current: bool) -> Standing {
    match &state.condition {
        Condition::Unfinished => Standing::Unfinished,
        Condition::Damaged(_) => Standing::Damaged,
        Condition::Foreign => Standing::Foreign,
        Condition::Complete if is_current => Standing::Current,
        Condition::Complete if state.is_verified() => Standing::Verified,
        Condition::Complete => Standing::Failed,
    }
}
