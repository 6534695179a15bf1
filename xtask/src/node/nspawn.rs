//! Starts and ends the systemd of a node, and knows when it is up. Does I/O.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};

use super::place::Place;
use super::record::Record;
use super::{Network, base, cgroup, enter, layer, prerequisites, processes, wait};

/// For a machine that has much else to do: it takes a second.
const BOOT: Duration = Duration::from_secs(120);
/// systemd gives its services 90 seconds to end.
const SHUTDOWN: Duration = Duration::from_secs(180);
/// It mostly shuts down within a second. After so long it is looked what keeps it.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest wait for one answer of a systemd that is starting.
const ANSWER: Duration = Duration::from_secs(10);
/// Lines of the console that tell why it did not boot.
const CONSOLE_LINES: usize = 15;
/// Where systemd-nspawn makes a directory for each machine, and leaves it when it is killed. On the
/// second 257 mounts something, and boots no machine whose mount is still there.
const LEFT_BEHIND: [&str; 2] = ["/run/systemd/nspawn/propagate", "/run/systemd/nspawn/unix-export"];

/// Boots the node, and returns when all has been started that starts with it.
pub fn boot(place: &Place, record: &Record) -> Result<()> {
    clear(place)?;
    fs_err::write(&place.console, "")?;
    let words = words(place, record)?;
    match Path::new("/run/systemd/system").is_dir() {
        true => start_as_unit(place, words)?,
        false => start_alone(place, words)?,
    }
    // The first look may come before the process is where it is looked for.
    wait::until("start systemd-nspawn", BOOT, || Ok(in_sight(place)?.then_some(())))
        .and_then(|()| wait::until("see it booted", BOOT, || is_booted(place)))
        .map_err(|error| match console(place) {
            console if console.is_empty() => error,
            console => anyhow!("{error:#}; its console said:\n{console}"),
        })
}

/// What a systemd-nspawn that was killed has left of this node.
pub fn left_behind(place: &Place) -> Vec<PathBuf> {
    let all = LEFT_BEHIND.map(|directory| Path::new(directory).join(&place.unit));
    all.into_iter().filter(|directory| directory.symlink_metadata().is_ok()).collect()
}

/// Removes that.
pub fn clear(place: &Place) -> Result<()> {
    for directory in left_behind(place) {
        layer::unmount_below(&directory)?;
        // It is of no use to anybody, and harms nobody.
        let _ = fs_err::remove_dir(directory);
    }
    Ok(())
}

/// Shuts it down in order, where it runs.
pub fn shut_down(place: &Place) -> Result<()> {
    let mut asked: Option<Instant> = None;
    wait::until(&format!("shut down {}", place.name), SHUTDOWN, || {
        if processes::is_empty(place)? {
            return Ok(Some(()));
        }
        if asked.is_some_and(|at| at.elapsed() < PATIENCE) {
            return Ok(None);
        }
        // What ends last may wait for a minute and a half for what a caller that was killed had begun
        // in the node: nobody tells it of its end. All services have ended then, in order.
        if asked.is_some() && processes::is_ending(place)? {
            processes::kill_all(place)?;
            return Ok(Some(()));
        }
        // One that is just being booted does not listen yet, or forgets it over its own start.
        if ask_to_shut_down(place)? {
            asked = Some(wait::now());
        }
        Ok(None)
    })
}

fn ask_to_shut_down(place: &Place) -> Result<bool> {
    let Ok(asked) = enter::command(place, &["systemctl", "--no-wall", "poweroff"]) else {
        return Ok(false);
    };
    let asked = asked.stdin_null().stdout_null().stderr_null().unchecked().start()?;
    Ok(asked.wait_timeout(ANSWER)?.is_some_and(|output| output.status.success()))
}

/// Whether it has been started, or has ended already.
fn in_sight(place: &Place) -> Result<bool> {
    Ok(!processes::is_empty(place)? || !console(place).is_empty())
}

/// Some when it is; an error when it has died.
fn is_booted(place: &Place) -> Result<Option<()>> {
    let Some(leader) = processes::leader(place)? else {
        return match processes::is_empty(place)? {
            true => bail!("it ended before it was up"),
            false => Ok(None),
        };
    };
    // Before this is there, nothing answers, and `--wait` would not wait.
    if !Path::new(&format!("/proc/{leader}/root/run/systemd/private")).exists() {
        return Ok(None);
    }
    let asked = enter::command(place, &["systemctl", "is-system-running", "--wait"])?;
    let asked = asked.stdin_null().stderr_null().stdout_capture().unchecked().start()?;
    let Some(answer) = asked.wait_timeout(ANSWER)? else {
        asked.kill()?;
        return Ok(None);
    };
    let answer = String::from_utf8_lossy(&answer.stdout);
    Ok(matches!(answer.trim(), "running" | "degraded").then_some(()))
}

fn words(place: &Place, record: &Record) -> Result<Vec<OsString>> {
    let mut words: Vec<OsString> = vec![prerequisites::program("systemd-nspawn")?.into()];
    let options = match record.options.network {
        Network::Private => vec!["--private-network"],
        Network::Host => vec!["--resolv-conf=replace-host"],
    };
    words.extend(options.into_iter().map(OsString::from));
    let fixed = ["--quiet", "--boot", "--register=no", "--keep-unit", "--link-journal=no"];
    words.extend(fixed.map(OsString::from));
    words.push(format!("--machine={}", place.unit).into());
    words.push(format!("--hostname={}", place.name).into());
    words.push(format!("--directory={}", place.root.display()).into());
    if record.base != base::own() {
        words.extend(rust()?);
    }
    // Nothing has changed since this machine looked: no caches are made anew.
    words.extend(
        ["systemd.unit=multi-user.target", "systemd.condition-needs-update=0"].map(Into::into),
    );
    Ok(words)
}

/// What a node on another root directory sees of this machine: the Rust that this was built with, at
/// the same place, and where cargo looks for them, the packages that it has downloaded here.
fn rust() -> Result<Vec<OsString>> {
    let toolchain = Path::new(env!("CARGO")).ancestors().nth(2);
    let toolchain = toolchain.context("failed to find Rust's directory")?.display().to_string();
    let home = std::env::var_os("HOME").unwrap_or_default();
    let home =
        std::env::var_os("CARGO_HOME").unwrap_or_else(|| Path::new(&home).join(".cargo").into());
    let packages = Path::new(&home).join("registry").display().to_string();
    let seen = [(toolchain.clone(), toolchain), (packages, "/root/.cargo/registry".to_owned())];
    let seen = seen.into_iter().filter(|(from, _)| Path::new(from).is_dir());
    Ok(seen.map(|(from, to)| format!("--bind-ro={from}:{to}").into()).collect())
}

/// Its lock files would stay behind when it is killed; the node has a lock of its own.
const NO_LOCK: &str = "SYSTEMD_NSPAWN_LOCK=0";

/// Under this machine's systemd: in a unit whose control group is left to the node.
fn start_as_unit(place: &Place, words: Vec<OsString>) -> Result<()> {
    wait::until("see the unit of the last boot forgotten", ANSWER, || {
        Ok(is_unknown(place)?.then_some(()))
    })?;
    let unit = format!("--unit={}", place.unit);
    let console = place.console.display();
    let mut all: Vec<OsString> = vec![
        unit.into(),
        "--quiet".into(),
        "--collect".into(),
        format!("--setenv={NO_LOCK}").into(),
        "--property=Delegate=yes".into(),
        "--property=TasksMax=infinity".into(),
        format!("--property=StandardOutput=append:{console}").into(),
        format!("--property=StandardError=append:{console}").into(),
        "--".into(),
    ];
    all.extend(words);
    start(place, &duct::cmd(prerequisites::program("systemd-run")?, all))
}

/// Whether this machine's systemd knows no unit of the node: it does for a moment after the last
/// process of one has ended, and until then starts no other of that name.
fn is_unknown(place: &Place) -> Result<bool> {
    let unit = format!("{}.service", place.unit);
    let words = ["show", "--property=LoadState", "--value", "--", &unit];
    Ok(duct::cmd(prerequisites::program("systemctl")?, words).read()?.trim() == "not-found")
}

/// Without one: in a control group that we make, in a session of its own.
fn start_alone(place: &Place, words: Vec<OsString>) -> Result<()> {
    let mut all: Vec<OsString> =
        ["--fork", "/bin/sh", "-c", enter::JOIN, "sh"].map(OsString::from).into();
    all.extend(cgroup::create(place)?.into_iter().map(OsString::from));
    all.extend(["--", "env", NO_LOCK].map(OsString::from));
    all.extend(words);
    start(place, &duct::cmd(prerequisites::program("setsid")?, all))
}

fn start(place: &Place, command: &duct::Expression) -> Result<()> {
    let console = fs_err::OpenOptions::new().append(true).open(&place.console)?;
    let command = command.dir("/").stdin_null().stderr_to_stdout();
    let command = command.stdout_file(console.into_file());
    command
        .run()
        .with_context(|| format!("failed to start systemd-nspawn: {}", self::console(place)))?;
    Ok(())
}

fn console(place: &Place) -> String {
    let bytes = fs_err::read(&place.console).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(CONSOLE_LINES)..].join("\n")
}
