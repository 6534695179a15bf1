//! A small HTTP service that exists to be deployed: it says which release it
//! is, keeps a log of events that must survive deployments, and misbehaves in
//! one chosen way when told to.
//!
//! * [`settings`]: what the environment asks for
//! * [`fault`]: the ways of misbehaving
//! * [`socket`]: the listening socket, inherited or bound
//! * [`service`]: start, serve, stop
//! * [`acceptor`]: connections, until told to stop
//! * [`request`]: reading a request
//! * [`answers`]: which request gets which answer
//! * [`wire`]: how an answer reaches the client
//! * [`events`]: the event log
//! * [`holder`]: the child process that will not let go of the port
//! * [`outside`]: signals, the service manager, log lines
//! * [`json`]: objects whose fields keep their order

mod acceptor;
mod answers;
mod events;
mod fault;
mod holder;
mod json;
mod outside;
mod request;
mod service;
mod settings;
mod socket;
mod wire;

use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("sample: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Picks the role: the service itself, or the port holder it starts as a fault.
fn run() -> Result<(), String> {
    match std::env::args().nth(1).as_deref() {
        None => {
            // First of all, because it edits the environment, which is only
            // sound while there is a single thread.
            let inherited = socket::inherited()?;
            let settings = settings::Settings::from_env(inherited.is_some())?;
            service::run(settings, inherited)
        }
        Some(holder::ARGUMENT) => holder::hold(),
        Some(other) => Err(format!(
            "unexpected argument {other:?}: everything is told by environment variables"
        )),
    }
}
