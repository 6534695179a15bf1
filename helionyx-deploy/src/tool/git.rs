//! git, on a bare mirror: what a branch stands for, fetching, exporting. No I/O.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use crate::command::{Command, Inherit};
use crate::name::CommitId;

/// How long git may take to answer a question.
const ANSWER_DEADLINE: Duration = Duration::from_secs(60);
/// How long git may take to fetch.
const FETCH_DEADLINE: Duration = Duration::from_secs(900);

/// Variables that would make git work on another repository than the one we name.
const REDIRECTING: [&str; 10] = [
    "GIT_ATTR_SOURCE",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_CEILING_DIRECTORIES",
];

/// Asks what branches and tags of this name stand for.
#[must_use]
pub fn ls_remote(url: &str, reference: &str) -> Command {
    let patterns = [
        format!("refs/heads/{reference}"),
        format!("refs/tags/{reference}"),
        format!("refs/tags/{reference}^{{}}"),
    ];
    git(Utf8Path::new("/"), ANSWER_DEADLINE).args(["ls-remote", "--", url]).args(patterns)
}

/// What `ls-remote` said: a branch before a tag, and of a tag the commit that it names.
#[must_use]
pub fn parse_ls_remote(text: &str, reference: &str) -> Option<CommitId> {
    let find = |name: String| {
        let found = text.lines().filter_map(|line| line.split_once('\t'));
        found.filter(|(_, found)| *found == name).find_map(|(id, _)| id.parse().ok())
    };
    find(format!("refs/heads/{reference}"))
        .or_else(|| find(format!("refs/tags/{reference}^{{}}")))
        .or_else(|| find(format!("refs/tags/{reference}")))
}

/// Prints the commit whose id begins so, if there is exactly one in the mirror.
#[must_use]
pub fn expand(mirror: &Utf8Path, begin: &str) -> Command {
    let commit = format!("{begin}^{{commit}}");
    in_mirror(mirror, ANSWER_DEADLINE)
        .args(["rev-parse", "--verify", "--quiet", &commit])
        .that_only_looks()
}

/// Makes an empty mirror.
#[must_use]
pub fn init_mirror(mirror: &Utf8Path, directory: &Utf8Path) -> Command {
    let args = ["init", "--quiet", "--bare", "--template=", "--", mirror.as_str()];
    git(directory, ANSWER_DEADLINE).args(args)
}

/// Asks for the commit that a whole fetch has left a reference to: git writes references only after
/// it has checked that all is there, while objects may be left by a fetch that was cut short.
#[must_use]
pub fn whole_commit(mirror: &Utf8Path, commit: &CommitId) -> Command {
    let reference = format!("{}^{{commit}}", kept(commit));
    in_mirror(mirror, ANSWER_DEADLINE)
        .args(["rev-parse", "--verify", "--quiet", &reference])
        .that_only_looks()
}

/// Whether what git said means that there is no repository where the mirror should be, e.g. because
/// `init` was cut short: it makes last what git knows a repository by.
#[must_use]
pub fn is_no_repository(text: &str) -> bool {
    text.contains("not a git repository")
}

/// Succeeds when the mirror has all that this commit needs.
#[must_use]
pub fn has_all_of(mirror: &Utf8Path, commit: &CommitId) -> Command {
    let args = ["rev-list", "--objects", "--quiet", commit.as_str(), "--not", "--all"];
    in_mirror(mirror, FETCH_DEADLINE).args(args)
}

/// Leaves the reference that [`whole_commit`] asks for.
#[must_use]
pub fn keep_commit(mirror: &Utf8Path, commit: &CommitId) -> Command {
    let args = ["update-ref", &kept(commit), commit.as_str()];
    in_mirror(mirror, ANSWER_DEADLINE).args(args)
}

/// What a fetch or checkout that was killed leaves behind, and would stop the next one. Only who
/// holds the environment's lock may remove it: nobody else uses the mirror then.
#[must_use]
pub fn leftovers(mirror: &Utf8Path, commit: &CommitId) -> [Utf8PathBuf; 3] {
    let lock = format!("{}.lock", kept(commit));
    [lock.as_str(), "export.index", "export.index.lock"].map(|name| mirror.join(name))
}

/// Where git keeps the references that [`whole_commit`] asks for, a file each, as long as it does not
/// pack them.
#[must_use]
pub fn kept_commits(mirror: &Utf8Path) -> Utf8PathBuf {
    mirror.join("refs/deployed")
}

/// Where git packs references.
#[must_use]
pub fn packed_references(mirror: &Utf8Path) -> Utf8PathBuf {
    mirror.join("packed-refs")
}

/// The reference to a commit that was fetched whole.
fn kept(commit: &CommitId) -> String {
    format!("refs/deployed/{commit}")
}

/// Succeeds when the mirror has this commit; what it needs may be missing.
#[must_use]
pub fn has_commit(mirror: &Utf8Path, commit: &CommitId) -> Command {
    in_mirror(mirror, ANSWER_DEADLINE)
        .args(["cat-file", "-e", &format!("{commit}^{{commit}}")])
        .that_only_looks()
}

/// Fetches exactly this commit and what it needs; a rewritten history is no obstacle.
#[must_use]
pub fn fetch_commit(mirror: &Utf8Path, url: &str, commit: &CommitId) -> Command {
    let refspec = format!("+{commit}:{}", kept(commit));
    fetch(mirror).args(["--", url, &refspec])
}

/// Fetches all branches and tags: for servers that do not hand out a commit by its id.
#[must_use]
pub fn fetch_all(mirror: &Utf8Path, url: &str) -> Command {
    fetch(mirror).args(["--", url, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"])
}

fn fetch(mirror: &Utf8Path) -> Command {
    // Durable before the reference is: else a power loss leaves one to objects that are empty.
    let durable = ["-c", "core.fsync=all"];
    let quiet = ["fetch", "--quiet", "--force", "--no-tags", "--no-auto-gc"];
    in_mirror(mirror, FETCH_DEADLINE).args(durable).args(quiet)
}

/// Succeeds when the history of `newer` contains `older`.
#[must_use]
pub fn is_ancestor(mirror: &Utf8Path, older: &CommitId, newer: &CommitId) -> Command {
    let args = ["merge-base", "--is-ancestor", older.as_str(), newer.as_str()];
    in_mirror(mirror, ANSWER_DEADLINE).args(args).that_only_looks()
}

/// Lists the directories of a commit, and its entries that are repositories of their own
/// (submodules): not its files, of which there may be very many.
#[must_use]
pub fn list_directories(mirror: &Utf8Path, commit: &CommitId) -> Command {
    let args = ["ls-tree", "-r", "-d", "--full-tree", commit.as_str()];
    in_mirror(mirror, ANSWER_DEADLINE).args(args).that_only_looks()
}

/// The path of a submodule, if a line of [`list_directories`] tells of one; unusual characters in
/// it are quoted as git does.
#[must_use]
pub fn parse_submodule(line: &str) -> Option<&str> {
    let entry = line.strip_prefix("160000 ")?;
    entry.split_once('\t').map(|(_, path)| path)
}

/// Settings of the operator that would make a commit's files others than on another machine. What
/// the commit's own attributes say still holds; the filters that they may name (`filter=lfs`) are
/// the operator's own, for only he can have the programs.
const SAME_ON_EVERY_MACHINE: [&str; 8] = [
    "core.autocrlf=false",
    "core.eol=lf",
    "core.symlinks=true",
    "core.fileMode=true",
    "core.attributesFile=/dev/null",
    "core.sparseCheckout=false",
    "core.fsmonitor=false",
    "submodule.recurse=false",
];

/// Writes the files of a commit into a directory: the commit, never anybody's working tree.
#[must_use]
pub fn export(mirror: &Utf8Path, commit: &CommitId, to: &Utf8Path) -> Command {
    let index = mirror.join("export.index");
    in_mirror(mirror, FETCH_DEADLINE)
        .args(SAME_ON_EVERY_MACHINE.into_iter().flat_map(|setting| ["-c", setting]))
        .args(["--work-tree", to.as_str(), "checkout", "--quiet", "--force", commit.as_str()])
        .args(["--", "."])
        .variable("GIT_INDEX_FILE", index.as_str())
        .variable("GIT_ATTR_NOSYSTEM", "1")
}

fn in_mirror(mirror: &Utf8Path, deadline: Duration) -> Command {
    git(mirror, deadline).args(["--git-dir", mirror.as_str()])
}

/// git as the operator knows it, with his agents, proxies and credentials, but it never asks, runs
/// no hooks and looks at no other repository.
fn git(directory: &Utf8Path, deadline: Duration) -> Command {
    let mut command = Command::new("git", directory)
        .args(["-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false"])
        .variable("GIT_TERMINAL_PROMPT", "0")
        .variable("GIT_ASKPASS", "true")
        .variable("SSH_ASKPASS_REQUIRE", "never")
        .variable("GIT_SSH_COMMAND", "ssh -o BatchMode=yes -o ConnectTimeout=15")
        .variable("GIT_HTTP_LOW_SPEED_LIMIT", "1000")
        .variable("GIT_HTTP_LOW_SPEED_TIME", "30")
        .variable("LC_ALL", "C");
    command.inherit = Inherit::AllBut(REDIRECTING.map(str::to_owned).to_vec());
    command.deadline = deadline;
    command
}

/// What git's words mean, for the errors that operators meet.
#[must_use]
pub fn explain(text: &str) -> Option<&'static str> {
    let known = [
        (
            "could not read Username",
            "the repository wants credentials; git may not ask for them here",
        ),
        ("Authentication failed", "the repository refused our credentials"),
        ("Permission denied (publickey", "the host refused our SSH key"),
        ("Host key verification failed", "the host's SSH key is not known: connect once by hand"),
        ("does not appear to be a git repository", "there is no repository at that address"),
        ("Repository not found", "there is no repository at that address"),
        ("Could not resolve host", "the host name does not resolve"),
        ("Connection timed out", "the host does not answer"),
        ("Connection refused", "the host refuses the connection"),
    ];
    known.into_iter().find(|(words, _)| text.contains(words)).map(|(_, meaning)| meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_comes_before_a_tag_and_a_tag_stands_for_its_commit() {
        let id = |digit: &str| digit.repeat(40);
        let text = format!(
            "{}\trefs/heads/main\n{}\trefs/tags/v1\n{}\trefs/tags/v1^{{}}\n{}\trefs/tags/main\n",
            id("a"),
            id("b"),
            id("c"),
            id("d")
        );
        let commit = |reference| parse_ls_remote(&text, reference).map(|id| id.to_string());
        assert_eq!(commit("main"), Some(id("a")));
        assert_eq!(commit("v1"), Some(id("c")));
        assert_eq!(commit("v2"), None);
        assert_eq!(parse_ls_remote("fatal: nonsense", "main"), None);
    }

    #[test]
    fn submodules_are_seen() {
        for (line, expected) in [
            ("160000 commit bb\tvendor/x y", Some("vendor/x y")),
            ("040000 tree aa\tvendor", None),
            ("100644 blob aa\t160000 x", None),
        ] {
            assert_eq!(parse_submodule(line), expected, "{line}");
        }
    }

    #[test]
    fn nothing_an_operator_names_is_taken_for_an_option() {
        let command = ls_remote("--upload-pack=touch /tmp/x", "main");
        let dashes = command.args.iter().position(|arg| arg == "--").unwrap();
        let url = command.args.iter().position(|arg| arg.starts_with("--upload-pack")).unwrap();
        assert!(dashes < url, "ALL-08");
    }
}
