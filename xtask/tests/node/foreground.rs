//! An environment in the foreground, under systemd: the very unit, its log, and nothing left of it.

use xtask::node::Options;

use super::possible;
use super::site::Site;

/// Runs it until its log shows that it serves, asks systemd and the service, ends it by a signal, and
/// waits until the unit is down.
const UNTIL: &str = "cd /srv/site/project; rm -f /tmp/said
helionyx-deploy run --env dev >/tmp/said 2>&1 & run=$!
for i in $(seq 6000); do grep -qs 'listening on 8000' /tmp/said && break; sleep 0.01; done
systemctl is-active helionyx-dev
curl -sf http://127.0.0.1:8000/ | grep -o '\"has_token\": true'
ps -o user= -p $(systemctl show -P MainPID helionyx-dev)
kill -SIGNAL $run; wait $run; echo $?
for i in $(seq 9000); do test $(systemctl is-active helionyx-dev) = inactive && break; sleep 0.01; done
systemctl is-active helionyx-dev; systemctl is-enabled helionyx-dev";

#[test]
fn an_environment_in_the_foreground_is_its_unit_with_its_log_and_is_stopped_in_the_end() {
    if !possible(Options::default()) {
        return;
    }
    let site = Site::deployed("foreground", Options::default(), &["dev"]);
    let before = site.answer(8000);
    let refused = site.tool(&["run", "--env", "dev"]);
    let (report, refusal) = (refused.report(), &refused.report()["refusals"][0]["code"]);
    assert_eq!((refused.code, refusal), (1, &"runs-already".into()), "HEL-29: {report}");
    assert_eq!(site.answer(8000), before, "it was not touched");
    assert_eq!(site.tool(&["stop", "--env", "dev"]).code, 0);

    for (signal, code) in [("INT", 0), ("KILL", 137)] {
        let seen = site.run(&["bash", "-c", &UNTIL.replace("SIGNAL", signal)]);
        let said = site.run(&["cat", "/tmp/said"]);
        let expected = ["active", "\"has_token\": true", "helionyx-dev"].join("\n");
        let expected = format!("{expected}\n{code}\ninactive\nenabled");
        assert_eq!(seen, expected, "HEL-29: {signal}: {said}");
    }
    // The timer brought the one that was killed to its end, or does so with this.
    assert_eq!(site.tool(&["recover", "--env", "dev", "--wait", "1m"]).code, 0, "HEL-86");
    let history = site.tool(&["history", "--env", "dev"]);
    let ran = |line: &&serde_json::Value| line["operation"] == "run";
    assert_eq!(history.lines.iter().filter(ran).count(), 2, "{:?}", history.lines);
    assert_eq!(site.node.failed_units().unwrap(), "");
    let witness = site.told();
    assert!(witness.contains("in the foreground by root"), "{witness}");
    let started = site.tool(&["start", "--env", "dev"]);
    assert_eq!(started.code, 0, "HEL-29: afterwards it starts as ever: {}", started.stderr);
}
