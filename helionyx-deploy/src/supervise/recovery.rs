//! Looks at what recovers an environment when a deployer dies.

use camino::Utf8PathBuf;

use crate::host::{Host, HostError};
use crate::layout::{MODEL_LIMIT, TOOL, TOOL_ORIGIN, UNITS_DIR, tool_in_use};
use crate::model::Environment;
use crate::name::{UnitKind, UnitName};
use crate::state::{Node, RecoveryState, UnitState};

/// The most that is read of what a program was copied from, in bytes.
const ORIGIN_LIMIT: u64 = 256;

/// What recovers an environment, with its units as they were seen.
pub(super) fn look(
    host: &dyn Host,
    environment: &Environment,
    service: UnitState,
    timer: UnitState,
) -> Result<RecoveryState, HostError> {
    let path = environment.layout.model();
    let model = match host.node(&path)? {
        Node::File { size, .. } if size <= MODEL_LIMIT => {
            String::from_utf8(host.read(&path, MODEL_LIMIT)?).ok()
        }
        _ => None,
    };
    let has_tool = host.node(&tool_in_use())? != Node::Missing;
    let (other_tool, others) = (other_tool(host)?, others(host, environment)?);
    Ok(RecoveryState { model, service, timer, other_tool, has_tool, others })
}

/// How many other environments are recovered: their units say so.
fn others(host: &dyn Host, environment: &Environment) -> Result<usize, HostError> {
    let ours = UnitName::recovery(&environment.app, &environment.name, UnitKind::Service);
    let names = host.list(UNITS_DIR.into())?.into_iter();
    let others = names
        .filter_map(|name| name.parse::<UnitName>().ok())
        .filter(|name| name.is_recovery() && name.as_str().ends_with(".service") && *name != ours);
    Ok(others.count())
}

/// The program that recovers, where another one is installed, or none: told by length and time,
/// which stand beside its copy. A look at the content would cost more than all others together.
fn other_tool(host: &dyn Host) -> Result<Option<Utf8PathBuf>, HostError> {
    let Some(ours) = host.recovery_program()? else { return Ok(None) };
    let dir = match host.node(&tool_in_use())? {
        Node::Link { target } => tool_in_use().with_file_name(target),
        _ => return Ok(Some(ours)),
    };
    if ours == dir.join(TOOL) {
        return Ok(None);
    }
    let origin = host.read_tail(&dir.join(TOOL_ORIGIN), ORIGIN_LIMIT)?;
    let same = tool_origin(&host.node(&ours)?).is_some_and(|ours| ours.as_bytes() == origin);
    Ok((!same).then_some(ours))
}

/// What tells a program from others without a look at its content.
pub(crate) fn tool_origin(program: &Node) -> Option<String> {
    match program {
        Node::File { size, modified_ns, .. } => Some(format!("{size} bytes of {modified_ns} ns\n")),
        _ => None,
    }
}
