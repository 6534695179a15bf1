//! Whose the directories of an environment must be, where its services have a user of their own.
//! No I/O.

use super::Rules;
use crate::plan::Refusal;
use crate::plan::desired::Directory;
use crate::state::{HostState, Node, SystemdState};

/// Without its user a unit does not start, and nobody owns its data.
pub(super) fn refuse_without_user(rules: &Rules<'_>, state: &SystemdState) -> Vec<Refusal> {
    if state.user.is_some() {
        return Vec::new();
    }
    let message = format!("this host has no user {}", rules.units.user);
    let hint = format!("run `setup --env {}`: it makes the user", rules.environment.id());
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
    let (hint, wrong) = match (owner, state.user) {
        (Some(owner), Some(account)) if uid != account.uid => {
            (format!("chown {owner}: {path}"), format!("it belongs to user id {uid}"))
        }
        (Some(owner), None) => {
            let make = format!("useradd --system --user-group --no-create-home {owner}");
            (format!("{make} && chown {owner}: {path}"), format!("it belongs to user id {uid}"))
        }
        (None, _) if uid != 0 => {
            (format!("chown root: {path}"), format!("it belongs to user id {uid}"))
        }
        (None, _) if mode & 0o022 != 0 => {
            (format!("chmod go-w {path}"), format!("others may write to it ({mode:04o})"))
        }
        _ => return None,
    };
    let hint = format!("look what lies in it, then run `{hint}`");
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
            (0, true) => ("chmod go-w", format!("others may write to it ({mode:04o})")),
            (uid, _) => ("chown root:", format!("it belongs to user id {uid}")),
        };
        let message = format!("{path}: {wrong}, and root would write below it");
        let hint = format!("run `{hint} {path}`, or choose another root or data");
        Some(Refusal::new("wrong-owner", message, hint))
    };
    found.above.iter().filter_map(refuse).collect()
}
