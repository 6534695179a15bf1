//! What services should do when an operator names some of them. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use crate::name::ServiceName;
use crate::plan::order::Order;
use crate::plan::runtime::Rules;
use crate::plan::{Refusal, Run, Wanted};
use crate::release::Service;
use crate::state::HostState;

/// What is done to services that are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// They run, with all that they cannot do without.
    Start,
    /// They do not run, nor does what cannot do without them.
    Stop,
    /// They run in new processes, and so does what cannot do without them.
    Restart,
}

/// What services should do so that the named ones do what is asked for and all others stay as they
/// are. `went_down` tells services that ran until one of the named was stopped: they come back with it.
///
/// # Errors
/// Names of services that the release in use does not have.
pub fn run(
    act: Act,
    names: &BTreeSet<ServiceName>,
    went_down: &dyn Fn(&ServiceName) -> bool,
    (services, found): (&[Service], &HostState),
    rules: &dyn Rules,
) -> Result<Run, Vec<Refusal>> {
    refuse_unknown(names, services)?;
    let order = Order::of(services);
    let is_running = |service: &&Service| {
        let state = found.services.get(&service.name);
        state.is_some_and(|state| !state.instances.is_empty())
            || rules.busy(found, &service.name).is_some()
    };
    let running: BTreeSet<ServiceName> =
        services.iter().filter(is_running).map(|service| service.name.clone()).collect();
    let dependents = order.with_dependents(names);
    let (wanted, anew) = match act {
        Act::Stop => {
            let left = running.difference(&dependents).cloned().collect();
            return Ok(Run { services: Wanted::AtMost(left), anew: BTreeMap::new() });
        }
        Act::Start | Act::Restart => {
            let back = dependents.iter().filter(|name| went_down(name)).cloned();
            let all: BTreeSet<ServiceName> =
                running.iter().cloned().chain(names.iter().cloned()).chain(back).collect();
            let anew = match act {
                Act::Restart => main_processes(found, |name| dependents.contains(name)),
                Act::Start | Act::Stop => BTreeMap::new(),
            };
            (order.with_required(&all), anew)
        }
    };
    Ok(Run { services: Wanted::Only(wanted), anew })
}

/// The main processes of services, to be replaced by others.
#[must_use]
pub fn main_processes(
    found: &HostState,
    wanted: impl Fn(&ServiceName) -> bool,
) -> BTreeMap<ServiceName, crate::state::ProcessKey> {
    let named = found.services.iter().filter(|(name, _)| wanted(name));
    named.filter_map(|(name, state)| Some((name.clone(), state.main()?.process.key))).collect()
}

fn refuse_unknown(names: &BTreeSet<ServiceName>, services: &[Service]) -> Result<(), Vec<Refusal>> {
    let known: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
    let unknown = names.iter().filter(|name| !known.contains(&name.as_str()));
    let refusals: Vec<Refusal> = unknown
        .map(|name| {
            let message = format!("the release in use has no service {name}");
            let hint = match crate::model::closest(name.as_str(), known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("name one of {}", known.join(", ")),
            };
            Refusal::new("unknown-service", message, hint)
        })
        .collect();
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}
