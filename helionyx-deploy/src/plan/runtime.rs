//! What depends on the supervisor of an environment, as rules on plain data. No I/O.
//!
//! [`rules`] is the one place that chooses between supervisors when something is decided;
//! [`crate::supervise`] is its counterpart for what is done.

use crate::hint;
use crate::model::{Environment, Runtime, ServiceModel};
use crate::name::{ReleaseId, ServiceName, UnitName, UserName};
use crate::plan::desired::{Directory, Leaving};
use crate::plan::guard::Guard;
use crate::plan::step::{Handle, Recovery, Step};
use crate::plan::{Refusal, fingerprint};
use crate::release::{Managed, Service};
use crate::state::{HostState, Instance, ServiceView};

mod process;
mod systemd;

/// The rules of the supervisor that runs an environment's services.
#[must_use]
pub fn rules(environment: &Environment) -> Box<dyn Rules + '_> {
    match &environment.runtime {
        Runtime::Process => Box::new(process::Rules { environment }),
        Runtime::Systemd(units) => Box::new(systemd::Rules { environment, units }),
    }
}

/// When `current` is switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Before services are stopped: they are down for less time.
    BeforeTheStop,
    /// After it: what the supervisor starts lies below `current`, so that no process may ever see
    /// two releases.
    AfterTheStop,
}

/// What a supervisor needs of its host before anything is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Whether the host must be run by systemd.
    pub systemd: bool,
    /// Whether the deployer must be root, and the file systems must have room: a service of a
    /// developer's own machine is that developer's own matter.
    pub rights_and_room: bool,
}

/// What a supervisor decides. All methods are functions of the model and of what was found.
pub trait Rules {
    /// The user that services and build steps run as; none where that is the deployer.
    fn user(&self) -> Option<&UserName>;

    /// The unit of systemd that runs a service; none where no unit does.
    fn unit(&self, service: &ServiceName) -> Option<UnitName>;

    /// What the supervisor needs of its host.
    fn needs(&self) -> Needs;

    /// What a release tells the supervisor of a service.
    fn managed(&self, service: &ServiceModel) -> Managed;

    /// Lines of a release's environment file before the values of the model.
    fn configuration(&self, release: &ReleaseId) -> String;

    /// Directories that the supervisor needs besides those of every environment.
    fn directories(&self) -> Vec<Directory>;

    /// When `current` is switched.
    fn switch(&self) -> Switch;

    /// What recovers the environment when a deployer dies; none where nothing can.
    fn recovery(&self) -> Option<Recovery>;

    /// What recovers the environment, with what was found of it; none where nothing can.
    fn guard<'f>(&self, found: &'f HostState) -> Option<Guard<'f>>;

    /// Steps that come before all others of a first deploy.
    fn prepare(&self, found: &HostState) -> Vec<Step>;

    /// What keeps a release from being built on this host.
    fn refuse_unprepared(&self, found: &HostState) -> Vec<Refusal>;

    /// What is wrong with the owner or the mode of a directory that is there.
    fn refuse_directory(
        &self,
        found: &HostState,
        directory: &Directory,
        mode: u32,
        uid: u32,
    ) -> Option<Refusal>;

    /// What is wrong with the directories above those of the environment.
    fn refuse_above(&self, found: &HostState) -> Vec<Refusal>;

    /// What keeps the supervisor from starting a service as its release says.
    fn refuse_start(&self, found: &HostState, service: &Service) -> Vec<Refusal>;

    /// Why a service must be started anew because of what the supervisor was told, if it must.
    fn why_restart(&self, found: &HostState, service: &Service) -> Option<String>;

    /// Why the main process of a service is not one that the supervisor started, if it is not.
    fn why_foreign(&self, found: &HostState, service: &Service, main: &Instance) -> Option<String>;

    /// Steps that tell the supervisor of the services of a release.
    fn install(&self, found: &HostState, services: &[Service]) -> Vec<Step>;

    /// What the supervisor stops of a service; none where it runs nothing of the service.
    fn busy(&self, found: &HostState, service: &ServiceName) -> Option<Handle>;

    /// Steps that make the supervisor forget the services.
    fn remove(&self, found: &HostState) -> Vec<Step>;

    /// Steps that remove what `setup` made for the supervisor, after all else of the environment.
    fn uninstall(&self, found: &HostState, leaving: Leaving) -> Vec<Step>;

    /// What a plan depends on of what the supervisor says, as facts.
    fn facts(&self, found: &HostState) -> fingerprint::Facts;

    /// How a service is doing by what the supervisor says; `deployed` is the service as the release
    /// in use has it.
    fn view(
        &self,
        found: &HostState,
        name: &ServiceName,
        deployed: Option<&Service>,
    ) -> ServiceView;
}

/// A release that was made for another supervisor is not started by this one.
fn refuse_another_supervisor(environment: &Environment, service: &Service) -> Option<Refusal> {
    let (made, ours) = (service.managed.supervisor(), environment.runtime.supervisor());
    (made != ours).then(|| {
        let message = format!("the release runs {} under {made}, not {ours}", service.name);
        let hint = hint::run("deploy", &environment.id());
        Refusal::new("other-supervisor", message, hint)
    })
}
