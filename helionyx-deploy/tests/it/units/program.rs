//! `unit-file check` and `check` of units as operators and CI call them: what only the host knows is
//! looked up, no file ends the work on the others.

use std::os::unix::fs::PermissionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

struct Place {
    _guard: tempfile::TempDir,
    dir: Utf8PathBuf,
}

impl Place {
    fn new() -> Place {
        let guard = tempfile::tempdir().unwrap();
        let dir = Utf8PathBuf::from_path_buf(guard.path().to_owned()).unwrap();
        Place { _guard: guard, dir }
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.dir.join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    /// The exit code, and every finding as `where code`.
    fn run(&self, args: &[&str]) -> (i32, Vec<String>) {
        let output =
            duct::cmd(env!("CARGO_BIN_EXE_helionyx-deploy"), ["--json"].iter().chain(args))
                .dir(&self.dir)
                .stderr_null()
                .stdout_capture()
                .unchecked()
                .run()
                .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let findings = lines.filter(|line| line["event"] == "finding").map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            let is_ours = text("code").starts_with("unit-");
            assert!(!is_ours || !text("hint").is_empty(), "no remedy: {finding}");
            format!("{} {}", text("where"), text("code"))
        });
        (output.status.code().unwrap(), findings.collect())
    }
}

/// Cases of the fixture that only the host can tell; whether it takes a systemd on it.
const OF_THE_HOST: [(&str, bool); 10] = [
    ("exec_not_executable", false),
    ("exec_dir", false),
    ("execstartpre_missing", false),
    ("executable_mode", false),
    ("workdir_missing", false),
    ("rw_missing", false),
    ("socket_no_service", true),
    ("socket_accept_no_template", true),
    ("after_missing_unit", true),
    ("timer_no_service", true),
];

fn has_systemd() -> bool {
    let found = Utf8Path::new("/lib/systemd/system/basic.target").exists();
    if !found {
        super::oracle::skipped("units of systemd (Debian: apt-get install systemd)");
    }
    found
}

#[test]
fn what_only_the_host_knows_is_looked_up_on_this_machine_but_not_elsewhere() {
    let cases: Value =
        serde_json::from_str(include_str!("../../../unit-file/tests/fixtures/verify.json"))
            .unwrap();
    let cases = cases["cases"].as_array().unwrap();
    let systemd = has_systemd();
    let place = Place::new();
    for (id, _) in OF_THE_HOST.iter().filter(|(_, needs_systemd)| systemd || !needs_systemd) {
        let case = cases.iter().find(|case| case["id"] == *id).unwrap();
        let name = format!("vm-{id}.{}", case["suffix"].as_str().unwrap());
        place.write(&name, case["unit"].as_str().unwrap());
        let mode = if *id == "executable_mode" { 0o755 } else { 0o644 };
        let permissions = std::fs::Permissions::from_mode(mode);
        fs_err::set_permissions(place.dir.join(&name), permissions).unwrap();
        let (_, found) = place.run(&["unit-file", "check", &name]);
        assert_eq!(found.len(), 1, "HEL-22: {id}: {found:?}");
        let found = place.run(&["unit-file", "check", "--elsewhere", &name]);
        assert_eq!(found, (0, Vec::new()), "{id}");
    }
}

#[test]
fn users_groups_and_targets_of_this_machine_are_known() {
    let place = Place::new();
    place.write("a.service", "[Service]\nExecStart=/bin/sh\nUser=daemon\nGroup=daemon\n");
    assert_eq!(place.run(&["unit-file", "check", "a.service"]), (0, vec![]));
    place.write("a.service", "[Service]\nExecStart=/bin/sh\nUser=no-such-user-1\n");
    if which::which("getent").is_ok() {
        let expected = (4, vec!["a.service:3:1 unit-missing".to_owned()]);
        assert_eq!(place.run(&["unit-file", "check", "a.service"]), expected);
    }
    if has_systemd() {
        let start = "[Unit]\nAfter=b.service\n[Service]\nExecStart=/bin/sh\n[Install]\n";
        place.write("b.service", "[Service]\nExecStart=/bin/sh\n");
        place.write("a.service", &format!("{start}WantedBy=multi-user.target\n"));
        assert_eq!(place.run(&["unit-file", "check", "a.service"]), (0, vec![]));
        place.write("a.service", &format!("{start}WantedBy=multiuser.target\n"));
        let expected = (4, vec!["a.service:6:1 unit-missing".to_owned()]);
        assert_eq!(place.run(&["unit-file", "check", "a.service"]), expected);
    }
}

#[test]
fn versions_whose_rules_nobody_knows_are_refused() {
    let place = Place::new();
    place.write("a.service", "[Service]\nExecStart=/bin/sh\n");
    for (version, expected) in
        [("252", 0), ("257.13", 0), ("v258", 0), ("251", 2), ("0", 2), ("9999", 2), ("x", 2)]
    {
        let (code, _) = place.run(&["unit-file", "check", "--systemd", version, "a.service"]);
        assert_eq!(code, expected, "{version}");
    }
}

#[test]
fn odd_files_are_findings_and_the_others_are_looked_at() {
    let place = Place::new();
    place.write("a.service", "[Service]\nExecStart=/bin/sh\nNice=99\n");
    place.write("big.service", &"#\n".repeat(1024 * 1024));
    fs_err::create_dir(place.dir.join("dir.service")).unwrap();
    fs_err::os::unix::fs::symlink("a.service", place.dir.join("link.service")).unwrap();
    let files = ["big.service", "dir.service", "gone.service", "link.service", "a.service"];
    let args: Vec<&str> = ["unit-file", "check"].into_iter().chain(files).collect();
    let expected = [
        "big.service unit-unreadable",
        "dir.service unit-unreadable",
        "gone.service unit-unreadable",
        "link.service unit-unreadable",
        "a.service:3:1 unit-bad-value",
    ];
    assert_eq!(place.run(&args), (4, expected.map(str::to_owned).to_vec()));
}

const APP: &str = "name = \"shop\"\n[source.path]\ndir = \"/src/shop\"\n[[service]]\n\
     name = \"shop\"\nexec = [\"{release}/bin/web\"]\n\
     [variables.API_PORT]\nkind = \"port\"\nvalue = \"{port}\"\n";
const UNIT: &str = "[Unit]\nStartLimitIntervalSec=300\n[Service]\nUser=daemon\nNice=5\n\
     ExecStart=/opt/shop/live/current/bin/web\nExecStartPre=/nope/x\n";

#[test]
fn check_asks_this_machine_for_its_own_units_only_and_ends_at_no_odd_file() {
    let place = Place::new();
    place.write("envs/shop/app.toml", APP);
    place.write("systemd/shop/shop.service", UNIT);
    place.write("systemd/shop/shop.service.d/more.conf", "[Service]\nNice=99\n");
    fs_err::create_dir(place.dir.join("systemd/shop/a.service")).unwrap();
    let live = "supervisor = \"systemd\"\nport = 8000\nunit_suffix = \"\"\n";
    let odd = "systemd/shop/a.service unit-unreadable".to_owned();
    let drop_in = "systemd/shop/shop.service.d/more.conf:2:1 unit-bad-value".to_owned();
    place.write("envs/shop/live.toml", &format!("{live}host = \"elsewhere-1\"\n"));
    assert_eq!(place.run(&["check"]), (4, vec![odd.clone(), drop_in.clone()]));
    // What a deploy will make below its root is not asked for, what it needs is.
    place.write("envs/shop/live.toml", live);
    let (code, found) = place.run(&["check"]);
    let units: Vec<_> = found.into_iter().filter(|one| one.contains(" unit-")).collect();
    let missing = "systemd/shop/shop.service:7:1 unit-executable".to_owned();
    assert_eq!((code, units), (4, vec![odd, missing, drop_in]));
}
