//! Files of the fake machine that stay open while others may take their paths. No I/O.

use std::sync::{Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};

use super::FakeHost;
use crate::host::{HostError, OpenFile};

/// An open file. The disk keeps nothing that has no path: a file without one is as it was when it
/// was looked at last.
struct Opened {
    host: FakeHost,
    path: Utf8PathBuf,
    inode: u64,
    content: Mutex<Vec<u8>>,
}

impl FakeHost {
    /// Opens a regular file; none where there is nothing.
    pub(super) fn open_file(
        &self,
        path: &Utf8Path,
    ) -> Result<Option<Box<dyn OpenFile>>, HostError> {
        let found = self.look("read", path, |disk| disk.open(path))?;
        let host = self.clone();
        Ok(found.map(|(inode, content)| -> Box<dyn OpenFile> {
            let content = Mutex::new(content);
            Box::new(Opened { host, path: path.to_owned(), inode, content })
        }))
    }
}

impl Opened {
    /// What can be read of the content now.
    fn with_content<T>(&self, read: impl FnOnce(&[u8]) -> T) -> Result<T, HostError> {
        let found = self.host.look("read", &self.path, |disk| disk.open(&self.path))?;
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, now)) = found.filter(|(inode, _)| *inode == self.inode) {
            *content = now;
        }
        Ok(read(&content))
    }
}

impl OpenFile for Opened {
    fn size(&self) -> Result<u64, HostError> {
        self.with_content(|content| content.len() as u64)
    }

    fn read(&self, from: u64, limit: u64) -> Result<Vec<u8>, HostError> {
        let place = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        self.with_content(|content| {
            let rest = content.get(place(from)..).unwrap_or_default();
            rest[..rest.len().min(place(limit))].to_vec()
        })
    }

    fn is_replaced(&self) -> Result<bool, HostError> {
        let found = self.host.look("look at", &self.path, |disk| disk.open(&self.path))?;
        Ok(found.is_some_and(|(inode, _)| inode != self.inode))
    }
}
