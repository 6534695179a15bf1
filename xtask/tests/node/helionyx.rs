//! Helionyx on a booted systemd: three environments side by side, deploys that fail, and what comes
//! after.

use std::time::Duration;

use serde_json::Value;
use xtask::node::{Options, wait};

use super::possible;
use super::site::Site;

#[test]
fn three_environments_run_side_by_side_and_a_deploy_of_one_leaves_the_others_alone() {
    if !possible(Options::default()) {
        return;
    }
    let site = Site::deployed("three", Options::default(), &["dev", "staging", "live"]);
    for (port, environment, level, limit, bot) in [
        (8000, "dev", "DEBUG", "5.0", "helionyx_dev_bot"),
        (8001, "staging", "INFO", "10.0", "helionyx_staging_bot"),
        (8002, "live", "WARNING", "50.0", "helionyx_bot"),
    ] {
        let answer = site.answer(port);
        let data = format!("/var/lib/helionyx/{environment}");
        for (name, value) in [
            ("environment", environment.to_owned()),
            ("LOG_LEVEL", level.to_owned()),
            ("API_HOST", "0.0.0.0".to_owned()),
            ("API_PORT", port.to_string()),
            ("EVENT_STORE_PATH", format!("{data}/events")),
            ("PROJECTIONS_DB_PATH", format!("{data}/projections/helionyx.db")),
            ("BACKUP_ROOT", "/var/lib/helionyx/backups".to_owned()),
            ("OPENAI_MODEL", "gpt-4o-mini".to_owned()),
            ("LLM_DAILY_COST_LIMIT_USD", limit.to_owned()),
            ("TELEGRAM_BOT_NAME", bot.to_owned()),
        ] {
            assert_eq!(
                answer[name], value,
                "HEL-13, HEL-14, HEL-15, HEL-23, HEL-25: {environment}"
            );
        }
    }
    secrets_stay_where_they_belong(&site);
    let built_by = site.run(&["sh", "-c", "stat -c %u:%a /opt/helionyx/dev/current/built-by && cat /opt/helionyx/dev/current/built-by"]);
    assert!(
        built_by.starts_with("0:444\nhelionyx-dev\n"),
        "built by nobody special, then sealed: {built_by}"
    );
    assert!(
        built_by.contains("Permission denied") && !built_by.contains("token-"),
        "ALL-04: {built_by}"
    );
    let before = others(&site);
    site.commit("none");
    let ended = site.tool(&["deploy", "--env", "dev"]);
    assert_eq!(ended.report()["outcome"], "deployed", "HEL-34: {}", ended.stderr);
    assert_eq!(others(&site), before, "HEL-48: staging and live are what they were");
    let untouched = |environment| {
        let environment = format!("helionyx/{environment}");
        serde_json::json!({ "environment": environment, "changes": [], "was_at_work": false })
    };
    let seen = &ended.report()["neighbours"];
    assert_eq!(*seen, serde_json::json!([untouched("live"), untouched("staging")]), "HEL-48");
    let status = site.tool(&["status"]);
    assert_eq!((status.code, status.lines.len()), (0, 3), "HEL-24, HEL-51");
    let units: Vec<_> = status.lines.iter().map(|line| line["unit"].as_str().unwrap()).collect();
    assert_eq!(units, ["helionyx-dev.service", "helionyx.service", "helionyx-staging.service"]);
    assert!(status.lines.iter().all(|line| line["enabled"] == true), "HEL-22");
}

/// Every environment's process has its own token, and nobody else can read it.
fn secrets_stay_where_they_belong(site: &Site) {
    for (unit, own) in [
        ("helionyx-dev", "token-dev"),
        ("helionyx-staging", "token-staging"),
        ("helionyx", "token-live"),
    ] {
        let script = format!(
            "tr '\\0' '\\n' < /proc/$(systemctl show -P MainPID {unit})/environ | grep -c token-; \
             tr '\\0' '\\n' < /proc/$(systemctl show -P MainPID {unit})/environ | grep token-"
        );
        let found = site.run(&["sh", "-c", &script]);
        assert_eq!(found, format!("1\nTELEGRAM_BOT_TOKEN={own}"), "HEL-31");
    }
    let script = "systemctl show helionyx helionyx-dev helionyx-staging; cat /etc/systemd/system/*.service; \
                  cat /opt/helionyx/*/journal.jsonl /opt/helionyx/*/releases/*/release.*; journalctl -b";
    let public = site.run(&["sh", "-c", script]);
    assert!(!public.contains("token-") && !public.contains("key-"), "HEL-17, ALL-04");
    let stranger = "su -s /bin/sh helionyx-dev -c 'cat /opt/helionyx/*/shared/.env /var/lib/helionyx/live/*' 2>&1 || true";
    let seen = site.run(&["sh", "-c", stranger]);
    assert!(!seen.contains("token-") && seen.contains("Permission denied"), "HEL-99: {seen}");
}

/// All that staging and live would load, and what runs of them.
fn others(site: &Site) -> String {
    let script = "for e in staging live; do find /opt/helionyx/$e /var/lib/helionyx/$e -type f -exec sha256sum {} + \
                  | sort; readlink /opt/helionyx/$e/current; done; \
                  sha256sum /etc/systemd/system/helionyx-staging.service /etc/systemd/system/helionyx.service; \
                  systemctl show -P MainPID -P InvocationID -P NeedDaemonReload helionyx helionyx-staging";
    site.run(&["sh", "-c", script])
}

#[test]
fn a_release_that_is_sick_or_crashes_is_taken_back_and_no_event_is_lost() {
    if !possible(Options::default()) {
        return;
    }
    let site = Site::deployed("taken-back", Options::default(), &["live"]);
    let good = site.tool(&["releases", "--env", "live"]).lines[0]["id"].clone();
    let log = "/var/lib/helionyx/live/events/events.jsonl";
    let (patient, soon) = ("deadline_secs = 60", "deadline_secs = 5");
    site.remodel(patient, soon);
    for (fault, said) in [("crash", "it ended with status 1"), ("sick", "/health answers 500")] {
        let before = site.run(&["cat", log]);
        site.commit(fault);
        let ended = site.tool(&["deploy", "--env", "live"]);
        let report = ended.report();
        assert_eq!(
            (ended.code, &report["outcome"]),
            (6, &"rolled-back".into()),
            "HEL-81, HEL-82, {report}"
        );
        assert!(report["error"].as_str().unwrap().contains(said), "HEL-84: {report}");
        assert!(report["failed"].is_string(), "the failed release is named (HEL-84): {report}");
        assert_eq!(site.answer(8002)["environment"], "live", "HEL-84");
        let status = site.tool(&["status", "--env", "live"]);
        assert_eq!((status.code, &status.lines[0]["running_release"]), (0, &report["release"]));
        assert!(site.run(&["cat", log]).starts_with(&before), "HEL-44, HEL-46, HEL-91");
    }
    site.remodel(soon, patient);
    let status = site.tool(&["status", "--env", "live"]);
    assert_eq!(status.lines[0]["release"], good, "HEL-84");
    site.commit("none");
    assert_eq!(
        site.tool(&["deploy", "--env", "live"]).code,
        0,
        "and the next good one is deployed"
    );
    let rolled = site.tool(&["rollback", "--env", "live"]);
    assert_eq!((rolled.code, &rolled.report()["outcome"]), (0, &"deployed".into()), "HEL-85");
    assert_eq!(site.tool(&["deploy", "--env", "live"]).report()["outcome"], "deployed", "HEL-86");
    assert_eq!(site.tool(&["deploy", "--env", "live"]).report()["outcome"], "unchanged", "HEL-43");
}

#[test]
fn a_first_deploy_that_fails_leaves_nothing_that_a_boot_would_start() {
    if !possible(Options::default()) {
        return;
    }
    let site = Site::new("first", Options::default());
    site.set_up("live");
    site.commit("crash");
    let ended = site.tool(&["deploy", "--env", "live"]);
    assert_eq!((ended.code, &ended.report()["outcome"]), (1, &"failed".into()), "{}", ended.stderr);
    assert!(!site.outside("/etc/systemd/system/helionyx.service").exists());
    assert_eq!(site.node.failed_units().unwrap(), "", "and nothing is left in a failed state");
    site.commit("none");
    assert_eq!(site.tool(&["deploy", "--env", "live"]).code, 0);
}

#[test]
fn services_are_stopped_started_restarted_and_come_back_after_a_reboot() {
    if !possible(Options::default()) {
        return;
    }
    let mut site = Site::deployed("operated", Options::default(), &["dev", "live"]);
    let pid = |site: &Site, unit: &str| site.run(&["systemctl", "show", "-P", "MainPID", unit]);
    let live = pid(&site, "helionyx");
    assert_eq!(site.tool(&["stop", "--env", "dev"]).code, 0, "HEL-62");
    assert_eq!(site.tool(&["stop", "--env", "dev"]).report()["outcome"], "unchanged", "HEL-62");
    assert_eq!(pid(&site, "helionyx-dev"), "0", "HEL-62");
    let status = site.tool(&["status", "--env", "dev"]);
    assert_eq!((status.code, &status.lines[0]["state"]), (3, &"stopped".into()), "HEL-54");
    assert_eq!(
        site.tool(&["restart", "--env", "dev"]).code,
        0,
        "a stopped one is started (HEL-64)"
    );
    let first = pid(&site, "helionyx-dev");
    assert_eq!(site.tool(&["restart", "--env", "dev"]).code, 0, "HEL-60");
    assert_ne!(pid(&site, "helionyx-dev"), first, "HEL-60");
    assert_eq!(pid(&site, "helionyx"), live, "live was left alone (HEL-60)");
    let logs = site.tool(&["logs", "--env", "dev", "-n", "50"]);
    let text: String = logs.lines.iter().map(|line| line["line"].to_string()).collect();
    assert!(logs.code == 0 && text.contains("listening on 8000"), "HEL-56: {text}");
    let since = site.tool(&["logs", "--env", "dev", "--since", "1 hour ago", "-p", "warning"]);
    assert_eq!(since.code, 0, "HEL-57");
    for option in ["--since", "--priority"] {
        let refused = site.tool(&["logs", "--env", "dev", option, "nonsense"]);
        assert_eq!(refused.code, 2, "{option}: {}", refused.stderr);
    }
    site.node.reboot().unwrap();
    let is_ready = |site: &Site| {
        let ready =
            site.tool(&["status"]).lines.iter().filter(|line| line["ready"] == true).count();
        (ready == 2).then_some(())
    };
    wait::until("see both run again (HEL-22)", Duration::from_secs(60), || Ok(is_ready(&site)))
        .unwrap();
    assert_eq!(site.tool(&["deploy", "--env", "dev"]).report()["outcome"], "unchanged", "HEL-22");
}

#[test]
fn a_unit_that_somebody_changed_is_named_and_put_right() {
    if !possible(Options::default()) {
        return;
    }
    let site = Site::deployed("changed", Options::default(), &["dev"]);
    let codes = |site: &Site| -> Vec<String> {
        let status = site.tool(&["status", "--env", "dev"]);
        let findings = status.lines[0]["findings"].as_array().unwrap().clone();
        let codes = findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned());
        codes.collect()
    };
    assert_eq!(codes(&site), [] as [&str; 0]);
    let unit = "/etc/systemd/system/helionyx-dev.service";
    for (script, expected) in [
        (
            "sed -i 's|dev/shared/.env|live/shared/.env|' UNIT && systemctl daemon-reload",
            "unit-changed",
        ),
        ("rm UNIT && systemctl daemon-reload", "unit-not-installed"),
        (": > UNIT && systemctl daemon-reload", "unit-changed"),
        ("systemctl disable -q helionyx-dev", "not-enabled"),
        ("touch UNIT", "unit-not-read"),
    ] {
        site.run(&["sh", "-c", &script.replace("UNIT", unit)]);
        let found = codes(&site);
        assert!(found.iter().any(|code| code == expected), "HEL-77: {script}: {found:?}");
        let ended = site.tool(&["deploy", "--env", "dev"]);
        assert_eq!(ended.code, 0, "HEL-77: {script}: {}", ended.stderr);
        assert_eq!(codes(&site), [] as [&str; 0], "HEL-77: {script}");
    }
    site.run(&[
        "sh",
        "-c",
        "mkdir -p UNIT.d && echo '[Service]\nUser=root' > UNIT.d/a.conf"
            .replace("UNIT", unit)
            .as_str(),
    ]);
    site.run(&["systemctl", "daemon-reload"]);
    assert_eq!(
        codes(&site),
        ["drop-in", "unit-overridden"],
        "HEL-77: what somebody else added is named, not removed"
    );
}

#[test]
fn setup_can_be_repeated_and_changes_nothing_that_is_there() {
    if !possible(Options::default()) {
        return;
    }
    let site = Site::new("setup", Options::default());
    let refused = site.tool(&["deploy", "--env", "live"]);
    assert_eq!(refused.code, 1, "HEL-36: {}", refused.stderr);
    assert!(!site.outside("/opt/helionyx").exists(), "HEL-36: nothing was made");
    site.run(&[
        "sh",
        "-c",
        "mkdir -p /var/lib/helionyx/live/events && echo mine > /var/lib/helionyx/live/events/old",
    ]);
    let refused = site.tool(&["setup", "--env", "live"]);
    assert_eq!(refused.code, 1, "HEL-20: somebody else's data is not taken over silently");
    assert!(refused.report()["refusals"].to_string().contains("wrong-owner"), "HEL-20");
    let mended = "useradd --system --user-group --no-create-home helionyx-live && \
                  chown helionyx-live: /var/lib/helionyx/live /var/lib/helionyx/live/events";
    site.run(&["sh", "-c", mended]);
    let first = site.tool(&["setup", "--env", "live"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    let look = "find /var/lib/helionyx /opt/helionyx -not -name journal.jsonl -not -name journal.head -not -name lock \
                -printf '%p %u %m %s\n' | sort";
    let made = site.run(&["sh", "-c", look]);
    for line in
        ["live/events/old root 644 5", "live/projections helionyx-live 750", "shared/.env root 600"]
    {
        assert!(made.contains(line), "HEL-12, HEL-18, HEL-19, HEL-20: {line} in {made}");
    }
    site.run(&["sh", "-c", "echo TELEGRAM_BOT_TOKEN=x >> /opt/helionyx/live/shared/.env"]);
    let changed = site.run(&["sh", "-c", look]);
    let again = site.tool(&["setup", "--env", "live"]);
    assert_eq!((again.code, &again.report()["outcome"]), (0, &"unchanged".into()), "HEL-20");
    assert_eq!(site.run(&["sh", "-c", look]), changed, "HEL-12, HEL-20");
}

#[test]
fn what_models_and_commits_say_is_what_runs_after_the_next_deploy() {
    if !possible(Options::default()) {
        return;
    }
    let site = Site::deployed("said", Options::default(), &["dev", "staging"]);
    let show = |unit: &str, property: &str| site.run(&["systemctl", "show", "-P", property, unit]);
    let status = site.run(&["systemctl", "--no-pager", "status", "helionyx-dev"]);
    assert!(status.contains("Loaded: loaded") && status.contains("Active: active (running) since"));
    let (before, other) =
        (site.tool(&["status", "--env", "dev"]), show("helionyx-staging", "InvocationID"));
    let before = before.lines[0]["release"].clone();

    // Code, unit and configuration go forward in one deploy (HEL-45); the port is a value like others.
    let models = "/srv/site/project/envs/helionyx";
    let change = format!(
        "sed -i 's/description = \"Helionyx API\"/description = \"Helionyx 2\"/' {models}/app.toml && \
         sed -i 's/port = 8000/port = 8010/; s/5.0/1.0/' {models}/dev.toml"
    );
    site.run(&["sh", "-c", &change]);
    let commit = site.commit("none");
    let ended = site.tool(&["deploy", "--env", "dev", "--ref", &commit]);
    let report = ended.report();
    assert_eq!(
        (ended.code, &report["outcome"]),
        (0, &"deployed".into()),
        "HEL-52: {}",
        ended.stderr
    );
    assert_eq!(report["previous"], before, "HEL-37");
    assert_eq!((&report["commit"], &report["failed"]), (&commit.clone().into(), &Value::Null));
    let answer = site.answer(8010);
    assert_eq!(answer["API_PORT"], "8010", "HEL-98");
    assert_eq!(answer["LLM_DAILY_COST_LIMIT_USD"], "1.0", "HEL-45, HEL-79");
    assert_eq!(show("helionyx-dev", "Description"), "Helionyx 2 (dev)", "HEL-45");
    assert_eq!(show("helionyx-dev", "NeedDaemonReload"), "no", "HEL-45");
    assert_eq!(show("helionyx-dev", "Result"), "success", "HEL-40");
    assert_eq!(show("helionyx-dev", "SyslogIdentifier"), "helionyx-dev", "HEL-102, HEL-103");
    assert_eq!(show("helionyx-staging", "InvocationID"), other, "HEL-40");

    // The very commit goes on to the next environment, and one command says who runs what.
    let staged = site.tool(&["deploy", "--env", "staging", "--ref", &commit]);
    assert_eq!(staged.code, 0, "HEL-49: {}", staged.stderr);
    let all = site.tool(&["status"]);
    let commits: Vec<_> = all.lines.iter().map(|line| &line["commit"]).collect();
    assert_eq!(commits.iter().filter(|known| ***known == commit).count(), 2, "HEL-50, HEL-51");

    let rolled = site.tool(&["rollback", "--env", "dev"]);
    assert_eq!((rolled.code, &rolled.report()["release"]), (0, &before), "HEL-85, HEL-88");
    assert_eq!(site.answer(8000)["LLM_DAILY_COST_LIMIT_USD"], "5.0", "HEL-84, HEL-89");
    assert_eq!(show("helionyx-dev", "Description"), "Helionyx API (dev)", "HEL-84");
    let ready = site.run(&[
        "curl",
        "-s",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "http://127.0.0.1:8000/health/ready",
    ]);
    assert_eq!(ready, "200", "HEL-27, HEL-88");
    let told = site.tool(&["history", "--env", "dev"]);
    let last = told.lines.iter().find(|line| line["operation"] == "rollback");
    let last = last.unwrap_or_else(|| panic!("HEL-53: {:?}", told.lines));
    for field in ["by", "from", "to", "outcome"] {
        assert!(!last[field].is_null(), "HEL-53, HEL-107: {field} of {last}");
    }
}
