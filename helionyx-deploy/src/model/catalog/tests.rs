//! Several files together: what is selected, what is refused, and the repository's own models.

use std::collections::BTreeMap;

use camino::Utf8Path;
use proptest::prelude::*;

use super::*;
use crate::layout::Layout;
use crate::model::{
    Build, HealthModel, Kind, Limits, ProbeModel, Restart, Retention, Runtime, Sandbox,
    ServiceModel, ServiceType, Source, Supervision, Timing, Variable,
};
use crate::template::Template;

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.to_owned() }
}

fn app(name: &str) -> SourceFile {
    let text = format!(
        "name = \"{name}\"\n[source.artifact]\nfile = \"/x\"\n[[service]]\nname = \"a\"\nexec = [\"/bin/a\"]\n"
    );
    file(&format!("envs/{name}/app.toml"), &text)
}

fn environment(app: &str, name: &str, keys: &str) -> SourceFile {
    file(&format!("envs/{app}/{name}.toml"), &format!("supervisor = \"process\"\n{keys}"))
}

fn parse(files: &[SourceFile]) -> (Catalog, Vec<String>) {
    let (catalog, findings) = Catalog::parse(files, Utf8Path::new("/p"));
    assert!(findings.iter().all(|finding| !finding.hint.is_empty()), "{findings:?}");
    assert_eq!(catalog.findings(), findings);
    let lines = findings.iter().map(|f| format!("{} {}: {}", f.place, f.code, f.message));
    (catalog, lines.collect())
}

/// The models of this repository, as its own commands read them.
fn repository() -> Vec<SourceFile> {
    let envs = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../envs");
    let mut files = Vec::new();
    for app in envs.read_dir_utf8().unwrap().map(Result::unwrap) {
        let inside = app.path().read_dir_utf8().unwrap().map(Result::unwrap);
        for model in inside.filter(|file| file.path().extension() == Some("toml")) {
            #[expect(clippy::disallowed_methods, reason = "a test reads what is checked in")]
            let text = std::fs::read_to_string(model.path()).unwrap();
            let path = format!("envs/{}/{}", app.file_name(), model.file_name());
            files.push(SourceFile { path, text });
        }
    }
    files
}

#[test]
fn the_models_of_this_repository_have_no_findings() {
    let (catalog, findings) = parse(&repository());
    assert_eq!(findings, Vec::<String>::new());
    assert!(catalog.select(Some("sample/local")).is_ok());
}

#[test]
fn the_sample_means_what_its_files_say() {
    let (catalog, _) = parse(&repository());
    let words = |words: &[&str]| words.iter().map(|word| text(word)).collect::<Vec<_>>();
    let sample = catalog.select(Some("local")).unwrap();
    assert_eq!(sample.id(), "sample/local");
    assert_eq!(sample.runtime, Runtime::Process);
    let root = "/p/.deploy/sample/local";
    assert_eq!(sample.layout, Layout { root: root.into(), data: format!("{root}/data").into() });
    assert_eq!(sample.project, "/p");
    assert_eq!(sample.port.map(crate::name::Port::get), Some(18080));
    let exclude = ["target", "tests", "README.md", ".git"].map(str::to_owned).to_vec();
    let dir = "/p/helionyx-deploy/examples/sample".into();
    assert_eq!(sample.source, Source::Path { dir, exclude });
    let run =
        "cargo install --path . --root . --no-track --locked --debug --target-dir {cache}/target";
    let build = Build {
        name: "compile".parse().unwrap(),
        run: words(&run.split(' ').collect::<Vec<_>>()),
        then: Vec::new(),
        relocate: false,
        inputs: vec!["Cargo.toml".into(), "Cargo.lock".into(), "src".into()],
        outputs: vec!["bin".into()],
        inherit: vec!["CARGO_HOME".parse().unwrap(), "RUSTUP_HOME".parse().unwrap()],
        deadline: std::time::Duration::from_secs(600),
    };
    assert_eq!(sample.builds, [build]);
    assert_eq!(sample.services, [sample_service(words(&["{release}/bin/sample"]))]);
    assert_eq!(sample.retention, Retention { releases: 5 });
    let names: Vec<_> = sample.variables.keys().map(crate::name::VariableName::as_str).collect();
    assert_eq!(names, ["APP", "ENVIRONMENT", "EVENT_LOG", "FAULT", "FAULT_AFTER_MS", "PORT"]);
    let (value, about) = (Some(text("{port}")), None);
    let port = Variable { kind: Kind::Port, value, about, is_required: true, is_distinct: false };
    assert_eq!(sample.variables[&"PORT".parse().unwrap()], port);
    assert!(!sample.has_secrets());
}

fn sample_service(exec: Vec<Template>) -> ServiceModel {
    let fields = |fields: &[(&str, &str)]| {
        fields.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect()
    };
    let probe = |path: &str, wanted: &[(&str, &str)]| ProbeModel {
        port: None,
        path: path.to_owned(),
        status: 200,
        fields: fields(wanted),
        fields_if_present: BTreeMap::new(),
    };
    let ready =
        [("status", "ready"), ("release", "{release_id}"), ("environment", "{environment}")];
    let timing = Timing {
        try_timeout_ms: 2000,
        interval_ms: 100,
        deadline_ms: 20_000,
        passes: 3,
        stable_ms: 500,
    };
    ServiceModel {
        ports: Vec::new(),
        after: [].into(),
        requires: [].into(),
        name: "sample".parse().unwrap(),
        exec,
        limits: Limits { stop_timeout_ms: 10_000, start_burst: 5, start_interval_ms: 10_000 },
        supervision: Supervision {
            description: None,
            service_type: ServiceType::Exec,
            start_timeout_secs: 60,
            restart: Restart::OnFailure,
            restart_delay_secs: 1,
            sandbox: Sandbox::Standard,
            memory_max_mib: 1024,
            tasks_max: 256,
            open_files_max: 65_536,
        },
        health: Some(HealthModel {
            probes: vec![
                probe("/health", &[("status", "healthy")]),
                probe("/health/ready", &ready),
            ],
            timing,
        }),
    }
}

fn text(text: &str) -> Template {
    Template::parse(text).unwrap()
}

#[test]
fn numbers_keep_the_digits_that_were_written() {
    let mut model = app("a");
    for name in ["A", "B", "C", "D", "E"] {
        model.text.push_str(&format!("[variables.{name}]\nkind = \"text\"\n"));
    }
    let values = "[variables]\nA = 5.0\nB = 1_000\nC = 10.50\nD = true\nE = \"{{5}}\"\n";
    let (catalog, findings) = parse(&[model, environment("a", "dev", values)]);
    assert_eq!(findings, Vec::<String>::new());
    let environment = catalog.select(Some("dev")).unwrap();
    let bindings = environment.bindings(Utf8Path::new("/r"));
    let values =
        environment.variables.values().map(|v| v.value.as_ref().unwrap().expand(&bindings));
    assert_eq!(values.collect::<Vec<_>>(), ["5.0", "1000", "10.50", "true", "{5}"], "(HEL-13)");
}

#[test]
fn unwritten_directories_are_those_of_the_layout() {
    let (catalog, _) = parse(&[app("a"), environment("a", "dev", "")]);
    let layout = &catalog.select(Some("a/dev")).unwrap().layout;
    assert_eq!((layout.root.as_str(), layout.data.as_str()), ("/opt/a/dev", "/var/lib/a/dev"));
}

#[test]
fn names_select_one_environment_or_list_the_choices() {
    let files = [
        app("helionyx"),
        environment("helionyx", "dev", ""),
        environment("helionyx", "live", ""),
        environment("helionyx", "staging", "port = 0"),
        app("b"),
        environment("b", "dev", ""),
        environment("b", "local", ""),
        app("c"),
        environment("c", "local", ""),
        environment("c", "only", ""),
    ];
    let (catalog, _) = parse(&files);
    let names = "dev, live, staging, b/dev, b/local, c/local, c/only";
    let all = format!("choose one of {names}");
    let unknown = |wanted: &str| format!("failed to find environment {wanted:?}, {all}");
    for (wanted, expected) in [
        (Some("dev"), "helionyx/dev".to_owned()),
        (Some("b/dev"), "b/dev".to_owned()),
        (Some("only"), "c/only".to_owned()),
        (None, format!("no environment given; use --env with one of: {names}")),
        (Some(""), format!("no environment given; use --env with one of: {names}")),
        (Some("prod"), unknown("prod")),
        (Some("dev;x"), unknown("dev;x")),
        (Some("dev\n"), unknown("dev\n").replace(", choose", ", did you mean `dev`?, choose")),
        (
            Some("heliony/dev"),
            unknown("heliony/dev").replace(", choose", ", did you mean `helionyx/dev`?, choose"),
        ),
        (Some("Live"), unknown("Live").replace(", choose", ", did you mean `live`?, choose")),
        (
            Some("c/loacl"),
            unknown("c/loacl").replace(", choose", ", did you mean `c/local`?, choose"),
        ),
        (
            Some("local"),
            "failed to choose between the environments `local`, choose one of b/local, c/local"
                .to_owned(),
        ),
        (
            Some("staging"),
            "failed to read the model of `helionyx/staging`: envs/helionyx/staging.toml:2:8: \
             `port` cannot be 0"
                .to_owned(),
        ),
    ] {
        let found = catalog.select(wanted).map_or_else(|error| error.to_string(), Environment::id);
        assert_eq!(found, expected, "{wanted:?} (HEL-35)");
    }
    let ids: Vec<_> = catalog.environments().map(Environment::id).collect();
    assert_eq!(ids, ["b/dev", "b/local", "c/local", "c/only", "helionyx/dev", "helionyx/live"]);
    let empty = Catalog::default().select(None).unwrap_err();
    assert_eq!(empty.to_string(), "no environment given, and there is none in the models");
}

/// Two environments of two apps, and what is said of them.
fn check_pair(one: &str, other: &str, expected: &[&str]) {
    let files = [app("a"), app("b"), environment("a", "dev", one), environment("b", "live", other)];
    let (catalog, findings) = parse(&files);
    assert_eq!(findings, expected, "{one:?} {other:?} (HEL-97)");
    let usable = catalog.environments().count();
    assert_eq!(usable, if expected.is_empty() { 2 } else { 0 }, "a conflict has two sides");
}

#[test]
fn environments_share_nothing_and_both_places_are_named() {
    check_pair("port = 1", "port = 2", &[]);
    check_pair("root = \"/srv/a\"", "root = \"/srv/ab\"", &[]);
    check_pair(
        "port = 8000",
        "port = 8000",
        &["envs/b/live.toml:2:8 shared-port: port 8000 is taken at envs/a/dev.toml:2:8"],
    );
    check_pair(
        "root = \"/srv/x\"\ndata = \"{root}/data\"",
        "root = \"/srv/x\"\ndata = \"{root}/data\"",
        &[
            "envs/b/live.toml:2:8 shared-root: `root` is `/srv/x`, which is taken at envs/a/dev.toml:2:8",
        ],
    );
    check_pair(
        "root = \"/srv/x\"",
        "root = \"/srv/x/y\"",
        &[
            "envs/b/live.toml:2:8 shared-root: `root` is `/srv/x/y`, which meets `/srv/x` at envs/a/dev.toml:2:8",
        ],
    );
    check_pair(
        "",
        "data = \"/var/lib/a/dev/sub\"",
        &[
            "envs/b/live.toml:2:8 shared-data: `data` is `/var/lib/a/dev/sub`, which meets `/var/lib/a/dev` at envs/a/dev.toml",
        ],
    );
    check_pair(
        "",
        "data = \"/opt/a/dev/data\"",
        &[
            "envs/b/live.toml:2:8 shared-path: `data` is `/opt/a/dev/data`, which meets `/opt/a/dev` at envs/a/dev.toml",
        ],
    );
}

#[test]
fn every_conflict_is_said_once_at_the_line_that_somebody_wrote() {
    // Each mistake of its own is said, and what follows from one is not.
    check_pair(
        "",
        "data = \"/opt/a/dev/data\"\nbackups = \"/opt/a/dev/b\"",
        &[
            "envs/b/live.toml:2:8 shared-path: `data` is `/opt/a/dev/data`, which meets `/opt/a/dev` at envs/a/dev.toml",
            "envs/b/live.toml:3:11 shared-path: `backups` is `/opt/a/dev/b`, which meets `/opt/a/dev` at envs/a/dev.toml",
        ],
    );
    check_pair(
        "root = \"/srv/x\"\nbackups = \"{root}/b\"",
        "root = \"/srv/x\"\nbackups = \"{root}/b\"\ndata = \"/var/lib/a/dev\"",
        &[
            "envs/b/live.toml:2:8 shared-root: `root` is `/srv/x`, which is taken at envs/a/dev.toml:2:8",
            "envs/b/live.toml:4:8 shared-data: `data` is `/var/lib/a/dev`, which is taken at envs/a/dev.toml",
        ],
    );
    check_pair(
        "data = \"{root}/data\"",
        "data = \"/opt/a/dev/data\"",
        &[
            "envs/b/live.toml:2:8 shared-data: `data` is `/opt/a/dev/data`, which is taken at envs/a/dev.toml:2:8",
        ],
    );
    // Where only one of both is written, that one is to blame.
    check_pair(
        "data = \"/var/lib/b/live\"",
        "",
        &[
            "envs/a/dev.toml:2:8 shared-data: `data` is `/var/lib/b/live`, which is taken at envs/b/live.toml",
        ],
    );
    // Two spellings of one host.
    check_pair(
        "host = \"node1\"\nport = 1",
        "host = \"node1.example.org\"\nport = 1",
        &["envs/b/live.toml:3:8 shared-port: port 1 is taken at envs/a/dev.toml:3:8"],
    );
    check_pair(
        "host = \"node1.example.com\"\nport = 1",
        "host = \"node1.example.org\"\nport = 1",
        &[],
    );
}

#[test]
fn one_rule_says_which_machine_a_host_is() {
    for (host, machine, same) in [
        ("node1", "node1", true),
        ("node1", "node1.example.org", true),
        ("node1.example.org", "node1", true),
        ("node1", "NODE1", true),
        ("node1.example.org", "node1.example.com", false),
        ("node1", "node10", false),
    ] {
        let keys = format!("host = \"{host}\"");
        let (catalog, _) = parse(&[app("a"), environment("a", "dev", &keys)]);
        let environment = catalog.select(Some("dev")).unwrap();
        assert_eq!(environment.runs_on(machine), same, "{host} {machine}");
    }
}

/// An app with a value of every kind that must be distinct, under systemd, in two environments.
fn apart(dev: &str, live: &str) -> Vec<String> {
    let mut app = app("a");
    for (name, kind, distinct) in [
        ("BOT", "text", true),
        ("PORT", "port", true),
        ("EVENTS", "path", true),
        ("CACHE", "path", false),
        ("MODEL", "text", false),
    ] {
        app.text.push_str(&format!(
            "[variables.{name}]\nkind = \"{kind}\"\ndistinct = {distinct}\nrequired_in = []\n"
        ));
    }
    let environment = |name: &str, text: &str| {
        file(&format!("envs/a/{name}.toml"), &format!("supervisor = \"systemd\"\n{text}"))
    };
    parse(&[app, environment("dev", dev), environment("live", live)]).1
}

#[test]
fn units_users_backups_and_values_are_apart_too() {
    let dev = "/envs/a/dev.toml";
    for (one, other, expected) in [
        ("", "", vec![]),
        ("unit_suffix = \"\"", "", vec![]),
        (
            "unit_suffix = \"\"",
            "unit_suffix = \"\"",
            vec!["2:15 shared-unit: the unit `a.service` is taken at {dev}:2:15"],
        ),
        (
            "user = \"web\"",
            "user = \"web\"",
            vec!["2:8 shared-user: the user `web` is taken at {dev}:2:8"],
        ),
        (
            "backups = \"/srv/b\"",
            "backups = \"/srv/b/c\"",
            vec![
                "2:11 shared-backups: `backups` is `/srv/b/c`, which meets `/srv/b` at {dev}:2:11",
            ],
        ),
        (
            "[variables]\nBOT = \"x\"\nMODEL = \"m\"",
            "[variables]\nBOT = \"x\"\nMODEL = \"m\"",
            vec!["3:7 shared-value: `BOT` is `x`, which is taken at {dev}:3:7"],
        ),
        (
            "",
            "[variables]\nCACHE = \"/var/lib/a/dev/cache\"",
            vec![
                "3:9 foreign-path: `CACHE` is `/var/lib/a/dev/cache`, which lies in `data` of a/dev at {dev}",
            ],
        ),
        (
            "[variables]\nPORT = 8000",
            "port = 8000\n[variables]\nPORT = 8001",
            vec!["2:8 shared-port: port 8000 is taken at {dev}:3:8"],
        ),
        (
            "port = 8000\n[variables]\nPORT = \"{port}\"",
            "port = 8000\n[variables]\nPORT = \"{port}\"",
            vec!["2:8 shared-port: port 8000 is taken at {dev}:2:8"],
        ),
        // On different hosts all of it is free.
        ("host = \"x\"\nport = 1\nuser = \"u\"", "host = \"y\"\nport = 1\nuser = \"u\"", vec![]),
        (
            "host = \"x\"\nuser = \"u\"",
            "user = \"u\"",
            vec!["2:8 shared-user: the user `u` is taken at {dev}:3:8"],
        ),
    ] {
        let expected: Vec<_> = expected
            .iter()
            .map(|line| format!("envs/a/live.toml:{}", line.replace("{dev}", &dev[1..])))
            .collect();
        assert_eq!(apart(one, other), expected, "{one:?} {other:?} (HEL-97)");
    }
}

#[test]
fn values_are_judged_beside_shared_directories_and_the_written_line_is_named() {
    let shared = "data = \"/srv/d\"";
    for (one, other, expected) in [
        // What follows from shared data, and what does not.
        (
            &*format!("{shared}\n[variables]\nEVENTS = \"{{data}}/e\"\nCACHE = \"{{data}}/c\""),
            &*format!("{shared}\n[variables]\nEVENTS = \"{{data}}/e\"\nCACHE = \"/opt/a/dev/c\""),
            vec![
                "live.toml:2:8 shared-data: `data` is `/srv/d`, which is taken at envs/a/dev.toml:2:8",
                "live.toml:5:9 foreign-path: `CACHE` is `/opt/a/dev/c`, which lies in `root` of a/dev at envs/a/dev.toml",
            ],
        ),
        (
            "user = \"a-live\"",
            "",
            vec!["dev.toml:2:8 shared-user: the user `a-live` is taken at envs/a/live.toml"],
        ),
        (
            "unit_suffix = \"-live\"",
            "",
            vec![
                "dev.toml:2:15 shared-unit: the unit `a-live.service` is taken at envs/a/live.toml",
            ],
        ),
    ] {
        let expected: Vec<_> = expected.iter().map(|line| format!("envs/a/{line}")).collect();
        assert_eq!(apart(one, other), expected, "{one:?} {other:?}");
    }
}

#[test]
fn a_value_for_all_that_must_be_distinct_is_said_once_with_the_environments() {
    let mut app = app("a");
    app.text += "[variables.BOT]\nkind = \"text\"\nvalue = \"x\"\ndistinct = true\n";
    app.text += "[variables.PORT]\nkind = \"port\"\nvalue = 9000\ndistinct = true\n";
    let environments = ["dev", "live", "staging"].map(|name| environment("a", name, ""));
    let (_, findings) = parse(&[&[app][..], &environments].concat());
    assert_eq!(
        findings,
        [
            "envs/a/app.toml:9:9 shared-value: `BOT` is `x` in a/dev, a/live, a/staging",
            "envs/a/app.toml:13:9 shared-port: port 9000 is that of a/dev, a/live, a/staging",
        ]
    );
}

#[test]
fn units_of_two_apps_are_told_apart_by_the_app() {
    let environment =
        |app: &str| file(&format!("envs/{app}/dev.toml"), "supervisor = \"systemd\"\n");
    let files = [app("a"), app("b"), environment("a"), environment("b")];
    let (catalog, findings) = parse(&files);
    assert_eq!(
        findings,
        ["envs/b/dev.toml shared-unit: the unit `a-dev.service` is taken at envs/a/dev.toml"]
    );
    assert!(catalog.findings()[0].hint.to_string().contains("-{app}-{environment}"));
}

#[test]
fn state_is_apart_where_it_may_lie_anywhere() {
    let mut app = app("a");
    app.text.push_str("[variables.EVENTS]\nkind = \"path\"\ndistinct = true\n");
    let environment =
        |name, path| environment("a", name, &format!("[variables]\nEVENTS = \"{path}\""));
    for (one, other, expected) in [
        ("{data}/e", "{data}/e", None),
        ("/srv/e", "/srv/f", None),
        ("/srv/e", "/srv/e/x", Some("shared-value: `EVENTS` is `/srv/e/x`, which meets `/srv/e`")),
    ] {
        let files = [app.clone(), environment("dev", one), environment("live", other)];
        let expected =
            expected.map(|what| format!("envs/a/live.toml:3:10 {what} at envs/a/dev.toml:3:10"));
        assert_eq!(parse(&files).1, expected.into_iter().collect::<Vec<_>>(), "{one} {other}");
    }
}

#[test]
fn a_port_that_no_probe_asks_is_worth_a_warning() {
    let check = |exec: &str, keys: &str| {
        let mut app = app("a");
        app.text = app.text.replace("\"/bin/a\"", exec);
        app.text.push_str(
            "[service.health]\n[[service.health.probe]]\npath = \"/\"\n\
             [variables.PORT]\nkind = \"port\"\ndistinct = true\n\
             [variables.METRICS]\nkind = \"port\"\nrequired_in = []\ndistinct = true\n",
        );
        let (catalog, findings) = parse(&[app, environment("a", "dev", keys)]);
        assert_eq!(catalog.environments().count(), 1, "a warning stops nothing");
        findings
    };
    let plain = "\"/bin/a\"";
    let told = "\"/bin/a\", \"--port={port}\"";
    let warning = "envs/a/dev.toml:4:8 unprobed-port: `PORT` is 8001, and the probes ask port 8000";
    for (exec, values, expected) in [
        (plain, "PORT = \"{port}\"", vec![]),
        (plain, "PORT = 8000\nMETRICS = 9000", vec![]),
        (told, "PORT = 8001", vec![]),
        (plain, "PORT = 8001", vec![warning]),
    ] {
        let found = check(exec, &format!("port = 8000\n[variables]\n{values}"));
        assert_eq!(found, expected, "{exec} {values}");
    }
}

#[test]
fn environments_share_a_user_only_where_their_apps_say_so() {
    for (shared, expected) in [("", 1), ("shared_user = false\n", 1), ("shared_user = true\n", 0)] {
        let mut app = app("a");
        app.text = format!("{shared}{}", app.text);
        let text = "supervisor = \"systemd\"\nuser = \"web\"\n";
        let environments = ["dev", "live"].map(|name| file(&format!("envs/a/{name}.toml"), text));
        let [dev, live] = environments;
        assert_eq!(parse(&[app, dev, live]).1.len(), expected, "{shared:?}");
    }
}

#[test]
fn the_environments_of_helionyx_are_those_of_its_guide() {
    let (catalog, _) = parse(&repository());
    let units = catalog.environments().filter(|one| one.app.as_str() == "helionyx");
    let lines: Vec<String> = units
        .map(|one| {
            let bindings = one.bindings(Utf8Path::new("/r"));
            let value = |name: &str| {
                let variable = &one.variables[&name.parse().unwrap()];
                variable.value.as_ref().unwrap().expand(&bindings)
            };
            let names = [
                "API_HOST",
                "API_PORT",
                "EVENT_STORE_PATH",
                "PROJECTIONS_DB_PATH",
                "BACKUP_ROOT",
                "LOG_LEVEL",
                "OPENAI_MODEL",
                "LLM_DAILY_COST_LIMIT_USD",
                "TELEGRAM_BOT_NAME",
                "ENV",
            ];
            let values = names.map(value).join(" ");
            let Runtime::Systemd(units) = &one.runtime else { panic!("{:?}", one.runtime) };
            format!("{} {values}", units.of(&one.services[0].name))
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    helionyx-dev.service 0.0.0.0 8000 /var/lib/helionyx/dev/events /var/lib/helionyx/dev/projections/helionyx.db /var/lib/helionyx/backups DEBUG gpt-4o-mini 5.0 helionyx_dev_bot dev
    helionyx.service 0.0.0.0 8002 /var/lib/helionyx/live/events /var/lib/helionyx/live/projections/helionyx.db /var/lib/helionyx/backups WARNING gpt-4o-mini 50.0 helionyx_bot live
    helionyx-staging.service 0.0.0.0 8001 /var/lib/helionyx/staging/events /var/lib/helionyx/staging/projections/helionyx.db /var/lib/helionyx/backups INFO gpt-4o-mini 10.0 helionyx_staging_bot staging
    ");
}

#[test]
fn files_that_name_nothing_or_stand_alone_are_said() {
    let files = [
        file("envs/Bad Name/app.toml", ""),
        file("envs/Bad Name/dev.toml", ""),
        file("envs/a/Live.toml", ""),
        file("envs/a/notes.txt", ""),
        file("app.toml", ""),
        file("envs/lonely/dev.toml", "x = 1"),
        file("envs/lonely/live.toml", ""),
        file("envs/silent/app.toml", "# later\n"),
        environment("silent", "dev", "port = 1\n[variables]\nA = 1"),
        app("b"),
        file("envs/b/dev.toml", "\n"),
        app("a"),
        app("a"),
    ];
    let (catalog, findings) = parse(&files);
    let brief: Vec<_> = findings.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(
        brief,
        [
            "app.toml bad-file-name",
            "envs/Bad Name bad-file-name",
            "envs/a/Live.toml bad-file-name",
            "envs/a/app.toml duplicate-file",
            "envs/a/app.toml no-environment",
            "envs/a/notes.txt bad-file-name",
            "envs/b/dev.toml empty",
            "envs/lonely/dev.toml missing-app",
            "envs/silent/app.toml empty",
        ]
    );
    for broken in ["lonely/dev", "lonely/live", "silent/dev", "b/dev"] {
        let found = catalog.select(Some(broken));
        assert!(matches!(found, Err(SelectError::Broken { .. })), "{broken}: {found:?}");
    }
}

#[test]
fn a_file_of_nothing_but_mistakes_ends_in_bounded_time() {
    let keys: String = (0..5_000).map(|number| format!("k{number} = [[[{{}}]]]\n")).collect();
    let (_, findings) = parse(&[app("a"), environment("a", "dev", &keys)]);
    assert_eq!(findings.len(), 51, "the first fifty, and that there are more");
    assert!(findings[0].contains("dev.toml too-many-findings"), "{}", findings[0]);
    let deep = format!("x = {}{}", "[".repeat(50_000), "]".repeat(50_000));
    assert!(!parse(&[app("a"), environment("a", "dev", &deep)]).1.is_empty());
    let (_, findings) = parse(&[app("a"), environment("a", "dev", &"#\n".repeat(100_000))]);
    assert_eq!(
        findings,
        ["envs/a/dev.toml too-large: the file has 200023 bytes, a model at most 131072"]
    );
}

proptest! {
    /// Whatever is typed, cut or pasted into a model, it is read or refused, never a crash, and
    /// every finding lies in its file.
    #[test]
    fn mutated_models_never_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..12usize, junk()), 1..6),
        which in 0..2usize,
    ) {
        let mut files = repository();
        files.retain(|file| file.path.starts_with("envs/sample/"));
        let text = &mut files[which].text;
        for (at, length, junk) in edits {
            let chars: Vec<char> = text.chars().collect();
            let start = at.index(chars.len() + 1);
            let end = (start + length).min(chars.len());
            *text = chars[..start].iter().copied().chain(junk.chars()).chain(chars[end..].iter().copied()).collect();
        }
        let (_, findings) = Catalog::parse(&files, Utf8Path::new("/p"));
        for finding in findings {
            let file = files.iter().find(|file| file.path == finding.place.file).unwrap();
            prop_assert!(finding.place.line <= file.text.split('\n').count());
            prop_assert!(finding.to_string().lines().count() <= 2, "{finding}");
        }
    }
}

fn junk() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        prop::sample::select(vec![
            "",
            "\"",
            "'",
            "\"\"\"",
            "\n",
            "\r",
            "\0",
            "[",
            "]",
            "[[",
            "{",
            "}",
            "{{",
            "=",
            ".",
            "-1",
            "99999999999999999999",
            "1e999",
            "nan",
            "true",
            "[]",
            "{}",
            "\u{2028}",
            "\u{feff}",
            "é",
            "{port}",
            "{release}",
            "\\u0000",
            "[variables]\n",
            "[[service]]\n",
            "1979-05-27",
        ])
        .prop_map(str::to_owned),
    ]
}
