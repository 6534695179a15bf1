//! Files that stay open while others may take their paths. Does I/O.

use std::fs::{File, Metadata, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};

use camino::{Utf8Path, Utf8PathBuf};

use super::super::{HostError, OpenFile};
use super::context::Context;
use super::files::{absent, open_regular};

/// An open file, with the path that it was opened at.
struct Opened {
    file: File,
    path: Utf8PathBuf,
}

/// Opens a regular file; none where there is nothing.
pub fn open(path: &Utf8Path) -> Result<Option<Box<dyn OpenFile>>, HostError> {
    match open_regular("read", path, OpenOptions::new().read(true)) {
        Ok((file, _)) => Ok(Some(Box::new(Opened { file, path: path.to_owned() }))),
        Err(error) if absent(error.source.kind()) => Ok(None),
        Err(error) => Err(error),
    }
}

impl OpenFile for Opened {
    fn size(&self) -> Result<u64, HostError> {
        Ok(self.file.metadata().at("look at", &self.path)?.len())
    }

    fn read(&self, from: u64, limit: u64) -> Result<Vec<u8>, HostError> {
        let left = self.size()?.saturating_sub(from).min(limit);
        let mut bytes = vec![0; usize::try_from(left).unwrap_or(usize::MAX)];
        let mut filled = 0;
        while filled < bytes.len() {
            let at = from + filled as u64;
            match self.file.read_at(&mut bytes[filled..], at).at("read", &self.path)? {
                0 => break,
                read => filled += read,
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    fn is_replaced(&self) -> Result<bool, HostError> {
        let file = |metadata: Metadata| (metadata.dev(), metadata.ino());
        match self.path.symlink_metadata() {
            Ok(metadata) => {
                let ours = self.file.metadata().at("look at", &self.path)?;
                Ok(file(metadata) != file(ours))
            }
            Err(error) if absent(error.kind()) => Ok(false),
            Err(error) => Err(HostError::new("look at", &self.path, error)),
        }
    }
}
