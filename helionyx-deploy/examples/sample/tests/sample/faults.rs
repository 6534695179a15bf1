//! Each fault does what it says.

use crate::support::{PROGRAM, Running, Scratch, command, get, kill, parse, send, wait_for};
use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

fn faulty(name: &str) -> (Running, SocketAddr) {
    let mut sample = Running::with(&[("FAULT", name), ("HELIONYX_RELEASE", "r1")]);
    let address = sample.address();
    assert!(sample.said.contains(&format!("fault {name}: ")), "{}", sample.said);
    (sample, address)
}

#[test]
fn crash_exits_with_3() {
    let output = command(PROGRAM, &[("PORT", "0"), ("FAULT", "crash")]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.ends_with("crashing as told\n") && !said.contains("serving"), "{said}");
}

#[test]
fn crash_after_gives_eight_health_answers_first() {
    let (mut sample, address) = faulty("crash-after");
    for path in ["/health", "/health/ready"].repeat(4) {
        assert_eq!(sample.child.try_wait().unwrap(), None);
        assert_eq!(get(address, "/").0, 200, "not counted");
        assert_eq!(get(address, path).0, 200);
    }
    assert_eq!(sample.exit().code(), Some(3));
}

#[test]
fn sick_answers_500_for_health_only() {
    let (_sample, address) = faulty("sick");
    let sick = (500, r#"{"status":"sick"}"#.to_owned());
    assert_eq!(get(address, "/health"), sick);
    assert_eq!(get(address, "/health/ready"), sick);
    assert_eq!(get(address, "/").0, 200);
}

#[test]
fn slow_does_not_bind_but_can_be_stopped() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let port = free.port().to_string();
    let mut sample = Running::with(&[("FAULT", "slow"), ("PORT", &port)]);
    sample.hears("fault slow");
    assert!(TcpStream::connect(free).is_err());
    sample.stop();
    sample.hears("stopped by TERM before it served");

    let start = Instant::now();
    let mut sample = Running::with(&[("FAULT", "slow"), ("FAULT_AFTER_MS", "200")]);
    assert_eq!(get(sample.address(), "/health").0, 200);
    assert!(start.elapsed() >= Duration::from_millis(200));
}

#[test]
fn hang_accepts_without_an_answer() {
    let (mut sample, address) = faulty("hang");
    let mut stream = send(address, "GET", "/health", "");
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(stream.read(&mut [0]).is_err(), "neither an answer nor an end");
    sample.stop();
    sample.hears("leaving an answer unfinished");
}

#[test]
fn deaf_ignores_signals() {
    let (mut sample, address) = faulty("deaf");
    for signal in ["TERM", "INT"] {
        sample.signal(signal);
        assert_eq!(get(address, "/health/ready").0, 200);
    }
    assert_eq!(sample.child.try_wait().unwrap(), None);
    sample.signal("KILL");
    assert_eq!(sample.exit().code(), None);
}

#[test]
fn lie_reports_a_false_release_everywhere() {
    let scratch = Scratch::new();
    let path = scratch.0.join("events.jsonl");
    let mut sample = Running::with(&[
        ("FAULT", "lie"),
        ("HELIONYX_RELEASE", "r1"),
        ("EVENT_LOG", path.to_str().unwrap()),
    ]);
    let address = sample.address();
    let line = sample.said.lines().last().unwrap().to_owned();
    let log = fs::read_to_string(&path).unwrap();
    for text in [get(address, "/").1, get(address, "/health/ready").1, log, line] {
        assert!(text.contains("19700101T000000Z-0000000"), "{text}");
    }
}

#[test]
fn flap_alternates() {
    let (_sample, address) = faulty("flap");
    let paths = ["/health", "/health", "/health/ready", "/health"];
    let statuses = paths.map(|path| get(address, path).0);
    assert_eq!(statuses, [200, 500, 200, 500]);
}

#[test]
fn fork_leaves_a_child_that_only_dies_with_the_group() {
    let (mut sample, address) = faulty("fork");
    let group = format!("-{}", sample.child.id());
    assert_eq!(get(address, "/health").0, 200);
    sample.stop();
    kill("TERM", &group);
    assert!(TcpListener::bind(address).is_err(), "the child should hold the port");
    kill("KILL", &group);
    wait_for("the port", || TcpListener::bind(address).ok());
}

#[test]
fn redirect_points_to_the_root() {
    let (_sample, address) = faulty("redirect");
    let mut text = String::new();
    send(address, "GET", "/health", "").read_to_string(&mut text).unwrap();
    assert_eq!(parse(&text).0, 302);
    assert!(text.contains("\r\nLocation: /\r\n"), "{text}");
    assert_eq!(get(address, "/").0, 200);
}

#[test]
fn flood_answers_without_end_and_hinders_nobody() {
    let (mut sample, address) = faulty("flood");
    let mut flooding = send(address, "GET", "/health/ready", "");
    let _unread = send(address, "GET", "/health", "");
    let mut text = vec![0; 4 * 1024 * 1024];
    flooding.read_exact(&mut text).unwrap();
    assert!(text.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert_eq!(get(address, "/").0, 200);
    sample.stop();
    sample.hears("leaving an answer unfinished");
}

#[test]
fn drip_answers_byte_by_byte_and_hinders_nobody() {
    let (mut sample, address) = faulty("drip");
    let start = Instant::now();
    let mut dripping = send(address, "GET", "/health", "");
    let mut some = [0; 3];
    dripping.read_exact(&mut some).unwrap();
    assert_eq!(&some, b"HTT");
    assert!(start.elapsed() >= Duration::from_millis(400), "two pauses between three bytes");
    assert_eq!(get(address, "/").0, 200);
    sample.stop();
    sample.hears("leaving an answer unfinished");
}

#[test]
fn a_release_can_carry_its_fault() {
    let release = Scratch::new();
    let program = release.0.join("bin/sample");
    fs::create_dir(release.0.join("bin")).unwrap();
    // A copy could still be open for writing in the child of another test.
    fs::hard_link(PROGRAM, &program).unwrap();
    fs::write(release.0.join("fault"), "crash\n").unwrap();
    for (fault, carried) in [("", true), ("none", true), ("slow", false)] {
        let mut sample = Running::start(command(&program, &[("PORT", "0"), ("FAULT", fault)]));
        if carried {
            assert_eq!(sample.exit().code(), Some(3));
        } else {
            sample.hears("fault slow");
        }
    }
    fs::write(release.0.join("fault"), "crsh\n").unwrap();
    let link = release.0.join("link");
    symlink(&program, &link).unwrap();
    let output = command(&link, &[("PORT", "0")]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("/fault is \"crsh\", but must be one of: none, crash"), "{message}");
}
