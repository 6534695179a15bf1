//! Rules for the directories of an app's data. No I/O.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;

use super::{Reader, text};
use crate::model::code;
use crate::model::spec::{DataSpec, Spanned};

/// Checks `[[data]]`.
pub fn data(specs: &[Spanned<DataSpec>], reader: &mut Reader<'_>) -> Vec<Utf8PathBuf> {
    let mut seen = BTreeMap::new();
    let dirs = specs.iter().map(|spec| {
        let dir = reader.required(&spec.span(), "dir", &spec.get_ref().dir, "\"events\"")?;
        if let Some(complaint) = text::relative_path(dir.get_ref()) {
            let message = format!("{:?} {complaint}", dir.get_ref());
            let hint = "write a path inside of the data directory, e.g. \"events\"";
            reader.error(&dir.span(), code::BAD_PATH, message, hint);
            return None;
        }
        if !reader.literal("dir", dir) {
            return None;
        }
        let path = Utf8PathBuf::from(dir.get_ref());
        reader.unique("data directory", &path, dir.span(), &mut seen);
        Some(path)
    });
    dirs.collect::<Vec<_>>().into_iter().flatten().collect()
}
