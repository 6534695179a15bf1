//! How an answer reaches the client.
//!
//! Every answer ends its connection: one that is kept for later would break
//! under its owner's hands at the next deployment.

use crate::answers::{Answer, Reply};
use std::io::{self, Write};
use std::thread;
use std::time::Duration;

/// The time between two bytes of a dripping answer.
const DRIP: Duration = Duration::from_millis(200);

/// Carries out the reply. It ends with an error when the client leaves, and
/// not at all if the reply has no end.
pub fn send(reply: &Reply, to: &mut dyn Write) -> io::Result<()> {
    match reply {
        Reply::Whole(answer) => {
            to.write_all(message(answer).as_bytes())?;
            to.flush()
        }
        Reply::Flood => flood(to),
        Reply::Drip => drip(to),
        Reply::Silence => loop {
            thread::park();
        },
    }
}

fn message(answer: &Answer) -> String {
    let location = answer.location.map(|to| format!("Location: {to}\r\n"));
    format!(
        "{}Content-Length: {}\r\n{}\r\n{}",
        head(answer.status),
        answer.body.len(),
        location.unwrap_or_default(),
        answer.body
    )
}

/// The part that all answers share.
fn head(status: u16) -> String {
    let reason = match status {
        200 => "OK",
        201 => "Created",
        302 => "Found",
        404 => "Not Found",
        503 => "Service Unavailable",
        400..500 => "Client Error",
        _ => "Server Error",
    };
    let fields = "Content-Type: application/json\r\nConnection: close\r\n";
    format!("HTTP/1.1 {status} {reason}\r\n{fields}")
}

/// Without a length, the body lasts as long as the connection.
fn flood(to: &mut dyn Write) -> io::Result<()> {
    write!(to, "{}\r\n", head(200))?;
    let chunk = [b' '; 16 * 1024];
    loop {
        to.write_all(&chunk)?;
    }
}

/// Drips from the very first byte, so that a timeout between two reads never
/// strikes: only one for the whole answer helps.
fn drip(to: &mut dyn Write) -> io::Result<()> {
    let head = head(200) + "\r\n";
    for byte in head.bytes().chain(std::iter::repeat(b' ')) {
        to.write_all(&[byte])?;
        to.flush()?;
        thread::sleep(DRIP);
    }
    Ok(())
}
