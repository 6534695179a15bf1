//! What a build step depends on, as one digest; and where paths of a release lead. Reads files.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use super::failed;
use crate::apply::StepError;
use crate::digest::{Digest, Digester};
use crate::host::{Host, HostError};
use crate::plan::step::BuildStep;
use crate::release::{FileRecord, FileRecords};
use crate::source::content_of;
use crate::state::Node;

/// As many links as Linux follows in one path.
const MAX_LINKS: usize = 40;

/// The digest of a build step's command, of the content of its inputs, and of what lies at its
/// outputs before it runs, all as in `release`: what the source itself has at an output is as good
/// as an input.
pub fn inputs_digest(
    host: &dyn Host,
    release: &Utf8Path,
    build: &BuildStep,
) -> Result<Digest, StepError> {
    let digester = Digester::default().field(build.command.to_string());
    let mut inputs = Inputs { host, release, build, covered: Vec::new(), digester };
    for input in &build.inputs {
        if inputs.add("input", input)? == Found::Nothing {
            return Err(failed(build, format!("input `{input}` does not exist in the release")));
        }
    }
    for output in &build.outputs {
        inputs.add("output", output)?;
    }
    Ok(inputs.digester.finish())
}

struct Inputs<'a> {
    host: &'a dyn Host,
    release: &'a Utf8Path,
    build: &'a BuildStep,
    /// Directories whose whole content is in the digest: a link to one, be it to one above itself,
    /// adds nothing.
    covered: Vec<Utf8PathBuf>,
    digester: Digester,
}

#[derive(PartialEq)]
enum Found {
    Something,
    Nothing,
}

impl Inputs<'_> {
    fn field(&mut self, bytes: impl AsRef<[u8]>) {
        self.digester = std::mem::take(&mut self.digester).field(bytes);
    }

    /// Adds what a path of the release leads to.
    fn add(&mut self, role: &str, path: &Utf8Path) -> Result<Found, StepError> {
        let Some(place) = place_of(self.host, self.release, path)? else {
            return Err(failed(self.build, format!("{role} `{path}` leads out of the release")));
        };
        self.field(path.as_str());
        self.field(place.as_str());
        let whole = self.release.join(&place);
        let node = self.host.node(&whole)?;
        if self.covered.iter().any(|dir| place.starts_with(dir)) && node != Node::Missing {
            self.field("covered");
            return Ok(Found::Something);
        }
        match node {
            Node::Directory { .. } => self.add_directory(&place)?,
            Node::File { mode, .. } => {
                self.field(if mode & 0o111 == 0 { "file" } else { "program" });
                self.field(self.host.digest(&whole)?.to_string());
            }
            Node::Missing | Node::Other | Node::Link { .. } => {
                self.field("nothing");
                return Ok(Found::Nothing);
            }
        }
        Ok(Found::Something)
    }

    fn add_directory(&mut self, place: &Utf8Path) -> Result<(), StepError> {
        self.covered.push(place.to_owned());
        let files = self.host.tree(&self.release.join(place), &[], &FileRecords::new())?;
        self.field("directory");
        self.field(content_of(&files).to_string());
        for (path, record) in &files {
            if matches!(record, FileRecord::Link { .. }) {
                self.add("the link", &place.join(path))?;
            }
        }
        Ok(())
    }
}

/// Where a path of a release leads when links are followed, as a path inside of it; none when it
/// leads out. What is not there, and a link that only leads to itself, stays where it is.
pub fn place_of(
    host: &dyn Host,
    release: &Utf8Path,
    path: &Utf8Path,
) -> Result<Option<Utf8PathBuf>, HostError> {
    let mut here = Utf8PathBuf::new();
    let mut open = parts_reversed(path);
    let mut links = 0;
    while let Some(part) = open.pop() {
        if part == ".." {
            if !here.pop() {
                return Ok(None);
            }
            continue;
        }
        let next = here.join(&part);
        match host.node(&release.join(&next))? {
            Node::Link { target } if links < MAX_LINKS => {
                links += 1;
                let target = match (target.is_absolute(), target.strip_prefix(release)) {
                    (false, _) => target.as_path(),
                    (true, Ok(below)) => {
                        here = Utf8PathBuf::new();
                        below
                    }
                    (true, Err(_)) => return Ok(None),
                };
                open.extend(parts_reversed(target));
            }
            _ => here = next,
        }
    }
    Ok(Some(here))
}

fn parts_reversed(path: &Utf8Path) -> Vec<String> {
    let parts = path.components().rev().filter_map(|part| match part {
        Utf8Component::Normal(name) => Some(name.to_owned()),
        Utf8Component::ParentDir => Some("..".to_owned()),
        _ => None,
    });
    parts.collect()
}
