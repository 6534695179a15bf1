//! The program that `cargo xtask setup` and deploys install for root: what operators install.

use std::time::Duration;

use xtask::node::{Options, wait};
use xtask::site::WORK;

use super::possible;
use super::site::{Site, program};

/// What stands in for cargo on the node: the operators' program has been built already.
const CARGO: &str = "/usr/local/bin/cargo-stand-in";
const SAID: &str = "/var/lib/cargo-said";

/// A developer's command, for a shell of root's.
fn typed(words: &str) -> String {
    format!("cd {WORK}/project && CARGO={CARGO} exec xtask {words}")
}

#[test]
fn developers_install_the_program_of_operators_and_it_recovers_at_boot() {
    if !possible(Options::default()) {
        return;
    }
    let mut site = Site::new("installed", Options::default());
    let built = program();
    let operators = fs_err::read(built).unwrap();
    let developers = fs_err::read(env!("CARGO_BIN_EXE_xtask")).unwrap();
    let built = built.to_str().unwrap();
    let cargo = format!("#!/bin/sh\necho \"$@\" >> {SAID}\n[ -x {built} ]\n");
    for (path, content) in
        [(built, &operators[..]), ("/usr/local/bin/xtask", &developers), (CARGO, cargo.as_bytes())]
    {
        site.write(path, content).unwrap();
        site.run(&["chmod", "755", path]);
    }
    // Nobody has put a program there: it is setup's to do.
    site.run(&["rm", "/usr/local/bin/helionyx-deploy"]);

    site.run(&["sh", "-c", &typed("setup --env live")]);
    assert!(site.run(&["cat", SAID]).contains("--bin helionyx-deploy"));
    let installed = "/usr/local/lib/helionyx-deploy/current/helionyx-deploy";
    site.run(&["cmp", built, installed]);
    assert_eq!(
        site.run(&["helionyx-deploy", "--version"]),
        format!("helionyx-deploy {}", env!("CARGO_PKG_VERSION"))
    );
    let task = site.node.run(&["helionyx-deploy", "ci", "--help"]).unwrap();
    assert_eq!(task.status.code(), Some(2), "it knows no task of developers");
    site.set_up("live");
    site.run(&["sh", "-c", &typed("deploy --env live")]);
    let first = site.tool(&["status", "--env", "live"]).lines[0]["release"].clone();

    // The deployer dies while it waits for a release that never becomes healthy.
    site.commit("sick");
    let deploy = format!("echo $$ > /var/lib/deployer; {}", typed("deploy --env live"));
    let behind = "setsid sh -c \"$1\" >/dev/null 2>&1 &";
    site.run(&["sh", "-c", behind, "sh", &deploy]);
    let starts_anew = "systemctl is-active -q recover-helionyx.live.timer && \
                       journalctl -q -u helionyx | grep -c 'listening on' | grep -qx 2";
    let is_past = || {
        let looked = site.node.run(&["sh", "-c", starts_anew])?;
        Ok(looked.status.success().then_some(()))
    };
    wait::until("see the new release started", Duration::from_secs(60), is_past).unwrap();
    site.run(&["sh", "-c", "kill -KILL $(cat /var/lib/deployer)"]);
    site.node.reboot().unwrap();
    let is_back = || {
        let status = site.tool(&["status", "--env", "live"]);
        let line = &status.lines[0];
        let back = status.code == 0 && line["release"] == first && line["running_release"] == first;
        Ok(back.then_some(()))
    };
    wait::until("see the release before again", Duration::from_secs(60), is_back).unwrap();
    let told = site.run(&["journalctl", "-b", "-q", "-u", "recover-helionyx.live.service"]);
    for said in ["was cut short: it is ended first", "helionyx/live is recovered"] {
        assert!(told.contains(said), "{said} is not in {told}");
    }
    assert_eq!(site.tool(&["audit", "verify", "--env", "live"]).code, 0);
}
