//! `env-file` as operators and CI call it.

use std::collections::BTreeMap;
use std::process::Output;

use camino::Utf8PathBuf;
use serde_json::Value;

use crate::conformance::{CASES, input, shortened, wanted};

struct Place {
    _guard: tempfile::TempDir,
    dir: Utf8PathBuf,
}

impl Place {
    fn new() -> Place {
        let guard = tempfile::tempdir().unwrap();
        let dir = Utf8PathBuf::from_path_buf(guard.path().to_owned()).unwrap();
        let models = dir.join("envs/shop");
        fs_err::create_dir_all(&models).unwrap();
        let app = "name = \"shop\"\n[source.path]\ndir = \"/src/shop\"\n\
                   [[service]]\nname = \"web\"\nexec = [\"{release}/bin/web\"]\n\
                   [variables.API_PORT]\nkind = \"port\"\nvalue = \"{port}\"\n\
                   [variables.TOKEN]\nkind = \"secret\"\n";
        fs_err::write(models.join("app.toml"), app).unwrap();
        let dev = "supervisor = \"process\"\nport = 8000\n";
        fs_err::write(models.join("dev.toml"), dev).unwrap();
        Place { _guard: guard, dir }
    }

    fn write(&self, bytes: &[u8]) {
        fs_err::write(self.dir.join(".env.dev"), bytes).unwrap();
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let args = ["env-file"].iter().chain(args);
        let Output { status, stdout, stderr } =
            duct::cmd(env!("CARGO_BIN_EXE_helionyx-deploy"), args)
                .dir(&self.dir)
                .env("LC_ALL", "C.UTF-8")
                .stdout_capture()
                .stderr_capture()
                .unchecked()
                .run()
                .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }
}

#[test]
fn parse_prints_what_each_version_of_systemd_reads() {
    let suite: Value = serde_json::from_str(CASES).unwrap();
    let place = Place::new();
    for case in suite["cases"].as_array().unwrap() {
        place.write(&input(&case["input"]));
        for (measured, version) in [("252.39", "252"), ("257.13", "257.13")] {
            let args = ["parse", ".env.dev", "--systemd", version, "--json"];
            let (code, stdout, _) = place.run(&args);
            let [line] = &stdout.lines().collect::<Vec<_>>()[..] else { panic!("{stdout}") };
            let object: Value = serde_json::from_str(line).unwrap();
            let variables = object["variables"].as_object().unwrap();
            let found: BTreeMap<String, String> = variables
                .iter()
                .map(|(name, value)| {
                    let line = format!("{name}={}", value.as_str().unwrap());
                    (name.clone(), shortened(&line))
                })
                .collect();
            let wanted = wanted(&case["measured"][measured]);
            assert_eq!(code, if wanted.is_some() { 0 } else { 4 }, "{case}");
            let wanted: BTreeMap<String, String> = wanted
                .unwrap_or_default()
                .into_iter()
                .map(|line| (line.split('=').next().unwrap().to_owned(), line.clone()))
                .collect();
            assert_eq!(found, wanted, "{}", case["id"]);
            assert!(object["findings"].is_array());
        }
    }
}

#[test]
fn check_names_line_and_variable_and_never_shows_a_value() {
    let place = Place::new();
    for (text, args, code, expected) in [
        ("TOKEN=hunter2\n", &[][..], 0, "✓ .env.dev"),
        ("A=hunter2   # twenty\n", &[], 4, ".env.dev:1:13: error: A: a comment behind the value"),
        ("A=hunter2 b\n", &[], 0, ".env.dev:1:1: warning: A: not read by bash as by systemd"),
        ("TOKEN=hunter2\nAPI_PORT=9001\n", &["--env", "dev"], 4, "which is `8000` [env-drift]"),
        ("API_PORT=8000\n", &["--env", "dev"], 4, ".env.dev: error: TOKEN: it has no value"),
        ("TOKEN=your_token_here\n", &["--env", "dev"], 4, ":1:7: error: TOKEN: still to be filled"),
        ("TOKEN=hunter2\n", &["--env", "shop/dev"], 0, "✓ .env.dev"),
        ("TOKEN=hunter2\n", &["--env", "prod"], 2, ""),
    ] {
        place.write(text.as_bytes());
        let args: Vec<&str> = [&["check", ".env.dev"][..], args].concat();
        let (found, stdout, stderr) = place.run(&args);
        assert_eq!(found, code, "{text:?} {stdout} {stderr}");
        assert!(stdout.contains(expected), "{text:?}: {stdout}");
        assert!(!format!("{stdout}{stderr}").contains("hunter2"), "(ALL-04, HEL-17)");
        let (found, stdout, stderr) = place.run(&[&args[..], &["--json"]].concat());
        assert_eq!(found, code);
        assert!(!format!("{stdout}{stderr}").contains("hunter2"), "(ALL-04, HEL-17)");
        for line in stdout.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            assert!(line["event"].is_string(), "{line}");
        }
    }
    assert_eq!(place.run(&["check", "no-such-file"]).0, 4);
    assert_eq!(place.run(&["parse", ".env.dev", "--systemd", "x"]).0, 2);
}

#[test]
fn the_example_asks_for_the_secrets_alone() {
    let place = Place::new();
    let (code, example, _) = place.run(&["template", "--env", "dev"]);
    assert_eq!(code, 0);
    place.write(example.as_bytes());
    let (code, stdout, _) = place.run(&["check", ".env.dev", "--env", "dev"]);
    assert_eq!((code, stdout.matches("error:").count()), (4, 1), "{stdout}");
    place.write(example.replace("your_token_here", "hunter2").as_bytes());
    assert_eq!(place.run(&["check", ".env.dev", "--env", "dev"]).0, 0, "(HEL-12, HEL-92)");
    let (_, stdout, stderr) = place.run(&["parse", ".env.dev"]);
    assert_eq!((&*stdout, &*stderr), ("API_PORT=8000\nTOKEN=hunter2\n", ""), "(HEL-13)");
}
