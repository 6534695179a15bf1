use camino::Utf8Path;

use super::*;
use crate::host::FakeHost;
use crate::model::{Catalog, SourceFile};

/// `shop/dev`, with more in its `app.toml`.
fn environment(more: &str) -> Environment {
    let app = format!(
        "name = \"shop\"\n{more}\n[source.path]\ndir = \"/src\"\n[[service]]\nname = \"web\"\nexec = \
         [\"{{release}}/web\"]\n"
    );
    let file = |name: &str, text: &str| SourceFile {
        path: format!("envs/shop/{name}.toml"),
        text: text.to_owned(),
    };
    let files = [file("app", &app), file("dev", "supervisor = \"process\"\n")];
    let (catalog, findings) = Catalog::parse(&files, Utf8Path::new("/project"));
    assert_eq!(findings, []);
    catalog.environments().next().unwrap().clone()
}

/// The check of one environment that is alone on its host.
fn one(host: &FakeHost, environment: &Environment) -> Checked {
    let path = ["/usr/local/bin".into(), "/usr/bin".into()];
    check(host, &Question { chosen: &[environment], here: &[environment], path: &path })
}

fn with_a_secret() -> Environment {
    environment("[variables.TOKEN]\nkind = \"secret\"\nrequired_in = [\"dev\"]\n")
}

#[test]
fn secrets_are_looked_at_without_ever_being_shown() {
    let environment = with_a_secret();
    let path = environment.layout.secrets();
    for (content, mode, codes) in [
        ("TOKEN=hunter2\n", 0o600, vec![]),
        ("OTHER=hunter2\n", 0o600, vec!["env-missing-key", "env-unknown-key"]),
        ("TOKEN=your_token_here\n", 0o600, vec!["env-placeholder"]),
        ("TOKEN=hunter2\n", 0o644, vec!["secrets-mode"]),
        (
            "export TOKEN=hunter2\nTOKEN='hunter2\n",
            0o600,
            vec!["env-export", "env-unterminated-quote"],
        ),
    ] {
        let host = FakeHost::default();
        host.create_dir(&environment.layout.shared(), 0o750).unwrap();
        host.write(&path, content.as_bytes(), mode).unwrap();
        let findings = secrets::findings(&host, &environment);
        let found: Vec<&str> = findings.iter().map(|finding| &*finding.code).collect();
        assert_eq!(found, codes, "{content:?}");
        assert!(!format!("{findings:?}").contains("hunter2"), "(ALL-04)");
    }
}

#[test]
fn the_first_deploy_makes_the_file_of_the_secrets() {
    let (host, environment) = (FakeHost::default(), with_a_secret());
    assert_eq!(secrets::findings(&host, &environment), Vec::new());
    host.create_dir(&environment.layout.root, 0o755).unwrap();
    assert_eq!(secrets::findings(&host, &environment).len(), 1);
}

#[test]
fn a_machine_that_cannot_be_reached_is_a_warning_by_its_name() {
    let (host, environment) = (FakeHost::default(), environment("reaches = [\"api.example.org\"]"));
    host.put_file("/src/web", "a healthy program", 0o755);
    let chosen = [&environment, &environment];
    let check = || check(&host, &Question { chosen: &chosen, here: &[], path: &[] });
    assert_eq!(check().host, Vec::new(), "HEL-04");
    host.cut_off("api.example.org");
    let checked = check();
    let [finding] = &checked.host[..] else { panic!("once for all: {checked:?}") };
    assert_eq!((&*finding.code, finding.severity), ("unreachable", Severity::Warning));
    assert_eq!((&*finding.place, checked.errors()), ("api.example.org", 0), "HEL-04");
}

#[test]
fn a_source_that_is_not_there_is_found_before_a_deploy_is_tried() {
    let environment = environment("");
    let checked = one(&FakeHost::default(), &environment);
    let [findings] = &checked.environments[..] else { panic!("{checked:?}") };
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((&*finding.code, &*finding.place), ("source", "/src"));
    assert_eq!((checked.host.len(), checked.errors()), (0, 1));
}

#[test]
fn a_program_of_a_build_step_is_looked_for_where_the_build_will_find_it() {
    let build = "[[build]]\nname = \"compile\"\nrun = [\"cc\", \"-o\", \"web\"]\n";
    let environment = environment(build);
    let missing = |prepare: &dyn Fn(&FakeHost)| {
        let host = FakeHost::default();
        host.put_file("/src/web", "a healthy program", 0o755);
        prepare(&host);
        let findings = one(&host, &environment).environments.remove(0);
        let messages = findings.into_iter().map(|finding| finding.message);
        messages.collect::<Vec<_>>().join(", ")
    };
    let told = "build step compile needs `cc`, which is not here";
    assert_eq!(missing(&|_| ()), told);
    assert_eq!(missing(&|host| host.put_file("/usr/bin/cc", "", 0o644)), told);
    assert_eq!(missing(&|host| host.put_file("/opt/bin/cc", "", 0o755)), told);
    assert_eq!(missing(&|host| host.put_file("/usr/bin/cc", "", 0o755)), "");
    let linked = |host: &FakeHost| {
        host.put_file("/usr/lib/cc-14", "", 0o755);
        host.put_link("/etc/alternatives/cc", "/usr/lib/cc-14");
        host.put_link("/usr/bin/cc", "../../etc/alternatives/cc");
    };
    assert_eq!(missing(&linked), "");
}
