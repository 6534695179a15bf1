//! An environment of its own to sweep: models, a source, a port, and the program that is swept.
//! Does I/O.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::apart;
use super::medium::{Kind, Medium, run};
use super::processes;
use crate::build::{Profile, build, deployer};

/// The longest that one run of the program may take, in seconds.
const LIMIT: &str = "60";

/// What is deployed: built at once, proven at its first answer.
const APP: &str = r#"
name = "swept"
[source.path]
dir = "DIR/source"
[[build]]
name = "copy"
run = ["cp", "note", "made"]
inputs = ["note"]
outputs = ["made"]
[[service]]
name = "web"
exec = ["{release}/bin/sample"]
stop_timeout_secs = 2
start_burst = 1000
start_interval_secs = 10
[service.health]
try_timeout_ms = 10000
deadline_secs = 30
passes = 1
stable_ms = 0
interval_ms = 10
[[service.health.probe]]
path = "/health/ready"
fields = { status = "ready", release = "{release_id}", environment = "{environment}" }
[variables.PORT]
kind = "port"
value = "{port}"
[variables.ENVIRONMENT]
kind = "text"
value = "{environment}"
[variables.EVENT_LOG]
kind = "path"
value = "{data}/events.jsonl"
[retention]
releases = KEPT
"#;

const DEV: &str = r#"
supervisor = "process"
root = "DIR/disk/root"
data = "DIR/disk/data"
port = PORT
"#;

/// How a run of the program ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its exit code; none when it was killed.
    pub code: Option<i32>,
    /// The last report that it wrote; null without one.
    pub report: Value,
    /// What it said to people.
    pub said: String,
}

impl Ended {
    /// The outcome in its report; empty without one.
    pub fn outcome(&self) -> &str {
        self.report["outcome"].as_str().unwrap_or_default()
    }
}

/// The environment, until this is dropped.
pub struct Place {
    dir: PathBuf,
    program: PathBuf,
    /// What its root and data lie on.
    pub medium: Medium,
    /// The last field: it goes when nothing is mounted any more.
    _tidy: Tidy,
}

impl Place {
    /// Makes one, and a program to deploy with if none is named.
    pub fn create(kind: Kind, kept: u32, program: Option<&Path>) -> Result<Place> {
        let program = match program {
            Some(program) => program.canonicalize()?,
            None => deployer(Profile::Own)?,
        };
        let sample = "helionyx-deploy/examples/sample/Cargo.toml";
        let sample = build(sample, &[], "target/sample", Profile::Own)?.join("sample");
        let dir = std::env::temp_dir().canonicalize()?;
        let dir = dir.join(format!("helionyx-sweep-{}", apart::number()));
        for part in ["envs/swept", "source/bin"] {
            fs_err::create_dir_all(dir.join(part))?;
        }
        let port = free_port().context("failed to find a free port")?;
        let fill_in = |text: &str| {
            text.replace("DIR", &dir.to_string_lossy())
                .replace("KEPT", &kept.to_string())
                .replace("= PORT", &format!("= {port}"))
        };
        fs_err::write(dir.join("envs/swept/app.toml"), fill_in(APP))?;
        fs_err::write(dir.join("envs/swept/dev.toml"), fill_in(DEV))?;
        fs_err::copy(sample, dir.join("source/bin/sample"))?;
        let medium = Medium::create(kind, &dir.join("disk"), &dir.join("image"))?;
        Ok(Place { _tidy: Tidy(dir.clone()), dir, program, medium })
    }

    /// The environment's root.
    pub fn root(&self) -> PathBuf {
        self.dir.join("disk/root")
    }

    /// What the service wrote.
    pub fn events(&self) -> PathBuf {
        self.dir.join("disk/data/events.jsonl")
    }

    /// A file beside the environment.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Makes the source another one.
    pub fn change(&self, note: &str) -> Result<()> {
        Ok(fs_err::write(self.dir.join("source/note"), note)?)
    }

    /// Runs the program.
    pub fn run(&self, words: &[&str]) -> Result<Ended> {
        self.run_under(&[], words)
    }

    /// Runs the program; it must end with 0.
    pub fn must(&self, words: &[&str]) -> Result<Ended> {
        let ended = self.run(words)?;
        let (words, said) = (words.join(" "), &ended.said);
        ensure!(ended.code == Some(0), "failed to prepare with `{words}`: {said}");
        Ok(ended)
    }

    /// Runs the program under another one.
    pub fn run_under(&self, under: &[String], words: &[&str]) -> Result<Ended> {
        let output = self.command(under, words).run()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut reports = lines.filter(|line| line["event"] == "report");
        let report = reports.next_back().unwrap_or_default();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(Ended { code: output.status.code(), report, said })
    }

    /// The program, to be started.
    pub fn command(&self, under: &[String], words: &[&str]) -> duct::Expression {
        let envs = self.dir.join("envs").display().to_string();
        let program = self.program.display().to_string();
        let limit = ["timeout", "--signal=KILL", LIMIT].map(str::to_owned);
        let limit = if under.is_empty() { &[][..] } else { &limit[..] };
        let all: Vec<String> = limit
            .iter()
            .chain(under)
            .cloned()
            .chain([program, "--json".to_owned(), "--envs-dir".to_owned(), envs])
            .chain(words.iter().map(|word| (*word).to_owned()))
            .collect();
        let command = duct::cmd(&all[0], &all[1..]).dir(&self.dir).unchecked();
        command.stdin_null().stdout_capture().stderr_capture()
    }

    /// Keeps what is on the disk, to come back to.
    pub fn keep(&self) -> Result<()> {
        let kept = self.dir.join("kept");
        remove(&kept)?;
        fs_err::create_dir(&kept)?;
        self.copy(&self.dir.join("disk"), &kept)
    }

    /// Puts back what was kept, durably; nothing runs then.
    pub fn put_back(&self) -> Result<()> {
        self.end()?;
        remove(&self.root())?;
        remove(&self.dir.join("disk/data"))?;
        self.copy(&self.dir.join("kept"), &self.dir.join("disk"))?;
        self.medium.sync()
    }

    /// Ends the service, however it is doing.
    pub fn end(&self) -> Result<()> {
        processes::end(&self.root())
    }

    fn copy(&self, from: &Path, to: &Path) -> Result<()> {
        for part in ["root", "data"].map(|part| from.join(part)).iter().filter(|part| part.exists())
        {
            run(duct::cmd!("cp", "--archive", part, to))?;
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.end();
        let _ = remove(&self.root());
        for name in ["envs", "source", "kept", "log", "plan"] {
            let _ = remove(&self.dir.join(name));
        }
    }
}

/// What the medium was mounted on goes after it.
struct Tidy(PathBuf);

impl Drop for Tidy {
    fn drop(&mut self) {
        // Never with what is in it: were something still mounted there, it would be lost.
        let _ = fs_err::remove_dir(self.0.join("disk"));
        let _ = fs_err::remove_dir(&self.0);
    }
}

fn remove(path: &Path) -> Result<()> {
    match fs_err::symlink_metadata(path) {
        Err(_) => Ok(()),
        // Releases are read-only, also for their owner where that is not root.
        Ok(found) if found.is_dir() => {
            if !rustix::process::geteuid().is_root() {
                run(duct::cmd!("chmod", "--recursive", "u+w", path))?;
            }
            Ok(fs_err::remove_dir_all(path)?)
        }
        Ok(_) => Ok(fs_err::remove_file(path)?),
    }
}

/// From the range that the kernel does not hand out itself.
fn free_port() -> Option<u16> {
    let begin = u16::try_from(apart::number() % 600).unwrap_or(0) * 20;
    let mut ports = (0..12_000).map(|offset| 20_000 + (begin + offset) % 12_000);
    ports.find(|port| std::net::TcpListener::bind(("0.0.0.0", *port)).is_ok())
}
