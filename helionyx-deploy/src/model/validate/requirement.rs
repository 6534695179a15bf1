//! Rules for the programs that an app needs on its host. No I/O.

use std::collections::BTreeMap;

use super::Reader;
use crate::model::code;
use crate::model::requirement::{ProgramVersion, Requirement};
use crate::model::spec::{RequirementSpec, Spanned, Words};
use crate::name::HostName;

/// Checks `[[requires]]`.
pub fn requirements(
    specs: &[Spanned<RequirementSpec>],
    reader: &mut Reader<'_>,
) -> Vec<Requirement> {
    let mut seen = BTreeMap::new();
    let all = specs.iter().map(|spec| {
        let (table, spec) = (spec.span(), spec.get_ref());
        let at_least = spec.at_least.as_ref().and_then(|version| at_least(version, reader));
        let run = spec.run.as_ref().and_then(|_| run(spec, &table, reader));
        let example = "\"/usr/bin/python3\"";
        let written = reader.required(&table, "program", &spec.program, example)?;
        let program = program(written, reader)?;
        reader.unique("program", &program, written.span(), &mut seen);
        Some(Requirement { program, at_least, run })
    });
    all.collect::<Vec<_>>().into_iter().flatten().collect()
}

/// Checks `reaches`.
pub fn reaches(names: &Words, reader: &mut Reader<'_>) -> Vec<HostName> {
    let mut seen = BTreeMap::new();
    let names = names.as_ref().map(|names| names.get_ref().as_slice()).unwrap_or_default();
    let all = names.iter().filter_map(|written| {
        let name: HostName = reader.name(written)?;
        reader.unique("machine", &name, written.span(), &mut seen);
        Some(name)
    });
    all.collect()
}

/// A path that depends on a directory would be another program tomorrow.
fn program(written: &Spanned<String>, reader: &mut Reader<'_>) -> Option<String> {
    let text = written.get_ref();
    let hint = "write a name, e.g. \"git\", or an absolute path, e.g. \"/usr/bin/python3\"";
    if text.trim().is_empty() {
        reader.error(&written.span(), code::EMPTY, "`program` names none", hint);
        return None;
    }
    if text.contains(char::is_control) {
        let message = "`program` holds a control character";
        reader.error(&written.span(), code::CONTROL_CHARACTER, message, hint);
        return None;
    }
    if text.contains('/') && !text.starts_with('/') {
        let message = format!("{text:?} is neither a name nor an absolute path");
        reader.error(&written.span(), code::RELATIVE_PROGRAM, message, hint);
        return None;
    }
    reader.literal("program", written).then(|| text.clone())
}

fn at_least(written: &Spanned<String>, reader: &mut Reader<'_>) -> Option<ProgramVersion> {
    match written.get_ref().parse() {
        Ok(version) => Some(version),
        Err(why) => {
            let message = format!("{:?} {why}", written.get_ref());
            reader.error(&written.span(), code::BAD_VERSION, message, "write e.g. \"3.11\"");
            None
        }
    }
}

fn run(
    spec: &RequirementSpec,
    table: &super::Span,
    reader: &mut Reader<'_>,
) -> Option<Vec<String>> {
    let example = "[\"/usr/bin/python3\", \"-c\", \"import venv\"]";
    let words = reader.required_words(table, "run", &spec.run, example)?.get_ref();
    if let Some(empty) = words.first().filter(|word| word.get_ref().trim().is_empty()) {
        let hint = format!("write `run = {example}`");
        reader.error(&empty.span(), code::EMPTY, "`run` names no program", hint);
        return None;
    }
    for word in words {
        if word.get_ref().contains('\0') {
            let message = "`run` holds a NUL character, which no program can receive";
            reader.error(&word.span(), code::CONTROL_CHARACTER, message, "remove it");
        }
        reader.literal("run", word);
    }
    Some(words.iter().map(|word| word.get_ref().clone()).collect())
}
