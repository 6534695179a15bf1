//! The logs of the embedded runtime: a file for each service, read from its end and on as it grows.

use std::time::Duration;

use camino::Utf8PathBuf;

use crate::host::{Host, HostError};
use crate::layout::Layout;
use crate::model::Environment;
use crate::name::ServiceName;
use crate::release::{MANIFEST_LIMIT, Manifest};
use crate::state::Node;
use crate::supervise::log::{Filter, Log, LogError, LogEvent, LogQuery, ServiceLog, Since};

mod tail;

use tail::Tail;

/// How often a followed log is looked at.
const INTERVAL: Duration = Duration::from_millis(200);

/// The logs of an environment's services.
struct Logs {
    sources: Vec<Source>,
    /// How many lines are told that are there already; none where only what comes is wanted.
    lines: Option<usize>,
    follow: bool,
}

/// The log of one service.
struct Source {
    service: ServiceName,
    path: Utf8PathBuf,
    tail: Option<Tail>,
}

/// Opens the logs of the services that the model and the release in use have.
///
/// # Errors
/// When lines are to be chosen by what they do not have, and when a log cannot be opened.
pub(super) fn open(
    host: &dyn Host,
    environment: &Environment,
    query: &LogQuery,
) -> Result<Box<dyn Log>, LogError> {
    if let Some(filter) = not_kept(query) {
        return Err(LogError::NotKept { filter, environment: environment.id() });
    }
    let mut sources = Vec::new();
    for service in services(host, environment)? {
        let path = environment.layout.log(&service);
        let mut tail = Tail::open(host, &path)?;
        if let (Some(Since::Opened), Some(tail)) = (&query.since, &mut tail) {
            tail.skip()?;
        }
        sources.push(Source { service, path, tail });
    }
    let lines = query.since.is_none().then_some(query.lines);
    Ok(Box::new(Logs { sources, lines, follow: query.follow }))
}

/// What is to choose between lines that have neither time nor priority.
fn not_kept(query: &LogQuery) -> Option<Filter> {
    match (&query.since, &query.priority) {
        (Some(Since::Time(_)), _) => Some(Filter::Since),
        (Some(Since::Opened) | None, Some(_)) => Some(Filter::Priority),
        (Some(Since::Opened) | None, None) => None,
    }
}

fn services(host: &dyn Host, environment: &Environment) -> Result<Vec<ServiceName>, HostError> {
    let mut names: Vec<ServiceName> =
        environment.services.iter().map(|service| service.name.clone()).collect();
    for name in deployed(host, &environment.layout)? {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// The services of the release in use. Their health is not asked: logs are read when it is bad.
fn deployed(host: &dyn Host, layout: &Layout) -> Result<Vec<ServiceName>, HostError> {
    let Node::Link { target } = host.node(&layout.current())? else { return Ok(Vec::new()) };
    let Some(Ok(id)) = target.file_name().map(str::parse) else { return Ok(Vec::new()) };
    let path = layout.manifest(&id);
    if !matches!(host.node(&path)?, Node::File { .. }) {
        return Ok(Vec::new());
    }
    let text = host.read(&path, MANIFEST_LIMIT)?;
    let manifest = serde_json::from_slice::<Manifest>(&text);
    let services = manifest.map(|manifest| manifest.services).unwrap_or_default();
    Ok(services.into_iter().map(|service| service.name).collect())
}

impl Log for Logs {
    fn read(&mut self, host: &dyn Host, tell: &mut dyn FnMut(LogEvent)) -> Result<(), LogError> {
        let files = self.sources.iter().map(Source::describe).collect();
        tell(LogEvent::Files { files });
        if let Some(count) = self.lines {
            for source in &mut self.sources {
                let lines = source.last(count)?;
                source.tell(lines, tell);
            }
        }
        if !self.follow {
            return Ok(());
        }
        loop {
            // What was written until the end is told.
            let is_over = host.interrupted();
            for source in &mut self.sources {
                let lines = source.more(host)?;
                source.tell(lines, tell);
            }
            if is_over {
                return Ok(());
            }
            host.pause(INTERVAL);
        }
    }
}

impl Source {
    fn describe(&self) -> ServiceLog {
        let (service, path) = (self.service.clone(), self.path.clone());
        ServiceLog { service, path, exists: self.tail.is_some() }
    }

    fn tell(&self, lines: Vec<Vec<u8>>, tell: &mut dyn FnMut(LogEvent)) {
        for bytes in lines {
            tell(LogEvent::Line { service: Some(self.service.clone()), bytes });
        }
    }

    /// The last lines of the log; none where there is no file.
    fn last(&mut self, count: usize) -> Result<Vec<Vec<u8>>, HostError> {
        match &mut self.tail {
            Some(tail) => tail.last(count),
            None => Ok(Vec::new()),
        }
    }

    /// The whole lines that were written since; begins anew where the file was replaced.
    fn more(&mut self, host: &dyn Host) -> Result<Vec<Vec<u8>>, HostError> {
        let Some(tail) = &mut self.tail else { return self.begin(host) };
        let mut lines = tail.more()?;
        if tail.is_replaced()? {
            // What was written before it was moved away, and after it was read.
            lines.extend(tail.more()?);
            lines.extend(tail.rest());
            lines.extend(self.begin(host)?);
        }
        Ok(lines)
    }

    /// The lines of a file that was not read yet.
    fn begin(&mut self, host: &dyn Host) -> Result<Vec<Vec<u8>>, HostError> {
        self.tail = Tail::open(host, &self.path)?;
        match &mut self.tail {
            Some(tail) => tail.more(),
            None => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests;
