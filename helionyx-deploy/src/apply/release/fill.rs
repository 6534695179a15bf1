//! Steps that make a release's directory, fill it, and remove it.

use camino::Utf8Path;

use super::Maker;
use crate::apply::StepError;
use crate::command::{Command, Output};
use crate::digest::Digest;
use crate::event::Event;
use crate::host::{Host, HostError};
use crate::layout::{Layout, RESERVED};
use crate::name::{CommitId, ReleaseId};
use crate::release::FileRecords;
use crate::source::{SourceError, content_of, git_error};
use crate::state::Node;
use crate::tool::git;

/// The mark comes before the directory and goes after the manifest: at every instant the
/// directory is known as ours.
pub(super) fn begin_release(
    host: &dyn Host,
    layout: &Layout,
    release: &ReleaseId,
) -> Result<(), StepError> {
    let dir = layout.release(release);
    if host.node(&dir)? != Node::Missing {
        let why = "a directory of that name is there already".to_owned();
        return Err(HostError::refused("begin release", &dir, why).into());
    }
    host.write(&layout.unfinished(release), b"", 0o644)?;
    Ok(host.create_dir(&dir, 0o755)?)
}

pub(super) fn copy_source(
    host: &dyn Host,
    to: &Utf8Path,
    dir: &Utf8Path,
    exclude: &[String],
    content: Digest,
) -> Result<String, StepError> {
    let paths: Vec<_> = host.tree(dir, exclude, &FileRecords::new())?.into_keys().collect();
    host.copy(dir, to, &paths)?;
    let copied = host.tree(to, &[], &FileRecords::new())?;
    if content_of(&copied) != content {
        return Err(StepError::SourceChanged(dir.to_owned()));
    }
    Ok(format!("{} files", copied.len()))
}

pub(super) fn unpack_artifact(
    host: &dyn Host,
    to: &Utf8Path,
    file: &Utf8Path,
    content: Digest,
) -> Result<(), StepError> {
    if host.digest(file)? != content {
        return Err(StepError::SourceChanged(file.to_owned()));
    }
    let archive = [".tar", ".tar.gz", ".tgz"].iter().any(|end| file.as_str().ends_with(end));
    match (archive, file.parent(), file.file_name()) {
        (false, Some(parent), Some(name)) => host.copy(parent, to, &[name.into()])?,
        _ => host.unpack(file, to)?,
    }
    refuse_reserved_names(host, file, to)
}

impl Maker<'_> {
    /// Gets a commit into the mirror: the commit alone, or, where a server does not hand out
    /// commits by id, what its branches and tags need.
    pub(super) fn fetch_commit(
        &mut self,
        url: &str,
        commit: &CommitId,
        replaces: Option<&CommitId>,
    ) -> Result<String, StepError> {
        let mirror = self.site.layout.mirror();
        let is_asked = self.may_be_in_mirror(&mirror, commit)?;
        if is_asked && self.is_in_mirror(&mirror, commit)? {
            self.check_history(&mirror, commit, replaces)?;
            return Ok("already in the mirror".to_owned());
        }
        self.remove_leftovers(&mirror, commit)?;
        if !self.try_git(&git::fetch_commit(&mirror, url, commit))? {
            // Where git was not asked, it may be that what is there is no repository any more: then
            // another is made, and the commit asked for again.
            let is_new = !is_asked && {
                self.is_in_mirror(&mirror, commit)?;
                self.host.list(&git::kept_commits(&mirror))?.is_empty()
            };
            if !(is_new && self.try_git(&git::fetch_commit(&mirror, url, commit))?) {
                self.fetch_all(&mirror, url, commit)?;
            }
        }
        if self.check_history(&mirror, commit, replaces)? {
            return Ok(String::new());
        }
        Err(SourceError::UnknownReference(commit.to_string()).into())
    }

    /// For servers that do not hand out a commit by its id.
    fn fetch_all(
        &mut self,
        mirror: &Utf8Path,
        url: &str,
        commit: &CommitId,
    ) -> Result<(), StepError> {
        self.git("fetch", &git::fetch_all(mirror, url))?;
        if self.try_git(&git::has_all_of(mirror, commit))? {
            self.git("update-ref", &git::keep_commit(mirror, commit))?;
        }
        Ok(())
    }

    /// Whether git is to be asked for a commit. What it has packed away, or keeps in another way, is
    /// not seen without it.
    fn may_be_in_mirror(&self, mirror: &Utf8Path, commit: &CommitId) -> Result<bool, StepError> {
        let host = self.host;
        let kept = host.list(&git::kept_commits(mirror))?;
        let is_packed = host.node(&git::packed_references(mirror))? != Node::Missing;
        Ok(kept.is_empty() || is_packed || kept.iter().any(|kept| kept == commit.as_str()))
    }

    /// Whether a commit and all that it needs is in the mirror. Makes a mirror where there is none:
    /// what is no repository for git was cut short when it was made, and holds nothing.
    fn is_in_mirror(&mut self, mirror: &Utf8Path, commit: &CommitId) -> Result<bool, StepError> {
        let host = self.host;
        if host.node(mirror)? != Node::Missing {
            let asked = host.run(&git::whole_commit(mirror, commit), &mut |_| ())?;
            if !git::is_no_repository(&asked.text) {
                return Ok(has_said(&asked, commit));
            }
            host.remove_tree(mirror)?;
        }
        self.git("init", &git::init_mirror(mirror, &self.site.layout.root))?;
        Ok(false)
    }

    fn remove_leftovers(&self, mirror: &Utf8Path, commit: &CommitId) -> Result<(), StepError> {
        for path in git::leftovers(mirror, commit) {
            self.host.remove(&path)?;
        }
        Ok(())
    }

    /// Whether a commit is in the mirror, with all that it needs. A force-push is deployed like any
    /// other commit, but not in silence.
    fn check_history(
        &mut self,
        mirror: &Utf8Path,
        commit: &CommitId,
        replaces: Option<&CommitId>,
    ) -> Result<bool, StepError> {
        let old = replaces.filter(|old| *old != commit);
        let is_newer = old.map(|old| git::is_ancestor(mirror, old, commit));
        let questions: Vec<_> =
            [git::whole_commit(mirror, commit)].into_iter().chain(is_newer).collect();
        let mut answers = self.host.run_all(&questions).into_iter();
        let is_there = answers.next().transpose()?.is_some_and(|asked| has_said(&asked, commit));
        let is_newer = answers.next().transpose()?.is_none_or(|asked| asked.status.success());
        let Some(old) = old.filter(|_| is_there && !is_newer) else { return Ok(is_there) };
        let follows = self.try_git(&git::is_ancestor(mirror, commit, old))?;
        if !follows && self.try_git(&git::has_commit(mirror, old))? {
            let (old, new) = (old.short(), commit.short());
            let message = format!(
                "history was rewritten: {old}, which is deployed, is no part of that of {new}"
            );
            (self.events)(Event::warning(message));
        }
        Ok(true)
    }

    pub(super) fn export_commit(
        &mut self,
        release: &ReleaseId,
        commit: &CommitId,
    ) -> Result<(), StepError> {
        let layout = &self.site.layout;
        let (mirror, to) = (layout.mirror(), layout.release(release));
        let mut submodules = Vec::new();
        let mut hear =
            |line: &str| submodules.extend(git::parse_submodule(line).map(str::to_owned));
        let listed = self.host.run(&git::list_directories(&mirror, commit), &mut hear)?;
        if !listed.status.success() {
            return Err(git_error("ls-tree", listed).into());
        }
        if !submodules.is_empty() {
            let message = format!("submodules are not exported: {}", submodules.join(", "));
            (self.events)(Event::warning(message));
        }
        self.remove_leftovers(&mirror, commit)?;
        self.git("checkout", &git::export(&mirror, commit, &to))?;
        refuse_reserved_names(self.host, &mirror, &to)
    }

    fn git(&mut self, doing: &'static str, command: &Command) -> Result<(), StepError> {
        let output = self.run(command)?;
        if output.status.success() { Ok(()) } else { Err(git_error(doing, output).into()) }
    }

    fn try_git(&mut self, command: &Command) -> Result<bool, StepError> {
        Ok(self.host.run(command, &mut |_| ())?.status.success())
    }
}

fn refuse_reserved_names(
    host: &dyn Host,
    source: &Utf8Path,
    to: &Utf8Path,
) -> Result<(), StepError> {
    for name in RESERVED {
        if host.node(&to.join(name))? != Node::Missing {
            return Err(SourceError::ReservedName { dir: source.to_owned(), name }.into());
        }
    }
    Ok(())
}

/// Whether git has said that a commit is this one.
fn has_said(asked: &Output, commit: &CommitId) -> bool {
    asked.status.success() && asked.text.trim() == commit.as_str()
}
