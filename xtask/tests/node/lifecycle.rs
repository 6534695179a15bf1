//! Nodes come up, come back and go, and leave nothing behind.

use std::time::{Duration, Instant};

use xtask::node::{Layer, Network, Node, Options, State, remains};

use super::{name, possible};

/// A node with a disk.
const DISK: Options = Options { layer: Layer::Disk, network: Network::Private, size_mib: 512 };

fn text(node: &Node, command: &[&str]) -> String {
    let output = node.run(command).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[expect(clippy::disallowed_methods, reason = "a figure for people, on which nothing depends")]
fn now() -> Instant {
    Instant::now()
}

fn boot_id(node: &Node) -> String {
    text(node, &["journalctl", "--list-boots", "--quiet"]).lines().count().to_string()
}

#[test]
fn a_node_boots_reboots_and_leaves_nothing_behind() {
    for options in [Options::default(), DISK] {
        if !possible(options) {
            return;
        }
        let name = name("life");
        let begin = now();
        let mut node = Node::up(&name, options).unwrap();
        let booted = begin.elapsed().as_secs_f64();
        assert_eq!(text(&node, &["systemctl", "is-system-running"]), "running");
        assert_eq!(text(&node, &["hostname"]), name);
        assert_eq!(boot_id(&node), "1");
        text(&node, &["sh", "-c", "echo kept > /var/lib/kept; echo gone > /run/gone"]);
        let begin = now();
        node.reboot().unwrap();
        eprintln!(
            "{:?}: up in {booted:.2} s, rebooted in {:.2} s",
            options.layer,
            begin.elapsed().as_secs_f64()
        );
        assert_eq!(text(&node, &["systemctl", "is-system-running"]), "running");
        assert_eq!(text(&node, &["sh", "-c", "cat /var/lib/kept; ls /run/gone || true"]), "kept");
        assert_eq!(boot_id(&node), "2", "the journal of the boot before is still there");
        node.down().unwrap();
        assert_eq!(remains(&name).unwrap(), [] as [&str; 0]);
    }
}

#[test]
fn dropping_a_node_with_services_and_sessions_in_it_leaves_nothing_behind() {
    if !possible(DISK) {
        return;
    }
    let name = name("drop");
    let node = Node::up(&name, DISK).unwrap();
    text(&node, &["systemd-run", "--quiet", "--unit=busy", "sleep", "infinity"]);
    let session = node.command(&["sleep", "infinity"]).unwrap().unchecked().start().unwrap();
    assert!(remains(&name).unwrap().len() >= 5, "{:?}", remains(&name).unwrap());
    drop(node);
    assert_eq!(remains(&name).unwrap(), [] as [&str; 0]);
    assert!(!session.wait().unwrap().status.success(), "it ended with the node");
}

#[test]
fn nothing_of_this_machine_starts_in_a_node() {
    if !possible(Options::default()) {
        return;
    }
    let node = Node::up(&name("bare"), Options::default()).unwrap();
    let list = ["list-units", "--state=running", "--type=service,timer", "--plain", "--no-legend"];
    let running = text(&node, &[&["systemctl"], &list[..]].concat());
    for line in running.lines() {
        let unit = line.split_whitespace().next().unwrap();
        let known = ["dbus", "dbus-broker", "systemd-journald", "systemd-logind", "user@0"];
        let known = known.iter().any(|known| unit.strip_suffix(".service") == Some(known));
        assert!(known, "{unit} runs in a node");
    }
    assert_eq!(text(&node, &["ls", "/sys/class/net"]), "lo", "its network is its own");
}

#[test]
fn a_command_gets_its_words_as_they_are_and_gives_back_what_it_did() {
    if !possible(Options::default()) {
        return;
    }
    let node = Node::up(&name("run"), Options::default()).unwrap();
    let words = ["a b", "", "it's", "\"$HOME\"", "%n", "--", "-x", "\n", "ä", "*"];
    let script = "for word; do printf '%s\\0' \"$word\"; done; echo told >&2; exit 7";
    let output = node.run(&[&["sh", "-c", script, "sh"], &words[..]].concat()).unwrap();
    let expected: String = words.iter().map(|word| format!("{word}\0")).collect();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    assert_eq!(output.stderr, b"told\n");
    assert_eq!(output.status.code(), Some(7));
    let cat = node.command(&["cat"]).unwrap().stdin_bytes("through").read().unwrap();
    assert_eq!(cat, "through");
    let group = text(&node, &["cat", "/proc/self/cgroup"]);
    assert!(group.contains("/init.scope"), "it is a process of the node: {group}");
}

#[test]
fn several_nodes_run_at_once_and_see_nothing_of_each_other() {
    if !possible(Options::default()) {
        return;
    }
    let (one, two) = (name("one"), name("two"));
    let first = Node::up(&one, Options::default()).unwrap();
    let second = Node::up(&two, DISK).unwrap();
    fs_err::write(first.root().join("etc/only-here"), "1").unwrap();
    assert_eq!(text(&first, &["cat", "/etc/only-here"]), "1", "files can be put into it");
    assert!(!second.run(&["cat", "/etc/only-here"]).unwrap().status.success());
    let error = Node::up(&one, Options::default()).unwrap_err().to_string();
    assert!(error.contains("in use by process"), "{error}");
    drop(first);
    assert_eq!(second.state().unwrap(), State::Up);
    assert_eq!(text(&second, &["systemctl", "is-system-running"]), "running");
}

#[test]
fn a_node_that_was_shut_down_from_inside_says_so_and_boots_again() {
    if !possible(Options::default()) {
        return;
    }
    let mut node = Node::up(&name("off"), Options::default()).unwrap();
    let _ = node.run(&["systemctl", "poweroff"]);
    let stopped = || Ok((node.state()? == State::Stopped).then_some(()));
    xtask::node::wait::until("see it stopped", Duration::from_secs(60), stopped).unwrap();
    let error = node.run(&["true"]).unwrap_err().to_string();
    assert!(error.contains("cargo xtask node reboot"), "{error}");
    node.reboot().unwrap();
    assert_eq!(text(&node, &["systemctl", "is-system-running"]), "running");
}

#[test]
fn a_power_cut_loses_what_was_not_synced_and_nothing_else() {
    if !possible(DISK) {
        return;
    }
    let mut node = Node::up(&name("cut"), DISK).unwrap();
    for round in 0..3 {
        let write = format!(
            "echo {round} > /var/lib/synced && sync -f /var/lib/synced && \
             echo {round} > /var/lib/not-synced-{round} && mkdir /var/lib/directory-{round}"
        );
        text(&node, &["sh", "-c", &write]);
        node.cut().unwrap();
        assert_eq!(text(&node, &["cat", "/var/lib/synced"]), round.to_string());
        let lost = "ls -d /var/lib/not-synced-* /var/lib/directory-* 2>/dev/null | wc -l";
        assert_eq!(text(&node, &["sh", "-c", lost]), "0", "round {round}");
        assert_eq!(text(&node, &["systemctl", "is-system-running"]), "running");
    }
    eprintln!("3 power cuts: what was synced is there, what was not is gone");
}

#[test]
fn an_orderly_reboot_loses_nothing_on_a_disk() {
    if !possible(DISK) {
        return;
    }
    let mut node = Node::up(&name("sync"), DISK).unwrap();
    text(&node, &["sh", "-c", "echo written > /var/lib/written"]);
    node.reboot().unwrap();
    node.cut().unwrap();
    assert_eq!(text(&node, &["cat", "/var/lib/written"]), "written");
}

#[test]
fn a_node_boots_under_a_systemd_that_runs_outside_and_leaves_nothing_behind_there() {
    if !possible(Options::default()) {
        return;
    }
    let kind = duct::cmd!("stat", "--file-system", "--format=%T", "/").read().unwrap();
    if kind == "overlayfs" {
        eprintln!("SKIPPED: this machine's root is an overlay, and the kernel stacks two at most");
        return;
    }
    let outer = Node::up(&name("outer"), Options::default()).unwrap();
    let program = outer.root().join("usr/local/bin/xtask");
    fs_err::copy(env!("CARGO_BIN_EXE_xtask"), program).unwrap();
    let inner = |words: &[&str]| text(&outer, &[&["xtask", "node"], words].concat());
    inner(&["up"]);
    assert_eq!(inner(&["run", "--", "systemctl", "is-system-running"]), "running");
    inner(&["reboot"]);
    assert_eq!(inner(&["run", "--", "hostname"]), "node1");
    // systemd-nspawn itself is killed, and cleans up nothing.
    let unit = "helionyx-node-node1.service";
    text(&outer, &["systemctl", "kill", "--signal=KILL", unit]);
    let is_gone = || {
        let output = outer.run(&["systemctl", "is-active", "--quiet", unit])?;
        Ok((!output.status.success()).then_some(()))
    };
    xtask::node::wait::until("see it gone", Duration::from_secs(60), is_gone).unwrap();
    inner(&["reboot"]);
    assert_eq!(inner(&["run", "--", "hostname"]), "node1");
    inner(&["down"]);
    let left = "ls -d /run/helionyx-nodes; grep helionyx-nodes/node1 /proc/self/mountinfo; \
                find /sys/fs/cgroup /run/systemd -name '*helionyx-node-node1*'; \
                systemctl list-units --all --no-legend 'helionyx-node-*'; true";
    assert_eq!(text(&outer, &["sh", "-c", left]), "");
    assert_eq!(text(&outer, &["systemctl", "is-system-running"]), "running");
}

#[test]
fn a_node_in_memory_has_no_power_to_cut() {
    if !possible(Options::default()) {
        return;
    }
    let mut node = Node::up(&name("nodisk"), Options::default()).unwrap();
    let error = node.cut().unwrap_err().to_string();
    assert!(error.contains("has no disk") && error.contains("node up --disk"), "{error}");
    assert_eq!(node.state().unwrap(), State::Up);
}
