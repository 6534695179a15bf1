//! Takes files of a sealed release over into another one, with their times. Does I/O.
//!
//! Durable only once the tree is sealed.

use std::fs::Metadata;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use memchr::memmem::Finder;

use super::super::HostError;
use super::context::Context;
use super::copy::{Ends, fill, is_sealed};
use super::files::modified_ns;
use super::parallel;
use super::search;
use crate::digest::ContentDigest;
use crate::plan::step::Sharing;
use crate::release::{FilePath, FileRecord, FileRecords};

/// Takes files and links over as they are. See [`Files::adopt`](crate::host::Files::adopt).
pub fn adopt(
    from: &Utf8Path,
    to: &Utf8Path,
    paths: &[FilePath],
    sharing: Sharing,
) -> Result<(), HostError> {
    let ends = Ends::open(from, to)?;
    parallel::each(&ends.prepare(paths)?, |path| adopt_one(&ends, path.as_str(), sharing))?;
    Ok(())
}

fn adopt_one(ends: &Ends<'_>, path: &str, sharing: Sharing) -> Result<(), HostError> {
    let seen = ends.look(path)?;
    if let Some(link) = ends.link_of(path, &seen)? {
        return ends.link_to(path, &link);
    }
    if sharing == Sharing::Linked && is_sealed(&seen) && ends.share(path).is_ok() {
        return Ok(());
    }
    let (mut content, metadata) = ends.read(path)?;
    let mut file = ends.new_file(path, mode_of(&metadata, sharing))?;
    let modified = metadata.modified();
    let copied = fill(&mut file, &mut content);
    copied.and_then(|()| file.set_modified(modified?)).at("copy", ends.from.join(path))
}

/// Takes files and links over, with one text in the place of another. See
/// [`Files::adopt_renamed`](crate::host::Files::adopt_renamed).
pub fn adopt_renamed(
    from: &Utf8Path,
    to: &Utf8Path,
    paths: &[FilePath],
    (old, new): (&str, &str),
    sharing: Sharing,
) -> Result<FileRecords, HostError> {
    if old.len() != new.len() || old.is_empty() {
        return Err(HostError::refused("rename in", to, "the names are not of one length"));
    }
    let ends = Ends::open(from, to)?;
    let needle = Finder::new(old);
    let records = parallel::each(&ends.prepare(paths)?, |path| {
        let path = path.as_str();
        if let Some(link) = ends.link_of(path, &ends.look(path)?)? {
            let link = Utf8PathBuf::from(link.as_str().replace(old, new));
            ends.link_to(path, &link)?;
            return Ok(FileRecord::Link { target: link });
        }
        let (mut file, metadata) = ends.read(path)?;
        let mut content = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
        file.read_to_end(&mut content).at("read", from.join(path))?;
        search::replace(&needle, &mut content, new.as_bytes());
        write_renamed(&ends, path, &content, &metadata, sharing)
    })?;
    Ok(paths.iter().cloned().zip(records).collect())
}

fn write_renamed(
    ends: &Ends<'_>,
    path: &str,
    content: &[u8],
    like: &Metadata,
    sharing: Sharing,
) -> Result<FileRecord, HostError> {
    let mode = mode_of(like, sharing);
    let mut file = ends.new_file(path, mode)?;
    let modified = like.modified();
    let written = file.write_all(content);
    written.and_then(|()| file.set_modified(modified?)).at("write", ends.to.join(path))?;
    Ok(FileRecord::File {
        blake3: ContentDigest::of(content),
        size: content.len() as u64,
        mode,
        modified_ns: modified_ns(like),
    })
}

/// What no later step may change is sealed from the beginning.
fn mode_of(like: &Metadata, sharing: Sharing) -> u32 {
    match (sharing, like.permissions().mode() & 0o111 != 0) {
        (Sharing::Copied, true) => 0o755,
        (Sharing::Copied, false) => 0o644,
        (Sharing::Linked, true) => 0o555,
        (Sharing::Linked, false) => 0o444,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::MetadataExt as _;

    use super::super::scratch::{Scratch, mode_of};
    use super::super::{files, tree, whole};
    use super::*;

    #[test]
    fn what_is_sealed_is_taken_over_by_a_second_name_and_what_names_its_release_by_a_copy() {
        let dir = Scratch::new();
        let (from, to) = (dir.join("one"), dir.join("two"));
        for (name, content, mode) in [
            ("bin/tool", "#!/r/one/bin/python", 0o555),
            ("lib/a.py", "a = 1", 0o444),
            ("lib/open.py", "b = 1", 0o644),
            ("lib/a.pyc", "\0\u{ff}/r/one/lib/a.py\0/r/one\0", 0o444),
        ] {
            whole::create_dir(from.join(name).parent().unwrap(), 0o755).unwrap();
            whole::write(&from.join(name), content.as_bytes(), mode).unwrap();
            let modified = std::time::UNIX_EPOCH + std::time::Duration::from_nanos(1_234_567_891);
            File::open(from.join(name)).unwrap().set_modified(modified).unwrap();
        }
        whole::replace_link(&from.join("lib/self"), "/r/one/lib".into()).unwrap();
        whole::create_dir(&to, 0o755).unwrap();
        let paths = ["bin/tool", "lib/a.py", "lib/open.py", "lib/a.pyc", "lib/self"];
        let paths = paths.map(FilePath::from);
        let found = |name: &str| {
            let metadata = to.join(name).metadata().unwrap();
            let modified = files::modified_ns(&metadata);
            let text = files::read(&to.join(name), 99).unwrap();
            (String::from_utf8(text).unwrap(), metadata.nlink(), modified)
        };
        let (bound, free): (Vec<_>, Vec<_>) =
            paths.into_iter().partition(|path| !path.as_str().ends_with(".py"));
        adopt(&from, &to, &free, Sharing::Linked).unwrap();
        let records = adopt_renamed(&from, &to, &bound, ("one", "two"), Sharing::Linked).unwrap();
        for (name, content, names) in [
            ("bin/tool", "#!/r/two/bin/python", 1),
            ("lib/a.py", "a = 1", 2),
            ("lib/open.py", "b = 1", 1),
            ("lib/a.pyc", "\0\u{ff}/r/two/lib/a.py\0/r/two\0", 1),
        ] {
            assert_eq!(found(name), (content.to_owned(), names, 1_234_567_891), "{name} (HEL-11)");
        }
        let mut there = tree::tree(&to, &[], &FileRecords::new()).unwrap();
        there.retain(|path, _| bound.contains(path));
        assert_eq!(records, there, "what is said is what is there");
        assert_eq!(mode_of(&to.join("bin/tool")), 0o555);
        assert_eq!(files::link_target(&to.join("lib/self")).unwrap(), "/r/two/lib");
        super::super::tree::seal(&to).unwrap();
        assert_eq!(found("lib/a.py").1, 2, "what is sealed already is left as it is");
        assert_eq!(mode_of(&to.join("bin/tool")), 0o555);

        let third = dir.join("third");
        whole::create_dir(&third, 0o755).unwrap();
        adopt(&from, &third, &[free, bound.clone()].concat(), Sharing::Copied).unwrap();
        assert_eq!(third.join("lib/a.py").metadata().unwrap().nlink(), 1);
        assert_eq!(mode_of(&third.join("lib/a.py")), 0o644, "a later step may change it");
        assert_eq!(files::link_target(&third.join("lib/self")).unwrap(), "/r/one/lib");
        let longer = adopt_renamed(&from, &third, &bound, ("one", "three"), Sharing::Copied);
        assert!(longer.is_err(), "what is of another length would move what follows");
        super::super::remove::remove_tree(&to).unwrap();
        assert_eq!(from.join("lib/a.py").metadata().unwrap().nlink(), 1);
        assert_eq!(mode_of(&from.join("lib/a.py")), 0o444);
    }
}
