//! Ways back that are closed: by an event that the release before does not understand, by somebody
//! who takes the port.

use std::time::Duration;

use xtask::node::wait;
use xtask::site::{Ended, WORK};

use super::{LOG, PORT, SOON, ingest, installable, write_models};
use crate::site::Site;

#[test]
fn a_way_back_that_is_closed_is_tried_once_and_said_and_the_next_good_commit_is_deployed() {
    if !installable() {
        return;
    }
    let site = Site::standin("stuck");
    site.deploy_first(&["live"]);
    ingest(&site, PORT, "before");
    let (first, log) = (site.answer(PORT), site.run(&["cat", LOG]));
    write_models(&site, SOON);
    site.commit("poison");
    let ended = site.tool(&["deploy", "--env", "live"]);
    let report = ended.report();
    assert_eq!((ended.code, &report["outcome"]), (7, &"stuck".into()), "{}", ended.stderr);
    let error = report["error"].as_str().unwrap();
    for reason in ["/health answers 500", "it ended with status 1"] {
        assert!(error.contains(reason), "both reasons (HEL-101): {error}");
    }
    assert_eq!(switches(&ended), 2, "there and back, once: {}", ended.stderr);
    let kept = site.run(&["ls", report["evidence"].as_str().unwrap()]);
    assert!(kept.contains("events.jsonl") && kept.contains("helionyx.log"), "HEL-53: {kept}");
    // The timer may be trying again at this very moment.
    let recovered = site.tool(&["recover", "--env", "live", "--wait", "2m"]);
    assert_eq!((recovered.code, switches(&recovered)), (7, 0), "{}", recovered.stderr);
    let repair = "cd /srv/site/code && sed -i 's/^SCHEMA = 1/SCHEMA = 2/' shared/common/events.py";
    site.run(&["sh", "-c", repair]);
    site.commit("none");
    let ended = site.tool(&["deploy", "--env", "live", "--wait", "2m"]);
    assert_eq!(
        (ended.code, &ended.report()["outcome"]),
        (0, &"deployed".into()),
        "{}",
        ended.stderr
    );
    assert_eq!(site.answer(PORT)["texts"], first["texts"], "HEL-46, HEL-89");
    assert!(site.run(&["cat", LOG]).starts_with(&log), "HEL-44, HEL-91");
    a_stranger_on_the_port_is_named_and_left_alone(&site);
    a_stranger_that_takes_the_port_while_nobody_listens_is_named(&site);
    assert!(site.run(&["cat", LOG]).starts_with(&log), "HEL-44, HEL-91");
}

/// How often `current` was pointed to another release.
fn switches(ended: &Ended) -> usize {
    ended.lines.iter().filter(|line| line["step"]["switch-current"].is_object()).count()
}

/// What tells that the stranger has the port.
const THERE: &str = "/run/stranger";

fn start_stranger(site: &Site) {
    let program = format!("{WORK}/stranger.py");
    site.write(&program, include_bytes!("../standin/stranger.py")).unwrap();
    let unit = ["systemd-run", "--quiet", "--collect", "--unit=stranger", "--"];
    site.run(&[&unit[..], &["/usr/bin/python3", &program, "8002", THERE]].concat());
}

/// It was left alone.
fn end_stranger(site: &Site) {
    assert_eq!(site.run(&["systemctl", "is-active", "stranger"]), "active", "HEL-71");
    site.run(&["test", "-e", THERE]);
    site.run(&["systemctl", "stop", "stranger"]);
    site.run(&["rm", THERE]);
}

/// Says who holds which port, by what.
fn names_the_stranger(site: &Site, said: &str) {
    let pid = site.run(&["systemctl", "show", "-P", "MainPID", "stranger"]);
    let named = format!("is held by pid {pid} (/usr/bin/python3 {WORK}/stranger.py");
    assert!(said.contains("port 8002") && said.contains(&named), "HEL-02: {named} in {said}");
}

fn a_stranger_on_the_port_is_named_and_left_alone(site: &Site) {
    site.run(&["systemctl", "stop", "helionyx"]);
    start_stranger(site);
    let there = || Ok(site.node.run(&["test", "-e", THERE])?.status.success().then_some(()));
    wait::until("see the stranger listen", Duration::from_secs(60), there).unwrap();
    let refused = site.tool(&["deploy", "--env", "live"]);
    assert_eq!((refused.code, switches(&refused)), (1, 0), "HEL-02: {}", refused.stderr);
    names_the_stranger(site, &refused.stderr);
    end_stranger(site);
    let ended = site.tool(&["deploy", "--env", "live"]);
    assert_eq!(
        (ended.code, &ended.report()["outcome"]),
        (0, &"deployed".into()),
        "{}",
        ended.stderr
    );
}

fn a_stranger_that_takes_the_port_while_nobody_listens_is_named(site: &Site) {
    let before = site.answer(PORT);
    start_stranger(site);
    site.commit("none again");
    let ended = site.tool(&["deploy", "--env", "live"]);
    assert_eq!((ended.code, switches(&ended)), (7, 2), "{}", ended.stderr);
    names_the_stranger(site, ended.report()["error"].as_str().unwrap());
    end_stranger(site);
    let ended = site.tool(&["recover", "--env", "live", "--wait", "2m"]);
    assert_eq!((ended.code, switches(&ended)), (0, 0), "{}", ended.stderr);
    assert_eq!(site.answer(PORT), before, "HEL-84: the release before answers again");
}
