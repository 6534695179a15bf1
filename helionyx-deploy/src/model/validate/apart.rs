//! Rules between an environment's own directories: what is kept lies where nothing is removed. No I/O.

use camino::{Utf8Path, Utf8PathBuf};

use super::placement::Placement;
use super::{Reader, Span, text};
use crate::layout::Layout;
use crate::model::code;

/// A directory: its key, and where it lies by which place.
type Directory<'a> = (&'static str, &'a (Utf8PathBuf, Span));

/// Data lies where no release, cache or record is ever removed.
pub fn data(placement: &mut Placement, reader: &mut Reader<'_>) {
    let (Some(root), Some(data)) = (&placement.root, &placement.data) else { return };
    let layout = Layout { root: root.0.clone(), data: data.0.clone() };
    let Some(complaint) = at_risk(&layout, &data.0) else { return };
    let remedy = "e.g. `data = \"{root}/data\"`";
    blame(("data", data), ("root", root), &complaint, remedy, reader);
    placement.data = None;
}

/// Backups outlive what they are of.
pub fn backups(placement: &mut Placement, reader: &mut Reader<'_>) {
    let (Some(layout), Some(backups)) = (placement.layout(), &placement.backups) else { return };
    let Placement { root: Some(root), data: Some(data), .. } = &*placement else { return };
    let (complaint, other) = match text::overlap(&backups.0, &layout.data) {
        true => (Some(format!("meets the data in `{}`", layout.data)), ("data", data)),
        false => (at_risk(&layout, &backups.0), ("root", root)),
    };
    let Some(complaint) = complaint else { return };
    let remedy = "a directory of its own, e.g. `backups = \"{root}/backups\"`";
    blame(("backups", backups), other, &complaint, remedy, reader);
    placement.backups = None;
}

/// Says what is wrong with a directory at the key that somebody wrote: one that follows from the
/// environment's name is innocent where the other is written.
fn blame(
    (key, own): Directory<'_>,
    (other_key, other): Directory<'_>,
    complaint: &str,
    remedy: &str,
    reader: &mut Reader<'_>,
) {
    let is_written = |directory: &(Utf8PathBuf, Span)| directory.1 != reader.root();
    if is_written(own) || !is_written(other) {
        let message = format!("`{key}` {complaint}");
        let hint = format!("write {remedy}");
        return reader.error(&own.1, code::DATA_IN_RELEASES, message, hint);
    }
    let message = format!(
        "`{other_key}` cannot be `{}`: `{key}`, which is `{}` where nothing else is written, \
         {complaint}",
        other.0, own.0
    );
    let hint = format!("write another directory, or {remedy}");
    reader.error(&other.1, code::DATA_IN_RELEASES, message, hint);
}

/// Why a directory is not safe from what is removed, sealed or handed out below a root.
pub fn at_risk(layout: &Layout, dir: &Utf8Path) -> Option<String> {
    if layout.root.starts_with(dir) {
        return Some("is the root or holds it".to_owned());
    }
    // Whoever owns the directory of a file decides what the file is, and PID 1 reads this one as
    // root. Below it there is room: embedded services keep data there.
    if dir == layout.shared() {
        return Some("is `{root}/shared`, where the secrets lie".to_owned());
    }
    let ours = [
        layout.releases(),
        layout.current(),
        layout.verified(),
        layout.secrets(),
        layout.cache(),
        layout.mirror(),
        layout.logs(),
        layout.evidence(),
        layout.journal(),
        layout.journal_head(),
        layout.lock(),
    ];
    let taken = ours.iter().find(|taken| dir.starts_with(taken))?;
    let name = taken.strip_prefix(&layout.root).unwrap_or(taken);
    Some(format!("lies in `{{root}}/{name}`, which is not for data"))
}
