//! Specifiers such as `%n`: which there are, and what they stand for. No I/O.

use std::collections::BTreeMap;

use crate::Version;

/// What specifiers stand for on a system manager, where it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The unit's full name, e.g. `helionyx-dev.service`.
    pub unit: String,
    /// The unit file's absolute path.
    pub fragment: String,
    /// What stands only on the host, by specifier: `m` machine id, `H` host name, `s` root's shell …
    pub host: BTreeMap<char, String>,
}

/// Why a text with specifiers has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecifierError {
    /// systemd refuses it: what is a letter or digit after `%` must be a specifier.
    #[error("unknown specifier `%{0}`: write `%%` for a percent sign")]
    Unknown(char),
    /// Only the host knows.
    #[error("`%{0}` is known on the host only")]
    HostOnly(char),
}

/// Specifiers of unit files since 252 or before.
const KNOWN: &str = "aAbBcCdEfgGhHiIjJlLmMnNopPqrRsStTuUvVwWyY";
/// `%D`, the directory of shared data, came with 255.
const SHARED_DATA: (char, Version) = ('D', Version(255));

impl Context {
    /// A unit in `/etc/systemd/system` on a host of which nothing is known.
    #[must_use]
    pub fn new(unit: &str) -> Context {
        let fragment = format!("/etc/systemd/system/{unit}");
        Context { unit: unit.to_owned(), fragment, host: BTreeMap::new() }
    }

    /// The same, with a word in place of everything that only the host knows: to judge the rest.
    #[must_use]
    pub fn guessed(&self) -> Context {
        let mut guess = self.clone();
        for specifier in KNOWN.chars().filter(|specifier| self.value(*specifier).is_none()) {
            guess.host.insert(specifier, "host".to_owned());
        }
        guess
    }

    /// What a specifier stands for; none when only the host knows.
    #[must_use]
    pub fn value(&self, specifier: char) -> Option<String> {
        if let Some(value) = self.host.get(&specifier) {
            return Some(value.clone());
        }
        let name = UnitName::new(&self.unit);
        let text = match specifier {
            'n' => &self.unit,
            'N' => name.stem,
            'p' => name.prefix,
            'P' => return Some(unescape(name.prefix)),
            'i' => name.instance.unwrap_or_default(),
            'I' => return Some(unescape(name.instance.unwrap_or_default())),
            'j' => name.last(),
            'J' => return Some(unescape(name.last())),
            'f' => return Some(path_of(name.instance.unwrap_or(name.prefix))),
            'y' => &self.fragment,
            'Y' => self.fragment.rsplit_once('/').map_or("", |(directory, _)| directory),
            'd' => return Some(format!("/run/credentials/{}", self.unit)),
            'D' => "/usr/share",
            'C' => "/var/cache",
            'E' => "/etc",
            'L' => "/var/log",
            'S' => "/var/lib",
            't' => "/run",
            'T' => "/tmp",
            'V' => "/var/tmp",
            'g' | 'u' => "root",
            'G' | 'U' => "0",
            'h' => "/root",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// Whether systemd of this version knows the specifier.
#[must_use]
pub fn is_known(specifier: char, version: Version) -> bool {
    KNOWN.contains(specifier) || (specifier == SHARED_DATA.0 && version >= SHARED_DATA.1)
}

/// The bytes with every specifier replaced; `%` before anything but a letter or digit stays.
///
/// # Errors
/// The first specifier that has no value.
pub fn expand(text: &[u8], context: &Context, version: Version) -> Result<Vec<u8>, SpecifierError> {
    let mut expanded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let specifier = after.first().copied().map(char::from).filter(|_| byte == b'%');
        match specifier {
            Some('%') => expanded.push(b'%'),
            Some(c) if is_known(c, version) => {
                let value = context.value(c).ok_or(SpecifierError::HostOnly(c))?;
                expanded.extend(value.bytes());
            }
            Some(c) if c.is_ascii_alphanumeric() => return Err(SpecifierError::Unknown(c)),
            _ => {
                expanded.push(byte);
                continue;
            }
        }
        rest = &after[1..];
    }
    Ok(expanded)
}

/// The parts of a unit's name.
struct UnitName<'a> {
    stem: &'a str,
    prefix: &'a str,
    instance: Option<&'a str>,
}

impl<'a> UnitName<'a> {
    fn new(unit: &'a str) -> UnitName<'a> {
        let stem = unit.rsplit_once('.').map_or(unit, |(stem, _)| stem);
        let (prefix, instance) = stem
            .split_once('@')
            .map_or((stem, None), |(prefix, instance)| (prefix, Some(instance)));
        UnitName { stem, prefix, instance }
    }

    fn last(&self) -> &'a str {
        self.prefix.rsplit_once('-').map_or(self.prefix, |(_, last)| last)
    }
}

/// The text that a part of a unit's name was made from.
fn unescape(part: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = part.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(1..3).filter(|_| byte == b'\\' && after[0] == b'x');
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        let code = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(code.unwrap_or(if byte == b'-' { b'/' } else { byte }));
        rest = if code.is_some() { &after[3..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn path_of(part: &str) -> String {
    let path = unescape(part);
    if path.starts_with('/') { path } else { format!("/{path}") }
}
