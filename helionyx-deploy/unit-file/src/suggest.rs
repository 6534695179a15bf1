//! "Did you mean": the known word closest to one that is not known. No I/O.

/// The known word that was most likely meant; none when nothing is near.
#[must_use]
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = folded(word);
    // Longer words are no typing mistakes, and comparing them costs the product of the lengths.
    if word.is_empty() || word.len() > 64 {
        return None;
    }
    let near = known.into_iter().filter_map(|candidate| {
        let other = folded(candidate);
        let distance = strsim::damerau_levenshtein(&word, &other);
        // `stop_timeout` for `stop_timeout_secs`: far in letters, near in meaning.
        let begun = word.len() >= 4 && other.starts_with(&word);
        (begun || distance <= tolerated(&word)).then_some((distance, candidate))
    });
    near.min().map(|(_, candidate)| candidate)
}

/// What to write instead of an unknown word: the closest one, and all there are.
pub(crate) fn hint(word: &str, known: &[&str]) -> String {
    let all: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    let all = all.join(", ");
    match closest(word, known.iter().copied()) {
        Some(meant) if known.len() == 1 => format!("did you mean `{meant}`?"),
        Some(meant) => format!("did you mean `{meant}`? known are {all}"),
        None => format!("known: {all}"),
    }
}

fn folded(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

fn tolerated(word: &str) -> usize {
    match word.chars().count() {
        0..=2 => 0,
        3..=5 => 1,
        6..=9 => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        let known = ["dev", "staging", "live", "stop_timeout_secs"];
        for (word, meant) in [
            ("dve", Some("dev")),
            ("DEV", Some("dev")),
            ("stagign", Some("staging")),
            ("stop-timeout-secs", Some("stop_timeout_secs")),
            ("lives", Some("live")),
            ("stop_timeout", Some("stop_timeout_secs")),
            ("sto", None),
            ("prod", None),
            ("d", None),
            ("", None),
        ] {
            assert_eq!(closest(word, known), meant, "{word:?}");
        }
        assert_eq!(closest(&"dev".repeat(100_000), known), None);
    }
}
