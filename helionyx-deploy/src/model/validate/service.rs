//! Rules for services. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use super::build::command;
use super::{Reader, Span, health, order, text};
use crate::model::spec::{AppSpec, Given, ServiceSpec, Spanned};
use crate::model::{
    Limits, Restart, Sandbox, ServiceModel, ServiceType, Supervision, bounds, code,
};
use crate::name::{PortName, ServiceName};
use crate::template::Template;

/// A service as far as its table is right, with the places that environments' rules need.
#[derive(Debug)]
pub struct Draft {
    /// The service.
    pub model: ServiceModel,
    /// Where each word of its `exec` stands.
    pub exec: Vec<Span>,
    /// Where its start limit stands, or its table.
    pub start_limit: Span,
    /// Where its description stands.
    pub description: Option<Span>,
}

/// Checks all services: there is one at least.
pub fn services(spec: &AppSpec, reader: &mut Reader<'_>) -> Vec<Draft> {
    let root = reader.root();
    if spec.service.is_empty() && !reader.is_broken(&root, "service") {
        let hint = "write [[service]] with `name` and `exec`";
        reader.error(&root, code::MISSING_KEY, "there is no service", hint);
    }
    one_listens(spec, reader);
    let mut names = BTreeMap::new();
    let services = spec.service.iter().map(|spec| service(spec, &mut names, reader));
    let mut services: Vec<_> = services.collect::<Vec<_>>().into_iter().flatten().collect();
    let orders = spec.service.iter().map(|spec| order::read(spec.get_ref(), &names, reader));
    let orders: Vec<_> = orders.collect();
    if services.len() == orders.len() {
        for (service, order) in services.iter_mut().zip(orders) {
            (service.model.after, service.model.requires) = (order.after, order.requires);
        }
        order::refuse_circles(&services, &names, reader);
    }
    services
}

/// A port is that of one service: only one can be proven on it.
fn one_listens(spec: &AppSpec, reader: &mut Reader<'_>) {
    let services = || spec.service.iter().map(Spanned::get_ref);
    let unnamed = services().filter(|service| service.ports.is_none());
    for health in unnamed.filter_map(|service| service.health.as_ref()).skip(1) {
        let message = "a second service with `health` on the environment's one port";
        let hint = "give each service `ports = [\"…\"]`, and environments a table `[ports]`";
        reader.error(&health.span(), code::SECOND_HEALTH, message, hint);
    }
    let mut taken = BTreeMap::new();
    for port in services().filter_map(|service| service.ports.as_ref()).flat_map(Spanned::get_ref) {
        reader.unique("port", port.get_ref(), port.span(), &mut taken);
    }
}

/// The ports that a service listens on, by their names.
fn ports(spec: &ServiceSpec, reader: &mut Reader<'_>) -> Vec<PortName> {
    let written = spec.ports.as_ref().map(Spanned::get_ref).into_iter().flatten();
    let mut names = Vec::new();
    for port in written {
        if let Some(name) = reader.name::<PortName>(port) {
            reader.needs_named_port(&name, &port.span());
            names.push(name);
        }
    }
    names
}

fn service(
    spec: &Spanned<ServiceSpec>,
    names: &mut BTreeMap<ServiceName, Span>,
    reader: &mut Reader<'_>,
) -> Option<Draft> {
    let (span, spec) = (spec.span(), spec.get_ref());
    let written = reader.required(&span, "name", &spec.name, "\"daemon\"");
    let name = written.and_then(|written| {
        let name: ServiceName = reader.name(written)?;
        reader.unique("service", &name, written.span(), names);
        Some(name)
    });
    let exec = exec(&span, spec, reader);
    let limits = limits(spec, reader);
    let supervision = supervision(spec, reader);
    let ports = ports(spec, reader);
    let health = spec.health.as_ref().map(|spec| health::health(spec, &ports, reader));
    let words = spec.exec.as_ref().map(|words| words.get_ref().iter().map(Spanned::span).collect());
    let start_limit = spec.start_interval_secs.as_ref().or(spec.start_burst.as_ref());
    Some(Draft {
        model: ServiceModel {
            name: name?,
            exec: exec?,
            ports,
            after: BTreeSet::new(),
            requires: BTreeSet::new(),
            limits: limits?,
            supervision: supervision?,
            health: health.flatten(),
        },
        exec: words.unwrap_or_default(),
        start_limit: start_limit.map_or(span, Spanned::span),
        description: spec.description.as_ref().map(Spanned::span),
    })
}

/// What systemd is told of a service.
fn supervision(spec: &ServiceSpec, reader: &mut Reader<'_>) -> Option<Supervision> {
    fn of<T: Copy>(value: &Given<T>, default: T) -> T {
        value.as_ref().map_or(default, |value| *value.get_ref())
    }
    let mut integer = |key, value, bounds| reader.integer(key, value, bounds);
    let start =
        integer("start_timeout_secs", &spec.start_timeout_secs, &bounds::START_TIMEOUT_SECS);
    let delay =
        integer("restart_delay_secs", &spec.restart_delay_secs, &bounds::RESTART_DELAY_SECS);
    let memory = integer("memory_max_mib", &spec.memory_max_mib, &bounds::MEMORY_MAX_MIB);
    let tasks = integer("tasks_max", &spec.tasks_max, &bounds::TASKS_MAX);
    let files = integer("open_files_max", &spec.open_files_max, &bounds::OPEN_FILES_MAX);
    Some(Supervision {
        description: description(spec, reader),
        service_type: of(&spec.r#type, ServiceType::Exec),
        start_timeout_secs: start?,
        restart: of(&spec.restart, Restart::OnFailure),
        restart_delay_secs: delay?,
        sandbox: of(&spec.sandbox, Sandbox::Standard),
        memory_max_mib: memory?,
        tasks_max: tasks?,
        open_files_max: files?,
    })
}

fn description(spec: &ServiceSpec, reader: &mut Reader<'_>) -> Option<String> {
    let written = spec.description.as_ref()?;
    text::one_line("description", written, reader).then(|| written.get_ref().clone())
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
