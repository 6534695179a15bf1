//! What it does when nothing is wrong.

use crate::support::{DEADLINE, PROGRAM, Running, Scratch, command, get, request, send};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Time for what is under way, however busy the machine is.
const GRACE: (&str, &str) = ("GRACE_MS", "60000");

#[test]
fn it_says_who_it_is() {
    let mut sample = Running::with(&[("ENVIRONMENT", "test"), ("HELIONYX_RELEASE", "r1")]);
    let address = sample.address();
    let pid = sample.child.id();
    let identity = r#"{"service":"sample","environment":"test","release":"r1","pid":PID}"#;
    for (path, status, body) in [
        ("/health", 200, r#"{"status":"healthy","service":"sample"}"#),
        ("/health/ready?now", 200, r#"{"status":"ready","environment":"test","release":"r1"}"#),
        ("/", 200, &identity.replace("PID", &pid.to_string())),
        ("/nowhere", 404, r#"{"error":"not found"}"#),
        ("/events", 503, r#"{"error":"EVENT_LOG is not set"}"#),
    ] {
        assert_eq!(get(address, path), (status, body.to_owned()), "{path}");
    }
    assert!(sample.said.contains(&format!("(release r1, pid {pid})")), "{}", sample.said);
}

#[test]
fn it_binds_the_port_it_is_told() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut sample = Running::with(&[("PORT", &free.port().to_string()), ("APP", "other")]);
    assert_eq!(sample.address(), free);
    assert_eq!(get(free, "/health").1, r#"{"status":"healthy","service":"other"}"#);
    let second = command(PROGRAM, &[("PORT", &free.port().to_string())]).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
}

#[test]
fn events_are_appended_and_counted_across_releases() {
    let scratch = Scratch::new();
    let path = scratch.0.join("events.jsonl");
    let log = ("EVENT_LOG", path.to_str().unwrap());
    for (release, first) in [("r1", 2), ("r2", 5)] {
        let mut sample = Running::with(&[log, ("HELIONYX_RELEASE", release)]);
        let address = sample.address();
        let expected = (201, format!(r#"{{"seq":{first}}}"#));
        assert_eq!(request(address, "POST", "/events", "say \"hi\"\n"), expected);
        assert_eq!(get(address, "/events"), (200, format!(r#"{{"count":{first}}}"#)));
        assert_eq!(request(address, "POST", "/events", "").0, 400);
        sample.stop();
    }
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["started", "accepted", "stopped", "started", "accepted", "stopped"]);
    assert_eq!(lines[1]["body"], "say \"hi\"\n");
    assert_eq!(lines[4]["release"], "r2");
    assert!(lines.iter().all(|line| line["pid"].is_u64() && line["time_ms"].is_u64()));
}

#[test]
fn an_event_may_be_as_long_as_it_says_and_no_longer() {
    let scratch = Scratch::new();
    let path = scratch.0.join("events.jsonl");
    let mut sample = Running::with(&[("EVENT_LOG", path.to_str().unwrap())]);
    let address = sample.address();
    let longest = "a\n".repeat(32 * 1024);
    assert_eq!(request(address, "POST", "/events", &longest).0, 201);
    assert_eq!(statuses(address, "POST /events HTTP/1.1\r\nContent-Length: 65537\r\n\r\n"), [413]);
    let announced = "POST /events HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\na";
    assert_eq!(statuses(address, announced), [100, 201]);
}

#[test]
fn what_is_not_http_is_refused() {
    let mut sample = Running::with(&[]);
    let address = sample.address();
    assert_eq!(statuses(address, "hello\n"), [400]);
    assert_eq!(statuses(address, "PRI * HTTP/2.0\r\n"), [505]);
    assert_eq!(statuses(address, &format!("GET /{}", "a".repeat(16 * 1024 - 5))), [431]);
}

/// Sends that text and returns the statuses of all that is answered.
fn statuses(address: std::net::SocketAddr, text: &str) -> Vec<u16> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    let heads = answers.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 "));
    heads.map(|status| status[..3].parse().unwrap()).collect()
}

#[test]
fn a_mistake_in_the_environment_ends_it_with_1_and_the_name_of_the_variable() {
    let no_directory = Scratch::new().0.join("missing/events.jsonl");
    for (name, value) in [
        ("PORT", "http"),
        ("BIND", "nowhere"),
        ("FAULT", "tired"),
        ("FAULT_AFTER_MS", "-1"),
        ("EVENT_LOG", no_directory.to_str().unwrap()),
    ] {
        let output = command(PROGRAM, &[("PORT", "0"), (name, value)]).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains(name) && message.contains(value), "{message}");
    }
    let output = command(PROGRAM, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("PORT is not set"));
}

#[test]
fn term_and_int_end_it_and_free_the_port() {
    for signal in ["TERM", "INT"] {
        let mut sample = Running::with(&[]);
        let address = sample.address();
        sample.signal(signal);
        sample.hears(&format!("stopped by {signal}"));
        assert_eq!(sample.exit().code(), Some(0));
        TcpListener::bind(address).unwrap();
    }
}

#[test]
fn a_request_under_way_is_finished() {
    let mut sample = Running::with(&[GRACE]);
    let address = sample.address();
    let mut stream = TcpStream::connect(address).unwrap();
    // That another one is answered shows that this one has been accepted.
    stream.write_all(b"GET /health/ready HTTP/1.1\r\n").unwrap();
    get(address, "/health");
    sample.signal("TERM");
    // Refused connections show that it is stopping.
    crate::support::wait_for("the stop", || TcpStream::connect(address).err());
    stream.write_all(b"\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 503 "), "{text}");
    assert!(text.contains(r#""status":"not ready""#), "{text}");
    assert_eq!(sample.exit().code(), Some(0));
}

/// Starts the program with that socket handed over as systemd does. A shell
/// in between knows its own process id, which the program then takes over.
fn with_socket(listener: &TcpListener, pid: &str, variables: &[(&str, &str)]) -> Running {
    let script = format!("exec 3<&0; LISTEN_PID={pid} LISTEN_FDS=1 exec '{PROGRAM}'");
    let mut command = command("/bin/sh", variables);
    let socket = OwnedFd::from(listener.try_clone().unwrap());
    command.args(["-c", &script]).stdin(Stdio::from(socket));
    Running::start(command)
}

#[test]
fn an_inherited_socket_goes_before_the_port() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // As the unit option NonBlocking= would leave it.
    listener.set_nonblocking(true).unwrap();
    let mut sample = with_socket(&listener, "$$", &[("PORT", "1")]);
    let address = sample.address();
    assert_eq!(address, listener.local_addr().unwrap());
    assert_eq!(get(address, "/health").0, 200);
    listener.set_nonblocking(true).unwrap();
    assert_eq!(get(address, "/health").0, 200);
    assert_eq!(get(address, "/health").0, 200);
    sample.stop();
}

#[test]
fn a_socket_meant_for_another_process_is_left_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for pid in ["1", "''"] {
        let mut sample = with_socket(&listener, pid, &[("PORT", "0")]);
        assert_ne!(sample.address(), listener.local_addr().unwrap());
    }
}

#[test]
fn no_request_is_lost_when_one_release_takes_over_from_another() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let clients = [(); 4].map(|()| {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    assert_eq!(get(address, "/health").0, 200);
                }
            })
        });
        let mut old = with_socket(&listener, "$$", &[GRACE]);
        old.address();
        for _ in 0..10 {
            let mut new = with_socket(&listener, "$$", &[GRACE]);
            new.address();
            old.stop();
            old = new;
        }
        over.store(true, Ordering::SeqCst);
        for client in clients {
            client.join().unwrap();
        }
    });
}

#[test]
fn the_service_manager_hears_of_ready_and_stopping() {
    let scratch = Scratch::new();
    let path = scratch.0.join("notify");
    let name = format!("sample-notify-{}", std::process::id());
    let hidden = SocketAddr::from_abstract_name(&name).unwrap();
    for (socket, target) in [
        (UnixDatagram::bind(&path), path.to_str().unwrap().to_owned()),
        (UnixDatagram::bind_addr(&hidden), format!("@{name}")),
    ] {
        let socket = socket.unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let hears = |expected: &str| {
            let mut message = [0; 64];
            let length = socket.recv(&mut message).unwrap();
            assert_eq!(std::str::from_utf8(&message[..length]), Ok(expected));
        };
        let mut sample = Running::with(&[("NOTIFY_SOCKET", &target)]);
        hears("READY=1");
        assert_eq!(get(sample.address(), "/health/ready").0, 200);
        sample.stop();
        hears("STOPPING=1");
    }
}

#[test]
fn a_silent_client_is_in_nobodys_way() {
    let mut sample = Running::with(&[]);
    let address = sample.address();
    let _silent = [(); 20].map(|()| TcpStream::connect(address).unwrap());
    assert_eq!(get(address, "/health").0, 200);
    drop(send(address, "GET", "/", ""));
    assert_eq!(get(address, "/health").0, 200);
    sample.stop();
}
