//! The virtual environment made by uv instead of pip, by the lines that docs/DEPLOYMENT.md gives.

use serde_json::Value;

use super::{answers_with_its_own_code, ingest, installable, need, write_models};
use crate::site::Site;

const ENVIRONMENT: (&str, u16) = ("dev", 8000);

const MODEL: &str = include_str!("../../../../envs/helionyx/app.toml");
const DOCS: &str = include_str!("../../../../docs/DEPLOYMENT.md");

/// What the model says with pip, and what the documentation gives in its place, for a machine
/// without a network.
fn instead_of_pip() -> [(String, String); 2] {
    let with_pip = ["[[requires]]", "[[build]]"].map(|table| {
        let from = MODEL.find(table).unwrap();
        let length = MODEL[from..].find("\n\n").unwrap();
        MODEL[from..from + length].to_owned()
    });
    let given = DOCS.split("```toml\n").find(|block| block.contains("\"uv\"")).unwrap();
    let (given, _) = given.split_once("\n```").unwrap();
    let (requires, build) = given.split_once("\n\n").unwrap();
    let offline = [
        ("\"venv\", \"--python\"", "\"venv\", \"--offline\", \"--python\""),
        (
            "\"install\",",
            "\"install\", \"--offline\", \"--no-index\", \"--find-links\", \"/srv/site/wheels\",",
        ),
    ];
    let build = offline.iter().fold(build.to_owned(), |build, (from, to)| {
        assert!(build.contains(from), "{from}: {build}");
        build.replace(from, to)
    });
    let [pip_requires, pip_build] = with_pip;
    [(pip_requires, requires.to_owned()), (pip_build, build)]
}

/// Deploys the code as it is; from which release the virtual environment was taken over.
fn deploy(site: &Site) -> Option<String> {
    let (environment, port) = ENVIRONMENT;
    let ended = site.tool(&["deploy", "--env", environment]);
    assert_eq!((ended.code, &ended.report()["outcome"]), (0, &"deployed".into()), "{ended:?}");
    answers_with_its_own_code(site, environment, port);
    let manifest = site.run(&["cat", "/opt/helionyx/dev/current/release.json"]);
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let step = &manifest["builds"][0];
    eprintln!("uv: {} ms, from {}", step["duration_ms"], step["reused_from"]);
    step["reused_from"].as_str().map(str::to_owned)
}

#[test]
fn uv_does_what_pip_does() {
    if !installable() {
        return;
    }
    let site = Site::standin("uv");
    let unpack = "cd /srv && python3 -m zipfile -e site/wheels/uv-*.whl uv && \
                  install -m 755 uv/uv-*.data/scripts/uv /usr/local/bin/uv";
    site.run(&["sh", "-c", unpack]);
    let changes = instead_of_pip();
    let changes: Vec<_> = changes.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    write_models(&site, &changes);
    let (environment, port) = ENVIRONMENT;
    site.deploy_first(&[environment]);
    ingest(&site, port, "hello dev");
    answers_with_its_own_code(&site, environment, port);
    let first = site.answer(port);
    let installer = "cat /opt/helionyx/dev/current/.venv/lib/*/site-packages/fastapi-*/INSTALLER";
    assert_eq!(site.run(&["sh", "-c", installer]), "uv", "HEL-10");

    site.commit("none");
    let taken_from = deploy(&site);
    let second = site.answer(port);
    assert!(first["code"].as_str().unwrap().contains(&taken_from.unwrap()), "HEL-39");
    assert_ne!(second["code"], first["code"], "HEL-11, T-HEL-3");

    need(&site, "0.8.10");
    site.commit("none");
    assert_eq!(deploy(&site), None, "HEL-39: other dependencies are installed anew");
    assert_eq!(site.answer(port)["installed"]["tabulate"], "0.8.10", "HEL-39");

    let back = site.tool(&["rollback", "--env", environment]);
    assert_eq!((back.code, &back.report()["outcome"]), (0, &"deployed".into()), "HEL-85");
    assert_eq!(site.answer(port), second, "HEL-39, HEL-84: code and dependencies are back");
}
