//! "Did you mean": the known word closest to one that is not known. No I/O.

pub use systemd_unit_file::closest;

use super::finding::plain;
use crate::hint;
use crate::hint::{Hint, Part};

/// What to write instead of an unknown word: the closest one, and all there are.
pub fn hint(word: &str, known: &[&str]) -> Hint {
    let code = |word: &str| hint::code(plain(word));
    match closest(word, known.iter().copied()).map(code) {
        Some(meant) if known.len() == 1 => hint!("did you mean ", meant, "?"),
        Some(meant) => hint!("did you mean ", meant, "? known are ").and(listed(known)),
        None if known.is_empty() => "nothing can stand here".into(),
        None => hint!("known: ").and(listed(known)),
    }
}

/// All words, with commas between them.
fn listed(words: &[&str]) -> Hint {
    let parts = words.iter().enumerate().flat_map(|(index, word)| {
        let comma = if index == 0 { "" } else { ", " };
        [Part::from(comma), hint::code(plain(word))]
    });
    parts.collect()
}
