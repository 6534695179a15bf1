//! The rules of the embedded runtime: services are detached processes of the deployer. It is for
//! one's own machine and for tests. No I/O.

use crate::model::{Environment, ServiceModel};
use crate::name::{ReleaseId, ServiceName, UnitName, UserName};
use crate::plan::desired::{Directory, Leaving};
use crate::plan::guard::Guard;
use crate::plan::runtime::{Needs, Switch};
use crate::plan::step::{Handle, Recovery, Step};
use crate::plan::{Refusal, fingerprint};
use crate::release::{Managed, Service};
use crate::state::{HostState, Instance, RunState, ServiceView};

pub(super) struct Rules<'e> {
    pub environment: &'e Environment,
}

impl super::Rules for Rules<'_> {
    fn user(&self) -> Option<&UserName> {
        None
    }

    fn unit(&self, _service: &ServiceName) -> Option<UnitName> {
        None
    }

    fn needs(&self) -> Needs {
        Needs { systemd: false, rights_and_room: false }
    }

    fn managed(&self, _service: &ServiceModel) -> Managed {
        Managed::Process
    }

    /// The runtime hands the mark of the release to the process itself.
    fn configuration(&self, _release: &ReleaseId) -> String {
        String::new()
    }

    fn directories(&self) -> Vec<Directory> {
        vec![Directory { path: self.environment.layout.logs(), mode: 0o750, owner: None }]
    }

    fn switch(&self) -> Switch {
        Switch::BeforeTheStop
    }

    fn recovery(&self) -> Option<Recovery> {
        None
    }

    fn guard<'f>(&self, _found: &'f HostState) -> Option<Guard<'f>> {
        None
    }

    fn prepare(&self, _found: &HostState) -> Vec<Step> {
        Vec::new()
    }

    fn refuse_unprepared(&self, _found: &HostState) -> Vec<Refusal> {
        Vec::new()
    }

    fn refuse_directory(
        &self,
        _found: &HostState,
        _directory: &Directory,
        _mode: u32,
        _uid: u32,
    ) -> Option<Refusal> {
        None
    }

    fn refuse_above(&self, _found: &HostState) -> Vec<Refusal> {
        Vec::new()
    }

    fn refuse_start(&self, _found: &HostState, service: &Service) -> Vec<Refusal> {
        Vec::from_iter(super::refuse_another_supervisor(self.environment, service))
    }

    fn why_restart(&self, _found: &HostState, _service: &Service) -> Option<String> {
        None
    }

    fn why_foreign(
        &self,
        _found: &HostState,
        _service: &Service,
        _main: &Instance,
    ) -> Option<String> {
        None
    }

    fn install(&self, _found: &HostState, _services: &[Service]) -> Vec<Step> {
        Vec::new()
    }

    fn busy(&self, _found: &HostState, _service: &ServiceName) -> Option<Handle> {
        None
    }

    fn remove(&self, _found: &HostState) -> Vec<Step> {
        Vec::new()
    }

    fn uninstall(&self, _found: &HostState, _leaving: Leaving) -> Vec<Step> {
        Vec::new()
    }

    fn facts(&self, _found: &HostState) -> fingerprint::Facts {
        fingerprint::Facts::new()
    }

    fn view(
        &self,
        found: &HostState,
        name: &ServiceName,
        _deployed: Option<&Service>,
    ) -> ServiceView {
        let runs = found.services.get(name).is_some_and(|service| service.main().is_some());
        ServiceView {
            unit: name.to_string(),
            state: RunState::of(runs, found),
            enabled: false,
            restarts: 0,
            findings: Vec::new(),
        }
    }
}
