//! What systemd 252 was seen to read (with `systemd-analyze verify`, log level debug) where neither
//! the manuals nor the fixtures say it.

use systemd_unit_file::exec::{self, ExecError};
use systemd_unit_file::{Context, LINE_MAX, ProblemKind, Unit, Version};

fn read(text: &str) -> Vec<String> {
    let unit = Unit::parse(text.as_bytes());
    let shown = |at: &_| {
        let at: &systemd_unit_file::Assignment = at;
        format!("{}:{}.{}={}", at.line, at.section, at.key, at.value)
    };
    unit.assignments.iter().map(shown).collect()
}

#[test]
fn lines_are_joined_and_split_as_systemd_does() {
    for (text, expected) in [
        ("[S]\nA=x \\\n y\nB=1\n", &["2:S.A=x   y", "4:S.B=1"][..]),
        ("[S]\nA=x\\\\\nB=1\n", &["2:S.A=x\\\\", "3:S.B=1"]),
        ("[S]\nA=x\\\\\\\nB=1\n", &["2:S.A=x\\\\ B=1"]),
        ("[S]\nA=x\\\n# c \\\n; c\ny\n", &["2:S.A=x y"]),
        ("[S]\nA=x\\\n\nB=1\n", &["2:S.A=x", "4:S.B=1"]),
        ("[S]\nA=x\\\n\r\\\n b\n", &["2:S.A=x   b"]),
        ("[S]\nA=x\\", &["2:S.A=x"]),
        ("[S]\n# c \\\nA=x\n", &["3:S.A=x"]),
        ("\u{feff}[S]\nA=x\n", &["2:S.A=x"]),
        ("[S]\n\u{feff}A=x\n", &["2:S.A=x"]),
        ("[ S ]\n \tA \t=\t x \nA=\n", &["2: S .A=x", "3: S .A="]),
        ("[S]\nA=a=b\rB=1\0C=2\n", &["2:S.A=a=b", "2:S.B=1", "2:S.C=2"]),
        ("[S]\nA=\u{85}\u{2028}\x0b\x0c\n", &["2:S.A=\u{85}\u{2028}\x0b\x0c"]),
        ("[S]\nA=1\n[S] x\nB=1\n", &["2:S.A=1"]),
    ] {
        assert_eq!(read(text), expected, "{text:?}");
    }
}

#[test]
fn what_cannot_be_read_is_named_with_its_line() {
    use ProblemKind::{
        BadHeader, LoneCarriageReturn, NoAssignment, NoKey, NotText, Nul, OutsideSection,
    };
    for (text, expected) in [
        (&b"A=1\n[S]\nB\n=1\n"[..], &[(1, OutsideSection), (3, NoAssignment), (4, NoKey)][..]),
        (b"[S\nA=1\n", &[(1, BadHeader)]),
        (b"[S\"]\n", &[(1, BadHeader)]),
        (b"[S]\nA=\xff\nB\n", &[(2, NotText)]),
        (b"[S]\n# \xff\n", &[]),
        (b"[S]\nA=1\rB=2\n", &[(2, LoneCarriageReturn)]),
        (b"[S]\nA=1\0B=2\n", &[(2, Nul)]),
        (b"[S]\r\nA=1\r\n", &[]),
    ] {
        let unit = Unit::parse(text);
        let found: Vec<_> = unit.problems.iter().map(|found| (found.line, found.kind)).collect();
        assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(text));
    }
    for (length, refused) in [(LINE_MAX, false), (LINE_MAX + 1, true)] {
        let text = format!("[S]\nA={}\n", "x".repeat(length - 2));
        assert_eq!(Unit::parse(text.as_bytes()).is_refused(), refused, "{length}");
    }
    assert!(Unit::parse(b"").masked);
    assert!(!Unit::parse(b"\n").masked);
}

#[test]
fn prefixes_programs_and_separators_are_read_as_systemd_does() {
    let parse = |line: &str, version| exec::parse(line, &Context::new("a.service"), version);
    let argv = |line: &str| {
        let commands = parse(line, Version(252)).unwrap().commands;
        let text = |word: Vec<u8>| String::from_utf8(word).unwrap();
        let words = |command: exec::Command| command.argv.into_iter().map(text).collect();
        commands.into_iter().map(words).collect::<Vec<Vec<String>>>()
    };
    for (line, expected) in [
        (
            "/bin/x a;/bin/y b ; ; /bin/z c ;",
            vec![vec!["/bin/x", "a;/bin/y", "b"], vec!["/bin/z", "c"]],
        ),
        ("/bin/e\"ch\"o a\\ ", vec![vec!["/bin/echo", "a\\ "]]),
        ("@/bin/x %i y", vec![vec!["", "y"]]),
        ("-'/bin/x' \\; \";\" \\;a", vec![vec!["/bin/x", ";", ";", "\\;a"]]),
        ("'/bin/x", vec![]),
        ("-/bin/x 'a", vec![]),
        ("-", vec![]),
    ] {
        assert_eq!(argv(line), expected, "{line:?}");
    }
    for (line, refused) in [
        ("@/bin/x", ExecError::NoZerothArgument),
        ("/bin/e\\'x", ExecError::UnsafePath),
        ("/bin/x/", ExecError::Directory("/bin/x/".to_owned())),
        ("~/x", ExecError::BadPath("~/x".to_owned())),
        ("!!!/bin/x", ExecError::BadPath("!/bin/x".to_owned())),
    ] {
        assert_eq!(parse(line, Version(252)), Err(refused), "{line:?}");
    }
    let shared = |version| parse("/bin/x %D", version).is_ok();
    assert_eq!([Version(252), Version(257)].map(shared), [false, true], "`%D` came with 255");
    let shell = |version| parse("|/bin/x", version).is_ok();
    assert_eq!([Version(257), Version(258)].map(shell), [false, true], "`|` came with 258");
    for line in ["/bin/x/.", "/bin/x/.. y"] {
        let is_taken = |version| parse(line, version).is_ok();
        assert_eq!([Version(252), Version(257)].map(is_taken), [true, false], "{line:?}");
    }
}
