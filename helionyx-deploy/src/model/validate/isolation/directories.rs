//! Rules between the directories of two environments. No I/O.

use camino::Utf8Path;

use super::{Claims, Directory, Finding, blamed, code, finding, text};

/// Two directories that meet: the earlier environment's and the later one's.
#[derive(Debug)]
pub struct Meeting<'a> {
    one: &'a Directory,
    other: &'a Directory,
}

/// The directories that meet, without those that meet because others do: what lies below a shared
/// root is shared for that reason.
pub fn meetings<'a>(earlier: &'a Claims, later: &'a Claims) -> Vec<Meeting<'a>> {
    let pairs = earlier.directories.iter();
    let pairs = pairs.flat_map(|one| later.directories.iter().map(move |other| (one, other)));
    let mut pairs: Vec<_> =
        pairs.filter(|(one, other)| text::overlap(&one.path, &other.path)).collect();
    // Of one kind first: that is what was meant to be apart.
    pairs.sort_by_key(|(one, other)| one.key != other.key);
    let mut kept: Vec<Meeting<'a>> = Vec::new();
    for (one, other) in pairs {
        if !kept.iter().any(|meeting| meeting.explains(&one.path, &other.path)) {
            kept.push(Meeting { one, other });
        }
    }
    kept
}

impl Meeting<'_> {
    /// Whether these two paths meet for the reason that these directories do: they lie in them, or
    /// hold them.
    pub fn explains(&self, one: &Utf8Path, other: &Utf8Path) -> bool {
        let (earlier, later) = (&self.one.path, &self.other.path);
        one.starts_with(earlier) && other.starts_with(later)
            || earlier.starts_with(one) && later.starts_with(other)
    }

    /// What is said about it.
    pub fn finding(&self) -> Finding {
        let (here, there) = blamed(&self.one.place, &self.other.place);
        let is_later = std::ptr::eq(here, &raw const self.other.place);
        let (own, foreign) = if is_later { (self.other, self.one) } else { (self.one, self.other) };
        let (key, path) = (own.key, &own.path);
        let message = match foreign.path == *path {
            true => format!("`{key}` is `{path}`, which is taken at {there}"),
            false => format!("`{key}` is `{path}`, which meets `{}` at {there}", foreign.path),
        };
        let code = if own.key == foreign.key { own.code } else { code::SHARED_PATH };
        finding(here, code, message, "give every environment directories of its own")
    }
}
