//! Operations on a booted systemd that are cut short wherever they make something durable: the
//! deployer is killed, or the machine loses its power. Nobody gives a command afterwards.
//!
//! All points: `HELIONYX_EVERY=1 cargo test -p xtask --test node -- cut_short --nocapture`.

use std::time::Duration;

use serde_json::Value;
use xtask::node::{Layer, Options, wait};

use super::point::{Point, every, points};
use super::possible;
use super::site::Site;

/// What the deployer waits for the disk with: before each step, and in each that writes.
const CALLS: [&str; 3] = ["fdatasync", "fsync", "syncfs"];
/// Where the trace of a deployer lies.
const TRACE: &str = "/tmp/trace";
const LOG: &str = "/var/lib/helionyx/live/events/events.jsonl";

/// A command of the tool under strace, as words for a shell in the project.
fn traced(injection: Option<String>, words: &str) -> String {
    let calls = CALLS.join(",");
    let inject = injection.map(|injection| format!("-e {injection}")).unwrap_or_default();
    format!(
        "cd /srv/site/project && strace -qq -o {TRACE} -e trace={calls} {inject} \
         helionyx-deploy {words}"
    )
}

/// Something that is done to live over and over, and what makes it ready to be done again.
struct Operation {
    words: &'static str,
    /// Whether each time begins with a new commit.
    ships: bool,
}

const OPERATIONS: [Operation; 3] = [
    Operation { words: "deploy --env live", ships: true },
    Operation { words: "rollback --env live", ships: false },
    Operation { words: "restart --env live", ships: false },
];

impl Operation {
    fn prepare(&self, site: &Site, round: usize) {
        if self.ships {
            site.commit(&format!("{} {round}", self.words));
        }
    }

    /// All moments when it waits for the disk.
    fn points(&self, site: &Site) -> Vec<Point> {
        self.prepare(site, 0);
        site.run(&["sh", "-c", &traced(None, self.words)]);
        points(&site.run(&["cat", TRACE]), &CALLS)
    }
}

/// That live comes to serve a verified release with nobody doing anything about it, and that its
/// journal is whole.
fn recovers_by_itself(site: &Site, case: &str) {
    let mut last = String::new();
    let is_whole = || {
        let status = site.tool(&["status", "--env", "live"]);
        let line = &status.lines[0];
        let audit = site.tool(&["audit", "verify", "--env", "live"]);
        let open = site.tool(&["recover", "--env", "live", "--dry-run"]);
        last = format!("{line} {:?} {:?}", audit.lines, open.lines);
        let serves = status.code == 0 && line["release"] == line["running_release"];
        let ended = audit.code == 0 && open.lines[0]["begin"].is_null();
        Ok((serves && ended).then_some(()))
    };
    let seen = wait::until("see it whole again", Duration::from_secs(180), is_whole);
    assert!(seen.is_ok(), "I1, I3, I6: {case}: {last}");
    let verified = site.run(&["sh", "-c", "ls /opt/helionyx/live/verified"]);
    let current = site.run(&["readlink", "/opt/helionyx/live/current"]);
    let current = current.rsplit('/').next().unwrap().to_owned();
    assert!(verified.contains(&current), "I1: {case}: {current} is among {verified}");
}

/// What holds when all is said and done: the next deploy works, and the one after it finds nothing.
fn goes_on(site: &Site, events: &str, case: &str) {
    assert!(site.run(&["cat", LOG]).starts_with(events), "I5: {case}");
    let next = site.tool(&["deploy", "--env", "live"]);
    assert_eq!(next.code, 0, "I6, I7: {case}: {}", next.stderr);
    let again = site.tool(&["deploy", "--env", "live"]);
    assert_eq!(again.report()["outcome"], "unchanged", "I7: {case}: {:?}", again.lines);
    let timer = ["systemctl", "show", "-P", "ActiveState", "recover-helionyx.live.timer"];
    assert_eq!(site.run(&timer), "inactive", "{case}: nothing waits any more");
}

/// What tells whether the service was touched.
fn running(site: &Site) -> Value {
    let status = site.tool(&["status", "--env", "live"]);
    let line = &status.lines[0];
    serde_json::json!([line["pid"], line["release"], line["running_release"]])
}

#[test]
fn a_deployer_that_is_killed_at_any_step_leaves_a_service_that_systemd_puts_right() {
    if !possible(Options::default()) {
        return;
    }
    let site = Site::new("killed", Options::default());
    // It is started more often than anybody may start it by hand.
    let model = "/srv/site/project/envs/helionyx/app.toml";
    let often = "s/start_burst = 5/start_burst = 1000/; s/start_interval_secs = 300/start_interval_secs = 3000/";
    site.run(&["sed", "-i", often, model]);
    site.deploy_first(&["live"]);
    site.commit("the first to go back from");
    assert_eq!(site.tool(&["deploy", "--env", "live"]).code, 0);
    for operation in &OPERATIONS {
        let (points, mut killed, mut recovered) = (operation.points(&site), 0, 0);
        let mut tried = 0;
        let count = points.len();
        for (index, point) in points.iter().enumerate().step_by(every(7)) {
            tried += 1;
            operation.prepare(&site, index + 1);
            let (events, before) = (site.run(&["cat", LOG]), running(&site));
            let script = traced(Some(point.inject("KILL")), operation.words);
            let ended = site.node.run(&["sh", "-c", &script]).unwrap();
            let case = format!("{} killed at {index} of {count}", operation.words);
            let link = site.outside("/opt/helionyx/live/current");
            assert!(link.symlink_metadata().is_ok(), "I1: {case}");
            killed += usize::from(!ended.status.success());
            let timer = ["systemctl", "show", "-P", "ActiveState", "recover-helionyx.live.timer"];
            if site.run(&timer) == "active" {
                recovered += 1;
                recovers_by_itself(&site, &case);
            } else if !ended.status.success() {
                let now = running(&site);
                assert!(now == before || now[1] == now[2], "I3: {case}: {before} {now}");
            }
            goes_on(&site, &events, &case);
        }
        eprintln!(
            "{}: {count} points, {tried} tried, {killed} killed, of them {recovered} past the switch and put \
             right by systemd, 0 violations",
            operation.words
        );
        assert!(killed > 0 && recovered > 0, "{}: {killed} of {tried}", operation.words);
    }
}

#[test]
fn a_power_cut_at_any_step_of_a_deploy_is_put_right_at_boot() {
    let disk = Options { layer: Layer::Disk, size_mib: 1024, ..Options::default() };
    if !possible(disk) {
        return;
    }
    let mut site = Site::deployed("cut", disk, &["live"]);
    let deploy = &OPERATIONS[0];
    let (points, mut cuts) = (deploy.points(&site), 0);
    let count = points.len();
    for (index, point) in points.iter().enumerate().step_by(every(7)) {
        deploy.prepare(&site, index + 1);
        // What the operator had is on the disk; what the deploy does may be lost.
        site.run(&["sync"]);
        let events = site.run(&["cat", LOG]);
        let script = traced(Some(point.inject("STOP")), deploy.words);
        let script = format!(
            "rm -f {TRACE} /tmp/ended; (setsid sh -c '{script}; touch /tmp/ended' >/dev/null 2>&1 &)"
        );
        site.run(&["sh", "-c", &script]);
        let is_there = "[ -e /tmp/ended ] || grep -q 'SIGSTOP' /tmp/trace";
        let stopped = || {
            let looked = site.node.run(&["sh", "-c", is_there])?;
            Ok(looked.status.success().then_some(()))
        };
        wait::until("see the deployer stopped", Duration::from_secs(60), stopped).unwrap();
        site.node.cut().unwrap();
        cuts += 1;
        let case = format!("no power at {index} of {count}");
        // A release that was not switched to may be torn; the unit and what `current` names may not.
        let torn = "find /etc/systemd/system/*helionyx* /opt/helionyx/live/current/ -type f -size 0 \
                    -not -name __init__.py";
        assert_eq!(site.run(&["sh", "-c", torn]), "", "I1, I2: {case}");
        recovers_by_itself(&site, &case);
        goes_on(&site, &events, &case);
    }
    eprintln!("deploy: {count} points, {cuts} power cuts, 0 violations");
}
