//! Two deployers at once, and one that is suspended, overtaken, and wakes up. Does I/O.

use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::check::{self, Seen};
use super::place::Place;
use super::tally::Tally;
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
    let mut tally = Tally::new(format!("twice: suspended and overtaken, {rounds} rounds"));
    for round in 1..=rounds {
        place.change(&format!("suspended {round}"))?;
        // From the moment at which it has the lock to the end of a deploy.
        let delay = Duration::from_millis((round * 240 / rounds) as u64);
        let found = overtaken(place, delay, &mut tally)?;
        tally.tried += 1;
        tally.note(&format!("after {delay:?}"), "cargo xtask sweep twice", &found);
    }
    Ok(tally.end() & good)
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
fn overtaken(place: &Place, delay: Duration, tally: &mut Tally) -> Result<Vec<String>> {
    let before = check::look(place)?;
    let handle = place.command(&[], &DEPLOY).start()?;
    let pid = handle.pids()[0];
    let named = format!("{{\"pid\":{pid},");
    wait::until("see it take the lock", Duration::from_secs(20), || {
        let text = fs_err::read_to_string(place.root().join("lock")).unwrap_or_default();
        Ok((text.starts_with(&named) || handle.try_wait()?.is_some()).then_some(()))
    })?;
    let _ = handle.wait_timeout(delay)?;
    send(pid, Signal::STOP)?;
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
    } else if ended != Some(0) {
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
