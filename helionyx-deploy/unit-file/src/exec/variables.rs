//! `$V` and `${V}` in the arguments of a command, as systemd replaces them. No I/O.

use std::collections::BTreeMap;

use crate::words::{Escapes, next_word};

/// The environment of a process.
pub type Variables = BTreeMap<String, Vec<u8>>;

/// The arguments with their variables replaced.
///
/// A word that begins with `$` is a variable as a whole: it is cut at blanks, with its quotes
/// honoured, and vanishes where there is no such variable. `${V}` anywhere in a word never splits.
#[must_use]
pub fn expand(argv: &[Vec<u8>], environment: &Variables) -> Vec<Vec<u8>> {
    let words = argv.iter().flat_map(|word| match word.strip_prefix(b"$") {
        Some(name) if !name.starts_with(b"$") && !name.starts_with(b"{") => {
            lookup(name, environment).map_or_else(Vec::new, split)
        }
        _ => vec![replace(word, environment)],
    });
    words.collect()
}

fn lookup<'a>(name: &[u8], environment: &'a Variables) -> Option<&'a [u8]> {
    let name = std::str::from_utf8(name).ok()?;
    environment.get(name).map(Vec::as_slice)
}

fn split(value: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = value;
    let word = || next_word(&mut rest, Escapes::Literal).ok().flatten();
    std::iter::from_fn(word).map(|word| word.bytes).collect()
}

/// `${V}` and `$$` in a word; anything else after `$` is text.
fn replace(word: &[u8], environment: &Variables) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match after.first() {
            Some(b'$') if byte == b'$' => {
                replaced.push(b'$');
                rest = &after[1..];
            }
            Some(b'{') if byte == b'$' => {
                // `${V:-d}` is text: what a colon may follow is not known here.
                let end = after.iter().position(|byte| matches!(byte, b'}' | b':'));
                match end.filter(|end| after[*end] == b'}') {
                    Some(end) => {
                        replaced.extend(lookup(&after[1..end], environment).unwrap_or_default());
                        rest = &after[end + 1..];
                    }
                    None => {
                        // The text up to the colon is not looked at again.
                        let length = end.map_or(after.len(), |end| end + 1);
                        replaced.push(byte);
                        replaced.extend(&after[..length]);
                        rest = &after[length..];
                    }
                }
            }
            _ => replaced.push(byte),
        }
    }
    replaced
}
