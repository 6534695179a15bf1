//! What two environments share on one machine, and that no value is ever shown.

use super::*;
use crate::host::{FakeHost, Files as _};
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
        assert_eq!(one.owners, ["shop/dev", "shop/live"]);
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
    let host = FakeHost::default();
    host.create_dir("/var/lib/shop".into(), 0o755).unwrap();
    host.replace_link("/var/lib/shop/dev".into(), "dev".into()).unwrap();
    let environments = environments();
    let error = shared(&host, &environments.iter().collect::<Vec<_>>()).err().unwrap();
    assert_eq!(error.to_string(), "failed to follow `/var/lib/shop/dev`");
}
