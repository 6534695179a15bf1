//! Rules for the order of services. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use super::service::Draft;
use super::{Reader, Span};
use crate::model::spec::{ServiceSpec, Spanned, Words};
use crate::model::{code, suggest};
use crate::name::ServiceName;

/// The services that one names.
pub struct Order {
    /// Those that are started before it.
    pub after: BTreeSet<ServiceName>,
    /// Those that it cannot do without.
    pub requires: BTreeSet<ServiceName>,
}

/// Reads which services one is to start after, of those that there are.
pub fn read(
    spec: &ServiceSpec,
    known: &BTreeMap<ServiceName, Span>,
    reader: &mut Reader<'_>,
) -> Order {
    let own = spec.name.as_ref().map(|name| name.get_ref().as_str());
    let mut names = |words: &Words| {
        let words = words.as_ref().map(Spanned::get_ref).into_iter().flatten();
        words.filter_map(|word| named(word, own, known, reader)).collect()
    };
    Order { after: names(&spec.after), requires: names(&spec.requires) }
}

fn named(
    word: &Spanned<String>,
    own: Option<&str>,
    known: &BTreeMap<ServiceName, Span>,
    reader: &mut Reader<'_>,
) -> Option<ServiceName> {
    let name: ServiceName = reader.name(word)?;
    if known.contains_key(&name) && own != Some(name.as_str()) {
        return Some(name);
    }
    let others = known.keys().map(ServiceName::as_str).filter(|other| own != Some(*other));
    let (message, hint) = match own == Some(name.as_str()) {
        true => (format!("`{name}` names itself"), "remove it".to_owned()),
        false => {
            let meant = suggest::closest(name.as_str(), others);
            let hint = meant.map(|meant| format!("did you mean `{meant}`?"));
            let hint = hint.unwrap_or_else(|| "write the name of another [[service]]".to_owned());
            (format!("there is no service `{name}`"), hint)
        }
    };
    reader.error(&word.span(), code::UNKNOWN_SERVICE, message, hint);
    None
}

/// Notes services of which each is to start after another one of them.
pub fn refuse_circles(
    services: &[Draft],
    places: &BTreeMap<ServiceName, Span>,
    reader: &mut Reader<'_>,
) {
    let models = services.iter().map(|service| &service.model);
    let mut open: Vec<_> = models.collect();
    loop {
        let waiting: BTreeSet<&ServiceName> = open.iter().map(|service| &service.name).collect();
        let before = open.len();
        open.retain(|service| {
            service.after.iter().chain(&service.requires).any(|name| waiting.contains(name))
        });
        if open.len() == before {
            break;
        }
    }
    let Some(first) = open.first().and_then(|service| places.get(&service.name)) else { return };
    let names: Vec<String> = open.iter().map(|service| format!("`{}`", service.name)).collect();
    let message = format!("{} are each to start after another of them", names.join(", "));
    let hint = "take one name out of `after` or `requires`";
    reader.error(first, code::CIRCULAR_ORDER, message, hint);
}
