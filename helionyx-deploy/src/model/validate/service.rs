//! Rules for services. No I/O.

use std::collections::BTreeMap;

use super::build::command;
use super::{Reader, Span, health};
use crate::model::spec::{AppSpec, ServiceSpec, Spanned};
use crate::model::{Limits, ServiceModel, bounds, code};
use crate::name::ServiceName;
use crate::template::Template;

/// Checks all services: there is one at least.
pub fn services(spec: &AppSpec, reader: &mut Reader<'_>) -> Vec<ServiceModel> {
    let root = reader.root();
    if spec.service.is_empty() && !reader.is_broken(&root, "service") {
        let hint = "write [[service]] with `name` and `exec`";
        reader.error(&root, code::MISSING_KEY, "there is no service", hint);
    }
    one_listens(spec, reader);
    let mut names = BTreeMap::new();
    let services = spec.service.iter().map(|spec| service(spec, &mut names, reader));
    services.collect::<Vec<_>>().into_iter().flatten().collect()
}

/// An environment has one port: only one service can be proven on it.
fn one_listens(spec: &AppSpec, reader: &mut Reader<'_>) {
    let listening = spec.service.iter().filter_map(|service| service.get_ref().health.as_ref());
    for health in listening.skip(1) {
        let message = "a second service with `health`, but an environment has one port";
        let hint = "leave [service.health] to the service that listens on it";
        reader.error(&health.span(), code::SECOND_HEALTH, message, hint);
    }
}

fn service(
    spec: &Spanned<ServiceSpec>,
    names: &mut BTreeMap<ServiceName, Span>,
    reader: &mut Reader<'_>,
) -> Option<ServiceModel> {
    let (span, spec) = (spec.span(), spec.get_ref());
    let written = reader.required(&span, "name", &spec.name, "\"daemon\"");
    let name = written.and_then(|written| {
        let name: ServiceName = reader.name(written)?;
        reader.unique("service", &name, written.span(), names);
        Some(name)
    });
    let exec = exec(&span, spec, reader);
    let limits = limits(spec, reader);
    let health = spec.health.as_ref().map(|spec| health::health(spec, reader));
    Some(ServiceModel { name: name?, exec: exec?, limits: limits?, health: health.flatten() })
}

fn exec(table: &Span, spec: &ServiceSpec, reader: &mut Reader<'_>) -> Option<Vec<Template>> {
    let exec = command(table, "exec", &spec.exec, bounds::ANY, reader)?;
    let program = exec.first().map(Template::as_str).unwrap_or_default();
    let directories = ["{release}", "{root}", "{data}", "{cache}", "{project}", ""];
    let absolute = directories.iter().any(|directory| {
        program.strip_prefix(directory).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
    });
    let span = spec.exec.as_ref().and_then(|words| Some(words.get_ref().first()?.span()));
    if !absolute && !program.trim().is_empty() {
        // Which program a bare name is would depend on somebody's PATH.
        let hint = "write its full path, e.g. \"{release}/bin/daemon\"";
        let message = "`exec` must begin with a program's absolute path";
        reader.error(&span?, code::RELATIVE_PROGRAM, message, hint);
        return None;
    }
    Some(exec)
}

fn limits(spec: &ServiceSpec, reader: &mut Reader<'_>) -> Option<Limits> {
    let stop =
        reader.integer("stop_timeout_secs", &spec.stop_timeout_secs, &bounds::STOP_TIMEOUT_SECS);
    let burst = reader.integer("start_burst", &spec.start_burst, &bounds::START_BURST);
    let interval = reader.integer(
        "start_interval_secs",
        &spec.start_interval_secs,
        &bounds::START_INTERVAL_SECS,
    );
    Some(Limits {
        stop_timeout_ms: stop? * 1000,
        start_burst: u32::try_from(burst?).ok()?,
        start_interval_ms: interval? * 1000,
    })
}
