//! Reads a model file into its spec, and finds all that is wrong with it at once. No I/O.
//!
//! Serde stops at the first mistake. So the mistaken entry is noted, cut out, and the rest is read
//! again, until it can be read whole.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue, Deserializer};

use super::catalog::SourceFile;
use super::finding::{Finding, Place, Severity, plain};
use super::{code, suggest};
use crate::hint::Hint;

mod cut;

use cut::{Cut, cut_from_table};

/// After so many mistakes the rest is not worth listing, nor the time to find it.
const LIMIT: usize = 50;
/// Models are written by people: what is longer is another file.
const MAX_BYTES: usize = 128 * 1024;

/// What a file holds, as far as it can be read.
#[derive(Debug)]
pub struct Decoded<T> {
    /// All that could be read; none when the file is no TOML at all.
    pub spec: Option<T>,
    /// What could not.
    pub findings: Vec<Finding>,
    /// The keys that are there but could not be read: they are not missing.
    pub broken: Broken,
}

/// Keys that a finding has been made of already, so that no second one follows from the first.
#[derive(Debug, Default)]
pub struct Broken {
    keys: BTreeSet<(usize, usize, String)>,
    root: Range<usize>,
    syntax: bool,
}

impl Broken {
    /// Whether a key of the table at `table` must not be called missing or empty.
    pub fn has(&self, table: &Range<usize>, key: &str) -> bool {
        self.syntax || self.keys.contains(&(table.start, table.end, key.to_owned()))
    }

    /// Where the file's outermost table lies.
    pub fn root(&self) -> Range<usize> {
        self.root.clone()
    }

    fn touches(&self, table: &Range<usize>) -> bool {
        self.keys.iter().any(|(start, end, _)| (*start, *end) == (table.start, table.end))
    }

    fn add(&mut self, table: &Range<usize>, key: &str) {
        self.keys.insert((table.start, table.end, key.to_owned()));
    }
}

/// Reads a file.
pub fn decode<T: DeserializeOwned>(file: &SourceFile) -> Decoded<T> {
    if file.text.len() > MAX_BYTES {
        return too_large(file);
    }
    if is_blank(&file.text) {
        return blank(file);
    }
    let (mut table, errors) = DeTable::parse_recoverable(&file.text);
    let broken = Broken { root: table.span(), syntax: !errors.is_empty(), ..Broken::default() };
    let mut decoded = Decoded { spec: None, findings: syntax(file, &errors), broken };
    let unreadable = unreadable(file, &decoded.findings);
    for _ in 0..LIMIT {
        let error = match T::deserialize(Deserializer::from(table.clone())) {
            Ok(spec) => {
                decoded.spec = Some(spec);
                return decoded;
            }
            Err(error) => error,
        };
        let root = table.span();
        let cut = error.span().and_then(|at| cut_from_table(table.get_mut(), &root, &at));
        let Some(cut) = cut else {
            let place = error.span().map_or_else(|| Place::file(&file.path), |at| place(file, &at));
            decoded.findings.push(finding(
                place,
                code::WRONG_TYPE,
                plain(error.message()),
                "compare with another model",
            ));
            return decoded;
        };
        let found = explain(file, &error, &cut, &mut decoded.broken);
        let found = found.filter(|found| !unreadable.contains(&found.place.line));
        decoded.findings.extend(found);
    }
    let message = format!("the file has more than {LIMIT} mistakes and was not read further");
    let hint = "mend these first";
    decoded.findings.push(finding(Place::file(&file.path), code::TOO_MANY, message, hint));
    decoded.broken.syntax = true;
    decoded
}

/// Whether nothing is said: then everything is missing, which is one thing to say.
fn is_blank(text: &str) -> bool {
    let says_nothing = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    text.lines().all(says_nothing)
}

fn blank<T>(file: &SourceFile) -> Decoded<T> {
    unread(file, code::EMPTY, "the file says nothing".to_owned(), "compare with another model")
}

fn too_large<T>(file: &SourceFile) -> Decoded<T> {
    let message = format!("the file has {} bytes, a model at most {MAX_BYTES}", file.text.len());
    unread(file, code::TOO_LARGE, message, "write a shorter one")
}

/// A file that is not read, for one reason.
fn unread<T>(file: &SourceFile, code: &'static str, message: String, hint: &str) -> Decoded<T> {
    let finding = finding(Place::file(&file.path), code, message, hint);
    let broken = Broken { syntax: true, ..Broken::default() };
    Decoded { spec: None, findings: vec![finding], broken }
}

/// Lines of which nothing more is said: those that are no TOML, and the keys below a broken
/// `[header]`, which now seem to stand in another table.
fn unreadable(file: &SourceFile, syntax: &[Finding]) -> BTreeSet<usize> {
    let mut lines: BTreeSet<usize> = syntax.iter().map(|finding| finding.place.line).collect();
    let mut broken: Vec<&str> = Vec::new();
    let mut below_broken = false;
    for (line, text) in (1..).zip(file.text.lines()) {
        if is_header(text) {
            let name = header_name(text);
            let inside =
                |outer: &&str| name.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'));
            below_broken = lines.contains(&line) || broken.iter().any(inside);
            if below_broken {
                broken.push(name);
            }
        }
        if below_broken {
            lines.insert(line);
        }
    }
    lines
}

fn header_name(line: &str) -> &str {
    let name = line.split('#').next().unwrap_or_default();
    name.trim().trim_matches(['[', ']']).trim()
}

fn is_header(line: &str) -> bool {
    line.trim_start().starts_with('[')
}

fn syntax(file: &SourceFile, errors: &[toml::de::Error]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for error in errors {
        let place = error.span().map_or_else(|| Place::file(&file.path), |span| place(file, &span));
        // One slip makes the parser stumble several times over the same line.
        if findings.iter().any(|earlier| earlier.place.line == place.line) {
            continue;
        }
        if findings.len() == LIMIT {
            break;
        }
        let line = file.text.lines().nth(place.line.saturating_sub(1)).unwrap_or_default();
        let hint = if is_header(line) {
            "write `[name]`, or `[[name]]` for one of several"
        } else {
            "write `key = value`, with texts in \"quotes\""
        };
        findings.push(finding(place, code::SYNTAX, plain(error.message()), hint));
    }
    findings
}

fn explain(
    file: &SourceFile,
    error: &toml::de::Error,
    cut: &Cut<'_>,
    broken: &mut Broken,
) -> Option<Finding> {
    let span = error.span().unwrap_or_else(|| cut.key_span.clone());
    // A table whose only entry was cut out before: that was said.
    let emptied = cut.value.is_table() && broken.touches(&span);
    broken.add(&cut.table, &cut.key);
    if emptied {
        return None;
    }
    let at = place(file, &span);
    let (key, text) = (plain(&cut.key), error.message());
    if text.starts_with("unknown field `") {
        let known = quoted_after(text, &cut.key);
        // The key that was meant stands in its place already: then it is no slip of its name.
        let free = known.iter().filter(|known| !cut.siblings.iter().any(|s| s == *known));
        if let Some(meant) = suggest::closest(&cut.key, free.copied()) {
            broken.add(&cut.table, meant);
        }
        let hint = suggest::hint(&cut.key, &known);
        return Some(finding(at, code::UNKNOWN_KEY, format!("unknown key `{key}`"), hint));
    }
    if text.starts_with("unknown variant `") {
        let (word, what) = match cut.value.as_str() {
            Some(word) => (word, format!("`{key}` cannot be ")),
            None => (cut.key.as_str(), "there is no kind ".to_owned()),
        };
        let hint = suggest::hint(word, &quoted_after(text, word));
        let message = format!("{what}`{}`", plain(word));
        return Some(finding(at, code::UNKNOWN_CHOICE, message, hint));
    }
    let key = if cut.is_item { format!("an item of `{key}`") } else { format!("`{key}`") };
    Some(wrong_type(at, &key, &plain(&cut.key), text, &cut.value))
}

/// The names in backquotes that follow `word` in one of serde's messages.
fn quoted_after<'t>(text: &'t str, word: &str) -> Vec<&'t str> {
    let known = text.split_once(&format!("`{word}`, expected ")).map_or("", |(_, known)| known);
    known.split('`').skip(1).step_by(2).collect()
}

/// Says what was wanted and what is there, but never the value: it might be a secret.
fn wrong_type(at: Place, what: &str, key: &str, text: &str, value: &DeValue<'_>) -> Finding {
    let article = if value.is_integer() || value.is_array() { "an" } else { "a" };
    let found = format!("{article} {}", value.type_str());
    let wanted = match text.rsplit_once(", expected ").map(|(_, wanted)| wanted) {
        Some("a sequence") => "a list",
        Some("a map") => "a table",
        Some("i64") => "an integer",
        Some("newtype variant") => "`{ choice = [\"…\", \"…\"] }`",
        Some("unit variant") => "a word without a value",
        Some(other) => other,
        None => "one word, or a table with one key",
    };
    if value.is_integer() && wanted == "an integer" {
        let message = format!("{what} is too large a number");
        return finding(at, code::OUT_OF_RANGE, message, "write a smaller one");
    }
    let hint = match wanted {
        "a list" if value.is_table() => format!("write `[[{key}]]` with double brackets"),
        "a list" => "write `[\"…\", \"…\"]`".to_owned(),
        "a table" if is_tables(value) => format!("write `[{key}]` with single brackets"),
        "a table" => format!("write `{key} = {{ … = … }}`, or a table of this name"),
        "an integer" if value.is_str() => "write a number without quotes".to_owned(),
        "a string" => "write it in \"quotes\"".to_owned(),
        wanted => format!("write {wanted}"),
    };
    finding(at, code::WRONG_TYPE, format!("{what} must be {wanted}, not {found}"), hint)
}

/// Whether it is a list of `[[tables]]`.
fn is_tables(value: &DeValue<'_>) -> bool {
    let items = value.as_array().into_iter().flatten();
    items.into_iter().next().is_some_and(|first| first.get_ref().is_table())
}

fn finding(place: Place, code: &'static str, message: String, hint: impl Into<Hint>) -> Finding {
    Finding { place, severity: Severity::Error, code, message, hint: hint.into() }
}

fn place(file: &SourceFile, span: &Range<usize>) -> Place {
    Place::at(&file.path, &file.text, span.start)
}
