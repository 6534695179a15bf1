//! Rules for where an environment lies: root, data, port. No I/O.

use camino::{Utf8Path, Utf8PathBuf};

use super::{Reader, Span, text};
use crate::layout::Layout;
use crate::model::bounds::{self, Derived, Text};
use crate::model::code;
use crate::model::finding::Place;
use crate::model::spec::{EnvironmentSpec, Given, Spanned};
use crate::name::{AppName, EnvironmentName, Port};
use crate::template::{Bindings, Placeholder};

/// Where an environment lies, as far as its file is right.
#[derive(Debug)]
pub struct Placement {
    /// The root, with the place of its value or of the file.
    pub root: Option<(Utf8PathBuf, Span)>,
    /// The data directory, likewise.
    pub data: Option<(Utf8PathBuf, Span)>,
    /// The directory of the backups, likewise.
    pub backups: Option<(Utf8PathBuf, Span)>,
    /// The port.
    pub port: Option<Spanned<Port>>,
    default_root: Utf8PathBuf,
    default_data: Utf8PathBuf,
}

impl Placement {
    /// The paths, where both are right.
    pub fn layout(&self) -> Option<Layout> {
        let (root, data) = (&self.root.as_ref()?.0, &self.data.as_ref()?.0);
        Some(Layout { root: root.clone(), data: data.clone() })
    }

    /// The root, or a stand-in for a wrong one.
    pub fn root_or_default(&self) -> &Utf8Path {
        self.root.as_ref().map_or(&self.default_root, |(root, _)| root)
    }

    /// The data directory, or a stand-in for a wrong one.
    pub fn data_or_default(&self) -> &Utf8Path {
        self.data.as_ref().map_or(&self.default_data, |(data, _)| data)
    }
}

/// Checks root, data and port.
pub fn placement(
    app: &AppName,
    name: &EnvironmentName,
    spec: &EnvironmentSpec,
    project: &Utf8Path,
    reader: &mut Reader<'_>,
) -> Placement {
    let known = Bindings::new(app, name, None).bind(Placeholder::Project, project.as_str());
    let mut placement = Placement {
        root: None,
        data: None,
        backups: None,
        port: port(&spec.port, reader),
        default_root: default(&bounds::ROOT, app, name),
        default_data: default(&bounds::DATA, app, name),
    };
    let root = Wanted { key: "root", value: &spec.root, default: &placement.default_root };
    placement.root = root.directory(bounds::ROOT.text, &known, project, reader);
    let known = known.bind(Placeholder::Root, placement.root_or_default().as_str());
    let data = Wanted { key: "data", value: &spec.data, default: &placement.default_data };
    placement.data = data.directory(bounds::DATA.text, &known, project, reader);
    data_apart(&mut placement, reader);
    let default = default(&bounds::BACKUPS, app, name);
    let backups = Wanted { key: "backups", value: &spec.backups, default: &default };
    placement.backups = backups.directory(bounds::BACKUPS.text, &known, project, reader);
    backups_apart(&mut placement, reader);
    placement
}

fn default(derived: &Derived, app: &AppName, name: &EnvironmentName) -> Utf8PathBuf {
    derived.of(app, name).into()
}

struct Wanted<'a> {
    key: &'static str,
    value: &'a Given<String>,
    default: &'a Utf8Path,
}

impl Wanted<'_> {
    fn directory(
        &self,
        allowed: Text,
        known: &Bindings,
        project: &Utf8Path,
        reader: &mut Reader<'_>,
    ) -> Option<(Utf8PathBuf, Span)> {
        let Some(value) = self.value else { return self.unwritten(reader) };
        let path = reader.template(value, allowed)?.expand(known);
        let example = format!("write an absolute path of its own, e.g. \"{}\"", self.default);
        if let Some(complaint) = text::absolute_path(&path) {
            let message = format!("`{}` {complaint}", self.key);
            reader.error(&value.span(), code::BAD_PATH, message, example);
            return None;
        }
        let path = Utf8PathBuf::from(path);
        if text::is_system_directory(path.as_str()) || holds_project(&path, project) {
            let message = format!("`{}` cannot be `{path}`, which holds more than this", self.key);
            reader.error(&value.span(), code::SYSTEM_DIRECTORY, message, example);
            return None;
        }
        Some((path, value.span()))
    }

    fn unwritten(&self, reader: &Reader<'_>) -> Option<(Utf8PathBuf, Span)> {
        let root = reader.root();
        (!reader.is_broken(&root, self.key)).then(|| (self.default.to_owned(), root))
    }
}

/// Whether a directory holds the project, other than as one of its releases.
fn holds_project(path: &Utf8Path, project: &Utf8Path) -> bool {
    let released =
        ["releases", "current"].iter().any(|inside| project.starts_with(path.join(inside)));
    project.starts_with(path) && !released
}

/// Data lies where no release, cache or record is ever removed.
fn data_apart(placement: &mut Placement, reader: &mut Reader<'_>) {
    let (Some(layout), Some((data, span))) = (placement.layout(), &placement.data) else { return };
    let Some(complaint) = at_risk(&layout, data) else { return };
    let hint = "write e.g. `data = \"{root}/data\"`";
    let span = span.clone();
    reader.error(&span, code::DATA_IN_RELEASES, format!("`data` {complaint}"), hint);
    placement.data = None;
}

/// Backups outlive what they are of.
fn backups_apart(placement: &mut Placement, reader: &mut Reader<'_>) {
    let Some((backups, span)) = &placement.backups else { return };
    let complaint =
        placement.layout().and_then(|layout| match text::overlap(backups, &layout.data) {
            true => Some(format!("meets the data in `{}`", layout.data)),
            false => at_risk(&layout, backups),
        });
    let Some(complaint) = complaint else { return };
    let hint = "write a directory of its own, e.g. `backups = \"{root}/backups\"`";
    let span = span.clone();
    reader.error(&span, code::DATA_IN_RELEASES, format!("`backups` {complaint}"), hint);
    placement.backups = None;
}

/// Why a directory is not safe from what is removed below a root.
fn at_risk(layout: &Layout, dir: &Utf8Path) -> Option<String> {
    let ours = [
        layout.releases(),
        layout.current(),
        layout.verified(),
        layout.cache(),
        layout.mirror(),
        layout.logs(),
        layout.journal(),
        layout.lock(),
    ];
    if layout.root.starts_with(dir) {
        return Some("is the root or holds it".to_owned());
    }
    let taken = ours.iter().find(|taken| dir.starts_with(taken))?;
    Some(format!("lies in `{taken}`, which is not for data"))
}

fn port(value: &Given<i64>, reader: &mut Reader<'_>) -> Option<Spanned<Port>> {
    reader.integer("port", value, &bounds::PORT)?;
    let value = value.as_ref()?;
    Port::try_from(*value.get_ref()).ok().map(|port| Spanned::new(value.span(), port))
}

/// An environment has a port where its app or its own values use one.
pub fn port_where_used(spec: &EnvironmentSpec, app_use: Option<&Place>, reader: &mut Reader<'_>) {
    let table = reader.root();
    let used = app_use.or(reader.port_use.as_ref()).cloned();
    let (Some(used), None) = (used, &spec.port) else { return };
    if !reader.is_broken(&table, "port") {
        let message = format!("`port` is missing, and {used} needs it");
        reader.error(&table, code::MISSING_PORT, message, "write e.g. `port = 8000`");
    }
}
