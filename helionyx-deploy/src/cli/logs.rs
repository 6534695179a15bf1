//! `logs`: what services wrote, as it stands in the files of the embedded runtime or in the journal.

use std::time::Duration;

use camino::Utf8PathBuf;
use clap::Args;

use crate::host::{Clock as _, LocalHost, Look as _};
use crate::layout::Layout;
use crate::model::Environment;
use crate::name::ServiceName;
use crate::release::Manifest;
use crate::state::Node;

use super::change::Site;
use super::json::{Line, Origin};
use super::{Context, Failure, Models, exit, signals};

mod file;
mod journal;

use file::LogFile;

/// How often a followed log is looked at.
pub(super) const INTERVAL: Duration = Duration::from_millis(200);

/// Shows what services wrote: the last lines, and then, with -f, what they write.
///
/// Of what systemd runs it is what the journal has, with times; the embedded runtime keeps plain
/// lines without time or priority: there is nothing that `--since` or `-p` could choose by.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} logs --env local
  {program} logs --env local -n 200 | grep -i error
  {program} logs --env local -f
  {program} logs --env live --since '1 hour ago' -p warning")]
pub struct Logs {
    #[command(flatten)]
    site: Site,
    /// How many lines of each service at most
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    lines: usize,
    /// Go on with what is written, until interrupted
    #[arg(short, long)]
    follow: bool,
    /// Lines since a time, in journalctl's words; not of the embedded runtime, which keeps no times
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Lines of this priority or worse, e.g. warning; not of the embedded runtime
    #[arg(short, long, value_name = "PRIORITY")]
    priority: Option<String>,
}

/// The log of one service.
pub(super) struct Source {
    service: ServiceName,
    path: Utf8PathBuf,
    file: Option<LogFile>,
}

impl Logs {
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        let models = Models::load(context.global)?;
        let environment = models.here(self.site.env.as_deref(), &context.machine())?;
        if environment.units().is_some() {
            return journal::show(context, environment, self);
        }
        let given = [("--since", &self.since), ("--priority", &self.priority)];
        if let Some((option, _)) = given.iter().find(|(_, value)| value.is_some()) {
            let message = format!(
                "{option} cannot be answered for {}: the embedded runtime keeps plain lines",
                environment.id()
            );
            return Err(Failure::new(exit::USAGE, message, "choose by number, with -n"));
        }
        let mut sources = sources(&context.host, environment)?;
        let many = sources.len() > 1;
        for source in &mut sources {
            let lines = source.last(self.lines)?;
            show(context, environment, source, many, &lines);
        }
        if sources.iter().all(|source| source.file.is_none()) {
            let paths: Vec<&str> = sources.iter().map(|source| source.path.as_str()).collect();
            let paths = paths.join(", ");
            context.screen.aside(&format!("nothing was written yet: there is no {paths}\n"));
        }
        if self.follow {
            signals::watch(&context.interrupt)?;
            follow(context, environment, &mut sources, many)?;
        }
        Ok(exit::DONE)
    }
}

fn follow(
    context: &mut Context<'_>,
    environment: &Environment,
    sources: &mut [Source],
    many: bool,
) -> Result<(), Failure> {
    while !context.host.interrupted() && !context.screen.is_closed() {
        for source in &mut *sources {
            let lines = source.more()?;
            show(context, environment, source, many, &lines);
        }
        context.host.pause(INTERVAL);
    }
    Ok(())
}

fn show(
    context: &mut Context<'_>,
    environment: &Environment,
    source: &Source,
    many: bool,
    lines: &[Vec<u8>],
) {
    let service = &source.service;
    if context.screen.is_json() {
        let origin = Origin::new(context.host.now(), Some(environment));
        for line in lines {
            let line = String::from_utf8_lossy(line);
            let body = serde_json::json!({ "service": service, "line": line });
            context.screen.line(&Line::new("log", origin, body));
        }
        return;
    }
    let mut text = Vec::new();
    for line in lines {
        if many {
            text.extend(format!("{service} | ").as_bytes());
        }
        text.extend(line);
        text.push(b'\n');
    }
    if !text.is_empty() {
        context.screen.raw(&text);
    }
}

/// The logs of the services that the model and the release in use have.
pub(super) fn sources(host: &LocalHost, environment: &Environment) -> Result<Vec<Source>, Failure> {
    let layout = &environment.layout;
    let mut names: Vec<ServiceName> =
        environment.services.iter().map(|service| service.name.clone()).collect();
    for name in deployed(host, layout)? {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let source = |service: ServiceName| Source { path: layout.log(&service), service, file: None };
    Ok(names.into_iter().map(source).collect())
}

/// The services of the release in use. Their health is not asked: logs are read when it is bad.
fn deployed(host: &LocalHost, layout: &Layout) -> Result<Vec<ServiceName>, Failure> {
    let Node::Link { target } = host.node(&layout.current())? else { return Ok(Vec::new()) };
    let Some(Ok(id)) = target.file_name().map(str::parse) else { return Ok(Vec::new()) };
    let path = layout.manifest(&id);
    if !matches!(host.node(&path)?, Node::File { .. }) {
        return Ok(Vec::new());
    }
    let text = host.read(&path, crate::observe::MANIFEST_LIMIT)?;
    let manifest = serde_json::from_slice::<Manifest>(&text);
    let services = manifest.map(|manifest| manifest.services).unwrap_or_default();
    Ok(services.into_iter().map(|service| service.name).collect())
}

impl Source {
    /// The last lines of the log; where there is none, none.
    pub(super) fn last(&mut self, count: usize) -> Result<Vec<Vec<u8>>, Failure> {
        self.file = LogFile::open(&self.path)?;
        match &mut self.file {
            Some(file) => Ok(file.last(count)?),
            None => Ok(Vec::new()),
        }
    }

    /// The whole lines that were written since; begins anew where the file was replaced.
    pub(super) fn more(&mut self) -> Result<Vec<Vec<u8>>, Failure> {
        let Some(file) = &mut self.file else {
            self.file = LogFile::open(&self.path)?;
            return match &mut self.file {
                Some(file) => Ok(file.more()?),
                None => Ok(Vec::new()),
            };
        };
        let mut lines = file.more()?;
        if file.was_replaced(&self.path)? {
            lines.extend(file.rest());
            self.file = LogFile::open(&self.path)?;
            if let Some(file) = &mut self.file {
                lines.extend(file.more()?);
            }
        }
        Ok(lines)
    }
}
