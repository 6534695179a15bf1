//! Where an environment's files lie on its host. No I/O.

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::name::{ReleaseId, ServiceName};

/// The paths of one environment, all derived from its root and its data directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// The environment's root, absolute: `/opt/<app>/<environment>`.
    pub root: Utf8PathBuf,
    /// Where the service keeps what must never be lost, absolute, outside of every release.
    pub data: Utf8PathBuf,
}

/// The manifest's name inside a release: written last, it makes the release complete.
pub const MANIFEST: &str = "release.json";
/// The name of the list of a release's files inside a release: what the manifest names by its digest.
pub const FILE_LIST: &str = "release.files.json";
/// Names that are a release's own: no source may have them.
pub const RESERVED: [&str; 3] = [MANIFEST, FILE_LIST, RELEASE_ENV];
/// The name of the environment file inside a release: the values that are not secret.
pub const RELEASE_ENV: &str = "release.env";

/// The name of the model in a root that the last operation was planned with.
pub const MODEL: &str = "environment.json";
/// The largest model that is read from there, in bytes.
pub const MODEL_LIMIT: u64 = 4 * 1024 * 1024;
/// Where the programs of this tool lie that systemd starts, each in a directory that is named by
/// the digest of its content.
pub const TOOLS_DIR: &str = "/usr/local/lib/helionyx-deploy";
/// The name of the program in there.
pub const TOOL: &str = "helionyx-deploy";
/// Says beside it which file it was copied from, by length and time.
pub const TOOL_ORIGIN: &str = "origin";
/// Where people find the program.
pub const TOOL_LINK: &str = "/usr/local/bin/helionyx-deploy";
/// The lock of what all environments of a host share: held for single steps only.
pub const HOST_LOCK: &str = "/run/helionyx-deploy/host.lock";
/// Where the unit files of a host lie that are the operator's.
pub const UNITS_DIR: &str = "/etc/systemd/system";

/// The link in there that names the directory of the program in use.
#[must_use]
pub fn tool_in_use() -> Utf8PathBuf {
    Utf8Path::new(TOOLS_DIR).join("current")
}

impl Layout {
    /// All releases of this environment.
    #[must_use]
    pub fn releases(&self) -> Utf8PathBuf {
        self.root.join("releases")
    }

    /// One release's directory.
    #[must_use]
    pub fn release(&self, id: &ReleaseId) -> Utf8PathBuf {
        self.releases().join(id.as_str())
    }

    /// One release's manifest.
    #[must_use]
    pub fn manifest(&self, id: &ReleaseId) -> Utf8PathBuf {
        self.release(id).join(MANIFEST)
    }

    /// The list of one release's files.
    #[must_use]
    pub fn file_list(&self, id: &ReleaseId) -> Utf8PathBuf {
        self.release(id).join(FILE_LIST)
    }

    /// Marks a release, while it is built or removed, as ours and not to be used. It lies beside
    /// the release's directory, so that it can be there before the directory and after it.
    #[must_use]
    pub fn unfinished(&self, id: &ReleaseId) -> Utf8PathBuf {
        self.releases().join(format!(".{id}.unfinished"))
    }

    /// The release that a name in the releases' directory marks as unfinished.
    #[must_use]
    pub fn marked_unfinished(name: &str) -> Option<ReleaseId> {
        name.strip_prefix('.')?.strip_suffix(".unfinished")?.parse().ok()
    }

    /// The link that names the release in use.
    #[must_use]
    pub fn current(&self) -> Utf8PathBuf {
        self.root.join("current")
    }

    /// What `current` holds for a release: relative, so that the root can be looked at from
    /// outside of a container.
    #[must_use]
    pub fn current_target(id: &ReleaseId) -> Utf8PathBuf {
        Utf8Path::new("releases").join(id.as_str())
    }

    /// The records of the releases that were once proven.
    #[must_use]
    pub fn verified(&self) -> Utf8PathBuf {
        self.root.join("verified")
    }

    /// The record that a release was proven.
    #[must_use]
    pub fn verification(&self, id: &ReleaseId) -> Utf8PathBuf {
        self.verified().join(format!("{id}.json"))
    }

    /// What outlives releases and belongs to the operator.
    #[must_use]
    pub fn shared(&self) -> Utf8PathBuf {
        self.root.join("shared")
    }

    /// The operator's environment file, with the secrets.
    #[must_use]
    pub fn secrets(&self) -> Utf8PathBuf {
        self.shared().join(".env")
    }

    /// What build steps keep between releases; may be deleted at any time.
    #[must_use]
    pub fn cache(&self) -> Utf8PathBuf {
        self.root.join("cache")
    }

    /// The bare mirror of the git source.
    #[must_use]
    pub fn mirror(&self) -> Utf8PathBuf {
        self.root.join("repo.git")
    }

    /// The logs that the embedded runtime writes.
    #[must_use]
    pub fn logs(&self) -> Utf8PathBuf {
        self.root.join("log")
    }

    /// One service's log, where the embedded runtime runs it.
    #[must_use]
    pub fn log(&self, service: &ServiceName) -> Utf8PathBuf {
        self.logs().join(format!("{service}.log"))
    }

    /// The journal, written ahead of every step.
    #[must_use]
    pub fn journal(&self) -> Utf8PathBuf {
        self.root.join("journal.jsonl")
    }

    /// Names the journal's last entry at the end of the last operation.
    #[must_use]
    pub fn journal_head(&self) -> Utf8PathBuf {
        self.root.join("journal.head")
    }

    /// What is kept of operations that failed.
    #[must_use]
    pub fn evidence(&self) -> Utf8PathBuf {
        self.root.join("evidence")
    }

    /// The model that the last operation was planned with: what a recovery needs to know when
    /// nobody gives it one.
    #[must_use]
    pub fn model(&self) -> Utf8PathBuf {
        self.root.join(MODEL)
    }

    /// The lock that every change of this environment holds.
    #[must_use]
    pub fn lock(&self) -> Utf8PathBuf {
        self.root.join("lock")
    }
}
