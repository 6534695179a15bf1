//! Rules for variables: declared by the app, given a value exactly once. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use super::{Reader, Span, kind, text};
use crate::model::spec::{Given, KindSpec, Named, Scalar, Spanned, VariableSpec};
use crate::model::{Kind, Variable, bounds, code, suggest};
use crate::name::VariableName;
use crate::template::{Bindings, Template};

/// Variables with this prefix are set by the deployer.
const RESERVED: &str = "HELIONYX_";

/// A variable as its app declares it, as far as that is right.
#[derive(Debug)]
struct Declared {
    name: Option<VariableName>,
    kind: Option<Kind>,
    value: Option<Spanned<String>>,
    broken: bool,
}

/// All variables of an app.
#[derive(Debug, Default)]
pub struct Variables {
    /// Where the declarations lie, to tell an unreadable one from none.
    table: Option<Span>,
    declared: BTreeMap<String, Declared>,
}

/// Checks `[variables]` of an app.
pub fn declared(specs: &Given<Named<VariableSpec>>, reader: &mut Reader<'_>) -> Variables {
    let Some(specs) = specs else { return Variables::default() };
    let declared = specs.get_ref().iter().map(|(written, spec)| {
        let name: Option<VariableName> = reader.name(written);
        if written.get_ref().starts_with(RESERVED) {
            let message = format!("`{RESERVED}…` are variables that the deployer sets");
            reader.error(&written.span(), code::RESERVED_VARIABLE, message, "write another name");
        }
        let table = spec.span();
        let kind = reader.required(&table, "kind", &spec.get_ref().kind, "\"text\"");
        let kind = kind.and_then(|kind| self::kind_of(kind, reader));
        let value = spec.get_ref().value.as_ref();
        if let Some(value) = value.filter(|_| kind == Some(Kind::Secret)) {
            secret_given(&value.span(), reader);
        }
        let value = value.map(|value| reader.scalar(value));
        if let Some(value) = &value {
            // Parsed once here, so that `{port}` is seen to be used; again where it is expanded.
            reader.template(value, bounds::ANY);
        }
        let broken = reader.is_broken(&table, "value");
        (written.get_ref().clone(), Declared { name, kind, value, broken })
    });
    Variables { table: Some(specs.span()), declared: declared.collect() }
}

fn kind_of(spec: &Spanned<KindSpec>, reader: &mut Reader<'_>) -> Option<Kind> {
    Some(match spec.get_ref() {
        KindSpec::Text => Kind::Text,
        KindSpec::Port => Kind::Port,
        KindSpec::Path => Kind::Path,
        KindSpec::Url => Kind::Url,
        KindSpec::Number => Kind::Number,
        KindSpec::Secret => Kind::Secret,
        KindSpec::Choice(choices) => Kind::Choice(self::choices(&spec.span(), choices, reader)?),
    })
}

fn choices(
    span: &Span,
    choices: &[Spanned<String>],
    reader: &mut Reader<'_>,
) -> Option<Vec<String>> {
    if choices.is_empty() {
        let hint = "write `kind = { choice = [\"…\", \"…\"] }`";
        reader.error(span, code::EMPTY, "`choice` must not be empty", hint);
        return None;
    }
    let mut seen = BTreeMap::new();
    for choice in choices {
        if text::breaks_line(choice.get_ref()) {
            let message = "a choice holds a control character or line break";
            reader.error(&choice.span(), code::CONTROL_CHARACTER, message, "write it on one line");
        }
        reader.unique("choice", choice.get_ref(), choice.span(), &mut seen);
    }
    Some(choices.iter().map(|choice| choice.get_ref().clone()).collect())
}

fn secret_given(span: &Span, reader: &mut Reader<'_>) {
    let message = "a secret has a value here, where everybody can read it";
    let hint = "remove it and change the secret; its value belongs in `shared/.env` on the host";
    reader.error(span, code::SECRET_IN_MODEL, message, hint);
}

/// Checks that every variable has its value, and expands them once to see that they fit.
pub fn values(
    variables: Option<&Variables>,
    given: &Given<Named<Scalar>>,
    known: &Bindings,
    app_reader: &mut Reader<'_>,
    reader: &mut Reader<'_>,
) -> BTreeMap<VariableName, Variable> {
    let Some(variables) = variables else { return BTreeMap::new() };
    let empty = Named::new();
    let given_values = given.as_ref().map_or(&empty, Spanned::get_ref);
    let meant = undeclared(variables, given_values, app_reader, reader);
    let mut values = BTreeMap::new();
    for (name, variable) in &variables.declared {
        let here = given_values.iter().find(|(written, _)| written.get_ref() == name);
        let here = here.map(|(_, value)| reader.scalar(value));
        if here.is_none() && variable.needs_value() && !meant.contains(name) {
            missing(name, given, reader);
        }
        let value = value(name, variable, here, known, app_reader, reader);
        if let (Some(name), Some(kind)) = (&variable.name, &variable.kind) {
            values.insert(name.clone(), Variable { kind: kind.clone(), value });
        }
    }
    values
}

impl Declared {
    /// Whether the environment has to give the value.
    fn needs_value(&self) -> bool {
        self.value.is_none() && !self.broken && self.kind != Some(Kind::Secret)
    }
}

fn missing(name: &str, given: &Given<Named<Scalar>>, reader: &mut Reader<'_>) {
    let root = reader.root();
    let table = given.as_ref().map_or_else(|| root.clone(), Spanned::span);
    if reader.is_broken(&root, "variables") || reader.is_broken(&table, name) {
        return;
    }
    let message = format!("`{name}` has no value");
    let hint = format!("write `{name} = \"…\"` below [variables]");
    reader.error(&table, code::MISSING_VALUE, message, hint);
}

/// The value that stands in exactly one of both files.
fn value(
    name: &str,
    variable: &Declared,
    here: Option<Spanned<String>>,
    known: &Bindings,
    app_reader: &mut Reader<'_>,
    reader: &mut Reader<'_>,
) -> Option<Template> {
    match (&variable.value, here) {
        (_, here) if variable.kind == Some(Kind::Secret) => {
            if let Some(here) = here {
                secret_given(&here.span(), reader);
            }
            None
        }
        (Some(there), Some(here)) => {
            let there = app_reader.place(&there.span());
            let message = format!("`{name}` has a value already at {there}");
            reader.error(&here.span(), code::VALUE_TWICE, message, "remove one of them");
            None
        }
        (Some(there), None) => fitting(name, variable, there, known, app_reader),
        (None, Some(here)) => fitting(name, variable, &here, known, reader),
        (None, None) => None,
    }
}

/// Values for variables that are not declared; returns the names that were probably meant.
fn undeclared(
    variables: &Variables,
    given: &Named<Scalar>,
    app_reader: &Reader<'_>,
    reader: &mut Reader<'_>,
) -> BTreeSet<String> {
    let names: Vec<_> = variables.declared.keys().map(String::as_str).collect();
    let mut meant = BTreeSet::new();
    for written in given.keys() {
        let name = written.get_ref().as_str();
        let table = variables.table.as_ref();
        let unread = table.is_some_and(|table| app_reader.is_broken(table, name));
        if unread || names.contains(&name) {
            continue;
        }
        let message = format!("app.toml declares no variable {name:?}");
        reader.error(&written.span(), code::UNKNOWN_VARIABLE, message, suggest::hint(name, &names));
        meant.extend(suggest::closest(name, names.iter().copied()).map(str::to_owned));
    }
    meant
}

fn fitting(
    name: &str,
    variable: &Declared,
    value: &Spanned<String>,
    known: &Bindings,
    reader: &mut Reader<'_>,
) -> Option<Template> {
    let template = reader.template(value, bounds::ANY)?;
    let text = template.expand(known);
    if text::breaks_line(&text) {
        let message = format!("`{name}` holds a control character or line break");
        reader.error(&value.span(), code::CONTROL_CHARACTER, message, "write it on one line");
        return None;
    }
    if let Some((complaint, hint)) = kind::mismatch(variable.kind.as_ref()?, &text) {
        let message = format!("`{name}` {complaint}");
        reader.error(&value.span(), code::WRONG_KIND, message, hint);
        return None;
    }
    Some(template)
}
