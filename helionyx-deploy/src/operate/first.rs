//! The first look at what is to be done, before any lock is taken. Looks through `host`, changes
//! nothing.

use super::planning::{self, Known, Planned, Request};
use super::{OperateError, remains};
use crate::event::Event;
use crate::host::Host;
use crate::isolation::neighbours::Fingerprints;
use crate::journal::{self, Tip};
use crate::release::Origin;
use crate::state::{HostState, Node};

/// What the first look comes to.
pub(super) enum FirstLook {
    /// There is nothing to do, and nobody is at work.
    NothingToDo(Box<HostState>),
    /// There is something to do, or somebody is at work.
    ToDo(Box<ToDo>),
}

/// What the first look leaves for the work under the lock.
pub(super) struct ToDo {
    /// What the source stands for, where the goal needs a source.
    pub(super) origin: Option<Origin>,
    /// The other environments of the host, before anything is done.
    pub(super) neighbours: Fingerprints,
    /// The plan, where one could be made.
    planned: Option<Planned>,
    /// The end of the journal when it was planned.
    tip: Option<Tip>,
}

impl ToDo {
    /// What is left where the plan can only be made under the lock.
    fn without_a_plan(host: &dyn Host, request: Request<'_>, origin: Option<Origin>) -> FirstLook {
        let neighbours = Fingerprints::of(host, request.others);
        FirstLook::ToDo(Box::new(ToDo { origin, neighbours, planned: None, tip: None }))
    }

    /// The plan, where it still holds: nobody was at work as long as the journal ends where it did.
    pub(super) fn holding(&mut self, tip: Option<&Tip>) -> Option<Planned> {
        self.planned.take().filter(|_| self.tip.as_ref() == tip)
    }

    /// The same after somebody else was at work: nothing that was seen then holds any more, but for
    /// what the other environments were like before.
    pub(super) fn outdated(self) -> ToDo {
        ToDo { origin: None, planned: None, ..self }
    }

    /// What the plan would have systemd load of the other environments.
    pub(super) fn warnings(&self) -> impl Iterator<Item = Event> {
        let loaded =
            self.planned.iter().flat_map(|planned| self.neighbours.loaded_by(&planned.plan));
        loaded.map(|finding| Event::Warning { message: finding.message, hint: finding.hint })
    }
}

/// Looks for the first time.
///
/// # Errors
/// Why nothing can be done, whoever else is at work.
pub(super) fn look(host: &dyn Host, request: Request<'_>) -> Result<FirstLook, OperateError> {
    let layout = &request.environment.layout;
    let tip = journal::tip(host, layout)?;
    if tip.as_ref().is_some_and(Tip::is_open) {
        let origin = planning::source(host, request)?;
        return Ok(ToDo::without_a_plan(host, request, origin));
    }
    match planning::plan(host, request, Known::default()) {
        Ok(mut planned) if !planned.plan.is_empty() => {
            let neighbours = std::mem::take(&mut planned.neighbours);
            let (origin, planned) = (planned.origin.clone(), Some(planned));
            Ok(FirstLook::ToDo(Box::new(ToDo { origin, neighbours, planned, tip })))
        }
        // What was found may be the half-done work of another deployer: then its entries are in the
        // journal.
        Ok(planned) => match is_settled(host, request, tip.as_ref())? {
            true => Ok(FirstLook::NothingToDo(Box::new(planned.found))),
            false => Ok(ToDo::without_a_plan(host, request, planned.origin)),
        },
        // On a host where nothing was ever done, a refusal must not leave a root behind. On any other,
        // somebody may be at work right now: what counts is seen under the lock.
        Err(unplanned) if unplanned.is_final() || host.node(&layout.root)? == Node::Missing => {
            Err(unplanned.into())
        }
        Err(unplanned) => Ok(ToDo::without_a_plan(host, request, unplanned.origin)),
    }
}

/// Whether an empty plan means that nothing is to be done: no record is to be removed, and the journal
/// ends where it did before the look.
fn is_settled(
    host: &dyn Host,
    request: Request<'_>,
    tip: Option<&Tip>,
) -> Result<bool, OperateError> {
    let Request { environment, goal, .. } = request;
    let has_record = remains::has_record(host, environment, goal)?;
    Ok(!has_record && journal::tip(host, &environment.layout)?.as_ref() == tip)
}
