//! Values that may be secret: they print as `[REDACTED]` and are never serialized. No I/O.

use std::fmt;

use crate::digest::{Digest, Digester};
use secrecy::{ExposeSecret, SecretString};

/// A value that may be secret. There is no way to print, compare or serialize it.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a value in.
    #[must_use]
    pub fn new(value: String) -> Secret {
        Secret(SecretString::from(value))
    }

    /// The value, for the one place that hands it on to a process.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Tells equal values from different ones without showing them: equal values have equal digests
    /// under one key, and without the key a digest says nothing.
    #[must_use]
    pub fn digest(&self, key: &[u8; 32]) -> Digest {
        Digester::default().field(key).field(self.expose()).finish()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}
