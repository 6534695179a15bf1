//! States of a host that we may not repair: somebody else made them. No I/O.

use super::Planner;
use camino::Utf8PathBuf;

use crate::name::{ReleaseId, VariableName};
use crate::plan::{Refusal, Way};
use crate::release::Service;
use crate::state::{Condition, Current, Listener, Node};

impl Planner<'_> {
    pub(super) fn refuse_a_foreign_current(&mut self) {
        let path = self.layout.current();
        let what = match &self.found.current {
            Current::Missing | Current::Release(_) | Current::Dangling(_) => return,
            what => what,
        };
        let hint = format!("look what it is, then `mv {path} {path}.aside` and deploy again");
        self.refuse("foreign-current", format!("{path} {what}"), hint);
    }

    /// A port that is not held by this environment's own services is somebody else's (HEL-02).
    pub(super) fn refuse_a_held_port(&mut self, service: &Service) {
        let Some(port) = service.port else { return };
        let ours = |listener: &&Listener| {
            !listener.holders.is_empty()
                && listener.holders.iter().all(|process| process.service(self.layout).is_some())
        };
        let listeners = self.found.listeners.get(&port).into_iter().flatten();
        let strangers: Vec<String> = listeners
            .filter(|listener| !ours(listener))
            .map(|listener| format!("{} on {}", listener.describe(), listener.address))
            .collect();
        if !strangers.is_empty() {
            let message =
                format!("port {port} of {} is held by {}", service.name, strangers.join(", "));
            let hint = "stop that process, or give the environment another port";
            self.refuse("port-held", message, hint.to_owned());
        }
    }

    /// Who may not see a service cannot say that it does not run.
    pub(super) fn refuse_what_is_hidden(&mut self) {
        if !self.found.services.is_empty() {
            return;
        }
        for (port, listeners) in &self.found.listeners {
            if let Some(hidden) = listeners.iter().find(|listener| listener.holders.is_empty()) {
                let message = format!("port {port} is held by {}", hidden.describe());
                let hint = "do this as that user, or as root".to_owned();
                self.refuse("hidden-process", message, hint);
            }
        }
    }

    /// A program that is gone or an environment file that cannot be read is found before anything
    /// is stopped, not after.
    pub(super) fn refuse_a_start_in_vain(&mut self, service: &Service) {
        let program = service.exec.first().map(|program| Utf8PathBuf::from(program.as_str()));
        for path in service.environment_files.iter().cloned().chain(program) {
            if let Some(problem) = self.found.start_problems.get(&path) {
                let message = format!("{path}: {problem}");
                let hint = format!("mend it, {} needs it to start; or deploy", service.name);
                self.refuse("start-in-vain", message, hint);
            }
        }
    }

    /// A service that must have its secrets is not started to find out that it has not (HEL-05).
    pub(super) fn refuse_missing_secrets(&mut self) {
        if self.found.missing_secrets.is_empty() || self.desired.way == Way::Back {
            return;
        }
        let names: Vec<&str> =
            self.found.missing_secrets.iter().map(VariableName::as_str).collect();
        let (path, id) = (self.layout.secrets(), self.environment.id());
        let message = format!("{path} has no value for {}", names.join(", "));
        let hint = match self.found.nodes.get(&path) {
            None | Some(Node::Missing) => {
                format!("run `setup --env {id}`: it makes the file, to be filled in")
            }
            Some(_) => format!("fill them in, and check with `env-file check {path} --env {id}`"),
        };
        self.refuse("missing-secret", message, hint);
    }

    pub(super) fn refuse_damaged(&mut self, id: &ReleaseId) {
        let why = match self.found.releases.get(id).map(|state| &state.condition) {
            None => "does not exist".to_owned(),
            Some(Condition::Complete) => "has no readable manifest".to_owned(),
            Some(Condition::Unfinished) => "is unfinished".to_owned(),
            Some(Condition::Foreign) => "has no manifest".to_owned(),
            Some(Condition::Damaged(what)) => format!("is damaged: {what}"),
        };
        let hint = format!("run `deploy --env {}`: it builds a whole one", self.environment.id());
        self.refuse("damaged-release", format!("release {id} {why}"), hint);
    }

    pub(super) fn refuse(&mut self, code: &str, message: String, hint: String) {
        self.refusals.push(Refusal::new(code, message, hint));
    }
}
