//! Rules for what a unit file must be able to say of a service. No I/O.

use systemd_unit_file::{ARGUMENT_MAX, LINE_MAX, is_text};

use super::service::Draft;
use super::{Reader, Span, runtime, text};
use crate::model::{Restart, code};
use crate::template::{Bindings, Placeholder, Template};

/// What to write instead of a path in a checkout.
const INSTEAD: &str =
    "write `{release}` for what belongs to the release, `{data}` for what is kept";

/// Checks a service that systemd shall run; `known` has the value of every placeholder.
pub fn service(draft: &Draft, known: &Bindings, reader: &mut Reader<'_>) {
    for (word, span) in draft.model.exec.iter().zip(&draft.exec) {
        runtime::no_checkout(word, span, ("`exec`", INSTEAD), reader);
        if word.placeholders().any(|used| used == Placeholder::ReleaseId) {
            let message = "`{release_id}` in `exec`: one unit serves all releases";
            let hint = "hand it over in a variable, e.g. `value = \"{release_id}\"`";
            reader.error(span, code::UNAVAILABLE_PLACEHOLDER, message, hint);
        }
    }
    exec(draft, known, reader);
    description(draft, reader);
    start_limit(draft, reader);
}

fn exec(draft: &Draft, known: &Bindings, reader: &mut Reader<'_>) {
    let words: Vec<String> = draft.model.exec.iter().map(|word| word.expand(known)).collect();
    let mut line = 0;
    for (index, (word, span)) in words.iter().zip(&draft.exec).enumerate() {
        line += 4 * word.len() + 3;
        let complaint = match index {
            0 => program(word),
            _ if word.len() > ARGUMENT_MAX => Some("is longer than the kernel hands to a process"),
            _ if !word.chars().all(is_text) => {
                Some("holds a character that systemd does not read as text")
            }
            _ if line > LINE_MAX => Some("makes the line longer than systemd reads"),
            _ => continue,
        };
        let Some(complaint) = complaint else { continue };
        let what = if index == 0 { "the program" } else { "an argument" };
        let hint = "write it otherwise; a unit file cannot say it";
        reader.error(span, code::NOT_FOR_UNITS, format!("{what} {complaint}"), hint);
    }
}

/// Variables are replaced in the zeroth argument, which is the program's path.
fn program(path: &str) -> text::Complaint {
    if path.contains("$$") || path.contains("${") {
        return Some("holds `$$` or `${`, which systemd replaces");
    }
    text::absolute_path(path).or_else(|| text::unit_path(path))
}

fn description(draft: &Draft, reader: &mut Reader<'_>) {
    let Some((text, span)) =
        draft.model.supervision.description.as_ref().zip(draft.description.as_ref())
    else {
        return;
    };
    let Some(complaint) = text::unit_text(text) else { return };
    let hint = "write one line of text";
    reader.error(span, code::NOT_FOR_UNITS, format!("`description` {complaint}"), hint);
}

/// A start limit that is never reached lets a broken service restart for ever.
fn start_limit(draft: &Draft, reader: &mut Reader<'_>) {
    let (limits, supervision) = (draft.model.limits, &draft.model.supervision);
    let needed = supervision.restart_delay_secs.saturating_mul(u64::from(limits.start_burst));
    if supervision.restart == Restart::No || needed * 1000 < limits.start_interval_ms {
        return;
    }
    let message = format!(
        "{} starts with pauses of {} s take longer than the {} s in which they are counted: a \
         broken service would restart for ever",
        limits.start_burst,
        supervision.restart_delay_secs,
        limits.start_interval_ms / 1000
    );
    let hint =
        format!("write e.g. `start_interval_secs = {}`", needed.saturating_mul(10).min(86_400));
    reader.error(&draft.start_limit, code::ENDLESS_RESTARTS, message, hint);
}

/// Checks the value of a variable of an environment that systemd runs; none where it is refused.
pub fn variable(name: &str, value: &Template, span: &Span, reader: &mut Reader<'_>) -> Option<()> {
    match runtime::no_checkout(value, span, (&format!("`{name}`"), INSTEAD), reader) {
        Some(()) => None,
        None => Some(()),
    }
}
