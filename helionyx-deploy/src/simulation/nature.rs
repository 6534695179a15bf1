//! What comes to pass while operators are at work and between: faults of the machine, power cuts,
//! strangers, clocks that jump, services that crash. No I/O.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::check;
use super::random::Random;
use super::world::{PORT, ROOT, World};
use crate::host::fake::{Chooser, Fault};
use crate::host::{Clock as _, FakeHost};
use crate::layout::UNITS_DIR;
use crate::model::Supervisor;
use crate::name::Port;
use crate::time::Timestamp;

/// What disturbs a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disturbance {
    /// The so-manyth change goes wrong.
    Fault(usize, Fault),
    /// At the so-manyth call something happens.
    Event(u64, Event),
}

/// What happens at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    PowerCut,
    DiskFull,
    Crash,
    Stranger,
    ClockJump(i64),
    /// Somebody kills the operator whose turn it is.
    Kill,
}

/// What disturbs the operators of a round; nothing at all, most often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nature {
    pub disturbance: Option<Disturbance>,
}

impl Nature {
    pub fn none() -> Nature {
        Nature { disturbance: None }
    }

    /// Prepares what disturbs, and looks at every instant.
    pub fn watch(self, host: &FakeHost, supervisor: Supervisor, random: Random) -> Watch {
        if let Some(Disturbance::Fault(nth, fault)) = self.disturbance {
            host.fail_at(nth, fault);
        }
        let watched = Watched {
            host: host.clone(),
            supervisor,
            random,
            calls: 0,
            changes: 0,
            event: match self.disturbance {
                Some(Disturbance::Event(at, event)) => Some((at, event)),
                _ => None,
            },
            told: Told::default(),
        };
        Watch { watched: Arc::new(Mutex::new(watched)) }
    }
}

/// What was seen while operators were at work.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub events: Vec<String>,
    pub disturbances: Vec<String>,
    pub violation: Option<(u32, String)>,
    /// Whether the fault that was chosen has come.
    pub fault_fired: bool,
    pub happened: Option<Event>,
    pub stranger: Option<u32>,
}

/// Chooses who goes on, disturbs, and looks on.
pub(super) struct Watch {
    watched: Arc<Mutex<Watched>>,
}

struct Watched {
    host: FakeHost,
    supervisor: Supervisor,
    random: Random,
    calls: u64,
    /// How many changes there were at the last look.
    changes: usize,
    event: Option<(u64, Event)>,
    told: Told,
}

fn held(watched: &Mutex<Watched>) -> MutexGuard<'_, Watched> {
    watched.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watch {
    pub fn chooser(&self) -> Chooser {
        let watched = Arc::clone(&self.watched);
        Box::new(move |at_work, holder| held(&watched).choose(at_work, holder))
    }

    pub fn told(&self) -> Told {
        held(&self.watched).told.clone()
    }
}

impl Watched {
    fn choose(&mut self, at_work: &BTreeSet<u32>, holder: Option<u32>) -> u32 {
        self.calls += 1;
        if let Some((_, event)) = self.event.take_if(|(at, _)| *at == self.calls) {
            self.happen(event, at_work, holder);
        }
        let changes = self.host.mutations();
        if self.told.violation.is_none() && std::mem::replace(&mut self.changes, changes) != changes
        {
            self.told.violation = check::instant(&self.host, self.supervisor).err();
        }
        let stays = self.random.chance(70);
        match holder {
            Some(holder) if stays || at_work.len() == 1 => holder,
            _ => {
                let all: Vec<u32> = at_work.iter().copied().collect();
                self.random.one_of(&all)
            }
        }
    }

    fn happen(&mut self, event: Event, at_work: &BTreeSet<u32>, holder: Option<u32>) {
        match event {
            Event::PowerCut => {
                at_work.iter().for_each(|operator| self.host.operator(*operator).die());
                self.host.reboot();
            }
            Event::DiskFull => self.host.fill_up(),
            Event::Crash => crash(&self.host),
            Event::Stranger => self.told.stranger = stranger(&self.host),
            Event::ClockJump(millis) => jump(&self.host, millis),
            Event::Kill => {
                holder.into_iter().for_each(|operator| self.host.operator(operator).die());
            }
        }
        let millis = self.host.elapsed().as_millis();
        self.told.happened = Some(event);
        self.told.events.push(format!("{millis:>8} ms {event:?} at call {}", self.calls));
        self.told.disturbances.push(match event {
            Event::ClockJump(_) => "ClockJump".to_owned(),
            other => format!("{other:?}"),
        });
    }
}

impl World {
    /// What disturbs the next round.
    pub fn choose_nature(&mut self, operators: usize) -> Nature {
        let random = &mut self.random;
        let calls = 400 * operators as u64;
        let disturbance = match random.below(100) {
            0..45 => None,
            45..75 => {
                let faults = [
                    Fault::Before,
                    Fault::After,
                    Fault::Torn,
                    Fault::Kill,
                    Fault::KillTorn,
                    Fault::KillAfter,
                ];
                let nth = usize::try_from(1 + random.below(80)).unwrap_or(1);
                Some(Disturbance::Fault(nth, random.one_of(&faults)))
            }
            number => {
                let event = match number {
                    75..82 => Event::PowerCut,
                    82..85 => Event::DiskFull,
                    85..88 => Event::Crash,
                    88..90 => Event::Stranger,
                    90..92 => Event::ClockJump(some_time(random)),
                    _ => Event::Kill,
                };
                Some(Disturbance::Event(1 + random.below(calls), event))
            }
        };
        Nature { disturbance }
    }

    /// What happens while nobody is at work.
    pub fn something_happens(&mut self) {
        self.known.is_full = false;
        self.host.make_room();
        if let Some(stranger) = self.known.stranger.filter(|_| self.random.chance(60)) {
            self.host.kill(stranger);
            self.known.stranger = None;
            self.note("a stranger leaves", "");
        }
        match self.random.below(100) {
            0..30 => {
                let millis = self.random.one_of(&[10, 1000, 7000, 60_000, 7_200_000]);
                self.host.advance(Duration::from_millis(millis));
            }
            30..34 => {
                let millis = some_time(&mut self.random);
                jump(&self.host, millis);
                self.note("the clock jumps", &format!("by {millis} ms"));
            }
            34..39 => {
                crash(&self.host);
                self.known.should_run &= self.supervisor == Supervisor::Systemd;
                self.note("a service crashes", "");
            }
            39..42 if self.known.stranger.is_none() => {
                self.known.stranger = stranger(&self.host);
                self.note("a stranger takes the port, if it is free", "");
            }
            42..46 => self.touch_a_release(),
            46..48 => self.touch_a_unit(),
            48..52 => {
                self.host.reboot();
                self.known.is_stopped = false;
                self.known.stranger = None;
                self.known.should_run &= self.supervisor == Supervisor::Systemd;
                self.note("the power is cut", "");
            }
            _ => {}
        }
    }

    fn touch_a_release(&mut self) {
        let Some(id) = check::current(&self.host) else { return };
        self.known.touched.insert(id.clone());
        let file = self.random.one_of(&["README", "new", "bin/web"]);
        let text = if file == "bin/web" { "{\"health\":\"sick\"}" } else { "touched" };
        self.host.put_file(format!("{ROOT}/releases/{id}/{file}"), text, 0o755);
        self.note("a stranger touches a release:", &format!("{file} of {id}"));
    }

    fn touch_a_unit(&mut self) {
        if self.supervisor == Supervisor::Process {
            return;
        }
        self.known.is_unit_touched = true;
        let path = format!("{UNITS_DIR}/web-dev.service");
        match self.host.read_text(&path) {
            Some(text) if self.random.chance(50) => {
                self.host.put_file(&path, text + "# touched\n", 0o644);
            }
            _ => {
                let text = "[Service]\nMemoryMax=1G\n";
                self.host.put_file(format!("{path}.d/more.conf"), text, 0o644);
            }
        }
        self.note("a stranger touches a unit", "");
    }
}

/// Some time back or ahead, in milliseconds.
fn some_time(random: &mut Random) -> i64 {
    random.one_of(&[-86_400_000, -3_600_000, -1500, 1500, 3_600_000, 86_400_000])
}

fn jump(host: &FakeHost, millis: i64) {
    host.set_now(Timestamp::from_millis(host.now().as_millis().saturating_add(millis)));
}

/// The main process of the service crashes.
fn crash(host: &FakeHost) {
    if let Some(main) = check::mains(host).first() {
        host.crash(main.key.pid);
    }
}

/// A stranger takes the port, if nobody has it.
fn stranger(host: &FakeHost) -> Option<u32> {
    let port = Port::try_from(PORT).ok()?;
    let is_free = crate::host::Look::listeners(host, port).ok()?.is_empty();
    is_free.then(|| host.stranger_on(port, "nginx"))
}
