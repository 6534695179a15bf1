//! Steps that install, arm and disarm what recovers an environment when the deployer dies.

use std::time::Duration;

use camino::Utf8Path;

use super::{Applier, StepError};
use crate::digest::Digest;
use crate::host::HostError;
use crate::layout::{TOOL, TOOL_LINK, TOOL_ORIGIN, TOOLS_DIR, tool_in_use};
use crate::name::UnitName;
use crate::observe::{ask, tool_origin};
use crate::plan::step::Recovery;
use crate::state::Node;
use crate::tool::systemctl;

/// So many digits of its digest name a program's directory.
const DIGITS: usize = 16;
/// The largest program that is installed, in bytes: one of a debug build.
const TOOL_LIMIT: u64 = 1024 * 1024 * 1024;
/// How long the timer may take to be started or stopped.
const DEADLINE: Duration = Duration::from_secs(30);

impl Applier<'_, '_, '_> {
    /// Puts a copy of the program in place under the digest of its content: whoever replaces the
    /// one that we run from does not change what recovers.
    pub(super) fn install_tool(&self, program: &Utf8Path) -> Result<String, StepError> {
        let host = self.work.host;
        let Some(origin) = tool_origin(&host.node(program)?) else {
            return Err(HostError::refused("install", program, "it is no file").into());
        };
        let content = host.read(program, TOOL_LIMIT)?;
        let digest = Digest::of(&content).to_string();
        let name = &digest[..DIGITS];
        let dir = Utf8Path::new(TOOLS_DIR).join(name);
        host.create_dir(&dir, 0o755)?;
        host.write(&dir.join(TOOL), &content, 0o755)?;
        host.write(&dir.join(TOOL_ORIGIN), origin.as_bytes(), 0o644)?;
        host.replace_link(&tool_in_use(), name.into())?;
        // What somebody else put there stays.
        if matches!(host.node(TOOL_LINK.into())?, Node::Missing | Node::Link { .. }) {
            host.create_dir(Utf8Path::new(TOOL_LINK).parent().unwrap_or(TOOL_LINK.into()), 0o755)?;
            host.replace_link(TOOL_LINK.into(), &tool_in_use().join(TOOL))?;
        }
        self.remove_other_tools(name)?;
        Ok(name.to_owned())
    }

    /// What somebody else put there stays.
    pub(super) fn remove_tool(&self) -> Result<(), StepError> {
        let host = self.work.host;
        let ours = Node::Link { target: tool_in_use().join(TOOL) };
        if host.node(TOOL_LINK.into())? == ours {
            host.remove(TOOL_LINK.into())?;
        }
        host.remove(&tool_in_use())?;
        self.remove_other_tools("")?;
        if host.list(TOOLS_DIR.into())?.is_empty() {
            host.remove_tree(TOOLS_DIR.into())?;
        }
        Ok(())
    }

    pub(super) fn remove_recovery(
        &mut self,
        service: &UnitName,
        timer: &UnitName,
    ) -> Result<(), StepError> {
        self.disarm_recovery(timer)?;
        self.remove_unit(service)?;
        self.remove_unit(timer)?;
        self.reload_units()
    }

    fn remove_other_tools(&self, kept: &str) -> Result<(), HostError> {
        let host = self.work.host;
        let is_ours = |name: &String| {
            name.len() == DIGITS && name != kept && name.bytes().all(|b| b.is_ascii_hexdigit())
        };
        let others = host.list(TOOLS_DIR.into())?.into_iter().filter(is_ours);
        others.map(|name| Utf8Path::new(TOOLS_DIR).join(name)).try_for_each(|dir| {
            match host.node(&dir.join(TOOL))? {
                Node::File { .. } => host.remove_tree(&dir),
                _ => Ok(()),
            }
        })
    }

    /// The model last: without it nothing counts as installed.
    pub(super) fn install_recovery(&mut self, recovery: &Recovery) -> Result<(), StepError> {
        let host = self.work.host;
        self.write_unit(&recovery.service)?;
        self.write_unit(&recovery.timer)?;
        self.reload_units()?;
        self.enable_unit(&recovery.service.name)?;
        let path = self.plan.site.layout.model();
        Ok(host.write(&path, recovery.model.as_bytes(), 0o644)?)
    }

    pub(super) fn arm_recovery(&self, timer: &UnitName) -> Result<(), StepError> {
        ask(self.work.host, "arm", &systemctl::start(timer, DEADLINE))?;
        Ok(())
    }

    pub(super) fn disarm_recovery(&self, timer: &UnitName) -> Result<(), StepError> {
        ask(self.work.host, "disarm", &systemctl::stop(timer, DEADLINE))?;
        Ok(())
    }
}
