//! Rules for where code comes from. No I/O.

use camino::{Utf8Path, Utf8PathBuf};

use super::placement::Placement;
use super::{Reader, Span, text};
use crate::model::spec::{
    AppSpec, ArtifactSpec, EnvironmentSpec, GitSpec, PathSpec, SourceSpec, Spanned, Words,
};
use crate::model::{Source, bounds, code};
use crate::template::{Bindings, Template};

/// A source before it is bound to an environment.
#[derive(Debug)]
pub enum Draft {
    /// A directory.
    Path(Template, Span, Vec<String>),
    /// A file.
    Artifact(Template, Span),
    /// A repository.
    Git(Template),
}

/// Checks `[source]`: exactly one, and that one complete.
pub fn source(spec: &AppSpec, reader: &mut Reader<'_>) -> Option<Draft> {
    let root = reader.root();
    let Some(source) = &spec.source else {
        if !reader.is_broken(&root, "source") {
            no_source(&root, reader);
        }
        return None;
    };
    let (span, SourceSpec { path, artifact, git }) = (source.span(), source.get_ref());
    let tables = [
        path.as_ref().map(Spanned::span),
        artifact.as_ref().map(Spanned::span),
        git.as_ref().map(Spanned::span),
    ];
    let given: Vec<_> = tables.into_iter().flatten().collect();
    let broken = ["path", "artifact", "git"].iter().any(|key| reader.is_broken(&span, key));
    if let [_, second, ..] = &given[..] {
        let message = format!("there are {} sources", given.len());
        reader.error(second, code::SOURCE_COUNT, message, "keep one and remove the others");
    } else if given.is_empty() && !broken {
        no_source(&span, reader);
    }
    let path = path.as_ref().and_then(|path| self::path(path, reader));
    let artifact = artifact.as_ref().and_then(|artifact| self::artifact(artifact, reader));
    let git = git.as_ref().and_then(|git| self::git(git, reader));
    // Which one is meant is not known: then nothing more is concluded from it.
    path.or(artifact).or(git).filter(|_| given.len() == 1)
}

fn no_source(span: &Span, reader: &mut Reader<'_>) {
    let hint = "write one of [source.path], [source.artifact] and [source.git]";
    reader.error(span, code::SOURCE_COUNT, "there is no source", hint);
}

fn path(spec: &Spanned<PathSpec>, reader: &mut Reader<'_>) -> Option<Draft> {
    let exclude = excluded(&spec.get_ref().exclude, reader);
    let dir = reader.required(&spec.span(), "dir", &spec.get_ref().dir, "\"{project}\"")?;
    Some(Draft::Path(reader.template(dir, bounds::SOURCE)?, dir.span(), exclude))
}

fn excluded(words: &Words, reader: &mut Reader<'_>) -> Vec<String> {
    let words = words.as_ref().map(Spanned::get_ref).map(Vec::as_slice).unwrap_or_default();
    for word in words {
        let name = word.get_ref();
        if name.contains('/') || text::relative_path(name).is_some() {
            let message = format!("{name:?} is not the name of a file or directory");
            let hint = "write a name without `/`; it is left out at any depth";
            reader.error(&word.span(), code::BAD_PATH, message, hint);
        }
    }
    words.iter().map(|word| word.get_ref().clone()).collect()
}

fn artifact(spec: &Spanned<ArtifactSpec>, reader: &mut Reader<'_>) -> Option<Draft> {
    let example = "\"{project}/app.tar.gz\"";
    let file = reader.required(&spec.span(), "file", &spec.get_ref().file, example)?;
    Some(Draft::Artifact(reader.template(file, bounds::SOURCE)?, file.span()))
}

fn git(spec: &Spanned<GitSpec>, reader: &mut Reader<'_>) -> Option<Draft> {
    let example = "\"https://example.org/app.git\"";
    let url = reader.required(&spec.span(), "url", &spec.get_ref().url, example)?;
    // The address is not shown: what is wrong with it may be the password in it.
    if text::has_credentials(url.get_ref()) {
        let hint = "write it without; git gets them from a credential helper or a deploy key";
        reader.error(&url.span(), code::CREDENTIALS, "`url` holds a user or password", hint);
        return None;
    }
    if let Some(complaint) = text::git_url(url.get_ref()) {
        let hint = format!("write e.g. {example}, \"git@example.org:app.git\" or a path");
        reader.error(&url.span(), code::BAD_URL, format!("`url` {complaint}"), hint);
        return None;
    }
    Some(Draft::Git(reader.template(url, bounds::SOURCE)?))
}

/// Checks `branch`: there where the source is a repository, and only there.
pub fn branch(
    source: Option<&Draft>,
    spec: &EnvironmentSpec,
    reader: &mut Reader<'_>,
) -> Option<String> {
    let git = matches!(source?, Draft::Git(_));
    if !git {
        if let Some(branch) = &spec.branch {
            let hint = "remove it, or write [source.git] in app.toml";
            let message = "`branch` says nothing about a source that is no git repository";
            reader.error(&branch.span(), code::UNUSED_BRANCH, message, hint);
        }
        return None;
    }
    let branch = reader.required(&reader.root(), "branch", &spec.branch, "\"main\"")?;
    if let Some(complaint) = text::branch(branch.get_ref()) {
        let message = format!("`branch` {complaint}");
        reader.error(&branch.span(), code::BAD_BRANCH, message, "write e.g. `branch = \"main\"`");
        return None;
    }
    reader.literal("branch", branch).then(|| branch.get_ref().clone())
}

/// Binds a source to an environment.
pub fn resolve(
    draft: &Draft,
    branch: Option<String>,
    place: &Placement,
    known: &Bindings,
    reader: &mut Reader<'_>,
) -> Option<Source> {
    match draft {
        Draft::Path(dir, span, exclude) => {
            let dir = absolute("dir", dir, span, known, reader)?;
            takes_in_nothing_of_ours(&dir, span, exclude, place, reader)?;
            Some(Source::Path { dir, exclude: exclude.clone() })
        }
        Draft::Artifact(file, span) => {
            Some(Source::Artifact { file: absolute("file", file, span, known, reader)? })
        }
        Draft::Git(url) => Some(Source::Git { url: url.expand(known), branch: branch? }),
    }
}

fn absolute(
    key: &str,
    path: &Template,
    span: &Span,
    known: &Bindings,
    reader: &mut Reader<'_>,
) -> Option<Utf8PathBuf> {
    let path = path.expand(known);
    let Some(complaint) = text::absolute_path(&path) else { return Some(path.into()) };
    let hint = format!("write an absolute path, e.g. `{key} = \"{{project}}/app\"`");
    reader.error(span, code::BAD_PATH, format!("`{key}` {complaint}"), hint);
    None
}

/// A source that holds its own releases would grow with every one of them.
fn takes_in_nothing_of_ours(
    dir: &Utf8Path,
    span: &Span,
    exclude: &[String],
    place: &Placement,
    reader: &mut Reader<'_>,
) -> Option<()> {
    let taken_in = |path: &Utf8Path| {
        let inside = path.strip_prefix(dir).ok()?;
        let left_out = inside.iter().any(|part| exclude.iter().any(|name| name == part));
        (!left_out).then(|| (path.to_owned(), inside.iter().next().map(str::to_owned)))
    };
    let ours = [&place.root, &place.data].into_iter().flatten();
    let Some((path, first)) = ours.filter_map(|(path, _)| taken_in(path)).next() else {
        return Some(());
    };
    let hint = first.map_or_else(
        || "write another directory".to_owned(),
        |first| format!("write another directory, or add \"{first}\" to `exclude`"),
    );
    let message = format!("`dir` holds `{path}`, where its own releases or data lie");
    reader.error(span, code::SOURCE_CONTAINS_ROOT, message, hint);
    None
}
