//! The terminal: where people's text and JSON lines go. All it does is writing.

use std::io::{self, ErrorKind, IsTerminal as _, Write};

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

use super::style::Glyphs;
use super::{Color, Global};

/// Where people's text and JSON lines go.
///
/// A write that fails never stops the work: the terminal may be gone, the deploy is not.
pub(super) struct Screen {
    out: AutoStream<io::Stdout>,
    err: AutoStream<io::Stderr>,
    json: bool,
    closed: bool,
    /// The marks of this terminal.
    pub(super) glyphs: Glyphs,
}

impl Screen {
    /// The terminal that we were started on.
    pub(super) fn new(global: &Global) -> Screen {
        let choice = match global.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(|name| std::env::var(name).ok());
        Screen {
            out: AutoStream::new(io::stdout(), choice),
            err: AutoStream::new(io::stderr(), choice),
            json: global.json,
            closed: false,
            glyphs: Glyphs::for_locale(locale.iter().map(Option::as_deref)),
        }
    }

    /// Whether JSON lines are wanted.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether a progress line can be shown.
    pub(super) fn is_live(&self) -> bool {
        !self.json && io::stderr().is_terminal()
    }

    /// Whether nobody reads what we write any more, as in `logs | head`.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The answer, for people. With `--json` it is aside: standard output is for JSON only.
    pub(super) fn say(&mut self, text: &str) {
        if self.json {
            return self.aside(text);
        }
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        self.note(written);
    }

    /// What is not the answer: errors, hints, notes.
    pub(super) fn aside(&mut self, text: &str) {
        self.err.write_all(text.as_bytes()).and_then(|()| self.err.flush()).ok();
    }

    /// The answer as it is, byte for byte.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        let mut out = io::stdout().lock();
        let written = out.write_all(bytes).and_then(|()| out.flush());
        self.note(written);
    }

    /// One JSON line; nothing without `--json`.
    pub(super) fn line(&mut self, line: &impl Serialize) {
        if !self.json {
            return;
        }
        // Our own types have string keys only: they always encode.
        let mut text = serde_json::to_vec(line).unwrap_or_default();
        text.push(b'\n');
        self.raw(&text);
    }

    fn note(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            self.closed |= error.kind() == ErrorKind::BrokenPipe;
        }
    }
}
