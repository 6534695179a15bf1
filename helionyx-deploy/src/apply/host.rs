//! Steps that change what all environments of a host share: users, units, what recovers when a
//! deployer dies.

use std::time::Duration;

use camino::Utf8Path;

use super::StepError;
use crate::host::{Host, HostError, ask, ended_well};
use crate::layout::{Layout, UNITS_DIR};
use crate::name::{UnitName, UserName};
use crate::plan::step::{GuardStep, HostStep, Recovery};
use crate::release::Unit;
use crate::state::{Account, Node};
use crate::tool::{account, systemctl};

mod tool;

/// How long the timer may take to be started or stopped.
const DEADLINE: Duration = Duration::from_secs(30);

/// Does one step, under the lock of the host; returns what there is to say about it.
pub(super) fn perform(
    host: &dyn Host,
    layout: &Layout,
    step: &HostStep,
) -> Result<String, StepError> {
    match step {
        HostStep::CreateUser { user, home } => create_user(host, user, home)?,
        HostStep::RemoveUser { user } => remove_user(host, layout, user)?,
        HostStep::WriteUnit { unit } => write_unit(host, unit)?,
        HostStep::RemoveUnit { unit } => remove_unit(host, unit)?,
        HostStep::ReloadUnits => reload_units(host)?,
        HostStep::EnableUnit { unit } => enable_unit(host, unit)?,
        HostStep::InstallTool { program } => return tool::install(host, program),
        HostStep::RemoveTool => tool::remove(host)?,
        HostStep::InstallRecovery { recovery } => install_recovery(host, layout, recovery)?,
        HostStep::RemoveRecovery { service, timer } => remove_recovery(host, service, timer)?,
    }
    Ok(String::new())
}

/// Arms or disarms what recovers the environment if the deployer dies.
pub(super) fn guard(host: &dyn Host, step: &GuardStep) -> Result<(), StepError> {
    match step {
        GuardStep::Arm { timer } => ask(host, "arm", &systemctl::start(timer, DEADLINE))?,
        GuardStep::Disarm { timer } => ask(host, "disarm", &systemctl::stop(timer, DEADLINE))?,
    };
    Ok(())
}

/// A user that must be there.
pub(super) fn account_of(
    host: &dyn Host,
    verb: &'static str,
    user: &UserName,
) -> Result<Account, HostError> {
    let question = account::look_up(user);
    let known = host.run(&question, &mut |_| {})?;
    if let Some(account) = account::parse(&known.text, user) {
        return Ok(account);
    }
    if known.status != account::NO_SUCH_USER {
        ended_well(verb, &question, known)?;
    }
    Err(HostError::refused(verb, user, "this host has no such user"))
}

fn create_user(host: &dyn Host, user: &UserName, home: &Utf8Path) -> Result<(), StepError> {
    let known = host.run(&account::look_up(user), &mut |_| {})?;
    if account::parse(&known.text, user).is_none() {
        ask(host, "create the user", &account::create(user, home))?;
    }
    Ok(())
}

/// Not as long as something is left that belongs to it: whoever gets its number next would own
/// that.
fn remove_user(host: &dyn Host, layout: &Layout, user: &UserName) -> Result<(), StepError> {
    for path in [&layout.data, &layout.cache()] {
        if host.node(path)? != Node::Missing {
            let why = format!("{path} is left, which belongs to it");
            return Err(HostError::refused("remove the user", user, why).into());
        }
    }
    ask(host, "remove the user", &account::remove(user))?;
    Ok(())
}

fn write_unit(host: &dyn Host, unit: &Unit) -> Result<(), StepError> {
    let path = Utf8Path::new(UNITS_DIR).join(unit.name.as_str());
    Ok(host.write(&path, unit.text.as_bytes(), 0o644)?)
}

fn remove_unit(host: &dyn Host, unit: &UnitName) -> Result<(), StepError> {
    ask(host, "disable", &systemctl::disable(unit))?;
    Ok(host.remove(&Utf8Path::new(UNITS_DIR).join(unit.as_str()))?)
}

fn reload_units(host: &dyn Host) -> Result<(), StepError> {
    ask(host, "run systemctl", &systemctl::daemon_reload())?;
    Ok(())
}

fn enable_unit(host: &dyn Host, unit: &UnitName) -> Result<(), StepError> {
    ask(host, "enable", &systemctl::enable(unit))?;
    Ok(())
}

/// The model last: without it nothing counts as installed.
fn install_recovery(
    host: &dyn Host,
    layout: &Layout,
    recovery: &Recovery,
) -> Result<(), StepError> {
    write_unit(host, &recovery.service)?;
    write_unit(host, &recovery.timer)?;
    reload_units(host)?;
    enable_unit(host, &recovery.service.name)?;
    let path = layout.model();
    Ok(host.write(&path, recovery.model.as_bytes(), 0o644)?)
}

fn remove_recovery(host: &dyn Host, service: &UnitName, timer: &UnitName) -> Result<(), StepError> {
    guard(host, &GuardStep::Disarm { timer: timer.clone() })?;
    remove_unit(host, service)?;
    remove_unit(host, timer)?;
    reload_units(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{ExitStatus, Output};
    use crate::host::FakeHost;

    #[test]
    fn a_user_who_is_not_there_is_a_refusal_and_a_question_that_fails_is_none() {
        for (status, is_refusal) in [
            (ExitStatus::Code(2), true),
            (ExitStatus::Code(0), true),
            (ExitStatus::Code(1), false),
            (ExitStatus::TimedOut, false),
        ] {
            let host = FakeHost::new();
            host.program("getent", move |_, _| Output::new(status, ""));
            let user = "shop-dev".parse().unwrap();
            let error = account_of(&host, "create a directory for", &user).unwrap_err();
            assert_eq!(error.is_refusal(), is_refusal, "{status}");
        }
    }
}
