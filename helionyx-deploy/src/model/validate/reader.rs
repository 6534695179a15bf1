//! One model file under examination: its places, and the findings made in it. No I/O.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use crate::hint::Hint;
use crate::model::bounds::{Integer, Text};
use crate::model::catalog::SourceFile;
use crate::model::decode::Broken;
use crate::model::finding::{Finding, Place, Severity};
use crate::model::spec::{Given, Scalar, Spanned, Words};
use crate::model::{code, suggest};
use crate::name::{NameError, PortName};
use crate::template::{Placeholder, Template, TemplateError};

/// A byte range of the file.
pub type Span = Range<usize>;

/// A file, what is known to be broken in it, and what has been found.
#[derive(Debug)]
pub struct Reader<'a> {
    file: &'a SourceFile,
    broken: Broken,
    findings: Vec<Finding>,
    /// Where the file first needs the environment's port.
    pub port_use: Option<Place>,
    /// The ports that the file names, each where it first does.
    pub named_ports: BTreeMap<PortName, Place>,
}

impl<'a> Reader<'a> {
    /// Begins with what decoding has found.
    pub fn new(file: &'a SourceFile, broken: Broken, findings: Vec<Finding>) -> Reader<'a> {
        Reader { file, broken, findings, port_use: None, named_ports: BTreeMap::new() }
    }

    /// All findings so far.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The place of a span; the file as a whole for its outermost table.
    pub fn place(&self, span: &Span) -> Place {
        if *span == self.broken.root() {
            return Place::file(&self.file.path);
        }
        Place::at(&self.file.path, &self.file.text, span.start)
    }

    /// Notes a mistake.
    pub fn error(
        &mut self,
        span: &Span,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<Hint>,
    ) {
        let (place, severity) = (self.place(span), Severity::Error);
        self.findings.push(Finding {
            place,
            severity,
            code,
            message: message.into(),
            hint: hint.into(),
        });
    }

    /// Notes what is worth knowing, wherever it stands.
    pub fn warning_at(&mut self, place: &Place, code: &'static str, message: String, hint: Hint) {
        let (place, severity) = (place.clone(), Severity::Warning);
        self.findings.push(Finding { place, severity, code, message, hint });
    }

    /// Notes a placeholder in a text in which none is replaced; whether there is none.
    pub fn literal(&mut self, key: &str, text: &Spanned<String>) -> bool {
        let names = Placeholder::ALL.iter().map(|known| format!("{{{}}}", known.name()));
        let found = names.into_iter().find(|name| text.get_ref().contains(name.as_str()));
        let Some(found) = found else { return true };
        let message = format!("`{found}` stands for nothing in `{key}`");
        let hint = "write what it shall say: no placeholder is replaced here";
        self.error(&self.within(text, &found), code::UNAVAILABLE_PLACEHOLDER, message, hint);
        false
    }

    /// The file's outermost table.
    pub fn root(&self) -> Span {
        self.broken.root()
    }

    /// Whether a key of a table has been complained about already.
    pub fn is_broken(&self, table: &Span, key: &str) -> bool {
        self.broken.has(table, key)
    }

    /// A key that must be there.
    pub fn required<'s, T>(
        &mut self,
        table: &Span,
        key: &str,
        value: &'s Given<T>,
        example: &str,
    ) -> Option<&'s Spanned<T>> {
        if value.is_none() && !self.is_broken(table, key) {
            let message = format!("`{key}` is missing");
            self.error(table, code::MISSING_KEY, message, format!("write `{key} = {example}`"));
        }
        value.as_ref()
    }

    /// A list that must be there and hold something.
    pub fn required_words<'s>(
        &mut self,
        table: &Span,
        key: &str,
        words: &'s Words,
        example: &str,
    ) -> Option<&'s Spanned<Vec<Spanned<String>>>> {
        let words = self.required(table, key, words, example)?;
        if words.get_ref().is_empty() {
            if !self.is_broken(table, key) {
                let message = format!("`{key}` must not be empty");
                self.error(
                    &words.span(),
                    code::EMPTY,
                    message,
                    format!("write `{key} = {example}`"),
                );
            }
            return None;
        }
        Some(words)
    }

    /// An integer within its limits, or its default; none when it is outside or there is none.
    pub fn integer(&mut self, key: &str, value: &Given<i64>, bounds: &Integer) -> Option<u64> {
        let Some(value) = value else { return bounds.default };
        let number = u64::try_from(*value.get_ref())
            .ok()
            .filter(|number| (bounds.min..=bounds.max).contains(number));
        if number.is_none() {
            let message = format!("`{key}` cannot be {}", value.get_ref());
            let hint = format!("write a number from {} to {}", bounds.min, bounds.max);
            self.error(&value.span(), code::OUT_OF_RANGE, message, hint);
        }
        number
    }

    /// A name of any kind.
    pub fn name<T: FromStr<Err = NameError>>(&mut self, name: &Spanned<String>) -> Option<T> {
        match name.get_ref().parse() {
            Ok(name) => Some(name),
            Err(error) => {
                let message = format!("{:?} is not {}", error.text, error.what);
                self.error(&name.span(), code::BAD_NAME, message, format!("write {}", error.rule));
                None
            }
        }
    }

    /// Notes a name that stands there twice.
    pub fn unique<T: Ord + Clone + Display>(
        &mut self,
        what: &str,
        name: &T,
        span: Span,
        seen: &mut BTreeMap<T, Span>,
    ) {
        if let Some(first) = seen.get(name) {
            let message = format!("the {what} `{name}` stands already at {}", self.place(first));
            self.error(&span, code::DUPLICATE_NAME, message, "give each a name of its own");
        } else {
            seen.insert(name.clone(), span);
        }
    }

    /// Notes that something here needs the environment's port.
    pub fn needs_port(&mut self, span: &Span) {
        let place = Place::at(&self.file.path, &self.file.text, span.start);
        self.port_use.get_or_insert(place);
    }

    /// Notes that something here needs a port by its name.
    pub fn needs_named_port(&mut self, name: &PortName, span: &Span) {
        let place = Place::at(&self.file.path, &self.file.text, span.start);
        self.named_ports.entry(name.clone()).or_insert(place);
    }

    /// A text with placeholders, of which only some have a value here.
    pub fn template(&mut self, text: &Spanned<String>, Text(allowed): Text) -> Option<Template> {
        let template = match Template::parse(text.get_ref()) {
            Ok(template) => template,
            Err(error) => {
                self.not_a_template(text, &error, allowed);
                return None;
            }
        };
        let stranger = template.placeholders().find(|used| !allowed.contains(used));
        if let Some(stranger) = stranger {
            let at = self.within(text, &format!("{{{}}}", stranger.name()));
            let message = format!("`{{{}}}` has no value here", stranger.name());
            self.error(&at, code::UNAVAILABLE_PLACEHOLDER, message, available(allowed));
            return None;
        }
        if template.placeholders().any(|used| used == Placeholder::Port) {
            self.needs_port(&self.within(text, "{port}"));
        }
        for name in template.named_ports() {
            let written = format!("{{port.{name}}}");
            if !allowed.contains(&Placeholder::Port) {
                let message = format!("`{written}` has no value here");
                let at = self.within(text, &written);
                self.error(&at, code::UNAVAILABLE_PLACEHOLDER, message, available(allowed));
                return None;
            }
            self.needs_named_port(name, &self.within(text, &written));
        }
        Some(template)
    }

    fn not_a_template(
        &mut self,
        text: &Spanned<String>,
        error: &TemplateError,
        allowed: &[Placeholder],
    ) {
        match error {
            TemplateError::Unknown(name) => {
                let at = self.within(text, &format!("{{{name}}}"));
                let message = format!("there is no placeholder `{{{}}}`", name.escape_debug());
                let names: Vec<_> = allowed.iter().map(|known| known.name()).collect();
                let meant = suggest::closest(name, names.iter().copied());
                let meant = meant.map(|meant| format!("did you mean `{{{meant}}}`? "));
                let hint = format!("{}{}", meant.unwrap_or_default(), available(allowed));
                self.error(&at, code::UNKNOWN_PLACEHOLDER, message, hint);
            }
            TemplateError::Unbalanced(brace) => {
                let message = format!("`{brace}` stands without its partner");
                let hint = format!("write `{brace}{brace}` for a single `{brace}`");
                self.error(&text.span(), code::UNBALANCED_BRACE, message, hint);
            }
        }
    }

    /// The part of a value that reads so in the file, else the whole value.
    fn within(&self, text: &Spanned<String>, part: &str) -> Span {
        let span = text.span();
        let raw = self.file.text.get(span.clone()).unwrap_or_default();
        let start = raw.find(part).map_or(span.start, |offset| span.start + offset);
        start..span.end
    }

    /// A variable's value as text: numbers as they are written, so that `5.0` stays `5.0`.
    pub fn scalar(&self, value: &Spanned<Scalar>) -> Spanned<String> {
        let span = value.span();
        let text = match value.get_ref() {
            Scalar::Text(text) => text.clone(),
            Scalar::Integer(number) => number.to_string(),
            Scalar::Verbatim => {
                self.file.text.get(span.clone()).unwrap_or_default().replace('_', "")
            }
        };
        Spanned::new(span, text)
    }
}

fn available(allowed: &[Placeholder]) -> String {
    let names: Vec<_> = allowed.iter().map(|known| format!("`{{{}}}`", known.name())).collect();
    format!("here stand {}; `{{{{` is a single brace", names.join(", "))
}
