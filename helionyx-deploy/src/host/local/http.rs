//! One HTTP question to this machine, bounded in time and length. Does I/O.

use std::io::{self, Read};
use std::time::Duration;

use ureq::Error;

use super::super::{Answer, ProbeError};
use crate::name::Port;

/// Asks `http://127.0.0.1:<port><path>`; `timeout` is for all of it, however the answer trickles.
pub fn get(port: Port, path: &str, timeout: Duration) -> Result<Answer, ProbeError> {
    let agent = ureq::Agent::config_builder()
        .proxy(None)
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_global(Some(timeout))
        .user_agent(concat!("helionyx-deploy/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent();
    let url = format!("http://127.0.0.1:{port}{path}");
    let response = agent.get(url).call().map_err(|error| explain(error, timeout))?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    response
        .into_body()
        .into_reader()
        .take(Answer::LIMIT + 1)
        .read_to_end(&mut body)
        .map_err(|error| explain(Error::from(error), timeout))?;
    if body.len() as u64 > Answer::LIMIT {
        return Err(ProbeError::TooLong);
    }
    Ok(Answer { status, body })
}

fn explain(error: Error, timeout: Duration) -> ProbeError {
    match error {
        Error::Timeout(_) => ProbeError::TimedOut(timeout),
        Error::Io(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => ProbeError::Refused,
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => ProbeError::TimedOut(timeout),
            _ => ProbeError::Other(error.to_string()),
        },
        error => ProbeError::Other(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
