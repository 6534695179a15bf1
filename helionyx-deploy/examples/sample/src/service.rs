//! Start, serve, stop.

use crate::acceptor::Acceptor;
use crate::answers::State;
use crate::events::EventLog;
use crate::fault::{CRASHED, Fault};
use crate::settings::Settings;
use crate::{holder, outside, socket};
use std::net::TcpListener;
use std::process;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

/// Why serving ends.
enum End {
    Signal(i32),
    Broken(String),
}

/// Runs the service until it is told to stop.
pub fn run(settings: Settings, inherited: Option<TcpListener>) -> Result<(), String> {
    let (ends, end) = mpsc::channel();
    listen_for_signals(&settings, ends.clone())?;
    if settings.fault != Fault::None {
        settings.log(&settings.fault.description());
    }
    if settings.fault == Fault::Crash {
        process::exit(CRASHED);
    }
    let path = settings.event_log.as_deref();
    let log = path.map(|path| EventLog::open(path, &settings.release)).transpose()?;
    if settings.fault == Fault::Slow
        && let Ok(End::Signal(signal)) = end.recv_timeout(settings.fault_delay)
    {
        let name = outside::signal_name(signal);
        settings.log(&format!("stopped by {name} before it served"));
        return Ok(());
    }
    let listener = match inherited {
        Some(listener) => listener,
        None => socket::bind(settings.address)?,
    };
    serve(&Arc::new(State::new(settings, log)), listener, ends, &end)
}

/// Passes signals on, unless deaf to them.
fn listen_for_signals(settings: &Settings, ends: Sender<End>) -> Result<(), String> {
    let mut signals = outside::signals()?;
    let deaf = settings.fault == Fault::Deaf;
    thread::spawn(move || {
        for signal in signals.forever() {
            if !deaf {
                let _ = ends.send(End::Signal(signal));
            }
        }
    });
    Ok(())
}

fn serve(
    state: &Arc<State>,
    listener: TcpListener,
    ends: Sender<End>,
    end: &Receiver<End>,
) -> Result<(), String> {
    let settings = &state.settings;
    let unusable = |e| format!("cannot use the listening socket: {e}");
    let address = listener.local_addr().map_err(unusable)?;
    prepare_fault(settings, &listener)?;
    record(state, "started")?;
    let broken = move |e| drop(ends.send(End::Broken(format!("cannot accept: {e}"))));
    let acceptor = Acceptor::start(listener, Arc::clone(state), broken).map_err(unusable)?;
    state.ready.store(true, Ordering::SeqCst);
    let (release, pid) = (&settings.release, process::id());
    settings.log(&format!("serving on {address} (release {release}, pid {pid})"));
    settings.notify("READY=1");
    match end.recv() {
        Ok(End::Signal(signal)) => stop(state, acceptor, signal),
        Ok(End::Broken(reason)) => Err(reason),
        Err(e) => Err(e.to_string()),
    }
}

/// Ends in order: nothing new, what is under way, the last word.
fn stop(state: &State, acceptor: Acceptor, signal: i32) -> Result<(), String> {
    let settings = &state.settings;
    state.ready.store(false, Ordering::SeqCst);
    state.stopping.store(true, Ordering::SeqCst);
    settings.notify("STOPPING=1");
    if !acceptor.stop(settings.grace) {
        settings.log("leaving an answer unfinished");
    }
    record(state, "stopped")?;
    let (name, release) = (outside::signal_name(signal), &settings.release);
    settings.log(&format!("stopped by {name} (release {release}, pid {})", process::id()));
    Ok(())
}

/// Sets up the fault that begins along with serving.
fn prepare_fault(settings: &Settings, listener: &TcpListener) -> Result<(), String> {
    if settings.fault == Fault::Fork {
        let pid = holder::start(listener)?;
        settings.log(&format!("fault fork: pid {pid} holds the port"));
    }
    Ok(())
}

fn record(state: &State, event: &str) -> Result<(), String> {
    match &state.log {
        Some(log) => log.record(event, None).map(drop).map_err(|e| format!("EVENT_LOG: {e}")),
        None => Ok(()),
    }
}
