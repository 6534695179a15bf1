//! The live line of a running step, on terminals only. Writes to standard error.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::screen::Screen;
use super::style::harmless;

/// How often the live line is drawn again.
const TICK: Duration = Duration::from_millis(100);

/// The live line of a running step: what it does, for how long, and the last line it wrote.
pub(super) struct Progress {
    style: Option<ProgressStyle>,
    bar: Option<ProgressBar>,
    text: String,
}

impl Progress {
    /// A live line where the screen can show one, else nothing. It shows that `interrupt` was
    /// seen: what is past the switch goes on all the same, and must not look deaf.
    pub(super) fn new(screen: &Screen, interrupt: &Arc<AtomicBool>) -> Progress {
        let interrupt = Arc::clone(interrupt);
        let notice = move |_: &ProgressState, line: &mut dyn Write| {
            if interrupt.load(Ordering::Relaxed) {
                line.write_str("  interrupted: coming to a safe end; again: leave it as it is")
                    .ok();
            }
        };
        let template = "  {spinner} {elapsed:>7}  {wide_msg}{notice}";
        let style = ProgressStyle::with_template(template).ok();
        let style =
            style.map(|style| style.tick_strings(screen.glyphs.spinner).with_key("notice", notice));
        Progress { style: style.filter(|_| screen.is_live()), bar: None, text: String::new() }
    }

    /// Shows that something has begun.
    pub(super) fn start(&mut self, text: &str) {
        self.stop();
        let Some(style) = self.style.clone() else { return };
        let bar = ProgressBar::new_spinner().with_style(style).with_message(text.to_owned());
        bar.enable_steady_tick(TICK);
        self.bar = Some(bar);
        text.clone_into(&mut self.text);
    }

    /// Shows a line that it wrote.
    pub(super) fn note(&mut self, line: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{}: {}", self.text, harmless(line)));
        }
    }

    /// Takes the live line away.
    pub(super) fn stop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Takes the live line away while something else is written.
    pub(super) fn aside(&mut self, write: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}
