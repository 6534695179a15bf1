use crate::model::{Catalog, SourceFile};

use super::*;

const APP: &str = r#"
name = "shop"
[source.path]
dir = "/src"
[[service]]
name = "web"
exec = ["{release}/web"]
[service.health]
[[service.health.probe]]
path = "/"
"#;

fn environment(supervisor: &str) -> Environment {
    let file = |name: &str, text: &str| SourceFile {
        path: format!("envs/shop/{name}.toml"),
        text: text.to_owned(),
    };
    let dev = format!("supervisor = \"{supervisor}\"\nport = 8000\n");
    let files = [file("app", APP), file("dev", &dev)];
    let (catalog, findings) = Catalog::parse(&files, Utf8Path::new("/project"));
    assert_eq!(findings, []);
    catalog.environments().next().unwrap().clone()
}

/// What a host has where nothing is missing.
fn complete() -> Prerequisites {
    let free = ["/opt/shop/dev", "/var/lib/shop/dev"].map(|dir| (dir.into(), 1 << 40));
    Prerequisites {
        uid: 0,
        systemd: Some(Systemd::Running(Some(252))),
        free: free.into(),
        mounts: ["/".into()].into(),
        ..Prerequisites::default()
    }
}

fn python(at_least: &str) -> Requirement {
    Requirement {
        program: "/usr/bin/python3".to_owned(),
        at_least: Some(at_least.parse().unwrap()),
        run: Some(vec!["/usr/bin/python3".to_owned(), "-c".to_owned(), "import venv".to_owned()]),
    }
}

fn git() -> Requirement {
    Requirement { program: "git".to_owned(), at_least: None, run: None }
}

fn stranger() -> crate::state::Listener<Instance> {
    crate::state::Listener {
        address: "0.0.0.0:8000".to_owned(),
        inode: 1,
        uid: 33,
        holders: Vec::new(),
    }
}

fn told(found: &Prerequisites, bytes: u64) -> Vec<String> {
    missing(&environment("systemd"), found, bytes).iter().map(ToString::to_string).collect()
}

#[test]
fn a_host_that_has_all_is_not_complained_of() {
    assert_eq!(told(&complete(), 1 << 30), [] as [&str; 0], "HEL-01");
    let unknown =
        Prerequisites { systemd: Some(Systemd::Running(None)), ..Prerequisites::default() };
    assert_eq!(told(&unknown, 0), [] as [&str; 0], "what cannot be looked at is not missing");
}

#[test]
fn all_that_is_missing_is_said_at_once_with_what_was_found() {
    let found = Prerequisites {
        uid: 1000,
        systemd: Some(Systemd::Running(Some(249))),
        programs: vec![
            (python("3.11"), Asked::Said("Python 3.9.2".to_owned())),
            (git(), Asked::Missing),
        ],
        free: [("/opt/shop/dev".into(), 100 * MIB), ("/var/lib/shop/dev".into(), 1 << 20)].into(),
        wanted_mounts: [("/var/lib/shop".into(), "/etc/fstab".into())].into(),
        mounts: ["/".into()].into(),
        listeners: [(8000.try_into().unwrap(), vec![stranger()])].into(),
    };
    insta::assert_snapshot!(told(&found, 20 * MIB).join("\n"), @"
    systemd 249 is too old: units are written for 252 or newer [no-systemd]
    /usr/bin/python3 is 3.9.2: the app needs 3.11 or newer [old-program]
    git is not here [missing-program]
    /var/lib/shop/dev lies below /var/lib/shop, which /etc/fstab mounts and is not mounted [not-mounted]
    /opt/shop/dev has 100 MiB left, 104 MiB are needed [no-room]
    /var/lib/shop/dev has 1 MiB left, 16 MiB are needed [no-room]
    user id 1000 may not do this: units, users and releases are root's [no-rights]
    port 8000 is held by a process of user id 33 that we may not see on 0.0.0.0:8000 [port-held]
    ");
    let codes = |supervisor: &str| -> Vec<String> {
        let all = missing(&environment(supervisor), &found, 0);
        all.into_iter().map(|one| one.code).collect()
    };
    let embedded = codes("process");
    for code in ["no-rights", "no-room"] {
        assert!(codes("systemd").iter().any(|one| one == code), "{code}");
        assert!(embedded.iter().all(|one| one != code), "{code} is for units");
    }
}

#[test]
fn programs_are_judged_by_what_they_say() {
    let said = |text: &str| Asked::Said(text.to_owned());
    let lacking = |text: &str| Asked::Lacking(text.to_owned(), "No module named venv".to_owned());
    for (one, asked, expected) in [
        (python("3.11"), said("Python 3.11.2"), None),
        (python("3.11"), said("Python 3.13.0rc1"), None),
        (
            python("3.12"),
            said("Python 3.11.2"),
            Some("/usr/bin/python3 is 3.11.2: the app needs 3.12 or newer [old-program]"),
        ),
        (
            python("3.11"),
            said("hello"),
            Some(
                "/usr/bin/python3 does not tell its version: the app needs 3.11 or newer \
                 [old-program]",
            ),
        ),
        (
            python("3.11"),
            Asked::Missing,
            Some("/usr/bin/python3 is not here: the app needs 3.11 or newer [missing-program]"),
        ),
        (
            python("3.11"),
            lacking("Python 3.11.2"),
            Some(
                "/usr/bin/python3 (Python 3.11.2) lacks something: `/usr/bin/python3 -c 'import \
                 venv'` says: No module named venv [lacking-program]",
            ),
        ),
        (
            python("3.11"),
            lacking("Python 3.9.2"),
            Some("/usr/bin/python3 is 3.9.2: the app needs 3.11 or newer [old-program]"),
        ),
        (git(), said("whatever"), None),
        (
            git(),
            Asked::Failed("exit code 1".to_owned()),
            Some("git does not work: exit code 1 [lacking-program]"),
        ),
    ] {
        let found = Prerequisites { programs: vec![(one, asked)], ..complete() };
        assert_eq!(told(&found, 0).first().map(String::as_str), expected, "HEL-01: {found:?}");
    }
}

#[test]
fn only_mount_points_above_what_is_ours_matter() {
    for (place, mounted, expected) in [
        ("/var/lib/shop/dev", false, true),
        ("/var/lib", false, true),
        ("/opt", false, true),
        ("/var/lib/shop/dev", true, false),
        ("/var/lib/shop/dev/cache", false, false),
        ("/var/lib/sho", false, false),
        ("/mnt/usb", false, false),
    ] {
        let mut found = complete();
        found.wanted_mounts.insert(place.into(), "/etc/fstab".into());
        found.mounts.extend(mounted.then(|| Utf8PathBuf::from(place)));
        let codes: Vec<String> = told(&found, 0);
        assert_eq!(
            codes.iter().any(|one| one.contains("not-mounted")),
            expected,
            "T-HEL-18: {place}"
        );
    }
}

#[test]
fn room_is_wanted_for_two_releases() {
    for (free, bytes, expected) in [
        (63 * MIB, 0, true),
        (64 * MIB, 0, false),
        (263 * MIB, 100 * MIB, true),
        (264 * MIB, 100 * MIB, false),
        (u64::MAX, u64::MAX, false),
    ] {
        let mut found = complete();
        found.free.insert("/opt/shop/dev".into(), free);
        assert_eq!(
            told(&found, bytes).iter().any(|one| one.contains("no-room")),
            expected,
            "{free}"
        );
    }
}
