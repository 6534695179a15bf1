//! Rules for the values of variables, by their kind. No I/O.

use super::text;
use crate::hint::Hint;
use crate::model::{Kind, suggest};
use crate::name::Port;

/// What is wrong with a value, and what to write instead; none when it is of its kind.
///
/// The value itself is in neither: who has put a secret in the wrong place must not see it printed.
pub fn mismatch(kind: &Kind, value: &str) -> Option<(&'static str, Hint)> {
    match kind {
        Kind::Text | Kind::Secret => None,
        Kind::Port => {
            let port = value.parse::<i64>().ok().filter(|_| is_digits(value));
            let port = port.and_then(|port| Port::try_from(port).ok());
            port.is_none().then(|| ("is no port", "write a number from 1 to 65535".into()))
        }
        Kind::Number => {
            (!is_number(value)).then(|| ("is no number", "write e.g. 10 or 2.5".into()))
        }
        Kind::Path => text::absolute_path(value)
            .map(|complaint| (complaint, "write e.g. \"{data}/events\"".into())),
        Kind::Url if text::has_credentials(value) => {
            let hint = "declare it with `kind = \"secret\"`, and give its value on the host";
            Some(("holds a user or password", hint.into()))
        }
        Kind::Url => text::web_url(value)
            .map(|complaint| (complaint, "write e.g. \"https://example.org\"".into())),
        Kind::Choice(choices) => {
            let known: Vec<_> = choices.iter().map(String::as_str).collect();
            let hint = || suggest::hint(value, &known);
            (!known.contains(&value)).then(|| ("is none of its choices", hint()))
        }
    }
}

fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    match text.split_once('.') {
        Some((whole, part)) => is_digits(whole) && is_digits(part),
        None => is_digits(text),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_of_their_kind_or_refused() {
        let choice = Kind::Choice(vec!["none".into(), "crash".into()]);
        for (kind, good, bad) in [
            (
                Kind::Port,
                &["1", "8000", "65535"][..],
                &["0", "70000", "-1", "+80", "80 ", "x", ""][..],
            ),
            (
                Kind::Number,
                &["0", "-1", "5.0", "007"],
                &["", "-", ".5", "5.", "1e3", "inf", "NaN", "٣", "1,5"],
            ),
            (Kind::Path, &["/a/b"], &["a", "", "/a/../b"]),
            (Kind::Url, &["https://host/x"], &["host", "https://a:b@host"]),
            (choice, &["none", "crash"], &["", "None", "crahs"]),
            (Kind::Text, &["", "anything"], &[]),
        ] {
            for value in good {
                assert_eq!(mismatch(&kind, value), None, "{kind:?} {value:?}");
            }
            for value in bad {
                assert!(mismatch(&kind, value).is_some(), "{kind:?} {value:?}");
            }
        }
    }
}
