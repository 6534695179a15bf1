//! What two environments share on one machine, and that no value is ever shown.

use camino::Utf8Path;

use super::*;
use crate::host::FakeHost;
use crate::model::{Catalog, SourceFile};

const APP: &str = r#"
name = "shop"
[source.path]
dir = "/src/shop"
[[service]]
name = "web"
exec = ["{release}/bin/web"]
[variables.TOKEN]
kind = "secret"
distinct = true
[variables.STORE]
kind = "path"
value = "{data}/events"
distinct = true
[variables.CHAT]
kind = "secret"
"#;

fn environments() -> Vec<Environment> {
    let file = |name: &str, text: &str| SourceFile {
        path: format!("envs/shop/{name}.toml"),
        text: text.to_owned(),
    };
    let text = "supervisor = \"process\"\n";
    let files = [file("app", APP), file("dev", text), file("live", text)];
    let (catalog, findings) = Catalog::parse(&files, "/project".into());
    assert_eq!(findings, []);
    catalog.environments().cloned().collect()
}

fn found(host: &FakeHost) -> Vec<String> {
    let environments = environments();
    let all: Vec<&Environment> = environments.iter().collect();
    let shared = shared(host, &all).unwrap();
    for one in &shared {
        assert!(one.owners == ["shop/dev", "shop/live"] || one.owners.len() == 1, "{one:?}");
        assert!(!one.finding.hint.is_empty(), "{one:?}");
        assert!(!format!("{one:?}").contains("hunter2"), "(ALL-04)");
    }
    shared.iter().map(|one| format!("{} {}", one.finding.place, one.finding.message)).collect()
}

fn secrets(host: &FakeHost, environment: &str, text: &str) {
    let dir = format!("/opt/shop/{environment}/shared");
    host.create_dir(Utf8Path::new(&dir), 0o750).unwrap();
    host.write(&Utf8Path::new(&dir).join(".env"), text.as_bytes(), 0o600).unwrap();
}

#[test]
fn distinct_secrets_are_compared_and_never_shown() {
    for (dev, live, expected) in [
        ("TOKEN=hunter2\nCHAT=1\n", "TOKEN=other\nCHAT=1\n", vec![]),
        (
            "TOKEN=hunter2\n",
            "# mine\nTOKEN=\"hunter2\"\n",
            vec![
                "/opt/shop/live/shared/.env:2:1 TOKEN: the same value as at /opt/shop/dev/shared/.env:1:1",
            ],
        ),
        // The last one counts; what is not filled in is no value.
        ("TOKEN=hunter2\nTOKEN=a\n", "TOKEN=hunter2\n", vec![]),
        ("TOKEN=your_token_here\n", "TOKEN=your_token_here\n", vec![]),
        ("TOKEN=\n", "TOKEN=\n", vec![]),
        ("TOKEN=hunter2\n", "", vec![]),
    ] {
        let host = FakeHost::default();
        secrets(&host, "dev", dev);
        secrets(&host, "live", live);
        assert_eq!(found(&host), expected, "{dev:?} {live:?} (HEL-30)");
    }
    assert_eq!(found(&FakeHost::default()), Vec::<String>::new(), "nothing is there yet");
}

#[test]
fn directories_that_links_make_one_are_found() {
    let link = |path: &str, target: &str| {
        let host = FakeHost::default();
        host.create_dir(Utf8Path::new(path).parent().unwrap(), 0o755).unwrap();
        host.create_dir("/var/lib/shop/live/events".into(), 0o755).unwrap();
        host.replace_link(path.into(), target.into()).unwrap();
        found(&host)
    };
    let same = |real: &str| {
        vec![format!(
            "/var/lib/shop/live `data` of shop/live is the same place as `data` of shop/dev at \
             /var/lib/shop/dev: {real}"
        )]
    };
    for (path, target, expected) in [
        ("/var/lib/shop/dev", "live", same("/var/lib/shop/live")),
        ("/var/lib/shop/dev", "/var/lib/shop/live/events", same("/var/lib/shop/live")),
        ("/var/lib/shop/dev", "../shop/./live/", same("/var/lib/shop/live")),
        ("/var/lib/shop/dev", "/srv/elsewhere", vec![]),
        ("/opt/shop", "/srv/shop", vec![]),
    ] {
        assert_eq!(link(path, target), expected, "{path} -> {target} (HEL-97)");
    }
}

#[test]
fn state_and_backups_that_links_lead_astray_are_found() {
    let state = "/var/lib/shop/live/events `STORE` of shop/live is the same place as `STORE` of \
                 shop/dev at /var/lib/shop/dev/events: /var/lib/shop/live/events";
    let backups = "/var/lib/shop/backups/dev `backups` of shop/dev is the same place as its \
                   `data` at /var/lib/shop/dev: /var/lib/shop/dev/b";
    let cache = "/var/lib/shop/dev/events `STORE` of shop/dev lies in `{root}/cache`, which is \
                 not for data: /opt/shop/dev/cache/x";
    for (path, target, expected) in [
        ("/var/lib/shop/dev/events", "/var/lib/shop/live/events", Some(state)),
        ("/var/lib/shop/dev/events", "/srv/events", None),
        ("/var/lib/shop/backups/dev", "/var/lib/shop/dev/b", Some(backups)),
        ("/var/lib/shop/backups/dev", "/srv/backups", None),
        ("/var/lib/shop/dev/events", "/opt/shop/dev/cache/x", Some(cache)),
        ("/var/lib/shop/dev", "/opt/shop/dev/shared/data", None),
    ] {
        let host = FakeHost::default();
        host.put_dir("/var/lib/shop/live/events");
        host.put_dir(Utf8Path::new(path).parent().unwrap());
        host.put_link(path, target);
        let expected: Vec<_> = expected.into_iter().collect();
        assert_eq!(found(&host), expected, "{path} -> {target} (HEL-97)");
    }
}

#[test]
fn what_cannot_be_looked_at_is_said_and_hides_nothing_else() {
    let host = FakeHost::default();
    host.create_dir("/var/lib/shop/backups".into(), 0o755).unwrap();
    host.replace_link("/var/lib/shop/dev".into(), "dev".into()).unwrap();
    host.replace_link("/var/lib/shop/backups/live".into(), "dev".into()).unwrap();
    secrets(&host, "dev", "TOKEN=hunter2\n");
    secrets(&host, "live", "TOKEN=hunter2\n");
    let environments = environments();
    let all: Vec<&Environment> = environments.iter().collect();
    let shared = shared(&host, &all).unwrap();
    let brief = shared.iter().map(|one| format!("{} {}", one.finding.place, one.finding.code));
    assert_eq!(
        brief.collect::<Vec<_>>(),
        [
            "/var/lib/shop/dev unreadable",
            "/var/lib/shop/backups/live linked-path",
            "/opt/shop/live/shared/.env:1:1 shared-secret",
        ]
    );
    assert!(shared.iter().all(|one| one.owners == ["shop/dev", "shop/live"]));
}
