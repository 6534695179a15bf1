//! What a host lacks is named before anything is begun, all of it at once, and nothing is changed.

use std::time::Duration;

use xtask::node::{Options, wait};

use super::possible;
use super::site::{Ended, Site};

/// All that a command could have changed, and who runs.
fn state(site: &Site) -> String {
    // What the machine keeps for itself changes by itself.
    let script = "find /opt /var/lib /etc/systemd /etc/passwd -path /var/lib/systemd -prune -o \
                  -printf '%p %y %m %U %s %T@\\n' | sort; systemctl show -P MainPID helionyx-dev";
    site.run(&["sh", "-c", script])
}

/// The codes of what a command refuses or finds, each once.
fn codes(ended: &Ended) -> Vec<String> {
    let refusals =
        ended.lines.iter().flat_map(|line| line["refusals"].as_array().into_iter().flatten());
    let found = ended.lines.iter().filter(|line| line["severity"] == "error").chain(refusals);
    let mut codes: Vec<String> =
        found.filter_map(|one| Some(one["code"].as_str()?.to_owned())).collect();
    codes.sort();
    codes.dedup();
    codes
}

fn text(ended: &Ended) -> String {
    ended.lines.iter().map(ToString::to_string).collect()
}

#[test]
fn all_that_a_host_lacks_is_named_at_once_and_nothing_is_changed() {
    if !possible(Options::default()) {
        return;
    }
    let site = Site::deployed("lacking", Options::default(), &["dev"]);
    site.commit("none");
    take_away(&site);
    let before = state(&site);
    let lacking = ["missing-program", "no-rights", "not-mounted", "old-program", "port-held"];
    for (command, code) in [("setup", 1), ("deploy", 1), ("check", 3)] {
        let ended = site.tool(&[command, "--env", "live"]);
        let wanted: Vec<&str> = lacking.into_iter().filter(|one| *one != "no-rights").collect();
        let found = codes(&ended);
        let named = wanted.iter().all(|one| found.iter().any(|code| code == one));
        assert!(named, "HEL-01, HEL-36: {command}: {found:?}: {}", ended.stderr);
        assert_eq!(ended.code, code, "HEL-01: {command}: {}", ended.stderr);
        let said = text(&ended);
        for part in ["/usr/bin/python3 is 3.9.2", "git is not here", "port 8002 is held by pid"] {
            assert!(said.contains(part), "HEL-01, HEL-02: {command}: {part}: {said}");
        }
        assert_eq!(state(&site), before, "HEL-01: {command} changed nothing");
    }
    for command in ["setup", "deploy"] {
        let ended = site.tool_as_nobody(&[command, "--env", "live"]);
        assert_eq!(codes(&ended), lacking, "HEL-01: {command}: {}", ended.stderr);
        assert_eq!(ended.code, 1, "HEL-01: {command}");
        assert_eq!(state(&site), before, "HEL-01: {command} changed nothing");
    }
    // An environment that runs is left alone, and not even its lock is taken.
    let ended = site.tool(&["deploy", "--env", "dev"]);
    assert_eq!(codes(&ended), ["missing-program", "not-mounted", "old-program"], "HEL-03, HEL-36");
    assert_eq!((ended.code, state(&site)), (1, before), "HEL-36");
    bring_back(&site);
    let ended = site.tool(&["deploy", "--env", "dev"]);
    assert_eq!(ended.report()["outcome"], "deployed", "HEL-01: {}", ended.stderr);
    site.set_up("live");
    assert_eq!(site.tool(&["deploy", "--env", "live"]).code, 0, "HEL-01");
}

/// git is gone, Python is old, somebody is on the port, the disk of the data is not mounted.
fn take_away(site: &Site) {
    site.run(&[
        "sh",
        "-c",
        "for git in /usr/local/bin/git /usr/bin/git; do test ! -e $git || mv $git $git.away; done && cp -P /usr/bin/python3 /usr/bin/python3.away && \
         rm /usr/bin/python3 && printf '#!/bin/sh\\necho Python 3.9.2\\n' > /usr/bin/python3 && \
         chmod 755 /usr/bin/python3 && cp /etc/fstab /etc/fstab.away && \
         echo '/dev/vdz /var/lib/helionyx ext4 noauto 0 2' >> /etc/fstab && \
         systemd-run -q --unit=stranger /usr/bin/python3.away -m http.server 8002",
    ]);
    let listens = || {
        let output = site.node.run(&["curl", "-s", "http://127.0.0.1:8002/"])?;
        Ok(output.status.success().then_some(()))
    };
    wait::until("see the stranger listen", Duration::from_secs(60), listens).unwrap();
}

fn bring_back(site: &Site) {
    site.run(&[
        "sh",
        "-c",
        "systemctl stop stranger; \
         for git in /usr/local/bin/git /usr/bin/git; do test ! -e $git.away || mv $git.away $git; done && \
         mv /usr/bin/python3.away /usr/bin/python3 && mv /etc/fstab.away /etc/fstab",
    ]);
}
