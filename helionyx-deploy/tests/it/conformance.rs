//! Environment files against what real systemd made of them, and against a real bash.

use std::collections::BTreeMap;

use helionyx_deploy::name::VariableName;
use helionyx_deploy::render::env_file::dialect::Dialect;
use helionyx_deploy::render::env_file::{Form, Systemd, check, lint, parse, read, write};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde_json::Value;

/// Measured on systemd 252.39 and 257.13, booted.
pub const CASES: &str = include_str!("../fixtures/envfile.json");

#[test]
fn environment_files_are_read_as_systemd_reads_them() {
    let suite: Value = serde_json::from_str(CASES).unwrap();
    let cases = suite["cases"].as_array().unwrap();
    let mut differences = Vec::new();
    for case in cases {
        let bytes = input(&case["input"]);
        for (measured, version) in [("252.39", Systemd::V252), ("257.13", Systemd::V257)] {
            let expected = &case["measured"][measured];
            let found = seen(&bytes, version);
            if found != wanted(expected) {
                let id = case["id"].as_str().unwrap();
                differences.push(format!("{id} {measured}: {found:?}, but {expected}"));
            }
        }
    }
    eprintln!("{} env files, {} differences", cases.len(), differences.len());
    assert_eq!(differences, Vec::<String>::new());
    assert_eq!(cases.len(), suite["count"].as_u64().unwrap() as usize);
}

/// The variables, or none when the unit fails, as the suite writes them.
fn seen(bytes: &[u8], version: Systemd) -> Option<Vec<String>> {
    let read = read(bytes, version);
    let variables = read.variables()?;
    let line = |(name, value): (&str, &helionyx_deploy::secret::Secret)| {
        shortened(&format!("{name}={}", value.expose()))
    };
    Some(variables.into_iter().map(line).collect())
}

/// The suite abbreviates what is very long.
pub fn shortened(line: &str) -> String {
    match line.len() {
        0..1000 => line.to_owned(),
        length => format!("{}…({length} bytes)", &line[..4]),
    }
}

pub fn wanted(measured: &Value) -> Option<Vec<String>> {
    let lines = measured["env"].as_array()?.iter().map(|line| line.as_str().unwrap().to_owned());
    // PATH is in every service's environment: where it is listed, systemd has set it.
    Some(lines.filter(|line| !line.starts_with("PATH=/usr/local/sbin:")).collect())
}

pub fn input(input: &Value) -> Vec<u8> {
    if let Some(text) = input.as_str() {
        return text.as_bytes().to_vec();
    }
    if let Some(encoded) = input["b64"].as_str() {
        return decoded(encoded);
    }
    let length = input["generator"].as_str().unwrap().split(' ').next().unwrap();
    let mut line = format!("A={}", "x".repeat(length.parse::<usize>().unwrap() - 3));
    line.push('\n');
    line.into_bytes()
}

fn decoded(base64: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut bytes) = (0u32, 0, Vec::new());
    for digit in base64.trim_end_matches('=').chars() {
        bits = bits << 6 | DIGITS.find(digit).unwrap() as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

#[test]
fn comments_that_end_in_a_backslash_are_the_one_difference_between_versions() {
    let text = b"# x\\\nA=1\nB=2\n";
    let names = |version| {
        let read = read(text, version);
        let names = read.variables().unwrap().into_iter().map(|(name, _)| name.to_owned());
        names.collect::<Vec<_>>()
    };
    for (version, expected) in
        [("252.39", "B"), ("253", "B"), ("v254", "A B"), ("257.13", "A B"), ("261~rc1", "A B")]
    {
        assert_eq!(names(version.parse().unwrap()).join(" "), expected, "{version}");
    }
    for refused in ["", "x", "235", "-1", "99999999"] {
        assert!(refused.parse::<Systemd>().is_err(), "{refused:?}");
    }
}

#[test]
fn the_first_value_keeps_its_place_and_the_last_one_counts() {
    let text = b"A=1\nB=2\n\nA=hunter2\nSECRETxyz-=\n";
    let read = read(text, Systemd::V252);
    let lines: Vec<_> = read.assignments.iter().map(|one| one.line).collect();
    assert_eq!(lines, [1, 2, 4, 5]);
    assert_eq!(seen(text, Systemd::V252).unwrap(), ["A=hunter2", "B=2"]);
    let shown = format!("{read:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("SECRET"), "(ALL-04) {shown}");
}

/// Pieces of which slips are made.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "A", "B", "=", "=", "\n", "\n", "\r", " ", "\t", "\"", "'", "\\", "#", ";", "$", "`", "~",
        "export ", "hunter+2", "x", "{", "(", "&", "\u{feff}", "\u{fffe}", "ä", "\0", "A=",
        "\nB=\"", "# \\\n",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

/// Values as operators may have them, and worse.
fn value() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "Z",
        "0",
        " ",
        "  ",
        "\t",
        "\n",
        "#",
        "'",
        ";",
        "&",
        "|",
        "<",
        ">",
        "(",
        ")",
        "{",
        "}",
        "*",
        "?",
        "[",
        "]",
        "~",
        "!",
        "%",
        "^",
        "=",
        ":",
        "/",
        "ä",
        "\u{a0}",
        "\u{2028}",
        "\u{1b}",
        "\u{7f}",
        "\u{b}",
        "\u{85}",
        "-",
        "$",
        "\\",
        "\"",
        "`",
        "\r",
        "export A=",
    ]);
    prop_oneof![
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat()),
        any::<String>(),
    ]
}

/// More cases with `PROPTEST_CASES=100000`.
fn config() -> ProptestConfig {
    let given = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: given.unwrap_or(2000), failure_persistence: None, ..Default::default() }
}

fn name(index: usize) -> VariableName {
    format!("V{index}").parse().unwrap()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_bytes_make_reading_or_linting_fail(
        bytes in prop_oneof![pieces(), prop::collection::vec(any::<u8>(), 0..200)]
    ) {
        for version in [Systemd::V252, Systemd::V257] {
            let _ = read(&bytes, version).variables();
        }
        let findings = check("f", &bytes, Some(&[]));
        let errors = lint("f", &bytes);
        prop_assert!(!format!("{findings:?}").contains("hunter+2"), "(ALL-04, HEL-17)");
        prop_assert!(findings.len() >= errors.len());
    }

    #[test]
    fn a_file_without_errors_is_read_whole_and_alike_by_both_versions(bytes in pieces()) {
        let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
        let Ok(values) = parse(&text) else { return Ok(()) };
        for version in [Systemd::V252, Systemd::V257] {
            let read = read(text.as_bytes(), version);
            prop_assert!(read.strays.is_empty());
            let variables = read.variables().expect("it is not refused");
            prop_assert_eq!(variables.len(), values.len());
            for (name, value) in variables {
                prop_assert_eq!(values[&name.parse().unwrap()].expose(), value.expose());
            }
        }
    }

    #[test]
    fn what_is_written_is_read_back_by_both_versions_and_the_dialects(text in value()) {
        let name = name(0);
        for form in [Form::Portable, Form::Systemd] {
            let Ok(written) = write([(&name, &*text)], form) else { continue };
            for version in [Systemd::V252, Systemd::V257] {
                let read = read(written.text.as_bytes(), version);
                let variables = read.variables().unwrap();
                prop_assert_eq!(variables.len(), 1);
                prop_assert_eq!(variables[0].1.expose(), &text);
            }
            let raw = written.text.trim_start_matches("V0=").strip_suffix('\n').unwrap();
            for dialect in Dialect::ALL {
                let same = dialect.value("V0", raw).as_deref() == Some(&*text);
                prop_assert!(same || form == Form::Systemd, "{dialect:?} {raw:?}");
            }
            if form == Form::Portable {
                prop_assert_eq!(lint("f", written.text.as_bytes()), vec![], "no finding");
            }
        }
    }
}

#[test]
fn what_is_written_and_what_we_say_of_bash_is_what_a_real_bash_reads() {
    if which::which("bash").is_err() {
        eprintln!("SKIPPED: no bash here; install bash to compare with it");
        return;
    }
    let config = ProptestConfig {
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::with_cases(40)
    };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let compared = std::cell::Cell::new(0);
    let batch = prop::collection::vec(value(), 100);
    let result = runner.run(&batch, |values| {
        for form in [Form::Portable, Form::Systemd] {
            compared.set(compared.get() + compare_with_bash(&values, form)?);
        }
        Ok(())
    });
    eprintln!("{} values through a real bash", compared.get());
    result.unwrap();
    assert!(compared.get() > 2000, "too few values were written: {}", compared.get());
}

fn compare_with_bash(values: &[String], form: Form) -> Result<usize, TestCaseError> {
    let mut text = String::new();
    let mut expected = BTreeMap::new();
    for (index, value) in values.iter().enumerate() {
        let name = name(index);
        if let Ok(written) = write([(&name, &**value)], form) {
            text += &written.text;
            expected.insert(name.to_string(), value.clone());
        }
    }
    let found = bash(&text);
    for (name, value) in &expected {
        prop_assert_eq!(found.get(name), Some(value), "{} {:?}", name, form);
    }
    Ok(expected.len())
}

/// The variables that a real bash has after it has read a file.
fn bash(text: &str) -> BTreeMap<String, String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("env");
    fs_err::write(&file, text).unwrap();
    let script = "set -a; source \"$1\"; printenv -0";
    let output = duct::cmd!("bash", "-c", script, "bash", &file)
        .dir(dir.path())
        .stderr_null()
        .stdout_capture()
        .unchecked()
        .run()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let lines = output.split('\0').filter_map(|line| line.split_once('='));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn the_reader_of_bash_agrees_with_a_real_bash() {
    if which::which("bash").is_err() {
        eprintln!("SKIPPED: no bash here; install bash to compare with it");
        return;
    }
    let seed =
        ["b#c", "#c", "\"b\" # c", "'b'\\''c'", "b\"c d\"e", "b$", "b$.", "\"a\\\nb\"", "b\\"];
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let raws: Vec<String> =
        (0..4000).map(|_| value().new_tree(&mut runner).unwrap().current()).collect();
    let raws = seed.iter().map(|raw| (*raw).to_owned()).chain(raws);
    // Only what we take for a literal value is handed to a shell.
    let raws = raws.filter(|raw| !raw.contains('\0'));
    let claims: Vec<(String, String)> =
        raws.filter_map(|raw| Some((raw.clone(), Dialect::Bash.value("A", &raw)?))).collect();
    let found = sourced(claims.iter().map(|(raw, _)| raw));
    assert_eq!(found.len(), claims.len());
    for ((raw, ours), found) in claims.iter().zip(found) {
        assert_eq!(found, *ours, "{raw:?}");
    }
    eprintln!("{} values read as a real bash reads them", claims.len());
    assert!(claims.len() > 500, "{}", claims.len());
}

/// What a real bash has in `A` after each of these files.
fn sourced<'a>(raws: impl Iterator<Item = &'a String>) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let mut count = 0;
    for raw in raws {
        fs_err::write(dir.path().join(count.to_string()), format!("A={raw}\n")).unwrap();
        count += 1;
    }
    let script = "PATH=; for ((i = 0; i < $1; i++)); do unset A; source ./$i; \
                  printf '%s\\0' \"${A-[unset]}\"; done";
    let output = duct::cmd!("bash", "-c", script, "bash", count.to_string())
        .dir(dir.path())
        .stderr_null()
        .stdin_null()
        .stdout_capture()
        .unchecked()
        .run()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.strip_suffix('\0').unwrap_or_default().split('\0').map(str::to_owned).collect()
}
