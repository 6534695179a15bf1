//! Rules for build steps. No I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Reader, Span, text};
use crate::layout::RESERVED;
use crate::model::bounds::Text;
use crate::model::spec::{BuildSpec, Spanned, Words};
use crate::model::{Build, bounds, code};
use crate::name::{BuildName, VariableName};
use crate::template::Template;

/// Checks all build steps.
pub fn builds(specs: &[Spanned<BuildSpec>], reader: &mut Reader<'_>) -> Vec<Build> {
    let mut names = BTreeMap::new();
    let mut taken = Vec::new();
    let builds = specs.iter().map(|spec| {
        let name = name(spec, &mut names, reader);
        let build = build(spec, name, reader);
        outputs_apart(spec, &mut taken, reader);
        build
    });
    builds.collect::<Vec<_>>().into_iter().flatten().collect()
}

fn name(
    spec: &Spanned<BuildSpec>,
    names: &mut BTreeMap<BuildName, Span>,
    reader: &mut Reader<'_>,
) -> Option<BuildName> {
    let written = reader.required(&spec.span(), "name", &spec.get_ref().name, "\"compile\"")?;
    let name: BuildName = reader.name(written)?;
    reader.unique("build step", &name, written.span(), names);
    Some(name)
}

fn build(
    spec: &Spanned<BuildSpec>,
    name: Option<BuildName>,
    reader: &mut Reader<'_>,
) -> Option<Build> {
    let (span, spec) = (spec.span(), spec.get_ref());
    let run = command(&span, "run", &spec.run, bounds::BUILD, reader);
    let then = spec.then.as_ref().map(|then| then.get_ref().as_slice()).unwrap_or_default();
    let then: Vec<_> =
        then.iter().map(|words| one_command("then", words, bounds::BUILD, reader)).collect();
    let relocate = spec.relocate.as_ref().is_some_and(|relocate| *relocate.get_ref());
    let inputs = paths(&spec.inputs, reader);
    let outputs = paths(&spec.outputs, reader);
    if !outputs.is_empty() && inputs.is_empty() {
        // Without them nothing would say when the outputs are out of date.
        reader.required_words(&span, "inputs", &spec.inputs, "[\"src\"]");
    }
    let inherit = spec.inherit.as_ref().map(|names| names.get_ref().as_slice()).unwrap_or_default();
    let inherit = inherit.iter().filter_map(|name| reader.name::<VariableName>(name)).collect();
    let deadline =
        reader.integer("deadline_secs", &spec.deadline_secs, &bounds::BUILD_DEADLINE_SECS)?;
    let deadline = Duration::from_secs(deadline);
    let then = then.into_iter().collect::<Option<_>>()?;
    let (name, run) = (name?, run?);
    Some(Build { name, run, then, inputs, outputs, relocate, inherit, deadline })
}

/// A program and its arguments.
pub fn command(
    table: &Span,
    key: &str,
    words: &Words,
    allowed: Text,
    reader: &mut Reader<'_>,
) -> Option<Vec<Template>> {
    let words = reader.required_words(table, key, words, "[\"program\", \"argument\"]")?;
    one_command(key, words, allowed, reader)
}

fn one_command(
    key: &str,
    words: &Spanned<Vec<Spanned<String>>>,
    allowed: Text,
    reader: &mut Reader<'_>,
) -> Option<Vec<Template>> {
    let (span, words) = (words.span(), words.get_ref());
    let program = words.first();
    if program.is_none_or(|program| program.get_ref().trim().is_empty()) {
        let span = program.map_or(span, Spanned::span);
        let hint = "write the program first, then its arguments";
        reader.error(&span, code::EMPTY, format!("`{key}` names no program"), hint);
        return None;
    }
    for word in words.iter().filter(|word| word.get_ref().contains('\0')) {
        let message = format!("`{key}` holds a NUL character, which no program can receive");
        reader.error(&word.span(), code::CONTROL_CHARACTER, message, "remove it");
    }
    words
        .iter()
        .map(|word| reader.template(word, allowed))
        .collect::<Vec<_>>()
        .into_iter()
        .collect()
}

fn paths(words: &Words, reader: &mut Reader<'_>) -> Vec<Utf8PathBuf> {
    let words = words.as_ref().map(|words| words.get_ref().as_slice()).unwrap_or_default();
    for word in words {
        if let Some(complaint) = text::relative_path(word.get_ref()) {
            let message = format!("{:?} {complaint}", word.get_ref());
            let hint = "write a path inside of the release, e.g. \"src\"";
            reader.error(&word.span(), code::BAD_PATH, message, hint);
        } else {
            reader.literal("inputs` or `outputs", word);
        }
    }
    words.iter().map(|word| Utf8PathBuf::from(word.get_ref())).collect()
}

/// Outputs of different steps never meet, nor do they touch what makes a release a release.
fn outputs_apart(
    spec: &Spanned<BuildSpec>,
    taken: &mut Vec<(Utf8PathBuf, Span)>,
    reader: &mut Reader<'_>,
) {
    let outputs = spec.get_ref().outputs.as_ref();
    let outputs = outputs.map(|outputs| outputs.get_ref().as_slice()).unwrap_or_default();
    let before = taken.len();
    for output in outputs {
        let (path, span) = (Utf8Path::new(output.get_ref()), output.span());
        if path.iter().next().is_some_and(|first| RESERVED.contains(&first)) {
            let message = format!("{path:?} is a file that the release itself needs");
            reader.error(&span, code::RESERVED_FILE, message, "write another name");
        }
        let other = taken[..before].iter().find(|(other, _)| text::overlap(path, other));
        if let Some((other, at)) = other {
            let message = format!("{path:?} meets the output {other:?} at {}", reader.place(at));
            let hint = "give every step outputs of its own";
            reader.error(&span, code::OVERLAPPING_OUTPUTS, message, hint);
        }
        taken.push((path.to_owned(), span));
    }
}
