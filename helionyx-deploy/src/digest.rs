//! Digests as values: SHA-256 of what people and other programs compare, BLAKE3 of the content of
//! files, which is read whole at each deploy. No I/O.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

/// A SHA-256 digest, printed and stored as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// The BLAKE3 digest of a file's content, printed and stored as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentDigest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(sha2::Sha256::digest(bytes).into())
    }

    /// The first seven digits: enough for people to tell two apart.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string()[..7].to_owned()
    }
}

impl ContentDigest {
    /// The digest of this content.
    #[must_use]
    pub fn of(content: &[u8]) -> ContentDigest {
        ContentDigest(*blake3::hash(content).as_bytes())
    }
}

/// Text and JSON of a digest: its hexadecimal digits.
macro_rules! hexadecimal {
    ($digest:ident, $name:literal) => {
        impl fmt::Display for $digest {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; 64];
                for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
                    pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
                }
                f.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $digest {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl std::str::FromStr for $digest {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let wrong =
                    || format!("`{text}` is not a {} digest (64 hexadecimal digits)", $name);
                parse(text).map($digest).ok_or_else(wrong)
            }
        }

        impl Serialize for $digest {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $digest {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

hexadecimal!(Digest, "SHA-256");
hexadecimal!(ContentDigest, "BLAKE3");

/// The hexadecimal digit of a number below 16.
fn digit(number: u8) -> u8 {
    if number < 10 { b'0' + number } else { b'a' + number - 10 }
}

fn parse(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
    }
    Some(bytes)
}

/// Digests a sequence of fields so that no two different sequences run together:
/// every field is preceded by its length.
#[derive(Clone, Default)]
pub struct Digester(sha2::Sha256);

impl Digester {
    /// Adds one field.
    #[must_use]
    pub fn field(mut self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// The digest of all that was added.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// Bytes that stand for themselves: for streams, whose length is not known before.
impl std::io::Write for Digester {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Digests content that comes in pieces.
#[derive(Default)]
pub struct ContentDigester(blake3::Hasher);

impl ContentDigester {
    /// Adds a piece.
    pub fn add(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The digest of all that was added.
    #[must_use]
    pub fn finish(self) -> ContentDigest {
        ContentDigest(*self.0.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_print_and_parse_alike() {
        let digest = Digest::of(b"abc");
        assert!(digest.to_string().starts_with("ba7816bf8f01cfea"));
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        for wrong in ["xy".to_owned(), "g".repeat(64), "+f".repeat(32), "ä".repeat(32)] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
        let digest = ContentDigest::of(b"abc");
        assert!(digest.to_string().starts_with("6437b3ac38465133"));
        assert_eq!(digest.to_string().parse::<ContentDigest>().unwrap(), digest);
        let mut pieces = ContentDigester::default();
        ["a", "", "bc"].iter().for_each(|piece| pieces.add(piece.as_bytes()));
        assert_eq!(pieces.finish(), digest);
    }

    #[test]
    fn fields_do_not_run_together() {
        let one = Digester::default().field("ab").field("c").finish();
        let other = Digester::default().field("a").field("bc").finish();
        assert_ne!(one, other);
    }
}
