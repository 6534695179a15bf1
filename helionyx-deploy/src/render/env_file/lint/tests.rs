//! What is found, where, and that no value is ever shown.

use super::*;
use crate::model::Kind;

/// `line:column code key`, with `?` before warnings.
fn shown(findings: &[Finding]) -> Vec<String> {
    let key = |finding: &Finding| match finding.message.split_once(": ") {
        Some((key, _)) if !key.contains(' ') => format!(" {key}"),
        _ => String::new(),
    };
    let place = |finding: &Finding| format!("{}:{}", finding.place.line, finding.place.column);
    let mark = |finding: &Finding| if finding.severity == Severity::Error { "" } else { "?" };
    let line = |f: &Finding| format!("{}{} {}{}", mark(f), place(f), &f.code[4..], key(f));
    findings.iter().map(line).collect()
}

#[test]
fn every_slip_is_found_at_its_place_and_never_shown() {
    let table: &[(&[u8], &[&str])] = &[
        (b"A=b\n\n# fine\n; fine\n\tB=\"c d\"\nC='e f'\nD=", &[]),
        (b"DAILY=hunter2          # 8 PM\n", &["1:24 inline-comment DAILY"]),
        (b"A=\"hunter2\" # c\n", &["1:13 inline-comment A"]),
        (b"A=hunter2#c\nB=#c\n", &[]),
        (b"B=1\nexport A=hunter2\n", &["2:1 export A"]),
        (b"export\tA=hunter2\nset B=hunter2\n", &["1:1 export A", "2:1 export B"]),
        ("\u{feff}A=hunter2\n".as_bytes(), &["1:1 bom"]),
        ("\u{feff}# x\nA=hunter2\n".as_bytes(), &["1:1 bom"]),
        (b"A=hunter2\r\nB=c\r\n", &["?1:10 crlf"]),
        (b"A=b\rC=hunter2\n", &["1:4 carriage-return"]),
        (b"A=\"b\r\nhunter2\"\n", &["1:5 carriage-return A"]),
        (b"A=b\nB=\"hunter2\nC=d\n", &["2:3 unterminated-quote B"]),
        (b"A='hunter2", &["1:3 unterminated-quote A"]),
        (b"A=\"hunter2\"x\n", &["1:12 text-after-quote A"]),
        (b"A='hun'\\''ter2'\n", &["1:8 text-after-quote A"]),
        (b"A=hun'ter2\nB={\"k\":1}\n", &["1:6 quote-in-value A", "2:4 quote-in-value B"]),
        (b"A=hunter2\\\nB=c\n", &["1:10 trailing-backslash A"]),
        (b"A=hunter2\\", &["1:10 trailing-backslash A"]),
        (b"A=\"hunter2\\\nc\"\n", &["1:11 trailing-backslash A"]),
        (b"A=C:\\hunter2\n", &["1:5 backslash A"]),
        (b"A=\"hunter2\\n\"\n", &["1:11 backslash A"]),
        (b"A=1\nB=2\nA=hunter2\n", &["?3:1 duplicate-key A"]),
        (b"A-B=hunter2\n1A=hunter2\n", &["1:1 invalid-key A-B", "2:1 invalid-key 1A"]),
        // The last line of a key must not be taken for a name and shown.
        (b"hunter2XY/z+==\nhunter2XYz-=\n", &["1:1 invalid-key", "2:1 invalid-key"]),
        (b"=hunter2\n", &["1:1 invalid-key"]),
        (b"A: hunter2\n[hunter2]\n", &["1:1 no-assignment", "2:1 no-assignment"]),
        (b"A=hunter2\xff\n", &["1:3 not-utf8 A"]),
        (b"# \xff\nA=b\n", &["?1:3 not-utf8"]),
        ("A=hunter2\u{fdd0}\n".as_bytes(), &["1:3 noncharacter A"]),
        (b"A=b\n\0\n", &["2:1 no-assignment", "2:1 nul"]),
        (b"# x\\\nA=hunter2\n", &["1:4 comment-backslash"]),
        (b"# x\\\n\nA=hunter2\n", &["?1:4 comment-backslash"]),
        (b"# x\\\\\nA=b\n", &[]),
        (
            b"A=$HOME/x\nB=~/x\nC=`id`\nD=\"${X}\"\nE=a$(id)\n",
            &[
                "1:3 expansion A",
                "2:3 expansion B",
                "3:3 expansion C",
                "4:4 expansion D",
                "5:4 expansion E",
            ],
        ),
        (b"A='$HOME ~ `'\nB=a~b\nC=\"~/x\"\n", &[]),
        (b"A=\"\\$hunter2\"\n", &["?1:1 not-portable A"]),
        (b"A='${hunter2}'\n", &["?1:1 not-portable A"]),
        (
            b"A=hunter2 b\nB=a&hunter2\n C = d\n",
            &["?1:1 not-portable A", "?2:1 not-portable B", "?3:2 not-portable C"],
        ),
        ("A=\u{a0}hunter2\n\u{c4}=x\n".as_bytes(), &["?1:1 not-portable A", "2:1 invalid-key"]),
    ];
    for (bytes, expected) in table {
        let findings = lint(".env", bytes);
        let text = String::from_utf8_lossy(bytes);
        assert_eq!(shown(&findings), *expected, "{text:?}");
        assert!(!format!("{findings:?}").contains("hunter2"), "ALL-04, HEL-17: {findings:?}");
        assert!(findings.iter().all(|finding| !finding.hint.is_empty()), "{findings:?}");
    }
}

#[test]
fn what_the_kernel_cannot_take_is_an_error() {
    let fits = format!("A={}\n", "x".repeat(131_069));
    assert_eq!(lint(".env", fits.as_bytes()), []);
    let longer = format!("A={}\n", "x".repeat(131_070));
    assert_eq!(shown(&lint(".env", longer.as_bytes())), ["1:1 too-long A"]);
}

#[test]
fn garbage_is_not_listed_without_end() {
    let findings = lint(".env", "hunter2\n".repeat(100_000).as_bytes());
    assert_eq!(findings.len(), MOST + 1);
    assert_eq!(findings[MOST].message, "there are 99800 more findings");
}

fn model() -> Vec<Declared> {
    let declared = |name: &str, kind, value: Option<&str>, source| Declared {
        name: name.parse().unwrap(),
        kind,
        value: value.map(str::to_owned),
        source,
        is_required: true,
        about: None,
    };
    let level = Kind::Choice(vec!["DEBUG".into(), "INFO".into()]);
    vec![
        declared("API_PORT", Kind::Port, Some("8000"), Source::Model),
        declared("EVENTS", Kind::Path, Some("/var/lib/dev"), Source::Model),
        declared("LIMIT", Kind::Number, Some("5.0"), Source::Model),
        declared("LOG_LEVEL", level, Some("INFO"), Source::Model),
        declared("RELEASE", Kind::Text, None, Source::Release),
        declared("SITE", Kind::Url, Some("https://a.example"), Source::Model),
        declared("TOKEN", Kind::Secret, None, Source::File),
    ]
}

const WHOLE: &str = "API_PORT=8000\nEVENTS=/var/lib/dev\nLIMIT=5.0\nLOG_LEVEL=INFO\n\
                     SITE=https://a.example\nTOKEN=hunter2\n";

#[test]
fn files_are_compared_with_the_model() {
    let table: &[(String, &[&str])] = &[
        (WHOLE.to_owned(), &[]),
        ("TOKEN=hunter2\n".to_owned(), &[]),
        (String::new(), &["0:0 missing-key TOKEN"]),
        ("TOKEN=\n".to_owned(), &["1:7 missing-key TOKEN"]),
        (WHOLE.replace("8000", "9001"), &["1:10 drift API_PORT"]),
        (WHOLE.replace("8000", "hunter"), &["1:10 wrong-kind API_PORT"]),
        (WHOLE.replace("=/var", "=var"), &["2:8 wrong-kind EVENTS"]),
        (WHOLE.replace("5.0", "five"), &["3:7 wrong-kind LIMIT"]),
        (WHOLE.replace("INFO", "LOUD"), &["4:11 wrong-kind LOG_LEVEL"]),
        (WHOLE.replace("INFO", "DEBUG"), &["4:11 drift LOG_LEVEL"]),
        (WHOLE.replace("https://", "//"), &["5:6 wrong-kind SITE"]),
        (WHOLE.replace("TOKEN", "TOKNE"), &["0:0 missing-key TOKEN", "?6:1 unknown-key TOKNE"]),
        (WHOLE.replace("LIMIT=5.0\n", ""), &["?0:0 missing-key LIMIT"]),
        (format!("{WHOLE}RELEASE=x\n"), &["7:1 drift RELEASE"]),
        (format!("{WHOLE}HELIONYX_ROOT=/x\n"), &["7:1 reserved-key HELIONYX_ROOT"]),
        (WHOLE.replace("hunter2", "your_token_here"), &["6:7 placeholder TOKEN"]),
        // The last one counts.
        (format!("API_PORT=1\n{WHOLE}"), &["?2:1 duplicate-key API_PORT"]),
    ];
    for (text, expected) in table {
        let findings = check(".env.dev", text.as_bytes(), Some(&model()));
        assert_eq!(shown(&findings), *expected, "{text}");
        for value in ["hunter", "9001", "five", "LOUD"] {
            assert!(!format!("{findings:?}").contains(value), "ALL-04: {findings:?}");
        }
    }
    let drift = check("f", WHOLE.replace("8000", "9001").as_bytes(), Some(&model()));
    assert!(drift[0].message.contains("`8000`"), "the model's value helps: {drift:?}");
}

#[test]
fn what_an_environment_can_do_without_is_a_warning() {
    let mut model = model();
    let token = model.last_mut().unwrap();
    token.is_required = false;
    let without = WHOLE.replace("TOKEN=hunter2\n", "");
    for (text, expected) in [
        (WHOLE.to_owned(), vec![]),
        (without.clone(), vec!["?0:0 missing-key TOKEN"]),
        (format!("{without}TOKEN=\n"), vec!["?6:7 missing-key TOKEN"]),
        (format!("{without}TOKEN=your_token_here\n"), vec!["?6:7 placeholder TOKEN"]),
    ] {
        let findings = check(".env.dev", text.as_bytes(), Some(&model));
        assert_eq!(shown(&findings), expected, "{text} (HEL-05)");
    }
}

#[test]
fn placeholders_are_errors_but_in_examples() {
    let severity = |file| {
        let findings = check(file, b"TOKEN=\"<token>\"\n", None);
        assert_eq!((findings.len(), findings[0].code), (1, code::PLACEHOLDER));
        findings[0].severity
    };
    assert_eq!(severity(".env.live"), Severity::Error, "(HEL-05)");
    assert_eq!(severity("shared/.env"), Severity::Error, "(HEL-05)");
    assert_eq!(severity(".env.template"), Severity::Warning);
    assert_eq!(severity(".env.live.example"), Severity::Warning);
}
