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

fn mirror_git(rig: &Rig, args: &[&str]) -> duct::Expression {
    let mirror = rig.environment.layout.mirror();
    duct::cmd("git", ["--git-dir", mirror.as_str()].iter().chain(args))
}

/// A file of the current release.
fn bytes(rig: &Rig, name: &str) -> Vec<u8> {
    fs_err::read(rig.environment.layout.current().join(name)).unwrap()
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
        if let Event::Warning { message, .. } = event {
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
    assert_eq!(
        rig.run(&wish(&first[..7])).commit.unwrap().as_str(),
        first,
        "as `releases` shows it"
    );
    rig.run(&deploy());
    for unknown in ["prod", "0000000", "--upload-pack=x", "", "a b", &"0".repeat(40)] {
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
    mirror_git(&rig, &["pack-refs", "--all"]).run().unwrap();
    assert_eq!(rig.run(&wish(&second)).commit.unwrap().as_str(), second, "packed away");
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

#[test]
fn what_a_killed_checkout_or_fetch_left_locked_does_not_stop_the_next_one() {
    let (rig, repository) = rig();
    repository.ship("first");
    rig.run(&deploy());
    let second = repository.ship("second");
    let lock = format!("refs/deployed/{second}.lock");
    for left in ["export.index", "export.index.lock", lock.as_str()] {
        fs_err::write(rig.environment.layout.mirror().join(left), "half").unwrap();
    }
    let report = rig.run(&deploy());
    assert_eq!((report.outcome, report.error), (Outcome::Deployed, None));
    assert_eq!(note(&rig), "second");
}

#[test]
fn a_commit_that_a_fetch_left_without_its_files_is_fetched_again() {
    let (rig, repository) = rig();
    repository.ship("first");
    rig.run(&deploy());
    let second = repository.ship("second");
    // Commits come first in a pack: this is what unpacking one leaves when it is cut short.
    let work = &repository.work;
    let commit = duct::cmd!("git", "cat-file", "commit", &second).dir(work).stdout_capture();
    let commit = commit.run().unwrap().stdout;
    let write = ["hash-object", "-t", "commit", "-w", "--stdin", "--literally"];
    let written = mirror_git(&rig, &write).stdin_bytes(commit).read().unwrap();
    assert_eq!(written, second);
    let report = rig.run(&deploy());
    assert_eq!((report.outcome, report.error), (Outcome::Deployed, None));
    assert_eq!(note(&rig), "second");
}

#[test]
fn a_commit_from_a_server_that_does_not_hand_out_commits_is_kept_whole_and_needs_no_remote_again() {
    let (rig, repository) = rig();
    let first = repository.ship("first");
    let second = repository.ship("second");
    // An old way of speaking, in which only the tips of branches can be asked for.
    let deploy_old = |reference: &str| {
        let mirror = rig.environment.layout.mirror();
        if !mirror.exists() {
            fs_err::create_dir_all(mirror.parent().unwrap()).unwrap();
            duct::cmd!("git", "init", "--quiet", "--bare", &mirror).run().unwrap();
        }
        mirror_git(&rig, &["config", "protocol.version", "0"]).run().unwrap();
        rig.run(&wish(reference))
    };
    let report = deploy_old(&first);
    assert_eq!((report.outcome, report.error), (Outcome::Deployed, None));
    let heads = mirror_git(&rig, &["rev-parse", "refs/heads/main"]).read().unwrap();
    assert_eq!(heads, second, "all branches were fetched");
    rig.run(&wish(&second));
    fs_err::rename(rig.dir.join("origin.git"), rig.dir.join("moved.git")).unwrap();
    assert_eq!(rig.run(&wish(&first)).commit.unwrap().as_str(), first);
    assert_eq!(note(&rig), "first");
}

#[test]
fn a_mirror_that_was_not_made_to_its_end_is_made_again() {
    for files in [&[][..], &["HEAD"], &["HEAD", "config", "config.lock", "refs/heads/x"]] {
        let (rig, repository) = rig();
        repository.ship("first");
        let mirror = rig.environment.layout.mirror();
        fs_err::create_dir_all(&mirror).unwrap();
        for file in files {
            let path = mirror.join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "ref: refs/heads/main\n").unwrap();
        }
        let report = rig.run(&deploy());
        assert_eq!((report.outcome, report.error), (Outcome::Deployed, None), "{files:?}");
        fs_err::remove_file(mirror.join("HEAD")).unwrap();
        repository.ship("second");
        let report = rig.run(&deploy());
        assert_eq!((report.outcome, report.error), (Outcome::Deployed, None), "no longer one");
        assert_eq!(note(&rig), "second");
    }
}

#[test]
fn a_submodule_is_told_of_also_among_thousands_of_files_and_the_files_are_not_told() {
    let (rig, repository) = rig();
    let deep = repository.work.join("many");
    fs_err::create_dir_all(&deep).unwrap();
    for n in 0..6000 {
        fs_err::write(deep.join(format!("a-file-with-a-name-of-some-length-{n}")), "x").unwrap();
    }
    let head = repository.ship("many");
    // Sorts before the others: what keeps only the end of a long list loses it.
    let entry = format!("160000,{head},bin/module");
    repository.git(&["update-index", "--add", "--cacheinfo", &entry]);
    repository.git(&["commit", "--quiet", "-m", "module"]);
    repository.git(&["push", "--quiet", "origin", "HEAD:main"]);
    let (mut lines, mut warnings) = (0, Vec::new());
    let report = rig.run_with(&deploy(), &mut |event| match event {
        Event::Output { .. } => lines += 1,
        Event::Warning { message, .. } => warnings.push(message),
        _ => {}
    });
    assert_eq!(report.outcome, Outcome::Deployed);
    assert_eq!(warnings, ["submodules are not exported: bin/module"]);
    assert_eq!(lines, 0, "lists are not the output of a build");
}

#[test]
fn a_commit_has_the_same_bytes_whatever_the_operators_settings_are() {
    let (rig, repository) = rig();
    repository.ship("first");
    rig.run(&deploy());
    let attributes = rig.dir.join("attributes");
    fs_err::write(&attributes, "* text eol=crlf\n").unwrap();
    for (name, value) in [
        ("core.autocrlf", "true"),
        ("core.eol", "crlf"),
        ("core.symlinks", "false"),
        ("core.fileMode", "false"),
        ("core.attributesFile", attributes.as_str()),
        ("core.sparseCheckout", "true"),
        ("submodule.recurse", "true"),
    ] {
        mirror_git(&rig, &["config", name, value]).run().unwrap();
    }
    for (name, text) in [("plain", "a\nb\n"), ("dos.bat", "a\nb\n")] {
        fs_err::write(repository.work.join(name), text).unwrap();
    }
    fs_err::write(repository.work.join(".gitattributes"), "*.bat text eol=crlf\n").unwrap();
    std::os::unix::fs::symlink("plain", repository.work.join("link")).unwrap();
    repository.ship("second");
    assert_eq!(rig.run(&deploy()).outcome, Outcome::Deployed);
    assert_eq!(bytes(&rig, "plain"), b"a\nb\n");
    assert_eq!(bytes(&rig, "dos.bat"), b"a\r\nb\r\n", "the commit's own attributes hold");
    assert!(rig.environment.layout.current().join("link").is_symlink());
}
