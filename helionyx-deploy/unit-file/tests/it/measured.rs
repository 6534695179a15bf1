//! Unit files against what real systemd 252 and 257 were measured to do, and against themselves.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use systemd_unit_file::exec::{self, Command, ExecError};
use systemd_unit_file::{Context, Facts, Options, PathState, Unit, Version, environment, lint};

/// The versions that were measured, by their names in the fixtures.
const VERSIONS: [(&str, Version); 2] = [("252.39", Version(252)), ("257.13", Version(257))];

fn fixture(text: &str) -> Vec<Json> {
    let json: Json = serde_json::from_str(text).unwrap();
    let cases = json["cases"].as_array().unwrap().clone();
    assert_eq!(json["count"], cases.len(), "a case is missing");
    cases
}

/// A text of a fixture: as it is, in base64, or so many bytes.
fn bytes_of(json: &Json) -> Vec<u8> {
    if let Some(text) = json.as_str() {
        return text.as_bytes().to_vec();
    }
    if let Some(length) = json["generator"].as_str() {
        let length: usize = length.split(' ').next().unwrap().parse().unwrap();
        let mut bytes = b"/opt/orc/dumpargs ".to_vec();
        bytes.resize(length, b'x');
        return bytes;
    }
    base64(json["b64"].as_str().unwrap())
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = (0_u32, 0);
    let mut bytes = Vec::new();
    for digit in text.chars().filter(|c| *c != '=') {
        bits = (bits.0 << 6 | u32::try_from(DIGITS.find(digit).unwrap()).unwrap(), bits.1 + 6);
        if bits.1 >= 8 {
            bits.1 -= 8;
            bytes.push(u8::try_from(bits.0 >> bits.1 & 0xFF).unwrap());
        }
    }
    bytes
}

/// What became of a unit: its load state, the arguments of its last command, its variables.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    load: String,
    argv: Option<Vec<String>>,
    variables: Option<BTreeSet<String>>,
}

impl Outcome {
    fn failed(load: &str) -> Outcome {
        Outcome { load: load.to_owned(), argv: None, variables: None }
    }

    fn measured(json: &Json) -> Outcome {
        let load = json["load"].as_str().unwrap().split(' ').next().unwrap().to_owned();
        let texts = |json: &Json| {
            let texts = json.as_array()?.iter().map(|text| text.as_str().unwrap().to_owned());
            Some(texts.collect::<Vec<_>>())
        };
        let variables = texts(&json["env"]).map(|texts| texts.into_iter().collect());
        Outcome { load, argv: texts(&json["argv"]), variables }
    }
}

/// What stands in files on the machine that was measured.
type Files<'a> = &'a [(&'a str, &'a [(&'a str, &'a str)])];

/// What we say becomes of a unit.
fn ours(text: &[u8], context: &Context, version: Version, files: Files<'_>) -> Outcome {
    let unit = Unit::parse(text);
    if unit.is_refused() {
        return Outcome::failed("error");
    }
    let mut commands: Vec<Command> = Vec::new();
    for line in unit.list("Service", "ExecStart") {
        match exec::parse(&line.value, context, version) {
            Ok(line) => commands.extend(line.commands),
            Err(_) => return Outcome::failed("bad-setting"),
        }
    }
    let Some(last) = commands.last() else { return Outcome::failed("bad-setting") };
    let Some(variables) = variables(&unit, context, version, files) else {
        return Outcome::failed("loaded");
    };
    let map: BTreeMap<String, Vec<u8>> =
        variables.iter().map(|(key, value)| (key.clone(), value.clone().into_bytes())).collect();
    let argv = last.arguments(&map);
    let there: [&[u8]; 2] = [b"/opt/orc/dumpargs", b"/opt/orc/dump args"];
    if Command::is_too_long(&argv) || !there.contains(&last.path.as_slice()) {
        return Outcome::failed("loaded");
    }
    let argv = argv.into_iter().map(|word| String::from_utf8(word).unwrap()).collect();
    let variables = variables.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    Outcome { load: "loaded".to_owned(), argv: Some(argv), variables: Some(variables) }
}

/// The variables of the process; none where a file cannot be read and the start fails.
fn variables(
    unit: &Unit,
    context: &Context,
    version: Version,
    files: Files<'_>,
) -> Option<environment::Variables> {
    let set = environment::assigned(unit.all("Service", "Environment"), context, version);
    let (named, _) = environment::files(unit.all("Service", "EnvironmentFile"), context, version);
    let mut from_files = Vec::new();
    for file in named {
        let found = files.iter().find(|(path, _)| *path == file.path && !file.is_pattern);
        match found {
            Some((_, pairs)) => {
                from_files.extend(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
            }
            None if file.optional => {}
            None => return None,
        }
    }
    let unset = unit.all("Service", "UnsetEnvironment");
    Some(environment::merged(&set.variables, &from_files, unset))
}

#[test]
fn every_exec_line_gives_the_arguments_that_systemd_was_measured_to_pass() {
    let cases = fixture(include_str!("../fixtures/exec.json"));
    for case in &cases {
        let mut text = b"[Service]\nType=oneshot\nExecStart=".to_vec();
        text.extend(bytes_of(&case["exec_line"]));
        text.extend(format!("\n{}\n", case["extra"].as_str().unwrap()).bytes());
        for (name, version) in VERSIONS {
            let measured = &case["measured"][name];
            let shown = measured.to_string();
            // The unit's name and the machine's id are the machine's, and stand in what it said.
            let unit = shown
                .split("orc-x")
                .nth(1)
                .map_or("0", |rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap());
            let mut context = Context::new(&format!("orc-x{unit}.service"));
            let machine = shown.split("system/system-").nth(1);
            let machine = shown.split("/systemd/system-").nth(1).or(machine).unwrap_or_default();
            let machine = machine.split('-').next().unwrap().to_owned();
            context.host.extend([('m', machine), ('s', "/bin/bash".to_owned())]);
            // `%Y` is where the fragment lies.
            context.fragment = format!("/run/systemd/system/orc-x{unit}.service");
            let ours = ours(&text, &context, version, &[("/run/orc/envx", &[("V", "p q")])]);
            assert_eq!(ours, Outcome::measured(measured), "{} on {name}", case["id"]);
        }
    }
    eprintln!("{} exec lines, both versions: 0 differences", cases.len());
}

#[test]
fn every_environment_line_gives_the_variables_that_systemd_was_measured_to_set() {
    let cases = fixture(include_str!("../fixtures/environment.json"));
    let mut context = Context::new("orc-v0.service");
    context.host.insert('s', "/bin/bash".to_owned());
    for case in &cases {
        let mut text = b"[Service]\nExecStart=/opt/orc/dumpargs\n".to_vec();
        text.extend(bytes_of(&case["lines"]));
        for (name, version) in VERSIONS {
            let files: Files<'_> = &[("/run/orc/envx", &[("V", "file")])];
            let mut ours = ours(&text, &context, version, files);
            ours.argv = None;
            let measured = Outcome::measured(&case["measured"][name]);
            assert_eq!(ours, measured, "{} on {name}", case["id"]);
        }
    }
    eprintln!("{} Environment= cases, both versions: 0 differences", cases.len());
}

/// Units that `systemd-analyze verify` passes in silence, and that do not do what they say.
const SILENTLY_WRONG: [&str; 10] = [
    "workdir_missing",
    "rw_missing",
    "after_missing_unit",
    "requires_no_after",
    "networkonline_no_wants",
    "install_bad_alias",
    "nul_byte",
    "trailing_backslash",
    "timer_no_service",
    "restart_on_success_loop",
];

/// The machine that was measured.
fn measured_host(case: &str) -> Facts {
    let paths = [
        ("/nope", PathState::Missing),
        ("/etc", PathState::Directory),
        ("/etc/passwd", PathState::File),
        ("/bin/true", PathState::Program),
        ("/bin/echo", PathState::Program),
    ];
    let missing =
        ["nosuch.service".to_owned(), format!("vm-{case}.service"), format!("vm-{case}@.service")];
    Facts {
        paths: paths.map(|(path, state)| (path.into(), state)).into(),
        units: missing.map(|name| (name, false)).into(),
        is_executable: case == "executable_mode",
        ..Facts::default()
    }
}

#[test]
fn every_wrong_unit_is_flagged_and_no_right_one() {
    let cases = fixture(include_str!("../fixtures/verify.json"));
    let mut wrong = 0;
    for case in &cases {
        let id = case["id"].as_str().unwrap();
        let file = format!("/run/vm/vm-{id}.{}", case["suffix"].as_str().unwrap());
        for (name, version) in VERSIONS {
            let measured = &case[name];
            let is_wrong = measured["rc"] != 0
                || !measured["messages"].as_array().unwrap().is_empty()
                || measured["load"] != "loaded"
                || SILENTLY_WRONG.contains(&id);
            let options = Options { facts: measured_host(id), ..Options::new(version) };
            let found = lint(&file, case["unit"].as_str().unwrap().as_bytes(), &options);
            assert_eq!(!found.is_empty(), is_wrong, "HEL-22: {id} on {name}: {found:?}");
            wrong += usize::from(is_wrong);
        }
    }
    eprintln!("{} verify cases, both versions, {wrong} of them wrong: 0 differences", cases.len());
}

#[test]
fn the_table_of_directives_is_what_was_measured() {
    let json: Json = serde_json::from_str(include_str!("../fixtures/directives.json")).unwrap();
    let mut lines: BTreeMap<(String, String, String), BTreeSet<String>> = BTreeMap::new();
    for (name, directive) in json["directives"].as_object().unwrap() {
        let (section, key) = name.split_once('.').unwrap();
        assert_eq!(directive["in_257"], true, "{name}: the table has no end of support");
        let since = directive["documented_since"].as_u64();
        // Where the manual's version is that of a sibling, only the measurement is sure.
        let since = match directive["in_252"].as_bool().unwrap() {
            true => since,
            false => Some(since.filter(|since| *since > 252).unwrap_or(257)),
        };
        let since = since.map_or("-".to_owned(), |since| since.to_string());
        let kind = directive["type"].as_str().unwrap().to_owned();
        lines.entry((key.to_owned(), since, kind)).or_default().insert(section.to_owned());
    }
    let header = "# key since sections type. Written from tests/fixtures/directives.json; do not \
                  edit by hand.\n";
    let wanted = lines.into_iter().map(|((key, since, kind), sections)| {
        format!("{key} {since} {} {kind}\n", sections.into_iter().collect::<Vec<_>>().join(","))
    });
    let wanted = header.to_owned() + &wanted.collect::<String>();
    let found = include_str!("../../src/directives.txt");
    assert!(found == wanted, "src/directives.txt should be:\n{wanted}");
}

#[test]
fn what_only_the_host_knows_is_not_taken_for_a_mistake() {
    let context = Context::new("a.service");
    let error = exec::parse("/bin/x %m", &context, Version(252)).unwrap_err();
    assert!(matches!(error, ExecError::Specifier(_)));
    assert_eq!(error.to_string(), "`%m` is known on the host only");
}
