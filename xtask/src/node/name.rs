//! The name of a node: also its host name, and a part of paths. No I/O.

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail};

/// The name of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

/// What fits into a host name, with our prefix before it.
const LONGEST: usize = 40;

impl FromStr for Name {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Name> {
        let begins = text.starts_with(|c: char| c.is_ascii_lowercase());
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if begins && text.len() <= LONGEST && text.chars().all(known) && !text.ends_with('-') {
            return Ok(Name(text.to_owned()));
        }
        bail!(
            "`{}` is no name for a node: up to {LONGEST} lower-case letters, digits and `-`, \
             beginning with a letter, like `node1`",
            text.escape_debug()
        )
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_host_name_and_never_a_path() {
        for good in ["n", "node1", "a-b-2"] {
            assert_eq!(good.parse::<Name>().unwrap().to_string(), good);
        }
        let long = "n".repeat(41);
        for bad in ["", "../x", "a/b", ".", "1a", "-a", "a-", "A", "a b", "a\n", "ä", "%n", &long]
        {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
        }
    }
}
