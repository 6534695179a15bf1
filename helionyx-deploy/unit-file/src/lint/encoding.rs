//! Base64, as systemd decodes it. No I/O.

/// Whether it is Base64 with its padding; blanks count nowhere.
pub fn is_base64(value: &str) -> bool {
    let digits: String = value.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let body = digits.trim_end_matches('=');
    let known = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    digits.len().is_multiple_of(4) && digits.len() - body.len() <= 2 && body.chars().all(known)
}
