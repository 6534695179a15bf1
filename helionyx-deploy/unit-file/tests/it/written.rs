//! What we write reads back the same, and nothing in a value begins a line, directive or section.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use systemd_unit_file::{
    Context, Section, Unit, UnitFile, Value, ValueError, Version, environment, exec, specifier,
};

use super::nasty::nasty;

const UNIT: &str = "shop-dev.service";
const VERSIONS: [Version; 2] = [Version(252), Version(257)];

/// More cases with `PROPTEST_CASES=100000`.
fn config() -> ProptestConfig {
    let given = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: given.unwrap_or(2000), failure_persistence: None, ..Default::default() }
}

/// Variables that would show, were one replaced.
fn environment() -> BTreeMap<String, Vec<u8>> {
    [("V", "replaced it"), ("", "empty"), ("n", "n")]
        .map(|(key, value)| (key.to_owned(), value.as_bytes().to_vec()))
        .into()
}

fn keys(unit: &Unit) -> Vec<(&str, &str)> {
    unit.assignments.iter().map(|at| (at.section.as_str(), at.key.as_str())).collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_process_receives_the_arguments_that_were_meant(
        program in nasty(),
        arguments in proptest::collection::vec(nasty(), 0..5),
    ) {
        let argv: Vec<String> = [format!("/opt/{program}")].into_iter().chain(arguments).collect();
        let mut file = UnitFile::new();
        if file.set(Section::Service, "ExecStart", Value::exec(&argv)).is_err() {
            return Ok(());
        }
        file.set(Section::Service, "Type", Value::word("exec")).unwrap();
        let unit = Unit::parse(file.render().as_bytes());
        prop_assert_eq!(keys(&unit), [("Service", "ExecStart"), ("Service", "Type")]);
        prop_assert_eq!(&unit.problems, &[]);
        for version in VERSIONS {
            let line = unit.assignments[0].value.as_str();
            let line = exec::parse(line, &Context::new(UNIT), version).unwrap();
            prop_assert_eq!(line.commands.len(), 1);
            prop_assert_eq!(&line.unknown_escapes, &Vec::<String>::new());
            prop_assert_eq!(&line.commands[0].path, argv[0].as_bytes());
            let received = line.commands[0].arguments(&environment());
            let meant: Vec<&[u8]> = argv.iter().map(String::as_bytes).collect();
            prop_assert_eq!(received, meant);
        }
    }

    #[test]
    fn a_process_receives_the_variables_that_were_meant(
        values in proptest::collection::vec(nasty(), 1..4),
    ) {
        let mut file = UnitFile::new();
        let mut meant = Vec::new();
        for (index, value) in values.into_iter().enumerate() {
            let name = format!("V_{index}");
            if file.set(Section::Service, "Environment", Value::variable(&name, &value)).is_ok() {
                meant.push((name, value));
            }
        }
        let unit = Unit::parse(file.render().as_bytes());
        prop_assert_eq!(unit.assignments.len(), meant.len());
        for version in VERSIONS {
            let lines = unit.all("Service", "Environment");
            let found = environment::assigned(lines, &Context::new(UNIT), version);
            prop_assert_eq!(&found.dropped, &[]);
            prop_assert_eq!(&found.variables, &meant);
        }
    }

    #[test]
    fn no_field_begins_a_line_directive_or_section(text in nasty(), more in nasty()) {
        let path = format!("/srv/{text}");
        let path = camino::Utf8Path::new(&path);
        let fields: [(Section, &'static str, Result<Value, ValueError>); 11] = [
            (Section::Unit, "Description", Value::text(&text)),
            (Section::Unit, "After", Value::words(&[&text, &more])),
            (Section::Service, "ExecStart", Value::exec(&["/bin/x", &text, &more])),
            (Section::Service, "ExecStartPre", Value::exec_ignoring_failure(&[&text, &more])),
            (Section::Service, "Environment", Value::variable(&text, &more)),
            (Section::Service, "WorkingDirectory", Value::path(path)),
            (Section::Service, "EnvironmentFile", Value::optional_path(path)),
            (Section::Service, "ReadWritePaths", Value::paths(&[path])),
            (Section::Service, "InaccessiblePaths", Value::optional_paths(&[path])),
            (Section::Service, "User", Value::word(&more)),
            (Section::Service, "Environment", Value::variable("A", &text)),
        ];
        let mut file = UnitFile::new();
        let _ = file.comment(&text);
        let mut written = Vec::new();
        for (section, key, value) in fields {
            if file.set(section, key, value).is_ok() {
                written.push((section.name(), key));
            }
        }
        file.set(Section::Install, "WantedBy", Value::word("multi-user.target")).unwrap();
        written.push(("Install", "WantedBy"));
        written.sort_by_key(|(section, _)| match *section { "Unit" => 0, "Service" => 1, _ => 2 });
        let unit = Unit::parse(file.render().as_bytes());
        prop_assert_eq!(keys(&unit), written, "ALL-08");
        prop_assert_eq!(&unit.problems, &[]);
        prop_assert!(unit.assignments.iter().all(|at| at.continued.is_empty() && !at.dangling));
        for at in unit.all("Unit", "Description") {
            let read = specifier::expand(at.value.as_bytes(), &Context::new(UNIT), VERSIONS[0]);
            prop_assert_eq!(read.unwrap(), text.as_bytes());
        }
        for at in unit.all("Service", "WorkingDirectory") {
            let read = specifier::expand(at.value.as_bytes(), &Context::new(UNIT), VERSIONS[0]);
            prop_assert_eq!(read.unwrap(), path.as_str().as_bytes());
        }
    }

    #[test]
    fn any_bytes_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let unit = Unit::parse(&bytes);
        prop_assert!(unit.assignments.iter().all(|at| !at.value.contains(['\0', '\n'])));
    }
}

#[test]
fn what_cannot_be_said_is_refused_with_the_key_and_the_reason() {
    let long = "x".repeat(131_072);
    let path = |path: &'static str| Value::path(camino::Utf8Path::new(path));
    for (key, value, expected) in [
        ("Description", Value::text("a\rb"), "it holds '\\r', which cannot be expressed here"),
        ("Description", Value::text(""), "it is empty"),
        ("Description", Value::text("a "), "it begins or ends with a blank, which systemd strips"),
        (
            "Description",
            Value::text("a\\"),
            "it ends with a backslash, which would swallow the next line",
        ),
        (
            "ExecStart",
            Value::exec(&["/bin/x", "a\0b"]),
            "it holds '\\0', which cannot be expressed here",
        ),
        (
            "ExecStart",
            Value::exec(&["/bin/x", &long]),
            "an argument or variable is longer than 131071 bytes",
        ),
        ("ExecStart", Value::exec(&["x"]), "`x` is not an absolute path in its shortest form"),
        (
            "ExecStart",
            Value::exec(&["/a//b"]),
            "`/a//b` is not an absolute path in its shortest form",
        ),
        (
            "ExecStart",
            Value::exec(&["/bin/x ", "y"]),
            "it begins or ends with a blank, which systemd strips",
        ),
        ("ExecStart", Value::exec(&["/a${V}"]), "it holds '$', which cannot be expressed here"),
        ("Environment", Value::variable("A-B", "1"), "`A-B` is not a variable's name"),
        (
            "WorkingDirectory",
            path("/a/../b"),
            "`/a/../b` is not an absolute path in its shortest form",
        ),
        ("StartLimitIntervalSec", Value::number(1), "no version of systemd knows it there"),
    ] {
        let section = if key == "Description" { Section::Unit } else { Section::Service };
        let error = UnitFile::new().set(section, key, value).unwrap_err();
        assert_eq!(error.to_string(), format!("failed to write `{key}` in [{section}]"));
        assert_eq!(error.source.to_string(), expected, "ALL-08");
    }
    let arguments: Vec<String> = (0..9).map(|_| "x".repeat(131_000)).collect();
    let argv: Vec<String> = ["/bin/x".to_owned()].into_iter().chain(arguments).collect();
    let error = UnitFile::new().set(Section::Service, "ExecStart", Value::exec(&argv)).unwrap_err();
    assert_eq!(error.source, ValueError::LineTooLong);
}

/// A unit with one of every kind of value.
pub fn sample() -> UnitFile {
    let mut file = UnitFile::new();
    file.comment("Generated by `cargo xtask render-units`, do not edit by hand.").unwrap();
    let unit = Section::Unit;
    file.set(unit, "Description", Value::text("100% \"Shop\" $HOME #1")).unwrap();
    file.set(unit, "After", Value::word("network-online.target")).unwrap();
    file.set(unit, "Wants", Value::word("network-online.target")).unwrap();
    file.set(unit, "StartLimitIntervalSec", Value::duration(Duration::from_secs(300))).unwrap();
    let service = Section::Service;
    let argv = ["/bin/echo", "a b", "$V ${V} $$", "%n 100%", "it's \"x\"\\", "l1\nl2\t\r\x1b", ""];
    file.set(service, "ExecStart", Value::exec(&argv)).unwrap();
    file.set(service, "ExecStopPost", Value::exec_ignoring_failure(&["/bin/true", ";"])).unwrap();
    file.set(service, "Environment", Value::variable("A", "{\"k\": \"p%40 $x\"}\n")).unwrap();
    let paths = ["/var/tmp", "/srv/a b"];
    file.set(service, "ReadOnlyPaths", Value::paths(&paths)).unwrap();
    file.set(service, "WorkingDirectory", Value::path("/var/tmp".into())).unwrap();
    file.set(service, "EnvironmentFile", Value::optional_path("/etc/x.env".into())).unwrap();
    file.set(service, "NoNewPrivileges", Value::boolean(true)).unwrap();
    file.set(service, "RestartSec", Value::duration(Duration::from_millis(1500))).unwrap();
    file.set(service, "CapabilityBoundingSet", Value::reset()).unwrap();
    file.set(service, "TasksMax", Value::number(256)).unwrap();
    file.set(Section::Install, "WantedBy", Value::word("multi-user.target")).unwrap();
    file
}

#[test]
fn a_unit_file_is_written_in_the_order_in_which_it_was_built() {
    insta::assert_snapshot!(sample().render(), @r#"
    # Generated by `cargo xtask render-units`, do not edit by hand.

    [Unit]
    Description=100%% "Shop" $HOME #1
    After=network-online.target
    Wants=network-online.target
    StartLimitIntervalSec=300s

    [Service]
    ExecStart="/bin/echo" "a b" "$$V $${V} $$$$" "%%n 100%%" "it's \"x\"\\" "l1\nl2\t\x0d\x1b" ""
    ExecStopPost=-"/bin/true" ";"
    Environment="A={\"k\": \"p%%40 $x\"}\n"
    ReadOnlyPaths=/var/tmp "/srv/a b"
    WorkingDirectory=/var/tmp
    EnvironmentFile=-/etc/x.env
    NoNewPrivileges=true
    RestartSec=1s 500000us
    CapabilityBoundingSet=
    TasksMax=256

    [Install]
    WantedBy=multi-user.target
    "#);
}
