//! A child process that keeps the listening port taken after the service has
//! gone. Only killing the whole process group frees the port.

use crate::outside;
use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::thread;

/// What makes the program this child instead of the service.
pub const ARGUMENT: &str = "--hold-port";

/// Starts the child and waits until it is deaf to signals; from then on, it is
/// certain to outlive the service. Returns its process id.
pub fn start(listener: &TcpListener) -> Result<u32, String> {
    let mut child = spawn(listener).map_err(|e| format!("cannot start the port holder: {e}"))?;
    let id = child.id();
    let mut word = String::new();
    if let Some(output) = child.stdout.take() {
        // What matters is whether anything was said.
        let _ = BufReader::new(output).read_line(&mut word);
    }
    if word.is_empty() {
        return Err("the port holder did not start".to_owned());
    }
    // Were it ever to end, it should not stay behind as a zombie.
    thread::spawn(move || child.wait());
    Ok(id)
}

/// The socket goes over as standard input, the one descriptor that a child can
/// be given without further ado.
fn spawn(listener: &TcpListener) -> io::Result<Child> {
    Command::new(env::current_exe()?)
        .arg(ARGUMENT)
        .stdin(Stdio::from(OwnedFd::from(listener.try_clone()?)))
        .stdout(Stdio::piped())
        .spawn()
}

/// The child's whole life.
pub fn hold() -> Result<(), String> {
    let mut signals = outside::signals()?;
    let _ = writeln!(io::stdout(), "holding");
    for _ in signals.forever() {}
    Ok(())
}
