//! What an operator asks for, and what each goal implies. No I/O.

use std::collections::BTreeSet;

use super::Saved;
use crate::event::Operation;
use crate::name::{ReleaseId, ServiceName};
use crate::plan::Leaving;
use crate::plan::select::Act;
use crate::release::Origin;
use crate::source::Wish;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// A release of the source, running.
    Deploy {
        /// What of the source.
        wish: Wish,
        /// Whether a new release is built even if the same one is there.
        force: Force,
    },
    /// A release that was verified before, running: this one, or the one before.
    Rollback(Option<ReleaseId>),
    /// The services to run.
    Start,
    /// The services not to run.
    Stop,
    /// The services to run in new processes.
    Restart,
    /// This for the named services, with all that needs them or that they need.
    Services(Act, BTreeSet<ServiceName>),
    /// All that a first deploy needs on the host: user, directories, a place for the secrets.
    Setup,
    /// What was planned before, if all is as it was then.
    Apply(Box<Saved>),
    /// Nothing on the host of what setup and deploys made.
    Uninstall(Leaving),
}

/// Whether a new release is built even if the same one is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// A release that is there will do.
    IfNeeded,
    /// A new one is built.
    Always,
}

impl Goal {
    /// The operation that it makes.
    #[must_use]
    pub fn operation(&self) -> Operation {
        match self {
            Goal::Deploy { .. } | Goal::Apply(_) => Operation::Deploy,
            Goal::Rollback(_) => Operation::Rollback,
            Goal::Start | Goal::Services(Act::Start, _) => Operation::Start,
            Goal::Stop | Goal::Services(Act::Stop, _) => Operation::Stop,
            Goal::Restart | Goal::Services(Act::Restart, _) => Operation::Restart,
            Goal::Setup => Operation::Setup,
            Goal::Uninstall(_) => Operation::Uninstall,
        }
    }

    /// The services that it names; none where it is for all.
    pub(super) fn named(&self) -> BTreeSet<ServiceName> {
        match self {
            Goal::Services(_, names) => names.clone(),
            Goal::Deploy { .. }
            | Goal::Apply(_)
            | Goal::Rollback(_)
            | Goal::Start
            | Goal::Stop
            | Goal::Restart
            | Goal::Setup
            | Goal::Uninstall(_) => BTreeSet::new(),
        }
    }

    /// Whether this goal may begin something on a host that has never seen the environment.
    pub(super) fn begins(&self) -> bool {
        match self {
            Goal::Deploy { .. } | Goal::Setup | Goal::Apply(_) => true,
            Goal::Rollback(_)
            | Goal::Start
            | Goal::Stop
            | Goal::Restart
            | Goal::Services(..)
            | Goal::Uninstall(_) => false,
        }
    }

    /// What of the source must be resolved for this goal; nothing where no source is needed.
    pub(super) fn wish(&self) -> Option<Wish> {
        match self {
            Goal::Deploy { wish, .. } => Some(wish.clone()),
            Goal::Apply(saved) => match &saved.recipe.origin {
                // A commit stays what it is, wherever its branch goes.
                Origin::Git { .. } => None,
                Origin::Path { .. } => Some(Wish::default()),
                Origin::Artifact { file, .. } => {
                    Some(Wish { artifact: Some(file.clone()), ..Wish::default() })
                }
            },
            Goal::Rollback(_)
            | Goal::Start
            | Goal::Stop
            | Goal::Restart
            | Goal::Services(..)
            | Goal::Setup
            | Goal::Uninstall(_) => None,
        }
    }
}
