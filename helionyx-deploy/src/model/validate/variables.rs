//! Rules for variables: declared by the app, given a value at most once, where it must be. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;

use super::{Reader, Span, kind, reserved, sandbox, text, unit};
use crate::layout::Layout;
use crate::model::finding::Place;
use crate::model::spec::{Given, KindSpec, Named, Scalar, Spanned, VariableSpec, Words};
use crate::model::{Kind, Variable, bounds, code, suggest};
use crate::name::{EnvironmentName, VariableName};
use crate::template::{Bindings, Template};

/// A variable as its app declares it, as far as that is right.
#[derive(Debug)]
struct Declared {
    name: Option<VariableName>,
    kind: Option<Kind>,
    value: Option<Spanned<String>>,
    about: Option<String>,
    /// The environments that need a value; all where that is not said.
    required_in: Option<BTreeSet<String>>,
    is_distinct: bool,
    broken: bool,
}

/// What the values of one environment are judged by.
#[derive(Debug)]
pub struct Site<'a> {
    /// The environment.
    pub name: &'a EnvironmentName,
    /// A value for every placeholder.
    pub known: &'a Bindings,
    /// Whether systemd runs its services.
    pub is_systemd: bool,
    /// Where it lies, where that is right.
    pub layout: Option<&'a Layout>,
}

/// The variables of one environment.
#[derive(Debug, Default)]
pub struct Values {
    /// What it has.
    pub variables: BTreeMap<VariableName, Variable>,
    /// What other environments must not have.
    pub claims: Vec<Claim>,
}

/// A value that other environments must not have, or that must not lead into their directories.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The variable.
    pub name: VariableName,
    /// Its kind.
    pub kind: Kind,
    /// Its value, expanded.
    pub value: String,
    /// Whether no other environment may have it.
    pub is_distinct: bool,
    /// Where it stands.
    pub place: Place,
}

/// All variables of an app.
#[derive(Debug, Default)]
pub struct Variables {
    /// Where the declarations lie, to tell an unreadable one from none.
    table: Option<Span>,
    declared: BTreeMap<String, Declared>,
}

/// Checks `[variables]` of an app that has these environments.
pub fn declared(
    specs: &Given<Named<VariableSpec>>,
    environments: &[&EnvironmentName],
    reader: &mut Reader<'_>,
) -> Variables {
    let Some(specs) = specs else { return Variables::default() };
    let declared = specs.get_ref().iter().map(|(written, spec)| {
        let name: Option<VariableName> = reader.name(written);
        if let Some(message) = reserved::reason(written.get_ref()) {
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
        let spec = spec.get_ref();
        let required_in = required_in(&spec.required_in, environments, reader);
        let about = spec.about.as_ref().filter(|about| text::one_line("about", about, reader));
        let about = about.map(|about| about.get_ref().clone());
        let is_distinct = spec.distinct.as_ref().is_some_and(|distinct| *distinct.get_ref());
        let declared = Declared { name, kind, value, about, required_in, is_distinct, broken };
        (written.get_ref().clone(), declared)
    });
    Variables { table: Some(specs.span()), declared: declared.collect() }
}

/// The environments that need a value: each one that there is.
fn required_in(
    words: &Words,
    environments: &[&EnvironmentName],
    reader: &mut Reader<'_>,
) -> Option<BTreeSet<String>> {
    let words = words.as_ref()?.get_ref();
    let known: Vec<&str> = environments.iter().map(|name| name.as_str()).collect();
    for word in words.iter().filter(|word| !known.contains(&word.get_ref().as_str())) {
        let message = format!("the app has no environment {:?}", word.get_ref());
        let hint = suggest::hint(word.get_ref(), &known);
        reader.error(&word.span(), code::UNKNOWN_ENVIRONMENT, message, hint);
    }
    Some(words.iter().map(|word| word.get_ref().clone()).collect())
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
    site: &Site<'_>,
    app_reader: &mut Reader<'_>,
    reader: &mut Reader<'_>,
) -> Values {
    let mut values = Values::default();
    let Some(variables) = variables else { return values };
    let empty = Named::new();
    let given_values = given.as_ref().map_or(&empty, Spanned::get_ref);
    let meant = undeclared(variables, given_values, app_reader, reader);
    for (name, variable) in &variables.declared {
        let here = given_values.iter().find(|(written, _)| written.get_ref() == name);
        let here = here.map(|(_, value)| reader.scalar(value));
        if here.is_none() && variable.needs_value(site.name) && !meant.contains(name) {
            missing(name, given, reader);
        }
        let value = value(name, variable, here, site, app_reader, reader);
        values.take(variable, value, site);
    }
    values
}

impl Values {
    fn take(&mut self, declared: &Declared, value: Option<Fitting>, site: &Site<'_>) {
        let (Some(name), Some(kind)) = (&declared.name, &declared.kind) else { return };
        if let Some(Fitting { text, place, .. }) = &value {
            self.claims.push(Claim {
                name: name.clone(),
                kind: kind.clone(),
                value: text.clone(),
                is_distinct: declared.is_distinct,
                place: place.clone(),
            });
        }
        let variable = Variable {
            kind: kind.clone(),
            value: value.map(|value| value.template),
            about: declared.about.clone(),
            is_required: declared.is_required(site.name),
            is_distinct: declared.is_distinct,
        };
        self.variables.insert(name.clone(), variable);
    }
}

impl Declared {
    fn is_required(&self, environment: &EnvironmentName) -> bool {
        self.required_in.as_ref().is_none_or(|names| names.contains(environment.as_str()))
    }

    /// Whether the environment has to give the value.
    fn needs_value(&self, environment: &EnvironmentName) -> bool {
        let known = self.value.is_some() || self.broken;
        // Of what kind it is not known: it may be a secret.
        let has_kind = self.kind.as_ref().is_some_and(|kind| *kind != Kind::Secret);
        !known && has_kind && self.is_required(environment)
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
    site: &Site<'_>,
    app_reader: &mut Reader<'_>,
    reader: &mut Reader<'_>,
) -> Option<Fitting> {
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
        (Some(there), None) => fitting(name, variable, there, site, app_reader),
        (None, Some(here)) => fitting(name, variable, &here, site, reader),
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

/// A value that is of its variable's kind.
struct Fitting {
    template: Template,
    text: String,
    place: Place,
}

fn fitting(
    name: &str,
    variable: &Declared,
    value: &Spanned<String>,
    site: &Site<'_>,
    reader: &mut Reader<'_>,
) -> Option<Fitting> {
    let template = reader.template(value, bounds::ANY)?;
    let text = template.expand(site.known);
    if text::breaks_line(&text) {
        let message = format!("`{name}` holds a control character or line break");
        reader.error(&value.span(), code::CONTROL_CHARACTER, message, "write it on one line");
        return None;
    }
    if site.is_systemd {
        unit::variable(name, &template, &value.span(), reader)?;
    }
    if let Some((complaint, hint)) = kind::mismatch(variable.kind.as_ref()?, &text) {
        let message = format!("`{name}` {complaint}");
        reader.error(&value.span(), code::WRONG_KIND, message, hint);
        return None;
    }
    let is_state = variable.is_distinct && variable.kind == Some(Kind::Path);
    if let Some(layout) = site.layout.filter(|_| is_state) {
        let (what, how) = ((name, &template, Utf8Path::new(&text)), (layout, site.is_systemd));
        sandbox::state(what, &value.span(), how, reader)?;
    }
    Some(Fitting { template, text, place: reader.place(&value.span()) })
}
