//! A directory for a test, gone with it. Does I/O.

use std::os::unix::fs::PermissionsExt;

use camino::{Utf8Path, Utf8PathBuf};

/// A directory for a test; its path has no link in it.
pub struct Scratch {
    path: Utf8PathBuf,
    _guard: tempfile::TempDir,
}

impl Scratch {
    pub fn new() -> Scratch {
        let guard = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(guard.path()).unwrap().canonicalize_utf8().unwrap();
        Scratch { path, _guard: guard }
    }

    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    pub fn join(&self, name: impl AsRef<Utf8Path>) -> Utf8PathBuf {
        self.path.join(name)
    }
}

/// The permission bits of what is at this path.
pub fn mode_of(path: &Utf8Path) -> u32 {
    path.symlink_metadata().unwrap().permissions().mode() & 0o7777
}
