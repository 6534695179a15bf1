//! How long to wait, as an operator writes it. No I/O.

use std::time::Duration;

/// A duration such as `30s`, `2m`, `1h` or `500ms`; `0` is none.
///
/// # Errors
/// In words, with the forms that are understood.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let forms = || format!("{text:?} is no duration: write it like 500ms, 30s, 2m or 1h");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| forms())?;
    let unit_ms = match unit {
        "" if number == 0 => 1,
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(forms()),
    };
    number.checked_mul(unit_ms).map(Duration::from_millis).ok_or_else(forms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit_and_errors_name_the_forms() {
        for (text, millis) in [
            ("0", 0),
            ("500ms", 500),
            ("30s", 30_000),
            ("2m", 120_000),
            ("2min", 120_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "30", "s", "-1s", "1.5s", "1 s", "1d", "99999999999999999999s"] {
            assert_eq!(
                parse(bad),
                Err(format!("{bad:?} is no duration: write it like 500ms, 30s, 2m or 1h"))
            );
        }
        assert!(parse("18446744073709551615h").is_err());
    }
}
