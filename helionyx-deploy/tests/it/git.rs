//! Deploys from real git repositories, with real git.

use camino::{Utf8Path, Utf8PathBuf};
use helionyx_deploy::event::{Event, Outcome};
use helionyx_deploy::operate::{Force, Goal, OperateError};
use helionyx_deploy::source::Wish;

use crate::rig::{Rig, sample};
use crate::world::deploy;

/// A working copy, and the bare repository that it is pushed to.
struct Repository {
    work: Utf8PathBuf,
}

impl Repository {
    fn new(dir: &Utf8Path) -> Repository {
        let (work, bare) = (dir.join("work"), dir.join("origin.git"));
        fs_err::create_dir_all(work.join("bin")).unwrap();
        fs_err::copy(sample(), work.join("bin/sample")).unwrap();
        let repository = Repository { work };
        repository.git(&["init", "--quiet", "--bare", "--initial-branch=main", bare.as_str()]);
        repository.git(&["init", "--quiet", "--initial-branch=main", "."]);
        repository.git(&["remote", "add", "origin", bare.as_str()]);
        repository
    }

    fn git(&self, args: &[&str]) -> String {
        let identity = ["-c", "user.name=tester", "-c", "user.email=tester@example.invalid"];
        let args = identity.iter().chain(args);
        duct::cmd("git", args).dir(&self.work).env("GIT_CONFIG_GLOBAL", "/dev/null").read().unwrap()
    }

    /// Commits and pushes; returns the commit.
    fn ship(&self, note: &str) -> String {
        fs_err::write(self.work.join("note"), note).unwrap();
        self.git(&["add", "-A"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", note]);
        self.git(&["push", "--quiet", "--force", "origin", "HEAD:main"]);
        self.git(&["rev-parse", "HEAD"])
    }
}

fn rig() -> (Rig, Repository) {
    let rig = Rig::with_source("[source.git]\nurl = \"DIR/origin.git\"", "branch = \"main\"");
    let repository = Repository::new(&rig.dir);
    (rig, repository)
}

fn wish(reference: &str) -> Goal {
    let wish = Wish { reference: Some(reference.to_owned()), artifact: None };
    Goal::Deploy { wish, force: Force::IfNeeded }
}

fn note(rig: &Rig) -> String {
    fs_err::read_to_string(rig.environment.layout.current().join("note")).unwrap()
}

#[test]
fn commits_are_deployed_exactly_also_after_a_force_push_a_rollback_and_again_in_the_ordinary_way() {
    let (rig, repository) = rig();
    let first = repository.ship("first");
    let report = rig.run(&deploy());
    assert_eq!(report.commit.unwrap().as_str(), first, "HEL-08");
    assert_eq!(note(&rig), "first");
    assert_eq!(rig.run(&deploy()).outcome, Outcome::Unchanged, "HEL-43");

    let second = repository.ship("second");
    assert_eq!(rig.run(&deploy()).commit.unwrap().as_str(), second);

    repository.git(&["reset", "--quiet", "--hard", &first]);
    let rewritten = repository.ship("rewritten");
    let mut warnings = Vec::new();
    let report = rig.run_with(&deploy(), &mut |event| {
        if let Event::Warning { message } = event {
            warnings.push(message);
        }
    });
    assert_eq!(report.commit.unwrap().as_str(), rewritten, "a force-push is no obstacle (HEL-38)");
    assert_eq!(note(&rig), "rewritten");
    assert!(warnings.iter().any(|text| text.contains("rewritten")), "but it is said: {warnings:?}");

    let back = rig.run(&Goal::Rollback(None));
    assert_eq!(back.commit.unwrap().as_str(), second, "HEL-85");
    assert_eq!(note(&rig), "second");

    assert_eq!(rig.run(&deploy()).commit.unwrap().as_str(), rewritten, "HEL-86");
    let third = repository.ship("third");
    assert_eq!(rig.run(&deploy()).commit.unwrap().as_str(), third, "HEL-86");
}

#[test]
fn branches_tags_and_commits_can_be_asked_for_by_name() {
    let (rig, repository) = rig();
    let first = repository.ship("first");
    repository.git(&["tag", "--annotate", "-m", "one", "v1"]);
    repository.git(&["push", "--quiet", "origin", "v1"]);
    let second = repository.ship("second");
    for (reference, expected) in
        [("v1", &first), ("main", &second), (first.as_str(), &first), (second.as_str(), &second)]
    {
        assert_eq!(rig.run(&wish(reference)).commit.unwrap().as_str(), expected, "{reference}");
    }
    for unknown in ["prod", "--upload-pack=x", "", "a b", &"0".repeat(40)] {
        let refused = match rig.operate(&wish(unknown)) {
            Err(error) => error.to_string(),
            Ok(report) => report.error.unwrap_or_default(),
        };
        assert!(refused.contains("has no branch, tag or commit"), "{unknown:?}: {refused}");
    }
    assert_eq!(note(&rig), "second", "nothing was switched");
}

#[test]
fn a_dirty_detached_working_copy_is_neither_deployed_nor_touched() {
    let (rig, repository) = rig();
    let rig2 = Rig::with_source("[source.git]\nurl = \"DIR/work\"", "branch = \"main\"");
    let local = Repository::new(&rig2.dir);
    repository.ship("elsewhere");
    let first = local.ship("committed");
    local.git(&["checkout", "--quiet", "--detach"]);
    fs_err::write(local.work.join("note"), "dirty").unwrap();
    fs_err::write(local.work.join("untracked"), "mine").unwrap();
    assert_eq!(rig2.run(&deploy()).commit.unwrap().as_str(), first, "HEL-38");
    assert_eq!(note(&rig2), "committed");
    assert!(!rig2.environment.layout.current().join("untracked").exists());
    assert_eq!(fs_err::read_to_string(local.work.join("note")).unwrap(), "dirty");
    drop(rig);
}

#[test]
fn a_remote_that_is_gone_or_asks_for_credentials_is_an_error_that_leaves_all_as_it_was() {
    let (rig, repository) = rig();
    repository.ship("first");
    let report = rig.run(&deploy());
    fs_err::rename(rig.dir.join("origin.git"), rig.dir.join("moved.git")).unwrap();
    let error = rig.operate(&deploy()).unwrap_err();
    assert!(matches!(error, OperateError::Source(_)));
    assert!(error.to_string().contains("there is no repository at that address"), "{error}");
    assert_eq!(rig.ask("/")["release"], report.release.unwrap().as_str());
}

#[test]
fn only_what_is_new_is_fetched_and_a_commit_that_is_here_needs_no_remote() {
    let (rig, repository) = rig();
    let first = repository.ship("first");
    rig.run(&deploy());
    let second = repository.ship("second");
    rig.run(&deploy());
    fs_err::rename(rig.dir.join("origin.git"), rig.dir.join("moved.git")).unwrap();
    assert_eq!(rig.run(&wish(&first)).commit.unwrap().as_str(), first);
    assert_eq!(rig.run(&wish(&second)).commit.unwrap().as_str(), second);
}

#[test]
fn a_file_that_a_release_needs_for_itself_is_refused_by_name() {
    let (rig, repository) = rig();
    fs_err::write(repository.work.join("release.json"), "{}").unwrap();
    repository.ship("first");
    let report = rig.run(&deploy());
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(report.error.unwrap().contains("`release.json`, a name that a release needs"));
    assert!(rig.environment.layout.releases().read_dir_utf8().unwrap().next().is_none(), "I6");
}
