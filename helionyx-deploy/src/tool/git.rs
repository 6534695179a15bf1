//! git, on a bare mirror: what a branch stands for, fetching, exporting. No I/O.

use std::time::Duration;

use camino::Utf8Path;

use crate::command::{Command, Inherit};
use crate::name::CommitId;

/// How long git may take to answer a question.
const ANSWER_DEADLINE: Duration = Duration::from_secs(60);
/// How long git may take to fetch.
const FETCH_DEADLINE: Duration = Duration::from_secs(900);

/// Variables that would make git work on another repository than the one we name.
const REDIRECTING: [&str; 9] = [
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

/// Makes an empty mirror.
#[must_use]
pub fn init_mirror(mirror: &Utf8Path, directory: &Utf8Path) -> Command {
    let args = ["init", "--quiet", "--bare", "--template=", "--", mirror.as_str()];
    git(directory, ANSWER_DEADLINE).args(args)
}

/// Succeeds when the mirror has this commit.
#[must_use]
pub fn has_commit(mirror: &Utf8Path, commit: &CommitId) -> Command {
    in_mirror(mirror, ANSWER_DEADLINE).args(["cat-file", "-e", &format!("{commit}^{{commit}}")])
}

/// Fetches exactly this commit and what it needs; a rewritten history is no obstacle.
#[must_use]
pub fn fetch_commit(mirror: &Utf8Path, url: &str, commit: &CommitId) -> Command {
    let refspec = format!("+{commit}:refs/deployed/{commit}");
    fetch(mirror).args(["--", url, &refspec])
}

/// Fetches all branches and tags: for servers that do not hand out a commit by its id.
#[must_use]
pub fn fetch_all(mirror: &Utf8Path, url: &str) -> Command {
    fetch(mirror).args(["--", url, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"])
}

fn fetch(mirror: &Utf8Path) -> Command {
    let quiet = ["fetch", "--quiet", "--force", "--no-tags", "--no-auto-gc"];
    in_mirror(mirror, FETCH_DEADLINE).args(quiet)
}

/// Succeeds when the history of `newer` contains `older`.
#[must_use]
pub fn is_ancestor(mirror: &Utf8Path, older: &CommitId, newer: &CommitId) -> Command {
    let args = ["merge-base", "--is-ancestor", older.as_str(), newer.as_str()];
    in_mirror(mirror, ANSWER_DEADLINE).args(args)
}

/// Lists the commit's entries that are repositories of their own (submodules).
#[must_use]
pub fn list_tree(mirror: &Utf8Path, commit: &CommitId) -> Command {
    in_mirror(mirror, ANSWER_DEADLINE).args(["ls-tree", "-r", "-z", "--full-tree", commit.as_str()])
}

/// The paths of submodules in what [`list_tree`] printed.
#[must_use]
pub fn parse_submodules(text: &str) -> Vec<String> {
    let entries = text.split('\0').filter(|entry| entry.starts_with("160000 "));
    entries.filter_map(|entry| entry.split_once('\t')).map(|(_, path)| path.to_owned()).collect()
}

/// Writes the files of a commit into a directory: the commit, never anybody's working tree.
#[must_use]
pub fn export(mirror: &Utf8Path, commit: &CommitId, to: &Utf8Path) -> Command {
    let index = mirror.join("export.index");
    in_mirror(mirror, FETCH_DEADLINE)
        .args(["--work-tree", to.as_str(), "checkout", "--quiet", "--force", commit.as_str()])
        .args(["--", "."])
        .variable("GIT_INDEX_FILE", index.as_str())
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
        let text = "100644 blob aa\ta.py\x00160000 commit bb\tvendor/x y\x00";
        assert_eq!(parse_submodules(text), ["vendor/x y"]);
    }

    #[test]
    fn nothing_an_operator_names_is_taken_for_an_option() {
        let command = ls_remote("--upload-pack=touch /tmp/x", "main");
        let dashes = command.args.iter().position(|arg| arg == "--").unwrap();
        let url = command.args.iter().position(|arg| arg.starts_with("--upload-pack")).unwrap();
        assert!(dashes < url, "ALL-08");
    }
}
