//! "Did you mean": the known word closest to one that is not known. No I/O.

pub use systemd_unit_file::closest;

use super::finding::plain;

/// What to write instead of an unknown word: the closest one, and all there are.
pub fn hint(word: &str, known: &[&str]) -> String {
    let all: Vec<String> = known.iter().map(|word| format!("`{}`", plain(word))).collect();
    let all = all.join(", ");
    match closest(word, known.iter().copied()).map(plain) {
        Some(meant) if known.len() == 1 => format!("did you mean `{meant}`?"),
        Some(meant) => format!("did you mean `{meant}`? known are {all}"),
        None if known.is_empty() => "nothing can stand here".to_owned(),
        None => format!("known: {all}"),
    }
}
