//! Proof that a service runs a certain release and is healthy: asks the machine, changes nothing.
//!
//! An answer counts only if the process that gave it is the service's own, started from that
//! release: the listener's inode leads to its process, the process to its directory, program and
//! environment. An old process or a stranger on the port is a failure that names it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::command::ExitStatus;
use crate::event::{Answered, chain};
use crate::host::{Host, HostError};
use crate::model::{Environment, Timing};
use crate::name::{EnvironmentName, Port, ReleaseId, ServiceName};
use crate::release::Service;
use crate::state::{Answering, Instance, Listener, ProcessKey, Role, mark};
use crate::supervise::Supervise;

mod answers;
mod life;

use answers::ask;
use life::Streak;

pub use answers::judge;
pub use life::Life;

/// When a service without probes counts as running: it must only stay alive.
const ALIVE: Timing = Timing {
    try_timeout_ms: 2_000,
    interval_ms: 50,
    deadline_ms: 10_000,
    passes: 3,
    stable_ms: 1_000,
};

/// How often we look whether somebody listens, until somebody does.
const LISTEN_INTERVAL: Duration = Duration::from_millis(5);
/// How long we look for nothing else: a process may end without having listened.
const LISTEN_SPAN: Duration = Duration::from_millis(50);

/// That a service was proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The process that was proven.
    pub process: ProcessKey,
    /// When all probes passed for the first time, on [`crate::host::Clock::elapsed`]'s clock.
    pub first_pass: Duration,
    /// How many tries were made.
    pub tries: u32,
}

/// Why a service was not proven.
#[derive(Debug, thiserror::Error)]
pub enum Unproven {
    /// Its process ended.
    #[error("{service} {life}, then ended by itself{}", .status.map(|status| format!(": {status}")).unwrap_or_default())]
    Ended {
        /// The service.
        service: String,
        /// How far it came.
        life: Life,
        /// How, where that is known.
        status: Option<ExitStatus>,
    },
    /// Its processes do not run from the release.
    #[error("{service} runs from {found} instead of {wanted}")]
    WrongRelease {
        /// The service.
        service: String,
        /// From where it runs.
        found: String,
        /// From where it should.
        wanted: ReleaseId,
    },
    /// Its processes are of another environment.
    #[error("{service} runs with the environment {found} instead of {wanted}")]
    WrongEnvironment {
        /// The service.
        service: String,
        /// What its processes were told.
        found: String,
        /// What they should have been.
        wanted: String,
    },
    /// Somebody else listens on its port.
    #[error("port {port} is held by {who} on {address}, which is not {service}")]
    Stranger {
        /// The service.
        service: String,
        /// The port.
        port: Port,
        /// The listener's process.
        who: String,
        /// The listener's address.
        address: String,
    },
    /// It was never healthy long enough.
    #[error("{service} was not healthy within {:.1} s ({tries} tries): {reason}", .deadline.as_secs_f64())]
    NotHealthy {
        /// The service.
        service: String,
        /// How long we waited.
        deadline: Duration,
        /// How often we asked.
        tries: u32,
        /// What was missing at the last try.
        reason: String,
        /// What a probe was answered then.
        answer: Option<Box<Answered>>,
    },
    /// The machine could not be looked at.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// Waits until a service is proven, or cannot be any more, or its deadline has passed. Tells
/// `passed` of the process whenever one passes for the first time: it is the one that is proven if it
/// goes on to pass.
///
/// # Errors
/// Why it was not proven.
pub fn prove(
    supervisor: &dyn Supervise,
    service: &Service,
    release: &ReleaseId,
    passed: &mut dyn FnMut(ProcessKey),
) -> Result<Proof, Unproven> {
    let (host, environment) = (supervisor.host(), supervisor.environment());
    let look = || Seen::now(supervisor, service);
    let timing = timing(service);
    let mut begin = host.elapsed();
    let deadline = Duration::from_millis(timing.deadline_ms);
    let (mut streak, mut broken) = (None::<Streak>, None::<Streak>);
    let mut tries = 0;
    loop {
        let try_begin = host.elapsed();
        tries += 1;
        let seen = look()?;
        let examined = match examine(host, environment, service, release, &seen) {
            // Its socket may outlive a process that is just ending: then there is no stranger.
            Err(Unproven::Stranger { .. }) => {
                examine(host, environment, service, release, &look()?)
            }
            examined => examined,
        };
        let examined = examined.map_err(|error| match error {
            Unproven::Ended { service: name, status, .. } => {
                let ran = (tries > 1).then(|| try_begin.saturating_sub(begin));
                let life = Life::of(service, &timing, ran, streak.as_ref().or(broken.as_ref()));
                Unproven::Ended { service: name, life, status }
            }
            error => error,
        });
        let (reason, answer) = match examined? {
            Examined::Passing(process) => {
                let streak = Streak::add(&mut streak, process, try_begin);
                if streak.passes == 1 {
                    let asked = host.elapsed();
                    passed(process);
                    // The service is not to blame for how long that takes.
                    begin += host.elapsed().saturating_sub(asked);
                }
                let stable = host.elapsed().saturating_sub(streak.first);
                if streak.passes >= timing.passes && stable >= millis(timing.stable_ms) {
                    return Ok(Proof { process, first_pass: streak.first, tries });
                }
                let (passes, stable_ms) = (streak.passes, stable.as_millis());
                (format!("it passed {passes} times in {stable_ms} ms, not yet enough"), None)
            }
            Examined::NotYet { reason, answer, .. } => {
                broken = streak.take().or(broken);
                (reason, answer)
            }
        };
        let now = host.elapsed();
        if now.saturating_sub(begin) >= deadline {
            let service = service.name.to_string();
            return Err(Unproven::NotHealthy { service, deadline, tries, reason, answer });
        }
        let next = try_begin + millis(timing.interval_ms);
        match &streak {
            // The last try that is needed comes when the window closes, not after it.
            Some(streak) if streak.passes + 1 >= timing.passes => {
                pause_until(host, next.min(streak.first + millis(timing.stable_ms)));
            }
            // A look whether somebody listens costs the service nothing.
            None if seen.listeners.is_empty() || seen.silent_port().is_some() => {
                await_listener(host, seen.silent_port(), next.min(try_begin + LISTEN_SPAN))?;
            }
            _ => pause_until(host, next),
        }
    }
}

fn pause_until(host: &dyn Host, until: Duration) {
    host.pause(until.saturating_sub(host.elapsed()).max(Duration::from_millis(1)));
}

/// Waits until somebody listens on the port, or so long.
fn await_listener(host: &dyn Host, port: Option<Port>, until: Duration) -> Result<(), HostError> {
    loop {
        pause_until(host, until.min(host.elapsed() + LISTEN_INTERVAL));
        let Some(port) = port.filter(|_| host.elapsed() < until) else { return Ok(()) };
        if !host.listeners(port)?.is_empty() {
            return Ok(());
        }
    }
}

/// What a service's probes say at this moment, asked once, of the processes and listeners that were
/// just seen.
pub fn look(
    host: &dyn Host,
    environment: &Environment,
    service: &Service,
    release: &ReleaseId,
    seen: &Seen,
) -> Answering {
    let failing = |reason: String, alive| Answering::Failing { reason, alive };
    match examine(host, environment, service, release, seen) {
        Ok(Examined::Passing(_)) if service.health.is_none() => Answering::NotAsked,
        Ok(Examined::Passing(_)) => Answering::Passing,
        Ok(Examined::NotYet { reason, alive, .. }) => failing(reason, alive),
        Err(error) => failing(chain(&error), false),
    }
}

/// What was seen of a service: all that its proof depends on, but for its answers.
pub struct Seen {
    /// Its living processes, the main process first.
    pub instances: Vec<Instance>,
    /// Who listens on each of its ports.
    pub listeners: BTreeMap<Port, Vec<Listener<Instance>>>,
}

impl Seen {
    fn now(supervisor: &dyn Supervise, service: &Service) -> Result<Seen, HostError> {
        let instances = supervisor.instances_of(&service.name)?;
        let listeners = service.all_ports().map(|port| Ok((port, supervisor.listeners(port)?)));
        Ok(Seen { instances, listeners: listeners.collect::<Result<_, HostError>>()? })
    }

    /// A port on which nobody listens.
    fn silent_port(&self) -> Option<Port> {
        let silent = self.listeners.iter().find(|(_, listeners)| listeners.is_empty());
        silent.map(|(port, _)| *port)
    }
}

enum Examined {
    /// All is as it should be, for this process.
    Passing(ProcessKey),
    /// Not yet, but it may still become so.
    NotYet {
        /// What is missing.
        reason: String,
        /// Whether the first probe passes, the one for life rather than for readiness.
        alive: bool,
        /// What the probe was answered that did not pass.
        answer: Option<Box<Answered>>,
    },
}

fn examine(
    host: &dyn Host,
    environment: &Environment,
    service: &Service,
    release: &ReleaseId,
    seen: &Seen,
) -> Result<Examined, Unproven> {
    let is_main = |instance: &&Instance| instance.role == Role::Main;
    let Some(main) = seen.instances.first().filter(is_main) else {
        let (service, life) = (service.name.to_string(), Life::default());
        return Err(Unproven::Ended { service, life, status: None });
    };
    let main = main.process.key;
    check_release(service, release, &seen.instances)?;
    check_environment(&environment.name, &service.name, &seen.instances)?;
    for (port, listeners) in &seen.listeners {
        check_listeners(service, release, *port, listeners)?;
    }
    if let Some(port) = seen.silent_port() {
        let reason = format!("nobody listens on port {port}");
        return Ok(Examined::NotYet { reason, alive: false, answer: None });
    }
    let probes = service.health.iter().flat_map(|health| &health.probes);
    for (index, probe) in probes.enumerate() {
        let Some(port) = probe.port.or(service.port) else { continue };
        if let Err((reason, answer)) = ask(host, port, probe, timing(service).try_timeout_ms) {
            return Ok(Examined::NotYet { reason, alive: index > 0, answer });
        }
    }
    Ok(Examined::Passing(main))
}

/// A program may have lost or overwritten its environment: then it says nothing.
fn check_environment(
    wanted: &EnvironmentName,
    service: &ServiceName,
    instances: &[Instance],
) -> Result<(), Unproven> {
    for process in instances.iter().map(|instance| &instance.process) {
        let said = process.marks.get(mark::ENVIRONMENT);
        if let Some(said) = said.filter(|said| **said != wanted.as_str()) {
            return Err(Unproven::WrongEnvironment {
                service: format!("{service} ({})", process.describe()),
                found: said.clone(),
                wanted: wanted.to_string(),
            });
        }
    }
    Ok(())
}

fn check_release(
    service: &Service,
    wanted: &ReleaseId,
    instances: &[Instance],
) -> Result<(), Unproven> {
    for Instance { process, release, .. } in instances {
        if release.as_ref() != Some(wanted) {
            let from = release.as_ref().map_or("no known release".to_owned(), ToString::to_string);
            return Err(Unproven::WrongRelease {
                service: format!("{} ({})", service.name, process.describe()),
                found: from,
                wanted: wanted.clone(),
            });
        }
    }
    Ok(())
}

/// Every listener on the port must be the service's, from this release.
fn check_listeners(
    service: &Service,
    release: &ReleaseId,
    port: Port,
    listeners: &[Listener<Instance>],
) -> Result<(), Unproven> {
    for listener in listeners {
        if !listener.is_held_by(|holder| holder.service.as_ref() == Some(&service.name)) {
            return Err(Unproven::Stranger {
                service: service.name.to_string(),
                port,
                who: listener.describe(),
                address: listener.address.clone(),
            });
        }
        check_release(service, release, &listener.holders)?;
    }
    Ok(())
}

fn timing(service: &Service) -> Timing {
    service.health.as_ref().map_or(ALIVE, |health| health.timing)
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[cfg(test)]
mod tests;
