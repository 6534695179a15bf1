//! systemd's way of cutting a value into words: blanks, quotes, C escapes. No I/O.

/// What a backslash means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escapes {
    /// A C escape, and nothing else: `Environment=`.
    Strict,
    /// A C escape; before anything else it stays as it is: `ExecStart=`.
    Relaxed,
    /// It takes the next byte literally, and an open quote may stay open: variables split by `$V`.
    Literal,
    /// It takes the next byte literally: lists of paths.
    Plain,
    /// A byte like any other: names of units.
    None,
}

/// A word without its quotes and escapes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// What it says; not always text, as `\xff` is one byte.
    pub bytes: Vec<u8>,
    /// Backslashes before something that is no escape were kept.
    pub unknown_escape: bool,
}

/// Why a value cannot be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordError {
    /// A quote without its partner.
    #[error("a quote without its partner")]
    Unbalanced,
    /// A backslash before something that is no escape.
    #[error("an unknown escape")]
    UnknownEscape,
}

/// Whether systemd separates words here: no other blank counts, not even VT, FF or U+00A0.
pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The value without blanks at its begin.
pub fn skip_blanks(value: &[u8]) -> &[u8] {
    let start = value.iter().position(|byte| !is_blank(*byte)).unwrap_or(value.len());
    &value[start..]
}

/// Takes the next word; none at the end. Quotes may open and close anywhere in it.
pub fn next_word(rest: &mut &[u8], escapes: Escapes) -> Result<Option<Word>, WordError> {
    *rest = skip_blanks(rest);
    if rest.is_empty() {
        return Ok(None);
    }
    let mut word = Word::default();
    let mut quote = None;
    while let Some((&byte, after)) = rest.split_first() {
        *rest = after;
        match byte {
            b'\\' if escapes != Escapes::None => escape(rest, escapes, quote.is_some(), &mut word)?,
            byte if quote == Some(byte) => quote = None,
            b'"' | b'\'' if quote.is_none() => quote = Some(byte),
            byte if quote.is_none() && is_blank(byte) => {
                *rest = skip_blanks(rest);
                return Ok(Some(word));
            }
            byte => word.bytes.push(byte),
        }
    }
    if quote.is_some() && escapes != Escapes::Literal {
        return Err(WordError::Unbalanced);
    }
    Ok(Some(word))
}

/// All words of a value.
pub fn split(value: &str, escapes: Escapes) -> Result<Vec<Word>, WordError> {
    let mut rest = value.as_bytes();
    std::iter::from_fn(|| next_word(&mut rest, escapes).transpose()).collect()
}

/// All words of a value as text; what is no text is shown as well as can be.
pub fn split_text(value: &str, escapes: Escapes) -> Result<Vec<String>, WordError> {
    let words = split(value, escapes)?;
    Ok(words.iter().map(|word| String::from_utf8_lossy(&word.bytes).into_owned()).collect())
}

/// What follows a backslash, which has been taken.
fn escape(
    rest: &mut &[u8],
    escapes: Escapes,
    quoted: bool,
    word: &mut Word,
) -> Result<(), WordError> {
    let Some((&byte, after)) = rest.split_first() else {
        return match escapes {
            Escapes::Literal => Ok(()),
            Escapes::Relaxed if !quoted => {
                word.bytes.push(b'\\');
                word.unknown_escape = true;
                Ok(())
            }
            _ => Err(WordError::Unbalanced),
        };
    };
    if matches!(escapes, Escapes::Literal | Escapes::Plain) {
        word.bytes.push(byte);
        *rest = after;
        return Ok(());
    }
    match c_escape(rest) {
        Some((length, bytes)) => {
            word.bytes.extend(bytes);
            *rest = &rest[length..];
        }
        None if escapes == Escapes::Relaxed => {
            word.bytes.extend([b'\\', byte]);
            word.unknown_escape = true;
            *rest = after;
        }
        None => return Err(WordError::UnknownEscape),
    }
    Ok(())
}

/// The C escape at the begin, without its backslash: how long it is and what it stands for.
fn c_escape(text: &[u8]) -> Option<(usize, Vec<u8>)> {
    let single = |byte: u8| Some((1, vec![byte]));
    match *text.first()? {
        b'a' => single(7),
        b'b' => single(8),
        b'f' => single(12),
        b'n' => single(b'\n'),
        b'r' => single(b'\r'),
        b't' => single(b'\t'),
        b'v' => single(11),
        b's' => single(b' '),
        byte @ (b'\\' | b'"' | b'\'') => single(byte),
        b'x' => byte_of(digits(text.get(1..3)?, 16)?).map(|byte| (3, vec![byte])),
        b'u' => Some((5, utf8(digits(text.get(1..5)?, 16)?)?)),
        b'U' => {
            let code = digits(text.get(1..9)?, 16)?;
            Some((9, utf8(code).filter(|_| char::from_u32(code).is_some_and(crate::is_text))?))
        }
        b'0'..=b'7' => byte_of(digits(text.get(..3)?, 8)?).map(|byte| (3, vec![byte])),
        _ => None,
    }
}

fn digits(text: &[u8], radix: u32) -> Option<u32> {
    text.iter().try_fold(0_u32, |sum, digit| {
        let digit = char::from(*digit).to_digit(radix)?;
        sum.checked_mul(radix)?.checked_add(digit)
    })
}

/// A byte that may stand in a word: NUL may not.
fn byte_of(code: u32) -> Option<u8> {
    u8::try_from(code).ok().filter(|byte| *byte != 0)
}

/// The code point in UTF-8. A surrogate is written like any other, as systemd does for `\ud800`.
fn utf8(code: u32) -> Option<Vec<u8>> {
    if let Some(c) = char::from_u32(code) {
        return (code != 0).then(|| c.to_string().into_bytes());
    }
    let part = |shift: u32| u8::try_from((code >> shift) & 0x3F).map(|bits| 0x80 | bits);
    let first = u8::try_from(code >> 12).ok().filter(|bits| *bits < 16)?;
    Some(vec![0xE0 | first, part(6).ok()?, part(0).ok()?])
}
