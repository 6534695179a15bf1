//! Steps that make, check and remove releases.

use crate::apply::StepError;
use crate::command::{Command, Output};
use crate::event::Event;
use crate::host::{Host, HostError};
use crate::layout::RELEASE_ENV;
use crate::plan::Site;
use crate::plan::step::ReleaseStep;
use crate::release::{Anchor, BuildRecord, FileRecords};

mod build;
mod fill;
mod remove;
mod seal;

pub(super) use seal::encode;

/// What is known of the release that is being made, from its first step to its last.
#[derive(Default)]
pub(super) struct Made {
    /// What the build steps came to: goes into the manifest.
    builds: Vec<BuildRecord>,
    /// Files as they were taken over: nothing has changed them since.
    known: FileRecords,
}

/// Carries out the steps that make a release.
pub(super) struct Maker<'m> {
    pub host: &'m dyn Host,
    pub site: &'m Site,
    pub events: &'m mut dyn FnMut(Event),
    pub made: &'m mut Made,
    /// The entry of the journal that announced the step.
    pub head: Anchor,
}

impl Maker<'_> {
    /// Does one step; returns what there is to say about it.
    pub fn perform(&mut self, step: &ReleaseStep) -> Result<String, StepError> {
        let (host, layout) = (self.host, &self.site.layout);
        match step {
            ReleaseStep::RemoveRelease { release, .. } => {
                return remove::remove_release(host, layout, release);
            }
            ReleaseStep::BeginRelease { release } => fill::begin_release(host, layout, release)?,
            ReleaseStep::CopySource { release, dir, exclude, content } => {
                let to = layout.release(release);
                return fill::copy_source(host, &to, dir, exclude, *content);
            }
            ReleaseStep::UnpackArtifact { release, file, content } => {
                fill::unpack_artifact(host, &layout.release(release), file, *content)?;
            }
            ReleaseStep::FetchCommit { url, commit, replaces, .. } => {
                return self.fetch_commit(url, commit, replaces.as_ref());
            }
            ReleaseStep::ExportCommit { release, commit } => self.export_commit(release, commit)?,
            ReleaseStep::Build { release, build, user, reuse } => {
                return self.build(release, build, user.as_ref(), reuse);
            }
            ReleaseStep::WriteConfiguration { release, content } => {
                let path = layout.release(release).join(RELEASE_ENV);
                host.write(&path, content.as_bytes(), 0o644)?;
            }
            ReleaseStep::SealRelease { release, facts } => {
                return self.seal_release(release, facts);
            }
            ReleaseStep::CheckRelease { release } => {
                return seal::check_release(host, layout, release);
            }
        }
        Ok(String::new())
    }

    /// Runs a command and hands its lines on.
    fn run(&mut self, command: &Command) -> Result<Output, HostError> {
        let events = &mut *self.events;
        self.host.run(command, &mut |line| events(Event::Output { line: line.to_owned() }))
    }
}
