//! Directories that systemd makes when it starts a service. No I/O.

use camino::Utf8Path;

use super::Linter;
use super::kind::Problem;
use super::path::has_dots;
use crate::words::{Escapes, split_text};

/// Where the directories lie that systemd makes.
const MADE: [(&str, &str); 5] = [
    ("RuntimeDirectory", "/run"),
    ("StateDirectory", "/var/lib"),
    ("CacheDirectory", "/var/cache"),
    ("LogsDirectory", "/var/log"),
    ("ConfigurationDirectory", "/etc"),
];

/// Whether systemd makes the directory that a path is or lies in, when it starts the service.
pub fn is_made(path: &str, lint: &Linter<'_>) -> bool {
    MADE.iter().any(|(key, root)| {
        let lines = lint.unit.list(lint.own_section(), key).into_iter();
        let values = lines.filter_map(|at| lint.expand(&at.value));
        let mut words = values.flat_map(|v| split_text(&v, Escapes::Plain).unwrap_or_default());
        words.any(|word| {
            let mut names = word.split(':').take(2).filter(|name| !name.is_empty());
            names.any(|name| Utf8Path::new(path).starts_with(Utf8Path::new(root).join(name)))
        })
    })
}

/// A directory below `/run`, `/var/lib` and so on, which systemd makes.
pub fn directory(word: &str, key: &str) -> Result<(), Problem> {
    let mut parts = word.split(':');
    let (path, link) = (parts.next().unwrap_or_default(), parts.next());
    if link.is_some() && key == "ConfigurationDirectory" {
        let message = format!("`{word}`: there is no link to such a directory");
        return Err(Problem::new(message, "name the directory alone"));
    }
    let relative = |path: &str| !path.starts_with('/') && !has_dots(path);
    let own = path.split('/').find(|part| !part.is_empty() && *part != ".");
    if relative(path) && link.is_none_or(relative) && own.is_some_and(|own| own != "private") {
        return Ok(());
    }
    let message = format!("`{word}` is no relative path without `..`: systemd ignores it");
    Err(Problem::new(message, "name a directory, e.g. `helionyx`"))
}
