//! What is left of operations under systemd: the record of them, whose end the system's journal
//! knows, and the evidence of those that failed.

use xtask::node::Options;

use super::possible;
use super::site::Site;

const ROOT: &str = "/opt/helionyx/dev";

fn codes(site: &Site) -> (i32, Vec<(String, String)>) {
    let ended = site.tool(&["audit", "verify", "--env", "dev"]);
    let findings = ended.lines.iter().filter(|line| line["event"] == "finding");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let found = findings.map(|line| (text(&line["code"]), text(&line["message"]))).collect();
    (ended.code, found)
}

#[test]
fn a_journal_whose_end_was_cut_off_is_found_by_what_the_systems_journal_was_told() {
    if !possible(Options::default()) {
        return;
    }
    let site = Site::deployed("witness", Options::default(), &["dev"]);
    let told = site.told();
    let release = site.run(&["readlink", &format!("{ROOT}/current")]);
    let release = release.trim_start_matches("releases/");
    let expected =
        format!("set up helionyx/dev by root\ndeployed {release} to helionyx/dev by root");
    assert_eq!(told, expected, "for people, too");
    assert_eq!(codes(&site), (0, vec![]));
    let ended = site.tool(&["audit", "verify", "--env", "dev"]);
    assert_eq!(ended.report()["told"], 2, "{}", ended.report());

    assert_eq!(site.tool(&["restart", "--env", "dev"]).code, 0);
    assert_eq!(codes(&site), (0, vec![]));
    // All records of the restart are taken out: the journal is whole in itself, and so is its head.
    let cut = format!(
        "cd {ROOT} && cp -a journal.jsonl /root/kept && \
         n=$(grep -n '\"entry\":\"end\"' journal.jsonl | tail -n 2 | head -n 1 | cut -d: -f1) && \
         head -n \"$n\" /root/kept > journal.jsonl && rm journal.head"
    );
    site.run(&["sh", "-c", &cut]);
    // The proof of the release names an entry of the restart, too.
    site.run(&["sh", "-c", &format!("rm {ROOT}/verified/*.json")]);
    let (code, found) = codes(&site);
    assert_eq!((code, found.len()), (3, 1), "{found:?}");
    assert_eq!(found[0].0, "missing-entry");
    assert!(found[0].1.starts_with("the system's journal names entry"), "{found:?}");

    // What an ordinary user says of himself in the same words counts for nothing.
    site.run(&["sh", "-c", &format!("cat /root/kept > {ROOT}/journal.jsonl")]);
    assert_eq!(codes(&site), (0, vec![]));
    let forged = format!(
        "printf 'MESSAGE=x\\nSYSLOG_IDENTIFIER=helionyx-deploy\\nHELIONYX_ROOT={ROOT}\\n\
         HELIONYX_JOURNAL_NUMBER=9999\\nHELIONYX_JOURNAL_LINE=%064d\\n' 0 | \
         su -s /bin/sh helionyx-dev -c 'logger --journald' && journalctl --sync"
    );
    site.run(&["sh", "-c", &forged]);
    let there = format!(
        "journalctl -o cat SYSLOG_IDENTIFIER=helionyx-deploy HELIONYX_ROOT={ROOT} \
         HELIONYX_JOURNAL_NUMBER=9999 | wc -l"
    );
    let there = site.run(&["sh", "-c", &there]);
    assert_eq!(there, "1", "it is in the system's journal, like ours but for who wrote it");
    assert_eq!(codes(&site), (0, vec![]), "and is nobody's word but his own");

    // All of it deleted and begun anew.
    site.run(&[
        "sh",
        "-c",
        &format!("systemctl stop helionyx-dev; cp -a {ROOT}/shared /root && rm -r {ROOT}"),
    ]);
    site.set_up("dev");
    assert_eq!(site.tool(&["deploy", "--env", "dev"]).code, 0);
    let (code, found) = codes(&site);
    assert_eq!(code, 3, "{found:?}");
    assert!(found.iter().all(|(_, message)| message.contains("the system's journal")), "{found:?}");
}

#[test]
fn a_deploy_that_fails_under_systemd_leaves_the_units_log_and_its_change_as_evidence() {
    if !possible(Options::default()) {
        return;
    }
    let site = Site::deployed("evidence", Options::default(), &["dev"]);
    let change = "sed -i 's/^stop_timeout_secs = 20/stop_timeout_secs = 21/' \
                  /srv/site/project/envs/helionyx/app.toml";
    site.run(&["sh", "-c", change]);
    site.commit("crash");
    let ended = site.tool(&["deploy", "--env", "dev"]);
    let report = ended.report();
    assert_eq!((ended.code, &report["outcome"]), (6, &"rolled-back".into()), "{report}");
    assert!(report["error"].as_str().unwrap().contains("status 1"), "the exit status: {report}");
    let dir = report["evidence"].as_str().unwrap().to_owned();
    let log = site.run(&["cat", &format!("{dir}/helionyx.log")]);
    assert!(log.contains("told to crash"), "what the service wrote last: {log}");
    assert!(log.lines().count() <= 200, "bounded: {log}");
    let diff = site.run(&["cat", &format!("{dir}/helionyx-dev.service.diff")]);
    let changed: Vec<_> =
        diff.lines().skip(2).filter(|line| line.starts_with(['+', '-'])).collect();
    assert_eq!(changed, ["-TimeoutStopSec=20s", "+TimeoutStopSec=21s"], "{diff}");
    let modes = site.run(&["sh", "-c", &format!("stat -c '%a %U' {dir} {dir}/*")]);
    assert!(modes.lines().all(|line| line == "700 root" || line == "600 root"), "{modes}");
    let events = site.run(&["cat", &format!("{dir}/events.jsonl")]);
    for event in ["failure", "step-started", "step-failed", "service-log"] {
        assert!(events.contains(&format!("\"event\":\"{event}\"")), "{event}");
    }
    let history = site.tool(&["history", "--env", "dev", "-n", "1"]);
    assert_eq!(history.report()["evidence"], dir.as_str(), "named in `history`");
}
