//! What a service answers to a probe, and whether that is what the probe wants.

use std::collections::BTreeMap;

use super::millis;
use crate::event::Answered;
use crate::host::{Answer, Host};
use crate::name::Port;
use crate::release::Probe;

/// How many characters of an answer are kept that did not pass.
const BODY_LENGTH: usize = 2000;

/// Asks a probe once: else why it does not pass, and what was answered.
pub(super) fn ask(
    host: &dyn Host,
    port: Port,
    probe: &Probe,
    timeout_ms: u64,
) -> Result<(), (String, Option<Box<Answered>>)> {
    let Probe { path, .. } = probe;
    let answer = host.get(port, path, millis(timeout_ms));
    let answer = answer.map_err(|error| (format!("{path}: {error}"), None))?;
    judge(probe, &answer).map_err(|reason| {
        let body = String::from_utf8_lossy(&answer.body).chars().take(BODY_LENGTH).collect();
        let answered = Answered { path: path.clone(), status: answer.status, body };
        (format!("{path} {reason}"), Some(Box::new(answered)))
    })
}

/// Whether an answer is the one that a probe wants; else what is wrong with it.
///
/// # Errors
/// What differs, in words.
pub fn judge(probe: &Probe, answer: &Answer) -> Result<(), String> {
    if answer.status != probe.status {
        return Err(format!("answers {} instead of {}", answer.status, probe.status));
    }
    if probe.fields.is_empty() && probe.fields_if_present.is_empty() {
        return Ok(());
    }
    let body: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&answer.body)
        .map_err(|_| "does not answer with a JSON object".to_owned())?;
    for (name, wanted) in &probe.fields {
        let found = body.get(name).ok_or_else(|| format!("answers without `{name}`"))?;
        same(name, found, wanted)?;
    }
    for (name, wanted) in &probe.fields_if_present {
        body.get(name).map_or(Ok(()), |found| same(name, found, wanted))?;
    }
    Ok(())
}

fn same(name: &str, found: &serde_json::Value, wanted: &str) -> Result<(), String> {
    let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
    if text == wanted {
        return Ok(());
    }
    let shown: String = text.chars().take(80).collect();
    Err(format!("answers {name} = {shown:?} instead of {wanted:?}"))
}
