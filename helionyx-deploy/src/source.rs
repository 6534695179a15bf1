//! What a source stands for at this moment: a commit, or the digest of files. Changes nothing.

use camino::{Utf8Path, Utf8PathBuf};

use crate::command::Output;
use crate::digest::{Digest, Digester};
use crate::host::{Host, HostError};
use crate::layout::RESERVED;
use crate::model::{Environment, Source};
use crate::name::CommitId;
use crate::release::{FileRecord, FileRecords, Origin};
use crate::state::Node;
use crate::tool::git;

/// What is asked for instead of what the model says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// A branch, tag or commit, of a git source.
    pub reference: Option<String>,
    /// A file to deploy, instead of any source.
    pub artifact: Option<Utf8PathBuf>,
}

/// Why a source could not be resolved.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There is nothing at that path.
    #[error("the source `{0}` does not exist")]
    Missing(Utf8PathBuf),
    /// There is something else than expected.
    #[error("the source `{path}` is {found}, not {wanted}")]
    WrongKind {
        /// The path.
        path: Utf8PathBuf,
        /// What is there.
        found: Node,
        /// What should be.
        wanted: &'static str,
    },
    /// It has a file whose name is ours.
    #[error("the source `{dir}` has a file `{name}`, a name that a release needs for itself")]
    ReservedName {
        /// The directory.
        dir: Utf8PathBuf,
        /// The file.
        name: &'static str,
    },
    /// A reference was given for a source without commits.
    #[error("`{0}` was asked for, but the source is no git repository")]
    NoReferences(String),
    /// The repository has no such branch, tag or commit.
    #[error(
        "the repository has no branch, tag or commit `{0}` (a commit that was never deployed here \
         needs all of its digits)"
    )]
    UnknownReference(String),
    /// git failed.
    #[error("git {doing} failed ({}): {why}", .output.status)]
    Git {
        /// What it was doing.
        doing: &'static str,
        /// Why, in words.
        why: String,
        /// All that it said.
        output: Output,
    },
    /// The machine refused.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// What an environment's source stands for now.
///
/// # Errors
/// When there is no such source, or it cannot be asked.
pub fn resolve(
    host: &dyn Host,
    environment: &Environment,
    wish: &Wish,
) -> Result<Origin, SourceError> {
    match (&wish.artifact, &environment.source, &wish.reference) {
        (None, Source::Git { url, branch }, reference) => resolve_git(
            host,
            &environment.layout.mirror(),
            url,
            reference.as_ref().unwrap_or(branch),
        ),
        (_, _, Some(reference)) => Err(SourceError::NoReferences(reference.clone())),
        (Some(file), _, None) | (None, Source::Artifact { file }, None) => resolve_file(host, file),
        (None, Source::Path { dir, exclude }, None) => resolve_dir(host, dir, exclude),
    }
}

fn resolve_file(host: &dyn Host, file: &Utf8Path) -> Result<Origin, SourceError> {
    let file = file.to_owned();
    match host.node(&file)? {
        Node::File { .. } => Ok(Origin::Artifact { content: host.digest(&file)?, file }),
        Node::Missing => Err(SourceError::Missing(file)),
        found => Err(SourceError::WrongKind { path: file, found, wanted: "a file" }),
    }
}

fn resolve_dir(host: &dyn Host, dir: &Utf8Path, exclude: &[String]) -> Result<Origin, SourceError> {
    let dir = dir.to_owned();
    match host.node(&dir)? {
        Node::Directory { .. } => {}
        Node::Missing => return Err(SourceError::Missing(dir)),
        found => return Err(SourceError::WrongKind { path: dir, found, wanted: "a directory" }),
    }
    let files = host.tree(&dir, exclude, &FileRecords::new())?;
    for name in RESERVED {
        if files.contains_key(name) {
            return Err(SourceError::ReservedName { dir, name });
        }
    }
    Ok(Origin::Path { content: content_of(&files), dir })
}

/// The digest of files: of their paths, content, execute bits and link targets.
#[must_use]
pub fn content_of(files: &FileRecords) -> Digest {
    let mut digester = Digester::default();
    for (path, record) in files {
        digester = digester.field(path.as_str());
        digester = match record {
            FileRecord::File { blake3, mode, .. } => {
                let kind = if mode & 0o111 == 0 { "file" } else { "program" };
                digester.field(kind).field(blake3.to_string())
            }
            FileRecord::Link { target } => digester.field("link").field(target.as_str()),
        };
    }
    digester.finish()
}

fn resolve_git(
    host: &dyn Host,
    mirror: &Utf8Path,
    url: &str,
    reference: &str,
) -> Result<Origin, SourceError> {
    let commit = match reference.parse::<CommitId>() {
        Ok(commit) => commit,
        Err(_) => ask_remote(host, mirror, url, reference)?,
    };
    Ok(Origin::Git { url: url.to_owned(), reference: reference.to_owned(), commit })
}

fn ask_remote(
    host: &dyn Host,
    mirror: &Utf8Path,
    url: &str,
    reference: &str,
) -> Result<CommitId, SourceError> {
    let unknown = || SourceError::UnknownReference(reference.to_owned());
    if reference.is_empty() || reference.starts_with('-') || reference.contains(char::is_control) {
        return Err(unknown());
    }
    let output = host.run(&git::ls_remote(url, reference), &mut |_| ())?;
    if !output.status.success() {
        return Err(git_error("ls-remote", output));
    }
    if let Some(commit) = git::parse_ls_remote(&output.text, reference) {
        return Ok(commit);
    }
    abbreviated(host, mirror, reference)?.ok_or_else(unknown)
}

/// The commit whose id begins so, of those that were deployed here: a server does not tell.
fn abbreviated(
    host: &dyn Host,
    mirror: &Utf8Path,
    reference: &str,
) -> Result<Option<CommitId>, SourceError> {
    let hexadecimal = reference.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    if !hexadecimal || !(4..40).contains(&reference.len()) || host.node(mirror)? == Node::Missing {
        return Ok(None);
    }
    let output = host.run(&git::expand(mirror, reference), &mut |_| ())?;
    Ok(output.text.trim().parse().ok().filter(|_| output.status.success()))
}

/// The error of a git command that failed.
#[must_use]
pub fn git_error(doing: &'static str, output: Output) -> SourceError {
    let last = || last_line(&output).unwrap_or_else(|| "it said nothing".to_owned());
    let why = git::explain(&output.text).map_or_else(last, str::to_owned);
    SourceError::Git { doing, why, output }
}

/// How much of a command's words goes into an error, in characters: errors are kept for ever, in
/// the journal, and a line of minified code has no end.
const QUOTED: usize = 200;

/// The last line that a command wrote, cut to a length that an error can hold.
#[must_use]
pub fn last_line(output: &Output) -> Option<String> {
    let line = output.tail(1).pop()?;
    match line.char_indices().nth(QUOTED) {
        Some((end, _)) => Some(format!("{}…", &line[..end])),
        None => Some(line),
    }
}
