use super::*;

/// What systemd 252.39 of Debian 12 and 257.13 of Debian 13, both booted, showed of the units of
/// Helionyx, as they are and with drop-ins, and of one with everything in it that is quoted somewhere.
const PLAIN: [&str; 2] = [
    include_str!("../../tests/fixtures/show/252/plain.txt"),
    include_str!("../../tests/fixtures/show/257/plain.txt"),
];
const DROP_INS: [&str; 2] = [
    include_str!("../../tests/fixtures/show/252/drop-ins.txt"),
    include_str!("../../tests/fixtures/show/257/drop-ins.txt"),
];
const NASTY: [&str; 2] = [
    include_str!("../../tests/fixtures/show/252/nasty.txt"),
    include_str!("../../tests/fixtures/show/257/nasty.txt"),
];
const NASTY_UNIT: &str = include_str!("../../tests/fixtures/show/nasty.service");
const UNITS: [(&str, &str); 3] = [
    ("helionyx-dev.service", include_str!("../../tests/fixtures/show/helionyx-dev.service")),
    (
        "helionyx-staging.service",
        include_str!("../../tests/fixtures/show/helionyx-staging.service"),
    ),
    ("helionyx.service", include_str!("../../tests/fixtures/show/helionyx.service")),
];

fn shown_of(name: &str, shown: &str) -> Effective {
    let is_it = |unit: &Effective| unit.0.get("Id").is_some_and(|ids| ids == &[name]);
    parse_show(shown).into_iter().find(is_it).unwrap()
}

fn found(name: &str, text: &str, shown: &str) -> Vec<Overridden> {
    overridden(name, text, &shown_of(name, shown))
}

fn told(name: &str, text: &str, shown: &str) -> Vec<String> {
    found(name, text, shown).iter().map(ToString::to_string).collect()
}

#[test]
fn a_unit_that_nobody_changes_counts_as_it_is_written() {
    for (name, text) in UNITS {
        for plain in PLAIN {
            assert_eq!(told(name, text, plain), [] as [&str; 0], "HEL-77: {name}");
        }
        let nothing = format!("Id={name}\nLoadState=loaded\n");
        assert_eq!(told(name, text, &nothing), [] as [&str; 0], "of what is not shown");
    }
    for nasty in NASTY {
        assert_eq!(told("nasty.service", NASTY_UNIT, nasty), [] as [&str; 0], "HEL-77");
    }
}

#[test]
fn every_value_that_is_compared_was_shown() {
    for ((name, text), plain) in UNITS.iter().flat_map(|unit| PLAIN.map(|plain| (unit, plain))) {
        let (shown, unit) = (shown_of(name, plain).0, Unit::parse(text.as_bytes()));
        for (section, key, property, _) in RULES {
            assert!(
                shown.contains_key(property),
                "{property} is not asked for, or has no such name"
            );
            let ours = unit.last(section, key).is_some();
            assert!(ours || matches!(key, "NotifyAccess" | "MemoryDenyWriteExecute"), "{key}");
        }
    }
}

#[test]
fn every_value_that_a_drop_in_changes_is_told_and_no_secret_is() {
    let [(dev, text), (staging, other), (live, untouched)] = UNITS;
    let lines = DROP_INS.map(|all| [told(dev, text, all), told(staging, other, all)].concat());
    assert_eq!(lines[0], lines[1], "HEL-77: by 252 and by 257");
    insta::assert_snapshot!(lines[0].join("\n"), @"
    StartLimitIntervalSec is 0, not 300s
    User is root, not helionyx-dev
    WorkingDirectory is /, not /opt/helionyx/dev/current
    EnvironmentFile is /opt/helionyx/dev/current/release.env, /opt/helionyx/dev/shared/.env, /etc/more, not /opt/helionyx/dev/current/release.env, /opt/helionyx/dev/shared/.env
    ExecStart is /bin/sleep, not /opt/helionyx/dev/current/.venv/bin/python
    Environment has EXTRA besides, has another PATH
    TimeoutStopSec is infinity, not 20s
    UMask is 0022, not 0077
    MemoryMax is 64M, not 1024M
    LimitNOFILE is 10:20, not 65536
    ProtectHome is no, not true
    ProtectSystem is full, not strict
    RestrictNamespaces is user, not true
    RestrictAddressFamilies is AF_INET AF_INET6 AF_NETLINK, not AF_INET AF_INET6 AF_NETLINK AF_UNIX
    CapabilityBoundingSet is cap_chown, not nothing
    ReadWritePaths is /var/lib/helionyx/dev /srv/a b, not /var/lib/helionyx/dev
    ExecStart has other arguments or rights
    Environment has EXTRA besides, has another PATH
    MemoryMax is 64M, not 1024M
    ");
    for drop_ins in DROP_INS {
        let nothing: [&str; 0] = [];
        assert_eq!(told(live, untouched, drop_ins), nothing, "a drop-in for a prefix of others");
        let found = found(dev, text, drop_ins);
        let decisive = found.iter().filter(|one| one.is_decisive).map(|one| one.key);
        let decisive: Vec<&str> = decisive.collect();
        assert_eq!(
            decisive,
            ["User", "WorkingDirectory", "EnvironmentFile", "ExecStart"],
            "HEL-77"
        );
        assert!(!format!("{found:?}").contains("hunter2"), "ALL-04");
        let shown = parse_show(drop_ins);
        assert!(!format!("{shown:?}").contains("hunter2"), "ALL-04");
    }
}

#[test]
fn a_single_change_of_any_value_is_seen() {
    let (name, text) = UNITS[0];
    let captured = PLAIN.map(|plain| shown_of(name, plain));
    let all = RULES.iter().flat_map(|rule| captured.iter().map(move |shown| (*rule, shown)));
    for ((section, key, property, form), shown) in all {
        if Unit::parse(text.as_bytes()).last(section, key).is_none() {
            continue;
        }
        let mut changed = shown.clone();
        let value = match form {
            Span => "1h",
            Size | Limit => "1",
            Set | Paths => "cap_chown",
            Files => "/etc/x (ignore_errors=no)",
            Variables => "X=1",
            Exec => "{ path=/bin/x ; argv[]=/bin/x ; flags= ; start_time=[n/a] }",
            Text => "other",
        };
        changed.0.insert(property.to_owned(), vec![value.to_owned()]);
        let found = overridden(name, text, &changed);
        let keys: Vec<&str> = found.iter().map(|one| one.key).collect();
        assert_eq!(keys, [key], "HEL-77");
    }
}

#[test]
fn a_drop_in_is_named_with_what_it_sets() {
    let (name, text) = UNITS[0];
    let mut all = found(name, text, DROP_INS[0]);
    attribute(&mut all, "/etc/a.conf".into(), b"[Service]\nMemoryMax=64M\nUser=\n");
    attribute(&mut all, "/etc/b.conf".into(), b"[Service]\nUser=root\nNice=5\n");
    attribute(&mut all, "/etc/gone.conf".into(), b"");
    let by = |key: &str| {
        all.iter().find(|one| one.key == key).map(ToString::to_string).unwrap_or_default()
    };
    assert_eq!(by("MemoryMax"), "MemoryMax is 64M, not 1024M (from /etc/a.conf)");
    assert_eq!(by("User"), "User is root, not helionyx-dev (from /etc/a.conf, /etc/b.conf)");
    assert_eq!(by("WorkingDirectory"), "WorkingDirectory is /, not /opt/helionyx/dev/current");
}

#[test]
fn lists_are_cut_where_systemd_quotes_them() {
    for (shown, expected) in [
        ("", Some(vec![])),
        ("a b", Some(vec!["a", "b"])),
        (r#""a b" c"#, Some(vec!["a b", "c"])),
        (r#""A=\$x\`" "B=\\\$""#, Some(vec!["A=$x`", r"B=\$"])),
        (r#""A=x\ny""#, Some(vec!["A=x\ny"])),
        (r#""open"#, None),
        (r"end\", None),
    ] {
        let expected = expected.map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(shown::words(shown), expected, "{shown:?}");
    }
}
