//! Units of the fake systemd go through the states that those of a real one do.

use std::time::Duration;

use crate::command::ExitStatus;
use crate::host::fake::{FakeHost, FakeService, FakeUnit};
use crate::host::{Host, Look};
use crate::name::UnitName;
use crate::tool::{account, journalctl, systemctl};

const SECOND: Duration = Duration::from_secs(1);
const UNIT: &str = "/etc/systemd/system/web.service";
const TEXT: &str = "[Unit]\nStartLimitIntervalSec=60s\nStartLimitBurst=3\n[Service]\nType=exec\n\
    WorkingDirectory=/app/current\nEnvironment=PORT=8000 HELIONYX_SERVICE=web\n\
    EnvironmentFile=/app/current/release.env\nExecStart=/app/current/run\nRestart=always\n\
    RestartSec=2s\nTimeoutStopSec=4s\n[Install]\nWantedBy=multi-user.target\n";

fn name(text: &str) -> UnitName {
    text.parse().unwrap()
}

fn web() -> UnitName {
    name("web.service")
}

/// A machine with the unit of such a service, which systemd has not read yet.
fn host(service: &FakeService) -> FakeHost {
    let fake = FakeHost::new();
    fake.boot_systemd();
    fake.put_file("/app/releases/one/run", service.content(), 0o755);
    fake.put_file("/app/releases/one/release.env", "HELIONYX_RELEASE=one\n", 0o444);
    fake.put_link("/app/current", "releases/one");
    fake.put_file(UNIT, TEXT, 0o644);
    fake
}

fn status(fake: &FakeHost, command: &crate::command::Command) -> ExitStatus {
    fake.run(command, &mut |_| {}).unwrap().status
}

fn started(service: &FakeService) -> FakeHost {
    let fake = host(service);
    assert_eq!(status(&fake, &systemctl::start(&web(), SECOND)), ExitStatus::Code(0));
    fake
}

fn unit(fake: &FakeHost) -> FakeUnit {
    fake.unit(&web()).unwrap()
}

#[test]
fn a_service_runs_what_its_unit_says_and_its_marks_are_seen() {
    let fake = started(&FakeService::default());
    let [process] = fake.running().try_into().unwrap();
    assert_eq!(unit(&fake).main_pid, Some(process.key.pid));
    assert_eq!((process.parent, process.cwd.unwrap().as_str()), (1, "/app/releases/one"));
    assert_eq!(process.marks["HELIONYX_RELEASE"], "one");
    let shown = fake.run(&systemctl::show([&web()]), &mut |_| {}).unwrap();
    let shown = &systemctl::parse_show(&shown.text)[&web()];
    assert!(shown.is_running() && shown.load == "loaded" && !shown.needs_reload, "{shown:?}");
    let read = journalctl::read([&web()], &journalctl::Wanted { lines: 9, ..Default::default() });
    assert!(fake.run(&read, &mut |_| {}).unwrap().text.ends_with("web: started"));
}

#[test]
fn a_service_that_ends_is_started_again_until_that_is_too_often() {
    let fake = started(&FakeService { crash_after_ms: Some(500), ..FakeService::default() });
    fake.advance(SECOND);
    assert_eq!((unit(&fake).active, unit(&fake).sub), ("activating", "auto-restart"));
    fake.advance(SECOND + SECOND / 2);
    assert_eq!((unit(&fake).sub, unit(&fake).restarts), ("running", 1));
    fake.advance(30 * SECOND);
    assert_eq!((unit(&fake).active, fake.running().len()), ("failed", 0));
    assert_eq!(status(&fake, &systemctl::start(&web(), SECOND)), ExitStatus::Code(1));
    status(&fake, &systemctl::reset_failed(&web()));
    assert_eq!(status(&fake, &systemctl::start(&web(), SECOND)), ExitStatus::Code(0));
}

#[test]
fn a_service_that_does_not_hear_is_killed_when_its_time_is_up() {
    for (deaf, active, waited) in [(false, "inactive", 0), (true, "failed", 4)] {
        let fake = started(&FakeService { deaf, ..FakeService::default() });
        let begin = crate::host::Clock::elapsed(&fake);
        assert_eq!(status(&fake, &systemctl::stop(&web(), SECOND)), ExitStatus::Code(0));
        assert_eq!((unit(&fake).active, fake.running().len()), (active, 0));
        assert_eq!((crate::host::Clock::elapsed(&fake) - begin).as_secs(), waited);
    }
    let fake = host(&FakeService::default());
    let unknown = systemctl::stop(&name("no.service"), SECOND);
    assert_eq!(status(&fake, &unknown), ExitStatus::Code(5));
}

#[test]
fn a_unit_counts_as_it_was_read_until_systemd_reads_it_again() {
    let fake = started(&FakeService::default());
    fake.put_file(UNIT, TEXT.replace("RestartSec=2s", "RestartSec=9s"), 0o644);
    assert!(unit(&fake).needs_reload);
    fake.crash(fake.running()[0].key.pid);
    fake.advance(3 * SECOND);
    assert_eq!(unit(&fake).sub, "running");
    status(&fake, &systemctl::daemon_reload());
    assert!(!unit(&fake).needs_reload);
    fake.crash(fake.running()[0].key.pid);
    fake.advance(3 * SECOND);
    assert_eq!(unit(&fake).sub, "auto-restart");
    fake.delete("/app/current");
    fake.advance(7 * SECOND);
    let shown = fake.run(&systemctl::show([&web()]), &mut |_| {}).unwrap();
    let failure = systemctl::parse_show(&shown.text)[&web()].failure();
    assert!(failure.unwrap().contains("environment file"), "the environment file is gone with it");
}

#[test]
fn what_is_enabled_runs_after_a_boot_and_a_oneshot_is_up_to_the_test() {
    let fake = started(&FakeService::default());
    let recover = name("recover-shop.dev.service");
    let oneshot = "[Service]\nType=oneshot\nExecStart=/bin/recover\n[Install]\nWantedBy=x\n";
    fake.put_file(format!("/etc/systemd/system/{recover}"), oneshot, 0o644);
    fake.reboot();
    assert!(fake.running().is_empty() && fake.due().is_empty(), "nothing is enabled");
    for unit in [&web(), &recover] {
        assert_eq!(status(&fake, &systemctl::enable(unit)), ExitStatus::Code(0));
    }
    fake.reboot();
    assert_eq!((fake.running().len(), fake.due()), (1, vec![recover.clone()]));
    fake.finish(&recover, 0);
    assert!(fake.due().is_empty());
    assert_eq!(status(&fake, &systemctl::disable(&web())), ExitStatus::Code(0));
    assert!(!unit(&fake).is_enabled);
    assert_eq!(status(&fake, &systemctl::enable(&name("no.service"))), ExitStatus::Code(1));
}

#[test]
fn a_timer_starts_its_service_each_time_that_it_elapses_and_none_after_its_stop() {
    let fake = host(&FakeService::default());
    let (service, timer) = (name("recover-a.b.service"), name("recover-a.b.timer"));
    let text =
        format!("[Timer]\nOnActiveSec=5s\nOnActiveSec=10s\nOnActiveSec=20s\nUnit={service}\n");
    fake.put_file(format!("/etc/systemd/system/{timer}"), text, 0o644);
    let oneshot = "[Service]\nType=oneshot\nExecStart=/bin/recover\n";
    fake.put_file(format!("/etc/systemd/system/{service}"), oneshot, 0o644);
    status(&fake, &systemctl::start(&timer, SECOND));
    for _ in 0..2 {
        assert!(fake.due().is_empty());
        fake.advance(5 * SECOND);
        assert_eq!(fake.due(), std::slice::from_ref(&service));
        fake.finish(&service, 0);
    }
    status(&fake, &systemctl::stop(&timer, SECOND));
    fake.advance(60 * SECOND);
    assert!(fake.due().is_empty());
}

#[test]
fn users_are_made_and_removed() {
    let fake = host(&FakeService::default());
    let user = "shop-dev".parse().unwrap();
    let known = |fake: &FakeHost| {
        let output = fake.run(&account::look_up(&user), &mut |_| {}).unwrap();
        account::parse(&output.text, &user)
    };
    assert_eq!(known(&fake), None);
    let create = account::create(&user, "/var/lib/shop".into());
    assert_eq!(status(&fake, &create), ExitStatus::Code(0));
    assert!(known(&fake).is_some());
    assert_eq!(status(&fake, &create), ExitStatus::Code(9), "there is one already");
    assert_eq!(status(&fake, &account::remove(&user)), ExitStatus::Code(0));
    assert_eq!(known(&fake), None);
    assert!(fake.list("/etc/systemd/system".into()).is_ok());
}

#[test]
fn a_job_that_was_begun_and_not_waited_for_is_done_all_the_same() {
    let fake = host(&FakeService::default());
    fake.fail_at(1, super::super::Fault::KillTorn);
    assert!(fake.run(&systemctl::start(&web(), SECOND), &mut |_| {}).is_err());
    fake.revive();
    assert!(fake.running().is_empty());
    fake.advance(SECOND);
    assert_eq!(fake.running().len(), 1);
}
