//! Rules for where an environment lies: root, data, backups, port. No I/O.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Reader, Span, apart, runtime, text};
use crate::layout::Layout;
use crate::model::bounds::{self, Derived, Text};
use crate::model::code;
use crate::model::finding::Place;
use crate::model::spec::{EnvironmentSpec, Given, Spanned};
use crate::name::{AppName, EnvironmentName, Port, PortName};
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
    /// Ports by name.
    pub ports: BTreeMap<PortName, Spanned<Port>>,
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
    (project, is_systemd): (&Utf8Path, bool),
    reader: &mut Reader<'_>,
) -> Placement {
    let site = Site { project, is_systemd };
    let known = Bindings::new(app, name, None).bind(Placeholder::Project, project.as_str());
    let mut placement = Placement {
        root: None,
        data: None,
        backups: None,
        port: port("port", spec.port.as_ref(), reader),
        ports: ports(spec, reader),
        default_root: default(&bounds::ROOT, app, name),
        default_data: default(&bounds::DATA, app, name),
    };
    let root = Wanted { key: "root", value: &spec.root, default: &placement.default_root };
    placement.root = root.directory(bounds::ROOT.text, &known, &site, reader);
    let known = known.bind(Placeholder::Root, placement.root_or_default().as_str());
    let data = Wanted { key: "data", value: &spec.data, default: &placement.default_data };
    placement.data = data.directory(bounds::DATA.text, &known, &site, reader);
    apart::data(&mut placement, reader);
    let default = default(&bounds::BACKUPS, app, name);
    let backups = Wanted { key: "backups", value: &spec.backups, default: &default };
    placement.backups = backups.directory(bounds::BACKUPS.text, &known, &site, reader);
    apart::backups(&mut placement, reader);
    placement
}

fn default(derived: &Derived, app: &AppName, name: &EnvironmentName) -> Utf8PathBuf {
    derived.of(app, name).into()
}

/// What the directories of one environment are judged by.
struct Site<'a> {
    project: &'a Utf8Path,
    is_systemd: bool,
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
        site: &Site<'_>,
        reader: &mut Reader<'_>,
    ) -> Option<(Utf8PathBuf, Span)> {
        let Some(value) = self.value else { return self.unwritten(reader) };
        let template = reader.template(value, allowed)?;
        if site.is_systemd {
            let hint = format!("write e.g. `{} = \"{}\"`", self.key, self.default);
            let what = format!("`{}`", self.key);
            if runtime::no_checkout(&template, &value.span(), (&what, &hint), reader).is_some() {
                return None;
            }
        }
        let path = template.expand(known);
        let example = format!("write an absolute path of its own, e.g. \"{}\"", self.default);
        if let Some(complaint) = text::absolute_path(&path) {
            let message = format!("`{}` {complaint}", self.key);
            reader.error(&value.span(), code::BAD_PATH, message, example);
            return None;
        }
        let path = Utf8PathBuf::from(path);
        let owner = match text::is_system_directory(path.as_str()) {
            true => Some("belongs to the system"),
            false => holds_project(&path, site.project).then_some("holds the project"),
        };
        if let Some(owner) = owner {
            let message = format!("`{}` cannot be `{path}`, which {owner}", self.key);
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

fn port(key: &str, value: Option<&Spanned<i64>>, reader: &mut Reader<'_>) -> Option<Spanned<Port>> {
    let value = value?;
    reader.integer(key, &Some(value.clone()), &bounds::PORT)?;
    Port::try_from(*value.get_ref()).ok().map(|port| Spanned::new(value.span(), port))
}

/// The ports of an environment by name: no two are the same.
fn ports(spec: &EnvironmentSpec, reader: &mut Reader<'_>) -> BTreeMap<PortName, Spanned<Port>> {
    let written = spec.ports.as_ref().map(Spanned::get_ref).into_iter().flatten();
    let mut ports = BTreeMap::new();
    let mut taken = BTreeMap::new();
    if let Some(port) = port("port", spec.port.as_ref(), &mut *reader) {
        taken.insert(*port.get_ref(), port.span());
    }
    for (name, number) in written {
        let number = port(name.get_ref(), Some(number), reader);
        let name = reader.name::<PortName>(name);
        if let (Some(name), Some(number)) = (name, number) {
            reader.unique("port", number.get_ref(), number.span(), &mut taken);
            ports.insert(name, number);
        }
    }
    ports
}

/// An environment has each port that its app or its own values name.
pub fn named_ports_where_used(
    place: &Placement,
    app_uses: &BTreeMap<PortName, Place>,
    reader: &mut Reader<'_>,
) {
    let table = reader.root();
    let uses: BTreeMap<_, _> =
        reader.named_ports.clone().into_iter().chain(app_uses.clone()).collect();
    for (name, used) in uses.into_iter().filter(|(name, _)| !place.ports.contains_key(name)) {
        if !reader.is_broken(&table, "ports") {
            let message = format!("the port `{name}` is missing, and {used} needs it");
            let hint = format!("write e.g. `{name} = 8000` in [ports]");
            reader.error(&table, code::MISSING_PORT, message, hint);
        }
    }
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
