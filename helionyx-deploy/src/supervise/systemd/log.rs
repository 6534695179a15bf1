//! What units wrote, from the host's journal.

use crate::host::Host;
use crate::name::UnitName;
use crate::time::Timestamp;
use crate::tool::journalctl;

/// So much of a unit's log is kept, in bytes.
const LIMIT: usize = 64 * 1024;
/// So many lines of it, the last ones.
const LINES: usize = 200;

/// What a unit wrote last since it was started, and what systemd said of it.
pub(super) fn kept(host: &dyn Host, unit: &UnitName, since: Timestamp) -> Vec<u8> {
    // Where it cannot be waited for, what is there is kept.
    let _ = host.run(&journalctl::sync(), &mut |_| {});
    let since = Some(journalctl::at(since));
    let wanted = journalctl::Wanted { lines: LINES, since, ..journalctl::Wanted::default() };
    let output = host.run(&journalctl::read([unit], &wanted), &mut |_| {});
    let text = output.map(|output| output.text).unwrap_or_default().into_bytes();
    text[text.len().saturating_sub(LIMIT)..].to_vec()
}
