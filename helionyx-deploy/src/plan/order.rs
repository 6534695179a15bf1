//! The order of services: what is started before what. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use crate::name::ServiceName;
use crate::release::Service;

/// Services by rank: a service of a rank is started after all services of lower ranks that it names.
/// Services of one rank do not depend on each other.
pub struct Order<'s> {
    services: Vec<&'s Service>,
    ranks: BTreeMap<&'s ServiceName, usize>,
}

impl<'s> Order<'s> {
    /// The order of these services. A circle, which no model can have, is cut where it is met.
    #[must_use]
    pub fn of(services: &'s [Service]) -> Order<'s> {
        let known: BTreeSet<&ServiceName> = services.iter().map(|service| &service.name).collect();
        let mut ranks: BTreeMap<&ServiceName, usize> =
            known.iter().map(|name| (*name, 0)).collect();
        // A rank is the length of the longest way to the service: as many rounds as services find it.
        for _ in services {
            for service in services {
                let earlier = service.earlier().filter_map(|name| ranks.get(name));
                let rank = earlier.max().map_or(0, |rank| rank + 1).min(services.len());
                ranks.insert(&service.name, rank);
            }
        }
        let mut services: Vec<&Service> = services.iter().collect();
        services.sort_by_key(|service| ranks[&service.name]);
        Order { services, ranks }
    }

    /// The services, those of the lowest rank first; within a rank as they are given.
    pub fn ranked(&self) -> impl Iterator<Item = &'s Service> + '_ {
        self.services.iter().copied()
    }

    /// The rank of a service; 0 for one that is not known.
    #[must_use]
    pub fn rank(&self, service: &ServiceName) -> usize {
        self.ranks.get(service).copied().unwrap_or_default()
    }

    /// These services with all that they cannot do without.
    #[must_use]
    pub fn with_required(&self, names: &BTreeSet<ServiceName>) -> BTreeSet<ServiceName> {
        let mut all = names.clone();
        for service in self.services.iter().rev() {
            if all.contains(&service.name) {
                all.extend(service.requires.iter().cloned());
            }
        }
        all
    }

    /// These services with all that cannot do without them.
    #[must_use]
    pub fn with_dependents(&self, names: &BTreeSet<ServiceName>) -> BTreeSet<ServiceName> {
        let mut all = names.clone();
        for service in &self.services {
            if service.requires.iter().any(|name| all.contains(name)) {
                all.insert(service.name.clone());
            }
        }
        all
    }
}

#[cfg(test)]
mod tests;
