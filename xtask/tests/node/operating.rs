//! What operators do on a host from day to day, on a booted systemd: they start and stop, edit what is
//! not theirs, take environments away; and services crash on them.

use xtask::node::Options;

use super::possible;
use super::site::Site;

fn show(site: &Site, unit: &str, property: &str) -> String {
    site.run(&["systemctl", "show", "-P", property, unit])
}

#[test]
fn a_start_limit_counts_crashes_and_not_what_an_operator_or_a_deploy_starts() {
    if !possible(Options::default()) {
        return;
    }
    let site = Site::deployed("limit", Options::default(), &["dev"]);
    let limit = show(&site, "helionyx-dev", "StartLimitBurst");
    for _ in 0..limit.parse::<usize>().unwrap() + 1 {
        let ended = site.tool(&["restart", "--env", "dev"]);
        assert_eq!(ended.code, 0, "HEL-60: {}", ended.stderr);
    }
    for (command, code) in [("stop", 0), ("start", 0), ("stop", 0), ("deploy", 0)] {
        let ended = site.tool(&[command, "--env", "dev"]);
        assert_eq!(ended.code, code, "HEL-62, HEL-64: {command}: {}", ended.stderr);
    }
    // A real crash loop still ends, and it is said.
    let crash = "for i in $(seq 400); do [ $(systemctl is-failed helionyx-dev) = failed ] && exit; \
                 systemctl kill -s KILL helionyx-dev; sleep 0.1; done; exit 1";
    site.run(&["sh", "-c", crash]);
    let status = site.tool(&["status", "--env", "dev"]);
    assert_eq!((status.code, &status.lines[0]["state"]), (3, &"failed".into()), "HEL-54");
    let said = status.lines[0]["findings"].to_string();
    assert!(said.contains("again 5 times, and leaves it down now"), "HEL-74: {said}");
    assert!(!said.contains("\"stopped\""), "one mistake is one finding: {said}");
    let ended = site.tool(&["start", "--env", "dev"]);
    assert_eq!(ended.code, 0, "HEL-64: {}", ended.stderr);
}

#[test]
fn a_crash_after_the_first_answers_is_not_called_a_start_that_failed() {
    if !possible(Options::default()) {
        return;
    }
    let site = Site::deployed("late", Options::default(), &["dev"]);
    // The release counts its answers: its end comes before the end of such a window.
    site.remodel("stable_ms = 500", "stable_ms = 50000");
    site.commit("late");
    let ended = site.tool(&["deploy", "--env", "dev"]);
    let report = ended.report();
    assert_eq!((ended.code, &report["outcome"]), (6, &"rolled-back".into()), "HEL-82: {report}");
    let error = report["error"].as_str().unwrap();
    assert!(error.contains("helionyx-dev.service passed its probes"), "I8: {error}");
    assert!(error.ends_with("of the 50.0 s that it must, then it ended with status 1"), "{error}");
}

#[test]
fn a_unit_that_somebody_edits_is_named_before_another_environment_has_it_loaded() {
    if !possible(Options::default()) {
        return;
    }
    let site = Site::deployed("edited", Options::default(), &["dev", "live"]);
    site.run(&[
        "sed",
        "-i",
        "s/^MemoryMax=.*/MemoryMax=99M/",
        "/etc/systemd/system/helionyx.service",
    ]);
    let found = |args: &[&str]| {
        let ended = site.tool(args);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let is_named = |line: &&serde_json::Value| {
            ["finding", "warning"].contains(&line["event"].as_str().unwrap())
                && line["message"].to_string().contains("helionyx.service of helionyx/live")
        };
        ended.lines.iter().filter(is_named).count()
    };
    site.commit("none");
    assert_eq!(found(&["plan", "--env", "dev"]), 0, "this plan has systemd read nothing");
    let model = "/srv/site/project/envs/helionyx/app.toml";
    site.run(&["sed", "-i", "s/\"Helionyx API\"/\"Helionyx 2\"/", model]);
    assert_eq!(found(&["plan", "--env", "dev"]), 1, "HEL-48");
    assert_eq!(found(&["deploy", "--env", "dev", "--dry-run"]), 1, "HEL-48");
    assert_eq!(show(&site, "helionyx", "NeedDaemonReload"), "yes", "nothing was loaded");
    assert_eq!(found(&["deploy", "--env", "dev"]), 1, "HEL-48");
    assert_eq!(show(&site, "helionyx", "NeedDaemonReload"), "no");
}

#[test]
fn an_uninstallation_that_something_of_ours_outlives_ends_with_3_and_the_next_one_takes_it() {
    if !possible(Options::default()) {
        return;
    }
    let site = Site::deployed("outlived", Options::default(), &["dev"]);
    let cache = "/opt/helionyx/dev/cache";
    site.run(&["mount", "-t", "tmpfs", "none", cache]);
    let ended = site.tool(&["uninstall", "--env", "dev"]);
    let report = ended.report();
    assert_eq!((ended.code, &report["outcome"]), (3, &"deployed".into()), "I8: {report}");
    let left = report["left"].to_string();
    assert!(left.contains(cache), "{left}");
    assert!(
        ended.stderr.contains(&format!("still to be done: remove {cache}")),
        "{}",
        ended.stderr
    );
    site.run(&["umount", cache]);
    let ended = site.tool(&["uninstall", "--env", "dev"]);
    assert_eq!((ended.code, &ended.report()["left"]), (0, &serde_json::Value::Null), "I7");
}
