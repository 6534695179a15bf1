//! Whose the directories of an environment must be, where its services have a user of their own.
//! No I/O.

use super::Rules;
use crate::hint;
use crate::hint::Hint;
use crate::plan::Refusal;
use crate::plan::desired::Directory;
use crate::state::{HostState, Node, SystemdState};

/// Without its user a unit does not start, and nobody owns its data.
pub(super) fn refuse_without_user(rules: &Rules<'_>, state: &SystemdState) -> Vec<Refusal> {
    if state.user.is_some() {
        return Vec::new();
    }
    let message = format!("this host has no user {}", rules.units.user);
    let setup = hint::run("setup", &rules.environment.id());
    let hint = setup.and(": it makes the user");
    vec![Refusal::new("no-user", message, hint)]
}

/// Data that the service may not write to, or a root that others may write to. A directory that
/// somebody else made is not given to another owner by us: the operator decides (HEL-20).
pub(super) fn refuse_wrong_owner(
    state: &SystemdState,
    directory: &Directory,
    mode: u32,
    uid: u32,
) -> Option<Refusal> {
    let Directory { path, owner, .. } = directory;
    let owned = format!("it belongs to user id {uid}");
    let chown = |owner: &str| hint::shell(["chown", &format!("{owner}:"), path.as_str()]);
    let (hint, wrong): (Hint, _) = match (owner, state.user) {
        (Some(owner), Some(account)) if uid != account.uid => (chown(owner.as_str()).into(), owned),
        (Some(owner), None) => {
            let owner = owner.as_str();
            let make =
                hint::shell(["useradd", "--system", "--user-group", "--no-create-home", owner]);
            (hint!(make, " and then ", chown(owner)), owned)
        }
        (None, _) if uid != 0 => (chown("root").into(), owned),
        (None, _) if mode & 0o022 != 0 => {
            let close = hint::shell(["chmod", "go-w", path.as_str()]);
            (close.into(), format!("others may write to it ({mode:04o})"))
        }
        _ => return None,
    };
    let hint = hint!("look at its content, then run ").and(hint);
    Some(Refusal::new("wrong-owner", format!("{path}: {wrong}"), hint))
}

/// Whoever may write to a directory above that of root can put a link in its place at the right
/// moment, and so choose where root writes.
pub(super) fn refuse_what_others_may_replace(found: &HostState) -> Vec<Refusal> {
    let refuse = |(path, node): (&camino::Utf8PathBuf, &Node)| {
        let Node::Directory { mode, uid } = node else { return None };
        // In a sticky one, only the owner of an entry may replace it.
        let is_open = mode & 0o022 != 0 && mode & 0o1000 == 0;
        let (hint, wrong) = match (*uid, is_open) {
            (0, false) => return None,
            (0, true) => (["chmod", "go-w"], format!("others may write to it ({mode:04o})")),
            (uid, _) => (["chown", "root:"], format!("it belongs to user id {uid}")),
        };
        let message = format!("{path}: {wrong}, and root would write below it");
        let mend = hint::shell(hint.into_iter().chain([path.as_str()]));
        let hint = hint!("run ", mend, ", or choose another root or data");
        Some(Refusal::new("wrong-owner", message, hint))
    };
    found.above.iter().filter_map(refuse).collect()
}
