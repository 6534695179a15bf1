//! From what an operator wrote to what can be deployed: every rule, all findings at once. No I/O.
//!
//! Each rule takes what it can read and notes the rest; a draft may lack parts. Whether it may be
//! deployed is decided by the findings, not by the drafts.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use crate::model::finding::Place;
use crate::model::spec::{AppSpec, EnvironmentSpec, RetentionSpec, Spanned};
use crate::model::{Build, Environment, Requirement, Retention, Source, Variable, bounds, code};
use crate::name::{AppName, EnvironmentName, HostName, Port, PortName, VariableName};
use crate::template::{Bindings, Placeholder};

pub(super) mod apart;
mod build;
mod data;
mod health;
pub mod isolation;
pub mod kind;
mod listening;
mod order;
mod placement;
mod reader;
mod requirement;
mod reserved;
mod runtime;
mod sandbox;
mod service;
mod source;
#[cfg(test)]
mod tests;
pub(super) mod text;
mod unit;
mod variables;

pub use isolation::Claims;
pub use reader::Reader;
use reader::Span;

/// An app as far as its file is right.
#[derive(Debug)]
pub struct App {
    name: AppName,
    source: Option<source::Draft>,
    requires: Vec<Requirement>,
    reaches: Vec<HostName>,
    builds: Vec<Build>,
    services: Vec<service::Draft>,
    data: Vec<Utf8PathBuf>,
    /// Whether environments may run as one user.
    shared_user: bool,
    /// None when the declarations cannot be read: then values cannot be judged.
    variables: Option<variables::Variables>,
    retention: Retention,
    port_use: Option<Place>,
    named_ports: BTreeMap<PortName, Place>,
}

/// An environment as far as its files are right.
#[derive(Debug)]
pub struct Draft {
    /// The environment, where nothing is missing.
    pub environment: Option<Environment>,
    /// What it takes for itself on its host.
    pub claims: Claims,
}

/// Checks the `app.toml` of an app that has these environments.
pub fn app(
    name: &AppName,
    spec: Option<AppSpec>,
    environments: &[&EnvironmentName],
    reader: &mut Reader<'_>,
) -> App {
    let known = spec.is_some() && !reader.is_broken(&reader.root(), "variables");
    let spec = spec.unwrap_or_default();
    app_name(name, &spec, reader);
    let retention = retention(spec.retention.as_ref().map(Spanned::get_ref), reader);
    App {
        source: source::source(&spec, reader),
        requires: requirement::requirements(&spec.requires, reader),
        reaches: requirement::reaches(&spec.reaches, reader),
        builds: build::builds(&spec.build, reader),
        services: service::services(&spec, reader),
        data: data::data(&spec.data, reader),
        variables: Some(variables::declared(&spec.variables, environments, reader))
            .filter(|_| known),
        shared_user: spec.shared_user.as_ref().is_some_and(|shared| *shared.get_ref()),
        retention,
        port_use: reader.port_use.clone(),
        named_ports: reader.named_ports.clone(),
        name: name.clone(),
    }
}

fn app_name(name: &AppName, spec: &AppSpec, reader: &mut Reader<'_>) {
    let example = format!("\"{name}\"");
    let written = reader.required(&reader.root(), "name", &spec.name, &example);
    if let Some(written) = written.filter(|written| written.get_ref() != name.as_str()) {
        let message = format!("the app in the directory `{name}` is named {:?}", written.get_ref());
        reader.error(
            &written.span(),
            code::WRONG_NAME,
            message,
            format!("write `name = {example}`"),
        );
    }
}

fn retention(spec: Option<&RetentionSpec>, reader: &mut Reader<'_>) -> Retention {
    let default = RetentionSpec::default();
    let releases = &spec.unwrap_or(&default).releases;
    let number = bounds::RELEASES;
    let releases = reader.integer("releases", releases, &number).unwrap_or(number.max);
    Retention { releases: usize::try_from(releases).unwrap_or(usize::MAX) }
}

/// Checks an `<environment>.toml` and what of its app depends on it.
pub fn environment(
    app: &App,
    name: &EnvironmentName,
    spec: Option<EnvironmentSpec>,
    project: &Utf8Path,
    (app_reader, reader): (&mut Reader<'_>, &mut Reader<'_>),
) -> Draft {
    let spec = spec.unwrap_or_default();
    let run = runtime::runtime(&app.name, name, &spec, reader);
    let mut place =
        placement::placement(&app.name, name, &spec, (project, run.is_systemd()), reader);
    runtime::expressible_paths(&run, &mut place, reader);
    let branch = source::branch(app.source.as_ref(), &spec, reader);
    let directories = for_directories(app, name, project, &place);
    let source = app
        .source
        .as_ref()
        .and_then(|draft| source::resolve(draft, branch, &place, &directories, app_reader));
    let all = for_values(app, name, project, &place);
    let layout = place.layout();
    let site = variables::Site {
        name,
        known: &all,
        is_systemd: run.is_systemd(),
        layout: layout.as_ref(),
    };
    let declared = app.variables.as_ref();
    let values = variables::values(declared, &spec.variables, &site, app_reader, reader);
    placement::port_where_used(&spec, app.port_use.as_ref(), reader);
    placement::named_ports_where_used(&place, &app.named_ports, reader);
    listening::asked(app, &values.claims, &place, reader);
    if run.is_systemd() {
        sandbox::directories(&place, reader);
        for service in &app.services {
            unit::service(service, &all, app_reader);
            sandbox::program(service, &all, &place, app_reader);
        }
    }
    let claims = Claims::new(app, name, (&place, &run, values.claims), reader);
    let environment = assemble(app, name, project, (&place, &run), source, values.variables);
    Draft { environment, claims }
}

/// The environment, where nothing of it is missing.
fn assemble(
    app: &App,
    name: &EnvironmentName,
    project: &Utf8Path,
    (place, run): (&placement::Placement, &runtime::Draft),
    source: Option<Source>,
    variables: BTreeMap<VariableName, Variable>,
) -> Option<Environment> {
    Some(Environment {
        app: app.name.clone(),
        name: name.clone(),
        runtime: run.runtime()?,
        host: run.host.clone(),
        layout: place.layout()?,
        backups: place.backups.as_ref()?.0.clone(),
        data_dirs: app.data.clone(),
        project: project.to_owned(),
        port: place.port.as_ref().map(|port| *port.get_ref()),
        ports: place.ports.iter().map(|(name, port)| (name.clone(), *port.get_ref())).collect(),
        source: source?,
        requires: app.requires.clone(),
        reaches: app.reaches.clone(),
        builds: app.builds.clone(),
        services: app.services.iter().map(|service| service.model.clone()).collect(),
        variables,
        retention: app.retention,
    })
}

fn for_directories(
    app: &App,
    name: &EnvironmentName,
    project: &Utf8Path,
    place: &placement::Placement,
) -> Bindings {
    Bindings::new(&app.name, name, None)
        .bind(Placeholder::Project, project.as_str())
        .bind(Placeholder::Root, place.root_or_default().as_str())
}

/// What values are checked with: a release that might be, and defaults for what is wrong elsewhere,
/// so that one mistake does not become many.
fn for_values(
    app: &App,
    name: &EnvironmentName,
    project: &Utf8Path,
    place: &placement::Placement,
) -> Bindings {
    const RELEASE: &str = "20260101T000000Z-0000000";
    let root = place.root_or_default();
    let port = place.port.as_ref().map_or(1, |port| port.get_ref().get());
    // A port that is missing is said once, where it is missing.
    let missing = app.named_ports.keys().filter(|name| !place.ports.contains_key(*name));
    let missing = missing.filter_map(|name| Some((name, Port::try_from(1).ok()?)));
    let ports = place.ports.iter().map(|(name, port)| (name, *port.get_ref()));
    ports
        .chain(missing)
        .fold(for_directories(app, name, project, place), |bindings, (name, port)| {
            bindings.bind_port(name, port)
        })
        .bind(Placeholder::Port, port.to_string())
        .bind(Placeholder::Data, place.data_or_default().as_str())
        .bind(Placeholder::Cache, root.join("cache").as_str())
        .bind(Placeholder::Release, root.join("releases").join(RELEASE).as_str())
        .bind(Placeholder::ReleaseId, RELEASE)
}
