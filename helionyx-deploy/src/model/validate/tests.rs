//! Every rule, by the mistake that it finds and the place where it says so.

use std::collections::BTreeSet;

use camino::Utf8Path;

use crate::model::catalog::{Catalog, SourceFile};
use crate::model::code;
use crate::model::finding::Finding;

mod cases;

use cases::{APP, CASES, Case, GIT_CASES, LOCAL, SYSTEMD_CASES};

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.to_owned() }
}

fn parse(files: &[SourceFile]) -> Vec<Finding> {
    Catalog::parse(files, Utf8Path::new("/home/operator/project")).1
}

fn brief(findings: &[Finding]) -> Vec<String> {
    let brief = findings.iter().map(|finding| format!("{} {}", finding.place, finding.code));
    brief.map(|line| line.trim_start_matches("envs/sample/").to_owned()).collect()
}

fn check(app: &str, local: &str, cases: &[Case], seen: &mut BTreeSet<&'static str>) {
    let base = [file("envs/sample/app.toml", app), file("envs/sample/local.toml", local)];
    assert_eq!(parse(&base), [], "the text that mistakes are put into has none");
    for Case(which, old, new, expected) in cases {
        let mut files = base.clone();
        let text = &mut files[usize::from(*which == "local")].text;
        assert_eq!(text.matches(old).count(), 1, "{old:?} stands exactly once");
        *text = text.replace(old, new);
        let findings = parse(&files);
        assert_eq!(brief(&findings), *expected, "{old:?} -> {new:?}: {findings:#?}");
        for finding in &findings {
            let shown = finding.to_string();
            assert!(!shown.contains("hunter2"), "{shown} (ALL-04)");
            assert!(!finding.hint.is_empty(), "{shown} says what to write");
            assert_eq!(shown.lines().count(), 2, "{shown:?} is one line and one of help");
        }
        seen.extend(findings.iter().map(|finding| finding.code));
    }
}

#[test]
fn every_mistake_gives_its_one_finding_at_its_place() {
    let mut seen = BTreeSet::new();
    check(APP, LOCAL, CASES, &mut seen);
    let path = "[source.path]\ndir = \"{project}/code\"\nexclude = [\"target\"]\n";
    let app = APP.replace(path, "[source.git]\nurl = \"https://host/a.git\"\n");
    let local = format!("branch = \"main\"\n{LOCAL}");
    check(&app, &local, GIT_CASES, &mut seen);
    let local = LOCAL.replace("\"process\"", "\"systemd\"");
    check(APP, &local, SYSTEMD_CASES, &mut seen);
    // Those that need several files are tried with the catalog.
    let elsewhere = [
        code::TOO_MANY,
        code::TOO_LARGE,
        code::BAD_FILE_NAME,
        code::DUPLICATE_FILE,
        code::MISSING_APP,
        code::NO_ENVIRONMENT,
        code::OTHER_PORT,
        code::SHARED_PORT,
        code::SHARED_ROOT,
        code::SHARED_DATA,
        code::SHARED_PATH,
        code::SHARED_UNIT,
        code::SHARED_USER,
        code::SHARED_BACKUPS,
        code::SHARED_VALUE,
        code::FOREIGN_PATH,
    ];
    let all: BTreeSet<_> = code::ALL.iter().map(|(code, _)| *code).collect();
    let tried = seen.into_iter().chain(elsewhere).collect();
    assert_eq!(all, tried, "every code has a mistake that it is tried with");
}

#[test]
fn twelve_mistakes_in_one_file_are_said_at_once() {
    let app = r#"naem = "sample"
[source.path]
dir = "{projekt}/code"
[source.git]
url = "https://host/a.git"
[[build]]
name = "Compile"
run = "cargo build"
inputs = ["/src"]
[[service]]
name = "web"
exec = ["{release}/bin/web"]
stop_timeout = 10
start_burst = 0
[service.health]
[[service.health.probe]]
path = "health"
status = "200"
[variables.PORT]
kind = "prot"
value = "{port}"
[retention]
releases = 70000
"#;
    let local = "supervisor = \"process\"\nport = 8000\n";
    let files = [file("envs/sample/app.toml", app), file("envs/sample/local.toml", local)];
    let lines: Vec<_> = parse(&files).iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    envs/sample/app.toml:1:1: error: unknown key `naem` [unknown-key]
      help: did you mean `name`? known are `name`, `source`, `requires`, `reaches`, `build`, `service`, `data`, `variables`, `shared_user`, `retention`
    envs/sample/app.toml:3:8: error: there is no placeholder `{projekt}` [unknown-placeholder]
      help: did you mean `{project}`? here stand `{app}`, `{environment}`, `{project}`, `{root}`; `{{` is a single brace
    envs/sample/app.toml:4:1: error: there are 2 sources [source-count]
      help: keep one and remove the others
    envs/sample/app.toml:7:8: error: "Compile" is not a build step's name [bad-name]
      help: write 1 to 31 of a-z, 0-9 and -, a letter first, no - last
    envs/sample/app.toml:8:7: error: `run` must be a list, not a string [wrong-type]
      help: write `["…", "…"]`
    envs/sample/app.toml:9:11: error: "/src" begins with `/` [bad-path]
      help: write a path inside of the release, e.g. "src"
    envs/sample/app.toml:13:1: error: unknown key `stop_timeout` [unknown-key]
      help: did you mean `stop_timeout_secs`? known are `name`, `exec`, `ports`, `after`, `requires`, `description`, `type`, `start_timeout_secs`, `restart`, `restart_delay_secs`, `sandbox`, `memory_max_mib`, `tasks_max`, `open_files_max`, `stop_timeout_secs`, `start_burst`, `start_interval_secs`, `health`
    envs/sample/app.toml:14:15: error: `start_burst` cannot be 0 [out-of-range]
      help: write a number from 1 to 10000
    envs/sample/app.toml:17:8: error: `path` does not begin with `/` [bad-probe-path]
      help: write e.g. "/health"; other characters as `%20`
    envs/sample/app.toml:18:10: error: `status` must be an integer, not a string [wrong-type]
      help: write a number without quotes
    envs/sample/app.toml:20:8: error: `kind` cannot be `prot` [unknown-choice]
      help: did you mean `port`? known are `text`, `port`, `path`, `url`, `number`, `secret`, `choice`
    envs/sample/app.toml:23:12: error: `releases` cannot be 70000 [out-of-range]
      help: write a number from 2 to 1000
    "#);
}
