//! Environment files in the forms that systemd, bash, python-dotenv and compose read alike. No I/O.

use super::grammar::{self, Systemd};
use crate::name::VariableName;

/// Which forms of a value may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The two on which all readers agree: bare, and in double quotes without `$`, `\`, `"` and
    /// the backtick inside.
    Portable,
    /// Also what systemd alone is sure to understand: with a backslash before these.
    Systemd,
}

/// A file, and what its author should know about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The content.
    pub text: String,
    /// The variables that stand in a form of systemd's.
    pub not_portable: Vec<VariableName>,
}

/// Why a value cannot be written. Never shows it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to write `{name}`: {why}")]
pub struct WriteError {
    /// The variable.
    pub name: VariableName,
    /// Why not.
    pub why: &'static str,
}

/// The longest `NAME=value` that the kernel hands to a process, in bytes.
const LONGEST: usize = 128 * 1024 - 1;

/// An environment file with these values, in their order.
///
/// It is read back by the rules of systemd 252 and 257 before it is returned.
///
/// # Errors
/// Every value that cannot be written, or not in this form.
pub fn write<'a>(
    values: impl IntoIterator<Item = (&'a VariableName, &'a str)>,
    form: Form,
) -> Result<Written, Vec<WriteError>> {
    let mut written = Written::default();
    let mut errors = Vec::new();
    for (name, value) in values {
        match line(name, value, form) {
            Ok(line) => {
                written.text += &line;
                if !is_portable(value) {
                    written.not_portable.push(name.clone());
                }
            }
            Err(why) => errors.push(WriteError { name: name.clone(), why }),
        }
    }
    if errors.is_empty() { Ok(written) } else { Err(errors) }
}

fn line(name: &VariableName, value: &str, form: Form) -> Result<String, &'static str> {
    if value.contains('\0') {
        return Err("a NUL byte cannot stand in an environment");
    }
    if grammar::invalid(value.as_bytes()).is_some() {
        return Err("systemd refuses a character that Unicode reserves");
    }
    if name.as_str().len() + 1 + value.len() > LONGEST {
        return Err("it is longer than 128 KiB, the most that the kernel takes");
    }
    if form == Form::Portable && !is_portable(value) {
        return Err("readers do not agree on `\"`, `\\`, `$`, backtick and carriage return");
    }
    let line = format!("{name}={}\n", quote(value));
    let reads_back = |version| {
        let read = grammar::read(line.as_bytes(), version);
        let variables = read.variables().unwrap_or_default();
        let [(read_name, read_value)] = &variables[..] else { return false };
        (*read_name, read_value.expose()) == (name.as_str(), value)
    };
    let same = [Systemd::V252, Systemd::V257].into_iter().all(reads_back);
    if same { Ok(line) } else { Err("systemd would read another value") }
}

/// Whether all readers agree on how it is written.
fn is_portable(value: &str) -> bool {
    !value.contains(['"', '\\', '$', '`', '\r'])
}

/// A value as it stands behind the `=`: bare where that is safe, else in double quotes.
pub(super) fn quote(value: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "_./:@%+,-".contains(c);
    if !value.is_empty() && value.chars().all(bare) {
        return value.to_owned();
    }
    let mut quoted = String::from('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_portable_forms_are_written_unless_systemds_is_asked_for() {
        let name: VariableName = "A".parse().unwrap();
        for (value, portable, systemd) in [
            ("8000", Some("A=8000\n"), Some("A=8000\n")),
            ("", Some("A=\"\"\n"), Some("A=\"\"\n")),
            ("a b # c", Some("A=\"a b # c\"\n"), Some("A=\"a b # c\"\n")),
            ("it's ~/x!", Some("A=\"it's ~/x!\"\n"), Some("A=\"it's ~/x!\"\n")),
            ("a\nb", Some("A=\"a\nb\"\n"), Some("A=\"a\nb\"\n")),
            ("pa$s", None, Some("A=\"pa\\$s\"\n")),
            ("C:\\x", None, Some("A=\"C:\\\\x\"\n")),
            ("a\rb", None, Some("A=\"a\rb\"\n")),
            ("a\0b", None, None),
            ("a\u{fffe}b", None, None),
        ] {
            let text = |form| write([(&name, value)], form).ok().map(|written| written.text);
            assert_eq!(text(Form::Portable).as_deref(), portable, "{value:?}");
            assert_eq!(text(Form::Systemd).as_deref(), systemd, "{value:?}");
        }
    }

    #[test]
    fn what_is_not_portable_is_named_and_errors_show_no_value() {
        let names: [VariableName; 2] = ["A", "B"].map(|name| name.parse().unwrap());
        let values = [(&names[0], "plain"), (&names[1], "hun$ter2")];
        let written = write(values, Form::Systemd).unwrap();
        assert_eq!(written.not_portable, [names[1].clone()]);
        let errors = write(values, Form::Portable).unwrap_err();
        assert_eq!(errors.len(), 1);
        assert!(errors[0].to_string().starts_with("failed to write `B`: "), "{errors:?}");
        assert!(!errors[0].to_string().contains("ter2"), "(ALL-04)");
        let long = "x".repeat(LONGEST - 1);
        assert!(write([(&names[0], &*long)], Form::Portable).is_err(), "the kernel's limit");
        assert!(write([(&names[0], &long[1..])], Form::Portable).is_ok(), "the kernel's limit");
    }
}
