//! The real thing on a booted systemd: FastAPI and uvicorn, installed by pip as Helionyx's own model
//! says, in three environments. What fails, and how, is in `faults`; what cannot go back, in `stuck`.

use xtask::node::Options;
use xtask::site::standin::{self, Changes};
use xtask::site::{WORK, wheelhouse};

use super::possible;
use super::site::{QUICK, Site};

mod faults;
mod stuck;
mod uv;

/// Environments, their ports and their units.
const ALL: [(&str, u16, &str); 3] = [
    ("dev", 8000, "helionyx-dev"),
    ("staging", 8001, "helionyx-staging"),
    ("live", 8002, "helionyx"),
];

/// Where commits fail: the port of live and the event log of it.
const PORT: u16 = 8002;
const LOG: &str = "/var/lib/helionyx/live/events/events.jsonl";

/// The model for deploys that must fail by their deadline: it is waited for.
const SOON: Changes = &[("deadline_secs = 60", "deadline_secs = 20")];

/// Whether there are nodes, and the packages that they install. Says loudly what is missing; in CI
/// nothing may be.
fn installable() -> bool {
    if !possible(Options::default()) {
        return false;
    }
    let Err(missing) = wheelhouse::filled() else { return true };
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
    assert!(!in_ci, "the stand-in for Helionyx cannot be installed in CI: {missing:#}");
    eprintln!("SKIPPED: {missing:#}");
    false
}

/// All that these environments would load and all that runs of them, to the last time stamp.
fn fingerprint(site: &Site, environments: &[&str]) -> String {
    let of = |environment: &&str| {
        let (_, _, unit) = ALL.iter().find(|(name, ..)| name == environment).unwrap();
        let file = format!("/etc/systemd/system/{unit}.service");
        format!(
            "for at in /opt/helionyx/{environment} /var/lib/helionyx/{environment} {file}; do \
             find $at -printf '%p %l %i %u %m %s %T@ %C@\\n' | sort; \
             find $at -type f -print0 | sort -z | xargs -0 sha256sum; done; \
             systemctl show -P MainPID -P InvocationID -P NRestarts -P NeedDaemonReload {unit}; "
        )
    };
    let script: String = environments.iter().map(of).collect();
    site.run(&["sh", "-c", &script])
}

/// The models, with these changes to what tests always change.
fn write_models(site: &Site, changes: Changes) {
    standin::write_models(site, &[&QUICK, changes].concat()).unwrap();
}

/// Sends a message to a service.
fn ingest(site: &Site, port: u16, text: &str) {
    let url = format!("http://127.0.0.1:{port}/ingest/message");
    let body = format!("{{\"text\": \"{text}\"}}");
    let json = "Content-Type: application/json";
    site.run(&["curl", "-sf", "-H", json, "-d", &body, &url]);
}

/// Lets a commit need this version of the small dependency.
fn need(site: &Site, version: &str) {
    let path = format!("{WORK}/code/pyproject.toml");
    let script = format!("sed -i 's/tabulate==[0-9.]*/tabulate=={version}/' {path}");
    site.run(&["sh", "-c", &script]);
}

#[test]
fn three_environments_of_the_real_stack_run_at_once_and_a_second_deploy_touches_none() {
    if !installable() {
        return;
    }
    let site = Site::standin("fastapi");
    site.deploy_first(&["dev", "staging", "live"]);
    let status = site.tool(&["status"]);
    let ready = status.lines.iter().filter(|line| line["ready"] == true).count();
    assert_eq!((status.code, ready), (0, 3), "HEL-23, HEL-108: {}", status.stderr);
    for (environment, port, _) in ALL {
        let health = format!("http://127.0.0.1:{port}/health");
        let body = r#"{"status":"healthy","service":"helionyx"}"#;
        assert_eq!(site.run(&["curl", "-sf", &health]), body, "HEL-25, HEL-26: {environment}");
        ingest(&site, port, &format!("hello {environment}"));
        answers_with_its_own_code(&site, environment, port);
    }
    let tests = "cd /opt/helionyx/dev/current && .venv/bin/python -B -m pytest -q -p no:cacheprovider tests";
    site.run(&["setpriv", "--reuid=helionyx-dev", "--clear-groups", "sh", "-c", tests]);
    let all = ["dev", "staging", "live"];
    let before = fingerprint(&site, &all);
    for environment in all {
        let again = site.tool(&["deploy", "--env", environment]);
        let outcome = &again.report()["outcome"];
        assert_eq!((again.code, outcome), (0, &"unchanged".into()), "HEL-43: {}", again.stderr);
    }
    assert_eq!(fingerprint(&site, &all), before, "HEL-43: not a process, not a time stamp changed");
    dependencies_go_forward_and_back_with_the_code(&site);
}

/// What answers is the release's own code, with all extras in the release's own environment.
fn answers_with_its_own_code(site: &Site, environment: &str, port: u16) {
    let answer = site.answer(port);
    let root = format!("/opt/helionyx/{environment}");
    let release = site.run(&["readlink", "-f", &format!("{root}/current")]);
    let code = format!("{release}/services/api/app.py");
    assert_eq!(answer["code"], code.as_str(), "HEL-11: {environment}");
    assert_eq!(answer["environment"], environment, "HEL-23");
    assert_eq!(answer["texts"], serde_json::json!([format!("hello {environment}")]), "HEL-99");
    let prefix = answer["prefix"].as_str().unwrap();
    let prefix = site.run(&["readlink", "-f", prefix]);
    assert_eq!(prefix, format!("{release}/.venv"), "HEL-09, HEL-10: {environment}");
    for package in ["fastapi", "uvicorn", "python-dotenv", "pytest", "parse", "tabulate"] {
        assert!(answer["installed"][package].is_string(), "HEL-10: {package} in {answer}");
    }
    // Not by way of the working directory: where the editable install leads.
    let import = "import services.api.app as app; print(app.__file__)";
    let script = format!("cd / && {release}/.venv/bin/python -B -c '{import}'");
    assert_eq!(site.run(&["sh", "-c", &script]), code, "HEL-11, T-HEL-3: {environment}");
}

fn dependencies_go_forward_and_back_with_the_code(site: &Site) {
    let others = fingerprint(site, &["staging", "live"]);
    let first = site.answer(8000);
    need(site, "0.8.10");
    site.commit("none");
    let ended = site.tool(&["deploy", "--env", "dev"]);
    assert_eq!(ended.report()["outcome"], "deployed", "HEL-39: {}", ended.stderr);
    let second = site.answer(8000);
    assert_eq!(second["installed"]["tabulate"], "0.8.10", "HEL-39");
    assert_ne!(second["code"], first["code"], "HEL-11");
    let back = site.tool(&["rollback", "--env", "dev"]);
    assert_eq!((back.code, &back.report()["outcome"]), (0, &"deployed".into()), "HEL-85");
    assert_eq!(site.answer(8000), first, "HEL-39, HEL-84, HEL-89: code, dependencies, projections");
    let others_now = fingerprint(site, &["staging", "live"]);
    assert_eq!(others_now, others, "HEL-48: staging and live are what they were");
}
