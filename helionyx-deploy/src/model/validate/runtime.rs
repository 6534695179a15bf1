//! Rules for what runs an environment's services, on which host and as whom. No I/O.

use std::str::FromStr;

use super::placement::Placement;
use super::{Reader, Span, text};
use crate::model::bounds::{self, Derived};
use crate::model::spec::{EnvironmentSpec, Given, Spanned};
use crate::model::{Runtime, Supervisor, Units, code};
use crate::name::{AppName, EnvironmentName, HostName, NameError, UnitSuffix, UserName};
use crate::template::{Bindings, Placeholder, Template};

/// Users that belong to nobody or to the system.
const EVERYBODY: [&str; 8] =
    ["backup", "bin", "daemon", "dbus", "messagebus", "nobody", "sys", "www-data"];

/// The supervisor, and as far as they are right the units' names and user, with their places.
#[derive(Debug)]
pub struct Draft {
    /// Which one it is.
    pub supervisor: Option<Supervisor>,
    /// The units' user, where systemd runs them.
    pub user: Option<(UserName, Span)>,
    /// The end of the units' names, likewise.
    pub suffix: Option<(UnitSuffix, Span)>,
    /// The host.
    pub host: Option<HostName>,
}

impl Draft {
    /// Whether systemd runs the services.
    pub fn is_systemd(&self) -> bool {
        match self.supervisor {
            Some(Supervisor::Systemd) => true,
            Some(Supervisor::Process) | None => false,
        }
    }

    /// What runs the services, where all of it is right.
    pub fn runtime(&self) -> Option<Runtime> {
        match self.supervisor? {
            Supervisor::Process => Some(Runtime::Process),
            Supervisor::Systemd => {
                let (user, suffix) =
                    (self.user.as_ref()?.0.clone(), self.suffix.as_ref()?.0.clone());
                Some(Runtime::Systemd(Units { user, suffix }))
            }
        }
    }
}

/// Checks the supervisor, and what goes with it.
pub fn runtime(
    app: &AppName,
    name: &EnvironmentName,
    spec: &EnvironmentSpec,
    reader: &mut Reader<'_>,
) -> Draft {
    let table = reader.root();
    let supervisor = reader.required(&table, "supervisor", &spec.supervisor, "\"systemd\"");
    let supervisor = supervisor.map(|supervisor| *supervisor.get_ref());
    let host = spec.host.as_ref().and_then(|host| reader.name(host));
    let mut draft = Draft { supervisor, user: None, suffix: None, host };
    match supervisor {
        Some(Supervisor::Systemd) => {
            let known = Bindings::new(app, name, None);
            let default = |derived: &Derived| derived.of(app, name);
            let user = (&spec.user, &bounds::USER, default(&bounds::USER));
            draft.user = named("user", user, &known, reader);
            let suffix = (&spec.unit_suffix, &bounds::UNIT_SUFFIX, default(&bounds::UNIT_SUFFIX));
            draft.suffix = named("unit_suffix", suffix, &known, reader);
            own_user(&mut draft, reader);
        }
        Some(Supervisor::Process) => {
            for (key, value) in [("user", &spec.user), ("unit_suffix", &spec.unit_suffix)] {
                without_effect(key, value, reader);
            }
        }
        None => {}
    }
    draft
}

/// A name that may be made of others, or follows from them.
fn named<T: FromStr<Err = NameError>>(
    key: &str,
    (value, derived, default): (&Given<String>, &Derived, String),
    known: &Bindings,
    reader: &mut Reader<'_>,
) -> Option<(T, Span)> {
    let (text, span) = match value {
        Some(value) => (reader.template(value, derived.text)?.expand(known), value.span()),
        None if reader.is_broken(&reader.root(), key) => return None,
        None => (default, reader.root()),
    };
    let written = Spanned::new(span.clone(), text);
    match written.get_ref().parse() {
        Ok(name) => Some((name, span)),
        Err(error) => {
            let message =
                format!("`{key}` cannot be {:?}, which is not {}", error.text, error.what);
            let hint = format!("write `{key} = \"…\"`: {}", error.rule);
            reader.error(&span, code::BAD_NAME, message, hint);
            None
        }
    }
}

/// What a service may do as root, whoever breaks into it may do (ALL-05).
///
/// What others run as `nobody` or a user of the system's may read and end what runs as it here.
fn own_user(draft: &mut Draft, reader: &mut Reader<'_>) {
    let Some((user, span)) = &draft.user else { return };
    let name = user.as_str();
    let (code, message) = if name == "root" {
        (code::ROOT_USER, "services cannot run as root".to_owned())
    } else if EVERYBODY.contains(&name) || name.starts_with("systemd-") {
        (code::SYSTEM_USER, format!("`{name}` is a user of others, too"))
    } else {
        return;
    };
    let hint = "leave it out, or write a user that owns nothing but its data";
    reader.error(&span.clone(), code, message, hint);
    draft.user = None;
}

fn without_effect(key: &str, value: &Given<String>, reader: &mut Reader<'_>) {
    let Some(value) = value else { return };
    let message = format!("`{key}` says nothing about services that the embedded runtime runs");
    let hint = "remove it, or write `supervisor = \"systemd\"`";
    reader.error(&value.span(), code::UNUSED_KEY, message, hint);
}

/// What a unit file says of a path must mean that path: some characters cannot be said there.
pub fn expressible_paths(draft: &Draft, place: &mut Placement, reader: &mut Reader<'_>) {
    if !draft.is_systemd() {
        return;
    }
    let Placement { root, data, backups, .. } = place;
    for (key, path) in [("root", root), ("data", data), ("backups", backups)] {
        let Some((found, span)) = &path else { continue };
        let Some(complaint) = text::unit_path(found.as_str()) else { continue };
        let message = format!("`{key}` {complaint}");
        let hint = "write a path of letters, digits and any of /._-";
        reader.error(&span.clone(), code::NOT_FOR_UNITS, message, hint);
        *path = None;
    }
}

/// The project is a checkout on somebody's machine: what systemd runs must not depend on it
/// (T-HEL-4), nor must a unit file that is checked in.
pub fn no_checkout(
    template: &Template,
    span: &Span,
    (what, hint): (&str, &str),
    reader: &mut Reader<'_>,
) -> Option<()> {
    let strange = template.placeholders().find(|used| *used == Placeholder::Project)?;
    let message =
        format!("`{{{}}}` in {what}: systemd must not depend on a checkout", strange.name());
    reader.error(span, code::CHECKOUT, message, hint);
    Some(())
}
