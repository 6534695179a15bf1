//! Deploys of the real sample service to this very machine: real processes, sockets and files.

use std::sync::atomic::{AtomicU32, Ordering};

use helionyx_deploy::event::{Event, Outcome};
use helionyx_deploy::host::{Host as _, LocalHost, Look as _, Signal};
use helionyx_deploy::operate::{self, Goal, OperateError};
use helionyx_deploy::release::{FileRecord, Manifest};

use crate::rig::Rig;
use crate::world::deploy;

#[test]
fn a_release_is_built_switched_to_proven_and_left_alone_by_the_next_run() {
    let rig = Rig::new();
    let report = rig.run(&deploy());
    assert_eq!(report.outcome, Outcome::Deployed);
    let pid = rig.main().key;
    assert_eq!(rig.ask("/")["release"], report.release.clone().unwrap().as_str(), "HEL-42");
    assert_eq!(rig.ask("/")["pid"], pid.pid);

    let again = rig.run(&deploy());
    assert_eq!((again.outcome, again.steps), (Outcome::Unchanged, 0), "HEL-43");
    assert_eq!(rig.main().key, pid, "the same process runs on");
    assert_eq!(again.release, report.release);
}

#[test]
fn a_service_survives_its_deployer_and_is_found_again_without_a_pid_file() {
    let rig = Rig::new();
    rig.run(&deploy());
    let fresh = LocalHost::new();
    let found = helionyx_deploy::observe::observe(&fresh, &rig.environment).unwrap();
    let main = found.services.values().next().unwrap().main().unwrap();
    assert_eq!(main.process.session, main.process.key.pid, "it leads a session of its own");
    assert_eq!(main.release.as_ref(), found.current.release());
}

#[test]
fn events_that_were_accepted_before_a_deploy_are_there_after_it() {
    let rig = Rig::new();
    rig.run(&deploy());
    let log = rig.environment.layout.data.join("events.jsonl");
    let before = fs_err::read(&log).unwrap();
    rig.change("second");
    assert_eq!(rig.run(&deploy()).outcome, Outcome::Deployed);
    let after = fs_err::read(&log).unwrap();
    assert!(!before.is_empty() && after.starts_with(&before), "HEL-44, HEL-46, ALL-06");
    assert_eq!(rig.run(&Goal::Rollback(None)).outcome, Outcome::Deployed);
    assert!(fs_err::read(&log).unwrap().starts_with(&after), "HEL-89");
}

/// One test for each way to be broken: they wait for deadlines, so they run side by side.
macro_rules! broken {
    ($($test:ident: $fault:literal, $reason:literal;)*) => {$(
        #[test]
        fn $test() {
            broken_release_is_taken_back($fault, $reason);
        }
    )*};
}

broken! {
    a_release_that_crashes_at_start_is_taken_back: "crash", ", then ended by itself: exit code 3";
    a_release_that_crashes_after_its_first_answers_is_taken_back:
        "crash-after", "web passed its probes";
    a_sick_release_is_taken_back: "sick", "/health answers 500 instead of 200";
    a_release_that_is_too_slow_is_taken_back: "slow", "nobody listens on port";
    a_release_that_never_answers_is_taken_back: "hang", "/health: no whole answer within 400 ms";
    a_release_that_lies_about_itself_is_taken_back:
        "lie", "answers release = \"19700101T000000Z-0000000\" instead of";
    a_flapping_release_is_taken_back: "flap", "answers 500 instead of 200";
    a_release_that_redirects_is_taken_back: "redirect", "/health answers 302 instead of 200";
    a_release_that_floods_the_probe_is_taken_back: "flood", "the answer is longer than 65536 bytes";
    a_release_that_drips_is_taken_back: "drip", "/health: no whole answer within 400 ms";
}

fn broken_release_is_taken_back(fault: &str, reason: &str) {
    let mut rig = Rig::new();
    let good = rig.run(&deploy()).release.unwrap();
    rig.change_fault(fault);
    match fault {
        // The release counts its answers: its end comes before the end of any window.
        "crash-after" => rig.timing().stable_ms = 50_000,
        "hang" | "drip" => (rig.timing().try_timeout_ms, rig.timing().deadline_ms) = (400, 3_000),
        _ => rig.timing().deadline_ms = 3_000,
    }
    let mut log = Vec::new();
    let report = rig.run_with(&deploy(), &mut |event| {
        if let Event::ServiceLog { lines, .. } = event {
            log.extend(lines);
        }
    });
    assert_eq!(report.outcome, Outcome::RolledBack, "{fault}: {report:?} (HEL-81, HEL-82)");
    let downtime = report.downtime_ms.expect("the service did not answer for a while");
    assert!(downtime <= report.duration_ms, "{fault}");
    if reason.contains("instead of") {
        assert!(downtime >= 2_000, "{fault}: all the time that it was waited for: {downtime} ms");
    }
    let error = report.error.clone().unwrap();
    assert!(error.contains(reason), "{fault}: {error}");
    if fault == "crash-after" {
        assert!(error.ends_with("then ended by itself: exit code 3"), "{error}");
    }
    assert_eq!(report.release.as_ref(), Some(&good), "{fault}: HEL-84");
    assert_eq!(rig.ask("/")["release"], good.as_str(), "{fault}: the old release answers");
    let failed = report.failed.expect("the failed release is named (HEL-84)");
    assert_ne!(failed, good);
    let selected = rig.operate(&Goal::Rollback(Some(failed)));
    assert!(matches!(selected, Err(OperateError::Refused(_))), "{fault}: not selectable");
    assert!(log.iter().any(|line| line.contains("sample")), "{fault}: its log is shown: {log:?}");
}

#[test]
fn a_deaf_service_is_killed_and_a_forked_child_goes_with_its_group() {
    for fault in ["deaf", "fork"] {
        let rig = Rig::new();
        rig.change_fault(fault);
        assert_eq!(rig.run(&deploy()).outcome, Outcome::Deployed, "{fault}");
        let before: Vec<u32> = rig.processes().iter().map(|process| process.key.pid).collect();
        rig.change_fault("none");
        assert_eq!(rig.run(&deploy()).outcome, Outcome::Deployed, "{fault}");
        let after: Vec<u32> = rig.processes().iter().map(|process| process.key.pid).collect();
        assert!(after.iter().all(|pid| !before.contains(pid)), "{fault}: {before:?} {after:?}");
    }
}

#[test]
fn a_stranger_on_the_port_is_named_before_anything_changes() {
    let rig = Rig::new();
    let _stranger = std::net::TcpListener::bind(("127.0.0.1", rig.port.get())).unwrap();
    let error = rig.operate(&deploy()).unwrap_err().to_string();
    let expected = format!("port {} of web is held by pid {}", rig.port, std::process::id());
    assert!(error.contains(&expected), "{error} (HEL-02)");
    assert!(!rig.environment.layout.root.exists(), "nothing was changed");
}

#[test]
fn stop_start_and_restart_touch_the_service_and_prove_it() {
    let rig = Rig::new();
    rig.run(&deploy());
    let first = rig.main().key;
    assert_eq!(rig.run(&Goal::Restart).outcome, Outcome::Deployed, "HEL-60");
    assert_ne!(rig.main().key, first);
    assert_eq!(rig.run(&Goal::Stop).outcome, Outcome::Deployed, "HEL-62");
    assert!(rig.processes().is_empty());
    assert!(rig.host.listeners(rig.port).unwrap().is_empty(), "the port is closed (HEL-62)");
    assert_eq!(rig.run(&Goal::Stop).outcome, Outcome::Unchanged, "HEL-62");
    assert_eq!(rig.run(&Goal::Start).outcome, Outcome::Deployed, "HEL-64");
    assert_eq!(rig.run(&Goal::Start).outcome, Outcome::Unchanged);
}

#[test]
fn what_an_operator_starts_is_no_crash_loop_however_often_he_does() {
    let rig = Rig::new();
    rig.run(&deploy());
    for _ in 0..6 {
        assert_eq!(rig.run(&Goal::Restart).outcome, Outcome::Deployed, "HEL-60");
    }
    assert_eq!(rig.run(&Goal::Stop).outcome, Outcome::Deployed, "HEL-62");
    assert_eq!(rig.run(&Goal::Start).outcome, Outcome::Deployed, "HEL-64");
}

#[test]
fn a_crashed_service_is_seen_and_the_next_deploy_starts_it() {
    let rig = Rig::new();
    rig.run(&deploy());
    rig.host.signal(rig.main().key, Signal::Kill).unwrap();
    rig.wait_until("the service is gone", || rig.processes().is_empty());
    let plan = operate::plan(&rig.host, &rig.environment, &deploy()).unwrap();
    assert_eq!(plan.reasons, ["web does not run"]);
    assert_eq!(rig.run(&deploy()).outcome, Outcome::Deployed);
}

#[test]
fn a_sealed_release_is_read_only_and_its_manifest_tells_every_file() {
    let rig = Rig::new();
    let release = rig.run(&deploy()).release.unwrap();
    let layout = &rig.environment.layout;
    let text = fs_err::read_to_string(layout.manifest(&release)).unwrap();
    let manifest: Manifest = serde_json::from_str(&text).unwrap();
    let list = fs_err::read(layout.file_list(&release)).unwrap();
    let files = manifest.files.read(&list).expect("it is the list that the manifest names");
    let names: Vec<&str> = files.keys().map(|path| path.as_str()).collect();
    assert_eq!((names, manifest.files.count), (vec!["bin/sample", "note", "release.env"], 3));
    for (path, record) in &files {
        let FileRecord::File { mode, .. } = record else { panic!("{path} is a link") };
        assert_eq!(mode & 0o222, 0, "{path}");
    }
}

#[test]
fn a_bit_that_flips_in_an_old_release_is_found_before_the_switch_of_a_rollback() {
    let rig = Rig::new();
    let first = rig.run(&deploy()).release.unwrap();
    rig.change("second");
    let second = rig.run(&deploy()).release.unwrap();
    let note = rig.environment.layout.release(&first).join("note");
    let modified = fs_err::metadata(&note).unwrap().modified().unwrap();
    let mut bytes = fs_err::read(&note).unwrap();
    bytes[0] ^= 1;
    rig.unseal_and_write(&note, &bytes, modified);
    let report = rig.run(&Goal::Rollback(None));
    assert_eq!(report.outcome, Outcome::Failed, "{report:?}");
    assert!(report.error.unwrap().contains("note was changed"));
    assert_eq!(rig.ask("/")["release"], second.as_str(), "nothing was switched");
}

#[test]
fn reads_of_current_during_switches_all_resolve() {
    let rig = Rig::new();
    rig.run(&deploy());
    let current = rig.environment.layout.current();
    let reads = AtomicU32::new(0);
    std::thread::scope(|scope| {
        let deploys = scope.spawn(|| {
            for round in ["a", "b", "c"] {
                let before = reads.load(Ordering::Relaxed);
                rig.wait_until("`current` is read", || reads.load(Ordering::Relaxed) > before);
                rig.change(round);
                assert_eq!(rig.run(&deploy()).outcome, Outcome::Deployed);
            }
        });
        while !deploys.is_finished() {
            assert!(current.join("release.json").exists(), "I1 after {reads:?} reads");
            reads.fetch_add(1, Ordering::Relaxed);
        }
    });
    assert!(rig.host.node(&current).is_ok());
}

#[test]
fn a_service_that_loses_its_environment_is_found_proven_and_stopped_all_the_same() {
    let mut rig = Rig::new();
    let word = |text: &str| helionyx_deploy::template::Template::parse(text).unwrap();
    // `env -i` hands nothing on but what the program cannot do without.
    let port = format!("PORT={}", rig.port);
    let words = ["/usr/bin/env", "-i", &port, "ENVIRONMENT=dev", "{release}/bin/sample"];
    rig.environment.services[0].exec = words.into_iter().map(word).collect();
    let probes = &mut rig.environment.services[0].health.as_mut().unwrap().probes;
    // It does not know its release any more: that it runs from it is seen, not asked.
    probes.iter_mut().for_each(|probe| probe.fields.retain(|name, _| name != "release"));
    assert_eq!(rig.run(&deploy()).outcome, Outcome::Deployed);
    assert!(rig.main().marks.is_empty());
    rig.change("second");
    assert_eq!(rig.run(&deploy()).outcome, Outcome::Deployed);
    assert_eq!(rig.run(&Goal::Stop).outcome, Outcome::Deployed);
    assert!(rig.host.listeners(rig.port).unwrap().is_empty(), "it was stopped, not overlooked");
}

#[test]
fn what_is_left_of_a_service_whose_main_process_ended_is_no_proof() {
    let mut rig = Rig::new();
    let word = |text: &str| helionyx_deploy::template::Template::parse(text).unwrap();
    let words = ["/bin/sh", "-c", "{release}/bin/sample & exit 7"];
    rig.environment.services[0].exec = words.into_iter().map(word).collect();
    let report = rig.run(&deploy());
    assert_eq!(report.outcome, Outcome::Failed, "ALL-07: {report:?}");
    assert!(report.error.unwrap().contains("ended by itself: exit code 7"));
    assert!(rig.processes().is_empty(), "and nothing is left of it");
}

#[test]
fn a_program_that_the_release_does_not_have_is_missed_before_anything_is_stopped() {
    let rig = Rig::new();
    rig.run(&deploy());
    let main = rig.main().key;
    fs_err::rename(rig.dir.join("source/bin/sample"), rig.dir.join("source/bin/simple")).unwrap();
    let report = rig.run(&deploy());
    assert_eq!(report.outcome, Outcome::Failed, "{report:?}");
    assert!(report.error.unwrap().ends_with("bin/sample`: the release has no such file"));
    assert_eq!(rig.main().key, main, "the service was not touched");
}

#[test]
fn a_shell_that_writes_into_a_log_is_no_service() {
    let rig = Rig::new();
    rig.run(&deploy());
    for log in ["deploy.log", "web.log"] {
        let path = rig.environment.layout.logs().join(log);
        let shell = duct::cmd!("setsid", "sh", "-c", format!("exec sleep 600 >> {path} 2>&1"));
        let shell = shell.start().unwrap();
        let output = format!("/proc/{}/fd/1", shell.pids()[0]);
        rig.wait_until("the shell has opened the log", || {
            std::fs::read_link(&output).is_ok_and(|opened| opened == path.as_std_path())
        });
        assert_eq!(rig.run(&deploy()).outcome, Outcome::Unchanged, "{log}");
        assert_eq!(rig.run(&Goal::Restart).outcome, Outcome::Deployed, "{log}");
        assert!(shell.try_wait().unwrap().is_none(), "{log}: it lives");
        shell.kill().unwrap();
    }
}
