//! Toy servers that answer well, badly, slowly and for ever.

use std::io::Write;
use std::net::{TcpListener, TcpStream};

use super::super::LocalHost;
use super::super::connect::port_without_listener;
use super::*;
use crate::host::Clock;

type Serve = fn(&mut TcpStream) -> io::Result<()>;

/// Longer than an answer takes, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks a server that reads one request and then does this with it.
fn ask(serve: Serve) -> (Result<Answer, ProbeError>, String) {
    ask_within(PATIENCE, serve)
}

fn ask_within(timeout: Duration, serve: Serve) -> (Result<Answer, ProbeError>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = Port::try_from(i64::from(listener.local_addr().unwrap().port())).unwrap();
    std::thread::scope(|scope| {
        let server = scope.spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = vec![0; 4096];
            let count = stream.read(&mut request).unwrap();
            request.truncate(count);
            // It fails when the client has gone, as it should.
            let _ = serve(&mut stream);
            String::from_utf8(request).unwrap()
        });
        let answer = get(port, "/health?a=b", timeout);
        (answer, server.join().unwrap())
    })
}

/// Until the client is gone.
fn for_ever(stream: &mut TcpStream, piece: &[u8], pause: Duration) -> io::Result<()> {
    loop {
        stream.write_all(piece)?;
        LocalHost::new().pause(pause);
    }
}

#[test]
fn answers_are_told_with_their_status_whatever_it_is() {
    for (status, expected) in [("200 OK", 200), ("404 No", 404), ("500 Bad", 500), ("503 No", 503)]
    {
        let serve: Serve = match expected {
            200 => |s| s.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
            404 => |s| s.write_all(b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nok"),
            500 => |s| s.write_all(b"HTTP/1.0 500 Bad\r\n\r\nok"),
            _ => {
                |s| {
                    s.write_all(b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
                }
            }
        };
        let (answer, request) = ask(serve);
        assert_eq!(answer.unwrap(), Answer { status: expected, body: b"ok".to_vec() }, "{status}");
        assert!(request.starts_with("GET /health?a=b HTTP/1.1\r\n"), "{request}");
        let agent = concat!("helionyx-deploy/", env!("CARGO_PKG_VERSION"));
        assert!(request.to_lowercase().contains(&format!("user-agent: {agent}")), "{request}");
    }
}

#[test]
fn a_redirect_is_an_answer_and_is_not_followed() {
    let (answer, _) = ask(|stream| {
        stream.write_all(
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
        )
    });
    assert_eq!(answer.unwrap(), Answer { status: 302, body: Vec::new() });
}

#[test]
fn nobody_there_is_told_apart() {
    let (port, _reserved) = port_without_listener();
    assert_eq!(get(port, "/", PATIENCE), Err(ProbeError::Refused));
}

#[test]
fn no_answer_takes_longer_than_its_time() {
    let servers: [(&str, Serve); 4] = [
        ("silent", |stream| stream.read(&mut [0; 9]).map(drop)),
        ("drips its head", |stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\nX: ")?;
            for_ever(stream, b"x", Duration::from_millis(50))
        }),
        ("drips its body", |stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")?;
            for_ever(stream, b"x", Duration::from_millis(50))
        }),
        ("drips its chunks", |stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            for_ever(stream, b"1\r\nx\r\n", Duration::from_millis(50))
        }),
    ];
    // The server goes on until the client is gone: it is the client's time that ends it.
    let timeout = Duration::from_millis(400);
    for (name, serve) in servers {
        let (answer, _) = ask_within(timeout, serve);
        assert_eq!(answer, Err(ProbeError::TimedOut(timeout)), "{name}");
    }
}

#[test]
fn a_body_without_end_is_cut_off() {
    let (answer, _) = ask(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        for_ever(stream, &[b'x'; 64 * 1024], Duration::ZERO)
    });
    assert_eq!(answer, Err(ProbeError::TooLong));
    let (answer, _) = ask(|stream| {
        let body = [b'x'; Answer::LIMIT as usize];
        stream.write_all(
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(),
        )?;
        stream.write_all(&body)
    });
    assert_eq!(answer.unwrap().body.len() as u64, Answer::LIMIT);
}

#[test]
fn what_is_no_http_is_no_answer() {
    let servers: [(&str, Serve); 4] = [
        ("closes at once", |_| Ok(())),
        ("another protocol", |stream| stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n")),
        ("binary", |stream| stream.write_all(&[0xff; 100])),
        ("a body cut short", |stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
        }),
    ];
    for (name, serve) in servers {
        let (answer, _) = ask(serve);
        assert!(
            matches!(answer, Err(ProbeError::Other(ref why)) if !why.is_empty()),
            "{name}: {answer:?}"
        );
    }
    let (answer, _) = ask(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nX: ")?;
        for_ever(stream, &[b'x'; 64 * 1024], Duration::ZERO)
    });
    assert!(matches!(answer, Err(ProbeError::Other(_))), "a head without end: {answer:?}");
}
