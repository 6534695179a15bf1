//! Two deployers at once, and one that is suspended, overtaken, and wakes up. Does I/O.

use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::check::{self, Seen};
use super::operation::Operation;
use super::place::Place;
use super::tally::Tally;
use super::trace::{Point, is_suspended, strace_suspending};
use crate::node::wait;

const DEPLOY: [&str; 3] = ["deploy", "--env", "dev"];

/// Both, so often; whether all was as it must be.
pub fn sweep(place: &Place, rounds: usize) -> Result<bool> {
    place.change("first")?;
    place.must(&DEPLOY)?;
    let mut tally = Tally::new(format!("twice: two at once, {rounds} rounds"));
    for round in 1..=rounds {
        place.change(&format!("round {round}"))?;
        let found = at_once(place, &mut tally)?;
        tally.tried += 1;
        tally.note(&format!("round {round}"), "cargo xtask sweep twice", &found);
    }
    let good = tally.end();
    Operation::Prune.prepare(place)?;
    let points = Operation::Prune.points(place)?;
    let points = under_the_lock(&points)?;
    let mut tally =
        Tally::new(format!("twice: suspended and overtaken, of {} calls", points.len()));
    for point in points.iter().step_by(points.len().div_ceil(rounds).max(1)) {
        let found = overtaken(place, point, &mut tally)?;
        tally.tried += 1;
        tally.note(&format!("after {point}"), "cargo xtask sweep twice", &found);
    }
    Ok(tally.end() & good)
}

/// The calls after which the deployer holds the lock and is named in it.
fn under_the_lock(points: &[Point]) -> Result<&[Point]> {
    let is_of_the_lock = |point: &&Point| point.shown.contains("/root/lock>");
    let begin = points.iter().position(|point| point.call == "pwrite64" && is_of_the_lock(&point));
    let end = points.iter().rposition(|point| point.call == "flock" && is_of_the_lock(&point));
    let (begin, end) = begin.zip(end).context("failed to see the deployer lock and unlock")?;
    points.get(begin..end).context("failed to see the deployer do anything under the lock")
}

/// Never two winners, never none. It counts where the two met.
fn at_once(place: &Place, tally: &mut Tally) -> Result<Vec<String>> {
    let handles = [place.command(&[], &DEPLOY).start()?, place.command(&[], &DEPLOY).start()?];
    let mut codes = Vec::new();
    let mut outcomes = Vec::new();
    for handle in &handles {
        let output = handle.wait()?;
        codes.push(output.status.code());
        outcomes.push(outcome(&output.stdout));
    }
    codes.sort_unstable();
    tally.fired += usize::from(codes == [Some(0), Some(5)]);
    let winners = outcomes.iter().filter(|outcome| *outcome == "deployed").count();
    let mut found = check::settled(place, true)?;
    if winners != 1 || !matches!(codes[..], [Some(0), Some(0 | 5)]) {
        found.push(format!("{winners} winners: exit codes {codes:?}, outcomes {outcomes:?}"));
    }
    Ok(found)
}

fn outcome(stdout: &[u8]) -> String {
    let text = String::from_utf8_lossy(stdout);
    let last = text.lines().last().and_then(|line| serde_json::from_str::<Value>(line).ok());
    last.and_then(|report| report["outcome"].as_str().map(str::to_owned)).unwrap_or_default()
}

/// Who was overtaken writes nothing any more. It counts where there was somebody to overtake.
fn overtaken(place: &Place, point: &Point, tally: &mut Tally) -> Result<Vec<String>> {
    let before = Operation::Prune.begin(place)?;
    let log = place.beside("log");
    // What the log of the point before says is not of this one.
    fs_err::write(&log, "")?;
    let handle = place.command(&strace_suspending(&log, point), &DEPLOY).start()?;
    wait::until("see the deployer suspended", Duration::from_secs(60), || {
        let text = fs_err::read_to_string(&log).unwrap_or_default();
        Ok((is_suspended(&text) || handle.try_wait()?.is_some()).then_some(()))
    })?;
    let lock: Value = serde_json::from_slice(&fs_err::read(place.root().join("lock"))?)?;
    let pid = lock["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
    let pid = pid.context("failed to read who holds the lock")?;
    let taken = place.run(&["recover", "--env", "dev", "--take-over", &pid.to_string()])?;
    let after = written(place)?;
    send(pid, Signal::CONT)?;
    let ended = handle.wait()?.status.code();
    let mut found = Vec::new();
    if taken.code == Some(0) && ended != Some(0) {
        tally.fired += 1;
        if written(place)? != after {
            found.push("it was written after the take-over".to_owned());
        }
    } else if ended == Some(0) {
        tally.missed += 1;
    } else {
        found.push(format!(
            "it ends with {ended:?}, the take-over with {:?}: {}",
            taken.code, taken.said
        ));
    }
    found.extend(check::instant(place, &before, true)?);
    if place.run(&DEPLOY)?.code != Some(0) {
        found.push("I7: the next one fails".to_owned());
    }
    found.extend(check::settled(place, true)?);
    Ok(found)
}

/// What a deployer writes, and what the service does not.
fn written(place: &Place) -> Result<(Option<String>, Vec<String>, Vec<u8>)> {
    let Seen { current, running, journal, .. } = check::look(place)?;
    Ok((current, running, journal))
}

/// It may have ended already.
fn send(pid: u32, signal: Signal) -> Result<()> {
    let pid = Pid::from_raw(pid.cast_signed()).context("failed to name the process")?;
    let _ = kill_process(pid, signal);
    Ok(())
}
