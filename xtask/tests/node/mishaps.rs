//! What happens to deploys on a booted systemd that is nobody's commit: they are interrupted, cannot
//! provide for their death, leave something running; and an environment that is taken off its host.

use serde_json::Value;
use xtask::node::Options;

use super::possible;
use super::site::Site;

#[test]
fn an_uninstallation_takes_back_what_was_made_and_leaves_data_until_its_name_is_typed() {
    if !possible(Options::default()) {
        return;
    }
    let site = Site::new("uninstalled", Options::default());
    let look = "find /opt /var/lib/helionyx /etc/systemd/system /usr/local/lib /etc/passwd -printf '%p %y %u %m %l\n' \
                2>/dev/null | sort; cut -d: -f1 /etc/passwd /etc/group";
    let before = site.run(&["sh", "-c", look]);
    for environment in ["dev", "live"] {
        site.set_up(environment);
        assert_eq!(site.tool(&["deploy", "--env", environment]).code, 0);
    }
    let log = site.run(&["cat", "/var/lib/helionyx/dev/events/events.jsonl"]);
    let live = site.run(&["systemctl", "show", "-P", "MainPID", "helionyx"]);
    let ended = site.tool(&["uninstall", "--env", "dev"]);
    assert_eq!(
        (ended.code, &ended.report()["outcome"]),
        (0, &"deployed".into()),
        "{}",
        ended.stderr
    );
    let left = site.run(&["sh", "-c", "ls -A /opt/helionyx/dev /etc/systemd/system"]);
    assert!(!left.contains("helionyx-dev") && !left.contains("recover-helionyx.dev"), "{left}");
    assert!(!left.contains("current") && left.contains("journal.jsonl"), "{left}");
    assert!(left.contains("shared") && left.contains("recover-helionyx.live"), "{left}");
    let kept = site.run(&["cat", "/var/lib/helionyx/dev/events/events.jsonl"]);
    assert_eq!(kept, log, "data stays (HEL-44)");
    assert_eq!(site.run(&["systemctl", "show", "-P", "MainPID", "helionyx"]), live, "HEL-48");
    let again = site.tool(&["uninstall", "--env", "dev"]);
    assert_eq!(again.report()["outcome"], "unchanged", "{}", again.stderr);
    assert_eq!(site.tool(&["setup", "--env", "dev"]).code, 0);
    assert_eq!(site.tool(&["deploy", "--env", "dev"]).code, 0, "and it can be deployed again");
    let kept = site.run(&["cat", "/var/lib/helionyx/dev/events/events.jsonl"]);
    assert!(kept.starts_with(&log), "HEL-46");

    let purge = |environment: &str, typed: &str| {
        let script = format!(
            "cd /srv/site/project && echo {typed} | helionyx-deploy uninstall --env {environment} --purge"
        );
        site.node.run(&["sh", "-c", &script]).unwrap()
    };
    let refused = purge("dev", "dev");
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(site.outside("/var/lib/helionyx/dev/events/events.jsonl").exists());
    for environment in ["dev", "live"] {
        let purged = purge(environment, &format!("helionyx/{environment}"));
        assert!(purged.status.success(), "{purged:?}");
        if environment == "dev" {
            assert_eq!(site.answer(8002)["environment"], "live", "HEL-48");
        }
    }
    assert_eq!(site.run(&["sh", "-c", look]), before, "exactly what was made is gone");
    assert_eq!(site.node.failed_units().unwrap(), "");
    site.set_up("live");
    let verified = site.tool(&["audit", "verify", "--env", "live"]);
    assert_eq!(verified.code, 0, "the new journal is no torn one: {:?}", verified.lines);
}

#[test]
fn an_interruption_past_the_switch_does_not_keep_a_deploy_from_its_end() {
    if !possible(Options::default()) {
        return;
    }
    let site = Site::deployed("interrupted", Options::default(), &["dev"]);
    for (signal, fault, code, outcome) in
        [("TERM", "none", 0, "deployed"), ("HUP", "sick", 6, "rolled-back")]
    {
        if fault == "sick" {
            site.remodel("deadline_secs = 60", "deadline_secs = 5");
        }
        site.commit(fault);
        let script = format!(
            "cd /srv/site/project; said=/tmp/{signal}; \
             helionyx-deploy --json deploy --env dev >$said 2>&1 & pid=$!; \
             for i in $(seq 3000); do grep -qs start-service $said && break; sleep 0.05; done; \
             kill -{signal} $pid; wait $pid; echo $?; grep '\"event\":\"report\"' $said"
        );
        let said = site.run(&["bash", "-c", &script]);
        let (ended, report) = said.split_once('\n').unwrap();
        let report: serde_json::Value = serde_json::from_str(report).unwrap();
        assert_eq!(
            (ended, &report["outcome"]),
            (&*code.to_string(), &outcome.into()),
            "ALL-03, HEL-54: {signal}: {report}"
        );
    }
}

#[test]
fn what_provides_for_a_dead_deployer_keeps_nobody_from_rolling_back() {
    if !possible(Options::default()) {
        return;
    }
    let site = Site::deployed("unguarded", Options::default(), &["dev"]);
    site.commit("none");
    assert_eq!(site.tool(&["deploy", "--env", "dev"]).code, 0);
    // Another program than the installed one, and nowhere to put it.
    site.run(&[
        "sh",
        "-c",
        "touch /usr/local/bin/helionyx-deploy && mount -t tmpfs -o ro none /usr/local/lib",
    ]);
    let ended = site.tool(&["rollback", "--env", "dev"]);
    assert_eq!(
        (ended.code, &ended.report()["outcome"]),
        (0, &"deployed".into()),
        "{}",
        ended.stderr
    );
    let warned = ended.lines.iter().any(|line| {
        line["event"] == "warning" && line["message"].to_string().contains("if we died")
    });
    assert!(warned, "HEL-85: {:?}", ended.lines);
    site.run(&["umount", "/usr/local/lib"]);
    assert_eq!(site.tool(&["deploy", "--env", "dev"]).code, 0, "HEL-86");
}

#[test]
fn a_build_that_leaves_processes_behind_has_failed_or_warns_and_they_are_ended() {
    if !possible(Options::default()) {
        return;
    }
    let site = Site::deployed("daemon", Options::default(), &["dev"]);
    let model = site.outside("/srv/site/project/envs/helionyx/app.toml");
    let text = fs_err::read_to_string(&model).unwrap();
    let build_begins = |script: &str| {
        let text = text.replace("id -un > built-by;", &format!("{script} id -un > built-by;"));
        fs_err::write(&model, text).unwrap();
    };
    let before = site.answer(8000);
    build_begins("setsid sleep 3456 &");
    let ended = site.tool(&["deploy", "--env", "dev"]);
    let report = ended.report();
    assert_eq!((ended.code, &report["outcome"]), (1, &"failed".into()), "HEL-83: {report}");
    let error = report["error"].as_str().unwrap();
    assert!(error.contains("(sleep 3456)") && error.contains("now killed"), "{error}");
    assert_eq!(sleepers(&site), "0");
    assert_eq!(site.answer(8000), before, "HEL-36: what runs was not touched");

    build_begins("setsid sh -c 'cd /; exec sleep 3457' &");
    let ended = site.tool(&["deploy", "--env", "dev"]);
    assert_eq!((ended.code, &ended.report()["outcome"]), (0, &"deployed".into()), "{ended:?}");
    let told = |line: &&Value| line["message"].to_string().contains("(sleep 3457) running");
    let warnings = ended.lines.iter().filter(|line| line["event"] == "warning").filter(told);
    assert_eq!((warnings.count(), sleepers(&site).as_str()), (1, "0"), "{:?}", ended.lines);

    build_begins("setsid sh -c 'cd /; exec sleep 3458' & sleep 3459;");
    site.run(&["bash", "-c", KILLED_MEANWHILE]);
    assert_eq!(site.tool(&["recover", "--env", "dev"]).code, 0, "HEL-86");
}

/// How many processes of builds there are.
fn sleepers(site: &Site) -> String {
    site.run(&["sh", "-c", "pgrep -c -x -f 'sleep 345[6-9]' || true"])
}

/// Kills a deployer as soon as both processes of its build are there, and waits until neither is.
const KILLED_MEANWHILE: &str = "cd /srv/site/project
helionyx-deploy deploy --env dev & deployer=$!
built() { pgrep -c -x -f -u helionyx-dev 'sleep 345[89]'; }
for i in $(seq 6000); do test $(built) = 2 && break; sleep 0.01; done
test $(built) = 2 || exit 7
kill -9 $deployer
for i in $(seq 6000); do test $(built) = 0 && exit 0; sleep 0.01; done
exit 8";
