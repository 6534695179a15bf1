//! Starting the program, talking to it, waiting with a deadline.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_sample");

/// Longer than anything takes, even on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer.
pub fn wait_for<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(start.elapsed() < DEADLINE, "waited too long for {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// A directory of one test, removed afterwards.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("sample-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The program with an environment of nothing but what the test sets.
pub fn command(program: impl AsRef<Path>, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program.as_ref());
    command.env_clear().envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// A running program, killed with its whole group when the test is over.
pub struct Running {
    pub child: Child,
    output: BufReader<ChildStdout>,
    /// Standard output so far.
    pub said: String,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.process_group(0).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output, said: String::new() }
    }

    /// Starts it on a free port with that fault.
    pub fn with(variables: &[(&str, &str)]) -> Self {
        let mut command = command(PROGRAM, &[("PORT", "0")]);
        command.envs(variables.iter().copied());
        Self::start(command)
    }

    /// Reads on until a line contains the words, and returns that line.
    pub fn hears(&mut self, words: &str) -> String {
        loop {
            let mut line = String::new();
            let got = self.output.read_line(&mut line).unwrap();
            assert!(got > 0, "it never said {words:?}, only {:?}", self.said);
            self.said += &line;
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Where it says that it serves.
    pub fn address(&mut self) -> SocketAddr {
        let line = self.hears("serving on ");
        let address = line.split("serving on ").nth(1).unwrap();
        address.split(' ').next().unwrap().parse().unwrap()
    }

    pub fn signal(&self, name: &str) {
        kill(name, &self.child.id().to_string());
    }

    pub fn exit(&mut self) -> ExitStatus {
        wait_for("the program's end", || self.child.try_wait().unwrap())
    }

    /// Sends TERM; it must end with 0.
    pub fn stop(&mut self) {
        self.signal("TERM");
        assert_eq!(self.exit().code(), Some(0));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        kill("KILL", &format!("-{}", self.child.id()));
        let _ = self.child.wait();
    }
}

/// The shell's own kill, since the program of that name is not everywhere.
pub fn kill(signal: &str, target: &str) {
    let script = format!("kill -s {signal} -- {target} 2>/dev/null");
    let _ = Command::new("/bin/sh").args(["-c", &script]).status();
}

/// A status and a body.
pub type Answer = (u16, String);

pub fn get(address: SocketAddr, path: &str) -> Answer {
    request(address, "GET", path, "")
}

pub fn request(address: SocketAddr, method: &str, path: &str, body: &str) -> Answer {
    let mut text = String::new();
    send(address, method, path, body).read_to_string(&mut text).unwrap();
    parse(&text)
}

/// Sends a request and leaves the answer to be read.
pub fn send(address: SocketAddr, method: &str, path: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let length = body.len();
    let text =
        format!("{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).unwrap();
    stream
}

pub fn parse(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap();
    (status.parse().unwrap(), body.to_owned())
}
