//! Whether what must hold does: by files, processes and units as they are, and not by the code that
//! looks at a host or plans. No I/O.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::action::{Action, Ended};
use super::nature::{Event, Nature, Told};
use super::world::{
    DATA, Known, PORT, ROOT, SECRETS, WHAT_THE_DATA_IS, WHAT_THE_SECRETS_ARE, World,
};
use crate::digest::ContentDigest;
use crate::event::{Operation, Outcome, Report};
use crate::host::fake::{FakeHealth, FakeService};
use crate::host::{FakeHost, Look as _};
use crate::journal::{Begin, Entry, Record, audit};
use crate::layout::{FILE_LIST, MANIFEST};
use crate::model::Supervisor;
use crate::name::{Port, ReleaseId, UnitKind};
use crate::plan::Step;
use crate::plan::step::GuardStep;
use crate::release::{FileRecord, Manifest};
use crate::state::{Node, Process, mark};

/// The unit of the service.
const UNIT: &str = "web-dev.service";

/// What does not hold: its number, and what is so instead.
pub(super) type Broken = (u32, String);

/// The release that `current` names, if it is there.
pub(super) fn current(host: &FakeHost) -> Option<ReleaseId> {
    match host.node(&Utf8Path::new(ROOT).join("current")).ok()? {
        Node::Link { target } => target.file_name()?.parse().ok(),
        _ => None,
    }
}

/// The main processes of the service.
pub(super) fn mains(host: &FakeHost) -> Vec<Process> {
    let is = |process: &Process, name: &str, value: &str| {
        process.marks.get(name).is_some_and(|found| found == value)
    };
    let mut all = host.running();
    all.retain(|process| {
        process.session == process.key.pid
            && is(process, mark::ROOT, ROOT)
            && is(process, mark::SERVICE, "web")
    });
    all
}

/// The release that a process runs from, where its directory and its environment agree.
fn release_of(process: &Process) -> Option<ReleaseId> {
    let directory = process.cwd.as_ref()?.strip_prefix(format!("{ROOT}/releases")).ok()?;
    let said = process.marks.get(mark::RELEASE)?;
    (directory.as_str() == said).then(|| said.parse().ok()).flatten()
}

/// What holds at every instant.
pub(super) fn instant(host: &FakeHost, supervisor: Supervisor) -> Result<(), Broken> {
    let link = Utf8PathBuf::from(format!("{ROOT}/current"));
    let current = current(host);
    match (&current, host.exists(&link)) {
        (None, true) => return Err((1, "current is there and names no release".to_owned())),
        (Some(id), _) if !host.exists(format!("{ROOT}/releases/{id}/{MANIFEST}")) => {
            return Err((1, format!("{id} has no manifest")));
        }
        (Some(_), _) | (None, false) => {}
    }
    if supervisor == Supervisor::Systemd {
        for main in mains(host) {
            let from = release_of(&main);
            if from.is_none() || from != current {
                return Err((
                    2,
                    format!("pid {} runs from {from:?}, not {current:?}", main.key.pid),
                ));
            }
        }
    }
    for (path, expected) in [(DATA, WHAT_THE_DATA_IS), (SECRETS, WHAT_THE_SECRETS_ARE)] {
        let found = host.read_text(path);
        if found.as_deref().is_some_and(|found| found != expected && !found.is_empty()) {
            return Err((3, format!("{path} is {found:?}")));
        }
    }
    Ok(())
}

fn manifest(host: &FakeHost, id: &ReleaseId) -> Option<Manifest> {
    let text = host.read_text(format!("{ROOT}/releases/{id}/{MANIFEST}"))?;
    serde_json::from_str(&text).ok()
}

/// Whether every file of a release is what its records say.
fn is_whole(host: &FakeHost, id: &ReleaseId) -> bool {
    let dir = format!("{ROOT}/releases/{id}");
    let list = host.read_text(format!("{dir}/{FILE_LIST}"));
    let files =
        manifest(host, id).zip(list).and_then(|(one, list)| one.files.read(list.as_bytes()));
    files.is_some_and(|files| {
        files.iter().all(|(path, record)| {
            let text = host.read_text(format!("{dir}/{path}"));
            match record {
                FileRecord::File { blake3, .. } => {
                    text.is_some_and(|text| *blake3 == ContentDigest::of(text.as_bytes()))
                }
                FileRecord::Link { .. } => true,
            }
        })
    })
}

/// Whether a service of this release runs for good and answers well.
fn is_sound(host: &FakeHost, id: &ReleaseId) -> bool {
    let text = host.read_text(format!("{ROOT}/releases/{id}/bin/web")).unwrap_or_default();
    let service: Result<FakeService, _> = serde_json::from_str(&text);
    service.is_ok_and(|service| {
        service.health == FakeHealth::Ok && service.crash_after_ms.is_none() && !service.deny_port
    })
}

/// What was so before a round.
struct Before {
    current: Option<ReleaseId>,
    disk: std::collections::BTreeMap<String, Option<String>>,
    entries: usize,
    is_open: bool,
    known: Known,
}

impl World {
    /// Whether an operation is under way or was cut short, or the end of the journal is torn.
    fn is_open(&self) -> bool {
        is_open(&self.entries) || self.is_torn
    }

    /// The releases that are recorded as proven.
    fn proven(&self) -> std::collections::BTreeSet<ReleaseId> {
        let names = self.host.list(&self.environment.layout.verified()).unwrap_or_default();
        names.iter().filter_map(|name| name.strip_suffix(".json")?.parse().ok()).collect()
    }

    /// Reads on in the journal.
    pub fn read_journal(&mut self) {
        let text = self.host.read_text(self.environment.layout.journal()).unwrap_or_default();
        if text.len() < self.read {
            (self.read, self.entries) = (0, Vec::new());
        }
        let whole = text.rfind('\n').map_or(0, |end| end + 1).max(self.read);
        let lines = text[self.read..whole].lines();
        self.entries.extend(lines.filter_map(|line| serde_json::from_str(line).ok()));
        (self.read, self.is_torn) = (whole, whole < text.len());
    }

    /// Has operators be at work, and looks at what came of it.
    pub fn check_round(&mut self, actions: &[Action], nature: Nature) -> Result<(), Broken> {
        self.known.proven = self.proven();
        let before = Before {
            current: current(&self.host),
            disk: self.disk(),
            is_open: self.is_open(),
            entries: self.entries.len(),
            known: self.known.clone(),
        };
        let (ended, told) = self.act(actions, nature);
        if let Some(broken) = told.violation {
            return Err(broken);
        }
        self.learn_of_nature(&told);
        self.learn_of_reports(&before)?;
        // What happened may have come after the end of an operation, or in the middle of it.
        self.learn_of_nature(&told);
        self.check_overtaken(actions.len())?;
        if let ([action], [end]) = (actions, &ended[..])
            && !before.is_open
            && told.happened.is_none()
        {
            self.check_report(action, end, &told, &before)?;
        }
        self.check_the_dead(&before, &told)?;
        match self.is_open() {
            true => Ok(()),
            false => self.check_at_rest(),
        }
    }

    fn learn_of_nature(&mut self, told: &Told) {
        let is_process = self.supervisor == Supervisor::Process;
        match told.happened {
            Some(Event::PowerCut) => {
                self.known.is_stopped = false;
                self.known.stranger = None;
                self.known.should_run &= !is_process;
            }
            Some(Event::DiskFull) => self.known.is_full = true,
            Some(Event::Crash) => self.known.should_run &= !is_process,
            Some(Event::Stranger) if told.stranger.is_some() => {
                self.known.stranger = told.stranger;
                self.known.should_run = false;
            }
            _ => {}
        }
        // Who once had the port may have cost the service its last start.
        self.known.should_run &= self.known.stranger.is_none();
    }

    /// What the ends of operations say should be so now.
    fn learn_of_reports(&mut self, before: &Before) -> Result<(), Broken> {
        let entries = std::mem::take(&mut self.entries);
        let learned = self.learn_of(&entries, before);
        self.entries = entries;
        learned
    }

    fn learn_of(&mut self, entries: &[Entry], before: &Before) -> Result<(), Broken> {
        let anew = if entries.len() < before.entries { 0 } else { before.entries };
        let mut begun = entries[..anew].iter().rev().find_map(begin);
        for entry in &entries[anew..] {
            if let Some(begin) = begin(entry) {
                begun = Some(begin);
            }
            if let (Record::End(report), Some(begun)) = (&entry.record, &begun) {
                self.learn(begun.operation, report)?;
            }
        }
        Ok(())
    }

    fn learn(&mut self, operation: Operation, report: &Report) -> Result<(), Broken> {
        let known = &mut self.known;
        let stops = matches!(operation, Operation::Stop | Operation::Uninstall);
        let runs = matches!(
            operation,
            Operation::Deploy | Operation::Rollback | Operation::Start | Operation::Restart
        );
        match report.outcome {
            Outcome::Deployed if stops => (known.is_stopped, known.should_run) = (true, false),
            Outcome::Deployed if runs => (known.is_stopped, known.should_run) = (false, true),
            Outcome::RolledBack if known.is_stopped => {
                return Err((8, "what was stopped on purpose was brought back to run".to_owned()));
            }
            Outcome::RolledBack => known.should_run = true,
            Outcome::Stuck => known.should_run = false,
            Outcome::Deployed | Outcome::Failed | Outcome::Unchanged => {}
        }
        match report.outcome {
            Outcome::Stuck => known.is_stuck = true,
            Outcome::Deployed | Outcome::RolledBack => known.is_stuck = false,
            Outcome::Failed | Outcome::Unchanged => {}
        }
        if let (Outcome::Deployed, Some(id)) = (report.outcome, &report.release) {
            known.failed.remove(id);
            known.proven.insert(id.clone());
        }
        if let (Outcome::RolledBack, Some(id)) = (report.outcome, &report.failed)
            && !known.proven.contains(id)
        {
            known.failed.insert(id.clone());
        }
        if operation == Operation::Uninstall && report.outcome == Outcome::Deployed {
            known.failed.clear();
            known.touched.clear();
        }
        Ok(())
    }

    fn check_overtaken(&self, operators: usize) -> Result<(), Broken> {
        let last = self.last_operator();
        let first = last + 1 - u32::try_from(operators).unwrap_or(last);
        for operator in first..=last {
            let count = self.host.operator(operator).intrusions();
            if count > 1 {
                return Err((
                    4,
                    format!("operator {operator} was overtaken and made {count} changes"),
                ));
            }
        }
        Ok(())
    }

    /// Whether what an operator was told is so, where nobody else was at work and nothing happened but
    /// a fault.
    fn check_report(
        &self,
        action: &Action,
        end: &Ended,
        told: &Told,
        before: &Before,
    ) -> Result<(), Broken> {
        let host = &self.host;
        let has_fault = told.fault_fired;
        let (Some(report), false) = (end.report(), host.operator(self.last_operator()).is_gone())
        else {
            return Ok(());
        };
        let now = current(host);
        let was_sound = before
            .current
            .as_ref()
            .is_some_and(|id| is_sound(host, id) && !before.known.touched.contains(id));
        let is_calm = self.known.stranger.is_none() && !before.known.is_stuck;
        match report.outcome {
            Outcome::Unchanged if !has_fault && self.disk() != before.disk => {
                Err((11, format!("{action:?} said that it changed nothing")))
            }
            Outcome::Deployed if *action == Action::Stop && !mains(host).is_empty() => {
                Err((12, "something runs after a stop".to_owned()))
            }
            Outcome::Deployed | Outcome::Unchanged if action.runs() => self.check_runs(report),
            Outcome::RolledBack | Outcome::Failed if was_sound && now != before.current => {
                let was = &before.current;
                Err((13, format!("current is {now:?} and was {was:?} before {action:?}")))
            }
            Outcome::Stuck if was_sound && is_calm && !self.known.is_unit_touched => {
                Err((14, format!("{action:?} is stuck without a reason: {:?}", report.error)))
            }
            // A recovery may still try again what is stuck.
            outcome if outcome != Outcome::Stuck && !has_fault && is_calm => self.check_disarmed(),
            _ => Ok(()),
        }
    }

    fn check_runs(&self, report: &Report) -> Result<(), Broken> {
        let (host, now) = (&self.host, current(&self.host));
        if now.is_none() || now != report.release {
            return Err((12, format!("{:?} is reported, current is {now:?}", report.release)));
        }
        let is_healthy = || {
            let port = Port::try_from(PORT).ok();
            let answer =
                port.and_then(|port| host.get(port, "/health", Duration::from_secs(1)).ok());
            answer.is_some_and(|answer| answer.status == 200)
        };
        match (now.filter(|id| is_sound(host, id)), &mains(host)[..]) {
            (None, _) => Ok(()),
            (Some(id), [main]) if release_of(main) == Some(id.clone()) && is_healthy() => Ok(()),
            (Some(id), mains) => Err((12, format!("{id} is deployed, and {mains:?} runs"))),
        }
    }

    fn check_disarmed(&self) -> Result<(), Broken> {
        let timer = self.host.unit(&self.recovery(UnitKind::Timer));
        match timer.is_some_and(|timer| timer.active == "active") {
            true => Err((16, "a timer waits for a deployer that has ended well".to_owned())),
            false => Ok(()),
        }
    }

    /// What a deployer left that died past the switch: systemd has it brought to an end.
    fn check_the_dead(&mut self, before: &Before, told: &Told) -> Result<(), Broken> {
        let is_systemd = self.supervisor == Supervisor::Systemd;
        let is_full = self.known.is_full || told.happened == Some(Event::DiskFull);
        let left = |world: &World| left_past_the_switch(&world.entries);
        if !is_systemd || before.is_open || is_full || !left(self) || self.random.chance(40) {
            return Ok(());
        }
        for _ in 0..12 {
            self.host.advance(Duration::from_secs(10));
            for unit in self.host.due() {
                let entries = self.entries.len();
                let known = self.known.clone();
                let (_, told) = self.act(&[Action::Due(unit)], Nature::none());
                if let Some(broken) = told.violation {
                    return Err(broken);
                }
                let (current, disk) = (None, std::collections::BTreeMap::new());
                self.learn_of_reports(&Before { current, disk, entries, is_open: true, known })?;
            }
            if !left(self) {
                return Ok(());
            }
        }
        Err((15, "nothing has brought to an end what a dead deployer left".to_owned()))
    }

    /// What holds while no operation is under way.
    fn check_at_rest(&self) -> Result<(), Broken> {
        let host = &self.host;
        instant(host, self.supervisor)?;
        for (path, expected) in [(DATA, WHAT_THE_DATA_IS), (SECRETS, WHAT_THE_SECRETS_ARE)] {
            if host.read_text(path).as_deref() != Some(expected) {
                return Err((3, format!("{path} is not what it was")));
            }
        }
        let audit = audit::verify(host, &self.environment);
        let audit = audit.map_err(|error| (5, crate::event::chain(&error)))?;
        if !audit.is_whole() {
            return Err((5, format!("{:?}", audit.flaws)));
        }
        self.check_what_runs()?;
        self.check_releases()
    }

    fn check_what_runs(&self) -> Result<(), Broken> {
        let (host, known, current) = (&self.host, &self.known, current(&self.host));
        let mains = mains(host);
        if known.is_stopped && !mains.is_empty() {
            return Err((8, format!("it was stopped, and pid {} runs", mains[0].key.pid)));
        }
        if known.is_stuck {
            return Ok(());
        }
        if mains.len() > 1 {
            return Err((6, format!("{} main processes run", mains.len())));
        }
        if let Some(main) = mains.first()
            && (current.is_none() || release_of(main) != current)
        {
            let from = release_of(main);
            return Err((6, format!("{from:?} runs, and current is {current:?}")));
        }
        let is_sound = current.as_ref().is_some_and(|id| is_sound(host, id));
        let unit = UNIT.parse().ok().and_then(|unit| host.unit(&unit));
        let starts = unit.is_some_and(|unit| unit.active == "activating");
        if known.should_run && is_sound && mains.is_empty() && !starts {
            return Err((7, format!("nothing runs of {current:?}")));
        }
        Ok(())
    }

    fn check_releases(&self) -> Result<(), Broken> {
        let host = &self.host;
        let Some(current) = current(host) else { return Ok(()) };
        if host.exists(format!("{ROOT}/releases/.{current}.unfinished")) {
            return Err((16, format!("{current} is in use and marked as unfinished")));
        }
        let verified = |id: &ReleaseId| host.read_text(format!("{ROOT}/verified/{id}.json"));
        let proof = verified(&current).and_then(|text| serde_json::from_str(&text).ok());
        let previous = |proof: serde_json::Value| proof["previous"].as_str()?.parse().ok();
        for id in std::iter::once(current.clone()).chain(proof.and_then(previous)) {
            // What was rolled back from may have pruned those before.
            let is_there = id == current || host.exists(format!("{ROOT}/releases/{id}"));
            if is_there && !self.known.touched.contains(&id) && !is_whole(host, &id) {
                return Err((9, format!("{id} is not whole; current is {current}")));
            }
        }
        let recorded = self.known.failed.iter().find(|id| verified(id).is_some());
        match recorded {
            Some(id) => Err((10, format!("{id} failed and is recorded as proven"))),
            None => Ok(()),
        }
    }
}

fn begin(entry: &Entry) -> Option<Begin> {
    match &entry.record {
        Record::Begin(begin) => Some(begin.clone()),
        _ => None,
    }
}

fn is_open(entries: &[Entry]) -> bool {
    entries.last().is_some_and(|entry| !entry.is_end())
}

/// Whether an operation was cut short that has services run, at or past a step that a service could
/// notice.
fn left_past_the_switch(entries: &[Entry]) -> bool {
    let Some(at) = entries.iter().rposition(|entry| begin(entry).is_some()) else { return false };
    let is_guarded = begin(&entries[at]).is_some_and(|begin| {
        !matches!(begin.operation, Operation::Stop | Operation::Uninstall | Operation::Setup)
    });
    let is_disarm = |entry: &Entry| match &entry.record {
        Record::Step { step } => matches!(**step, Step::Guard(GuardStep::Disarm { .. })),
        _ => false,
    };
    let notices = |entry: &Entry| match &entry.record {
        Record::Step { step } => step.is_noticeable(),
        _ => false,
    };
    // What comes after the last step harms nobody.
    let from = entries.iter().rposition(is_disarm).map_or(at, |disarmed| disarmed.max(at));
    is_guarded && is_open(entries) && entries[from..].iter().any(notices)
}
