//! Takes single entries out of a TOML document, by their place. No I/O.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// An entry that was taken out of a table or of a list in it.
pub struct Cut<'i> {
    /// The table that holds it.
    pub table: Range<usize>,
    /// Its key there.
    pub key: String,
    /// Where the key stands.
    pub key_span: Range<usize>,
    /// What was taken out: the key's value, or one item of it.
    pub value: DeValue<'i>,
    /// All keys of the table.
    pub siblings: Vec<String>,
    /// Whether it was an item of a list.
    pub is_item: bool,
}

/// Takes out the innermost entry whose key or value lies at `at`.
pub fn cut_from_table<'i>(
    table: &mut DeTable<'i>,
    own: &Range<usize>,
    at: &Range<usize>,
) -> Option<Cut<'i>> {
    let siblings = table.keys().map(|key| key.get_ref().to_string()).collect::<Vec<_>>();
    for (key, value) in table.iter_mut() {
        let span = value.span();
        match value.get_mut() {
            DeValue::Table(inner) => {
                if let Some(cut) = cut_from_table(inner, &span, at) {
                    return Some(cut);
                }
            }
            // A list of `[[tables]]` lies where its first table does: then the list is meant, of
            // which the table can be no mistaken item.
            DeValue::Array(_) if span == *at => {}
            DeValue::Array(_) => match cut_from_array(value, at) {
                Some(Taken::Inner(cut)) => return Some(cut),
                Some(Taken::Item(value)) => {
                    let (key, key_span) = (key.get_ref().to_string(), key.span());
                    let table = own.clone();
                    return Some(Cut { table, key, key_span, value, siblings, is_item: true });
                }
                None => {}
            },
            _ => {}
        }
    }
    let key = table.iter().find(|(key, value)| key.span() == *at || value.span() == *at)?.0.clone();
    let (_, value) = table.remove_entry(key.get_ref().as_ref())?;
    let (key_span, key) = (key.span(), key.into_inner().into_owned());
    let (table, value) = (own.clone(), value.into_inner());
    Some(Cut { table, key, key_span, value, siblings, is_item: false })
}

enum Taken<'i> {
    /// An entry of a table inside of the list.
    Inner(Cut<'i>),
    /// An item of the list.
    Item(DeValue<'i>),
}

fn cut_from_array<'i>(array: &mut Spanned<DeValue<'i>>, at: &Range<usize>) -> Option<Taken<'i>> {
    let DeValue::Array(items) = array.get_mut() else { return None };
    for item in items.iter_mut() {
        let span = item.span();
        match item.get_mut() {
            DeValue::Table(table) => {
                if let Some(cut) = cut_from_table(table, &span, at) {
                    return Some(Taken::Inner(cut));
                }
            }
            DeValue::Array(_) => {
                if let Some(taken) = cut_from_array(item, at) {
                    return Some(taken);
                }
            }
            _ => {}
        }
    }
    let index = items.iter().position(|item| item.span() == *at)?;
    let taken = items[index].get_ref().clone();
    let left = items.iter().enumerate().filter(|(other, _)| *other != index);
    *items = left.map(|(_, item)| item.clone()).collect();
    Some(Taken::Item(taken))
}
