//! Places below a directory: relative paths that stay inside, and their parents. Does I/O.

use std::collections::HashSet;
use std::io;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use rustix::fs::Mode;

use super::super::HostError;
use super::context::Context;
use super::files;
use crate::state::Node;

/// A relative path that names something inside: no `..`, not absolute, `.` parts left out. None
/// where it is not that. Empty where it names the directory itself.
pub fn inside(path: &str) -> Option<Utf8PathBuf> {
    if path.is_empty() || path.contains('\0') {
        return None;
    }
    let mut inside = Utf8PathBuf::new();
    for part in Utf8Path::new(path).components() {
        match part {
            Utf8Component::Normal(name) => inside.push(name),
            Utf8Component::CurDir => {}
            _ => return None,
        }
    }
    Some(inside)
}

/// A directory that is filled by relative paths; makes the directories in between, and never
/// passes through a symbolic link.
pub struct Place<'a> {
    root: &'a Utf8Path,
    known: HashSet<Utf8PathBuf>,
}

impl<'a> Place<'a> {
    /// Below this directory, which exists.
    pub fn below(root: &'a Utf8Path) -> Result<Place<'a>, HostError> {
        match files::node(root)? {
            Node::Directory { .. } => Ok(Place { root, known: HashSet::new() }),
            Node::Missing => {
                let missing = io::Error::new(io::ErrorKind::NotFound, "no such directory");
                Err(HostError::new("fill", root, missing))
            }
            node => Err(HostError::refused("fill", root, format!("it is {node}, no directory"))),
        }
    }

    /// The full path of what will lie here; the directories above it exist now.
    pub fn prepare(&mut self, relative: &Utf8Path) -> Result<Utf8PathBuf, HostError> {
        if let Some(parent) = relative.parent() {
            self.directory(parent)?;
        }
        Ok(self.root.join(relative))
    }

    /// Makes a directory here (0755), and those above it.
    pub fn directory(&mut self, relative: &Utf8Path) -> Result<(), HostError> {
        if relative.as_str().is_empty() || self.known.contains(relative) {
            return Ok(());
        }
        let path = self.prepare(relative)?;
        match rustix::fs::mkdir(path.as_str(), Mode::RWXU) {
            Ok(()) => files::set_dir_mode(&path, 0o755).at("make", &path)?,
            Err(rustix::io::Errno::EXIST) => require_directory(&path)?,
            Err(error) => return Err(HostError::new("make", &path, io::Error::from(error))),
        }
        self.known.insert(relative.to_owned());
        Ok(())
    }
}

fn require_directory(path: &Utf8Path) -> Result<(), HostError> {
    match files::node(path)? {
        Node::Directory { .. } => Ok(()),
        node => Err(HostError::refused("enter", path, format!("it is {node}, no directory"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_relative_paths_without_parents_are_inside() {
        for (path, expected) in [
            ("a", Some("a")),
            ("./a//b/", Some("a/b")),
            ("a/./b", Some("a/b")),
            (".", Some("")),
            ("..a/b", Some("..a/b")),
            ("", None),
            ("/", None),
            ("/a", None),
            ("..", None),
            ("a/../b", None),
            ("a/..", None),
            ("a\0b", None),
        ] {
            assert_eq!(inside(path).as_deref().map(Utf8Path::as_str), expected, "{path:?}");
        }
    }
}
