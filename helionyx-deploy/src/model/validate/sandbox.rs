//! Rules for what the sandbox of every unit hides, or keeps from being written. No I/O.

use camino::{Utf8Path, Utf8PathBuf};

use super::apart::at_risk;
use super::placement::Placement;
use super::service::Draft;
use super::{Reader, Span};
use crate::layout::Layout;
use crate::model::code;
use crate::template::{Bindings, Placeholder, Template};

/// Directories that a service cannot see, or finds empty, and why.
const HIDDEN: [(&str, &str); 5] = [
    ("/home", "which services cannot see (ProtectHome)"),
    ("/root", "which services cannot see (ProtectHome)"),
    ("/run", "which is empty after every boot"),
    ("/tmp", "of which every service has its own (PrivateTmp)"),
    ("/var/tmp", "of which every service has its own (PrivateTmp)"),
];

fn hidden(path: &Utf8Path) -> Option<String> {
    let (directory, why) = HIDDEN.iter().find(|(directory, _)| path.starts_with(directory))?;
    Some(format!("lies in `{directory}`, {why}"))
}

/// Root, data and backups lie where services find them.
pub fn directories(place: &Placement, reader: &mut Reader<'_>) {
    let mut said: Option<&Utf8PathBuf> = None;
    let each = [("root", &place.root), ("data", &place.data), ("backups", &place.backups)];
    for (key, directory) in each {
        let Some((path, span)) = directory else { continue };
        let Some(complaint) = hidden(path) else { continue };
        // What lies below a root that is hidden is hidden for that reason.
        if said.is_some_and(|root| path.starts_with(root)) {
            continue;
        }
        if key == "root" {
            said = Some(path);
        }
        let hint = "write a directory below /opt, /srv or /var/lib";
        reader.error(span, code::HIDDEN, format!("`{key}` {complaint}"), hint);
    }
}

/// So does the program, where it is none of the environment's own.
pub fn program(draft: &Draft, known: &Bindings, place: &Placement, reader: &mut Reader<'_>) {
    let (Some(program), Some(span)) = (draft.model.exec.first(), draft.exec.first()) else {
        return;
    };
    // That one depends on a checkout, which is said.
    if program.placeholders().any(|used| used == Placeholder::Project) {
        return;
    }
    let path = Utf8PathBuf::from(program.expand(known));
    let own = [place.root_or_default(), place.data_or_default()];
    if own.iter().any(|own| path.starts_with(own)) {
        return;
    }
    let Some(complaint) = hidden(&path) else { return };
    let hint =
        "write `{release}/…` for a program of the release, else install it below /usr or /opt";
    reader.error(span, code::HIDDEN, format!("the program {complaint}"), hint);
}

/// A path that no two environments may share is where a service keeps something: it lies where that
/// is kept, and, under systemd, where the service may write; none where it does not.
pub fn state(
    (name, written, path): (&str, &Template, &Utf8Path),
    span: &Span,
    (layout, is_systemd): (&Layout, bool),
    reader: &mut Reader<'_>,
) -> Option<()> {
    let written = written.as_str();
    let hint = "write a path below \"{data}\"";
    if let Some(complaint) = at_risk(layout, path) {
        let message = format!("`{name}` is `{written}`, which {complaint}");
        reader.error(span, code::DATA_IN_RELEASES, message, hint);
        return None;
    }
    if !is_systemd || path.starts_with(&layout.data) {
        return Some(());
    }
    let message = format!("`{name}` is `{written}`, where the service cannot write");
    reader.error(span, code::NOT_WRITABLE, message, hint);
    None
}
