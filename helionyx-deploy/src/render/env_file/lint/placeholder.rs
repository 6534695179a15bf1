//! Lints for values that nobody has filled in yet (HEL-05). No I/O.

use super::super::grammar::{Key, Read};
use super::{Issue, Severity, code};

/// The issues with values that are still to be filled in.
pub(super) fn issues(read: &Read, severity: impl Fn(&str) -> Severity) -> Vec<Issue> {
    let mut issues = Vec::new();
    for assignment in &read.assignments {
        let (Key::Name(name), Some(value)) = (&assignment.key, &assignment.value) else { continue };
        if is_placeholder(value.expose()) {
            let problem = "still to be filled in";
            let hint = format!("put the real value after `{name}=`");
            let issue = Issue::error(assignment.value_at, code::PLACEHOLDER, problem, &hint);
            issues.push(Issue { severity: severity(name), ..issue.of(name) });
        }
    }
    issues
}

/// Words that stand where a value should.
const WORDS: [&str; 12] = [
    "change_it",
    "change_me",
    "changeit",
    "changeme",
    "fill_me_in",
    "fixme",
    "placeholder",
    "replace_me",
    "replaceme",
    "tbd",
    "todo",
    "your_value",
];

/// Whether a value is surely none: `your_…_here`, `<…>`, `changeme`, `xxx…`, and the like.
#[must_use]
pub fn is_placeholder(value: &str) -> bool {
    let value = value.trim();
    let folded = value.to_lowercase().replace(['-', ' '], "_");
    let enclosed = |open, close| {
        value.len() > 2
            && value.starts_with(open)
            && value.ends_with(close)
            && value.matches(open).count() == 1
    };
    let named =
        (folded.starts_with("your_") || folded.starts_with("my_")) && folded.ends_with("_here");
    let yours = ["_key", "_token", "_id", "_secret", "_password"];
    let yours = folded.starts_with("your_") && yours.iter().any(|end| folded.ends_with(end));
    let pasted = ["replace_with_", "insert_", "enter_your_", "put_your_", "paste_your_"];
    let crossed = folded.trim_start_matches("sk_");
    named
        || yours
        || enclosed('<', '>')
        || WORDS.contains(&folded.as_str())
        || pasted.iter().any(|begin| folded.starts_with(begin))
        || crossed.len() >= 3
            && crossed.chars().all(|c| matches!(c, 'x' | '_' | '.'))
            && crossed.contains("xxx")
        || value.len() >= 3 && value.chars().all(|c| c == '.' || c == '…')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_told_from_values() {
        for value in [
            "your_openai_api_key_here",
            "YOUR-TOKEN-HERE",
            "your token here",
            "your_api_key",
            "<your key>",
            "<TOKEN>",
            "changeme",
            "CHANGE_ME",
            "change-me",
            "xxx",
            "xxxxxxxx",
            "XXXX-XXXX",
            "sk-xxxxxxxx",
            "TODO",
            "replace-with-your-key",
            "...",
            "placeholder",
        ] {
            assert!(is_placeholder(value), "{value:?} (HEL-05)");
        }
        for value in [
            "",
            "0",
            "xx",
            "sk-abc",
            "123:ABC-def",
            "<",
            "<>",
            "<a><b>",
            "a<b>",
            "yours",
            "here",
            "your_house",
            "xenon",
            "changeme2x",
            "gpt-4o-mini",
            "/var/lib/todo",
            "insert",
        ] {
            assert!(!is_placeholder(value), "{value:?}");
        }
    }
}
