//! How things look: marks, colours, durations, sizes. No I/O.
//!
//! Text is always rendered with its colours; the screen strips them where they are not wanted.

use std::fmt::Display;
use std::time::Duration;

use anstyle::{AnsiColor, Effects, Style};

use crate::time::Timestamp;

/// Good.
pub(super) const GOOD: Style = AnsiColor::Green.on_default().effects(Effects::BOLD);
/// Bad.
pub(super) const BAD: Style = AnsiColor::Red.on_default().effects(Effects::BOLD);
/// To be looked at.
pub(super) const WARN: Style = AnsiColor::Yellow.on_default().effects(Effects::BOLD);
/// What to type next.
pub(super) const COMMAND: Style = AnsiColor::Cyan.on_default();
/// Titles.
pub(super) const STRONG: Style = Style::new().effects(Effects::BOLD);
/// What matters less.
pub(super) const DIM: Style = Style::new().effects(Effects::DIMMED);
/// As it is.
pub(super) const PLAIN: Style = Style::new();

/// A text in a style.
pub(super) fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// The marks of a terminal: plain ones where the locale knows no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Glyphs {
    /// Done.
    pub(super) good: &'static str,
    /// Failed.
    pub(super) bad: &'static str,
    /// To be noted.
    pub(super) note: &'static str,
    /// Between a statement and its details.
    pub(super) dash: &'static str,
    /// From here to there.
    pub(super) arrow: &'static str,
    /// Before a line that somebody else wrote.
    pub(super) bar: &'static str,
    /// The frames of a spinner; the last one is shown at its end.
    pub(super) spinner: &'static [&'static str],
}

/// For a locale with UTF-8.
pub(super) const UNICODE: Glyphs = Glyphs {
    good: "✓",
    bad: "✗",
    note: "•",
    dash: "—",
    arrow: "→",
    bar: "│",
    spinner: &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏", "⠿"],
};

/// For any other locale.
pub(super) const ASCII: Glyphs = Glyphs {
    good: "ok",
    bad: "!!",
    note: "--",
    dash: "-",
    arrow: "->",
    bar: "|",
    spinner: &["-", "\\", "|", "/", "-"],
};

impl Glyphs {
    /// The marks for a locale, given `LC_ALL`, `LC_CTYPE` and `LANG`: the first that is set counts.
    pub(super) fn for_locale<'a>(variables: impl IntoIterator<Item = Option<&'a str>>) -> Glyphs {
        let locale = variables.into_iter().flatten().find(|value| !value.is_empty());
        let locale = locale.unwrap_or_default().to_ascii_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") { UNICODE } else { ASCII }
    }
}

/// A duration for people: `41 ms`, `2.3 s`, `3 min 12 s`, `1 h 5 min`, `3 d 4 h`.
pub(super) fn duration(duration: Duration) -> String {
    let (millis, seconds) = (duration.as_millis(), duration.as_secs());
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// A duration in milliseconds for people.
pub(super) fn millis(millis: u64) -> String {
    duration(Duration::from_millis(millis))
}

/// How long ago something was, in its largest unit: `12 s ago`.
pub(super) fn age(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.since(then).as_secs();
    let (count, unit) = match seconds {
        0..60 => (seconds, "s"),
        60..3600 => (seconds / 60, "min"),
        3600..86_400 => (seconds / 3600, "h"),
        _ => (seconds / 86_400, "d"),
    };
    format!("{count} {unit} ago")
}

/// A time of day for people, in UTC, to the second.
pub(super) fn time(time: Timestamp) -> String {
    let text = time.to_string();
    match text.split_once('T') {
        Some((date, clock)) if clock.len() >= 8 => format!("{date} {} UTC", &clock[..8]),
        _ => text,
    }
}

/// A size for people: `3.2 MB`.
pub(super) fn bytes(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1_000 => return format!("{bytes} B"),
        1_000..1_000_000 => (1_000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        _ => (1_000_000_000, "GB"),
    };
    format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
}

/// `1 step`, `2 steps`.
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// A line that another program wrote, harmless to a terminal: no escape sequences, no control
/// characters.
pub(super) fn harmless(line: &str) -> String {
    let stripped = anstream::adapter::strip_str(line).to_string();
    stripped.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Cells in columns, each as wide as its widest cell; the last one is not filled up.
pub(super) fn columns(rows: &[Vec<(Style, String)>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|(_, text)| text.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..rows.iter().map(Vec::len).max().unwrap_or(0)).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let filled = row.iter().rposition(|(_, text)| !text.is_empty()).map_or(0, |last| last + 1);
        for (column, (style, text)) in row[..filled].iter().enumerate() {
            if !text.is_empty() {
                out += &paint(*style, text);
            }
            if column + 1 < filled {
                out += &" ".repeat(widths[column] - text.chars().count() + 2);
            }
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_sizes_and_ages_read_well() {
        for (millis, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1.0 s"),
            (2_349, "2.3 s"),
            (59_999, "59.9 s"),
            (192_000, "3 min 12 s"),
            (3_900_000, "1 h 5 min"),
            (273_600_000, "3 d 4 h"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
        for (size, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_500, "1.5 kB"),
            (3_270_000, "3.2 MB"),
            (12_000_000_000, "12.0 GB"),
        ] {
            assert_eq!(bytes(size), text);
        }
        let then = Timestamp::from_millis(0);
        assert_eq!(age(Timestamp::from_millis(59_000), then), "59 s ago");
        assert_eq!(age(Timestamp::from_millis(7_200_000), then), "2 h ago");
        assert_eq!(age(then, Timestamp::from_millis(5_000)), "0 s ago");
        assert_eq!(time(then), "1970-01-01 00:00:00 UTC");
    }

    #[test]
    fn marks_follow_the_first_locale_variable_that_is_set() {
        for (variables, glyphs) in [
            ([None, None, Some("en_US.UTF-8")], UNICODE),
            ([None, Some("C.utf8"), Some("C")], UNICODE),
            ([Some("C"), None, Some("en_US.UTF-8")], ASCII),
            ([Some(""), None, Some("de_DE.UTF-8")], UNICODE),
            ([None, None, None], ASCII),
        ] {
            assert_eq!(Glyphs::for_locale(variables), glyphs, "{variables:?}");
        }
    }

    #[test]
    fn lines_of_others_cannot_move_the_cursor() {
        assert_eq!(harmless("\u{1b}[31mred\u{1b}[0m\tx\u{7}\r\n"), "red x");
    }

    #[test]
    fn columns_line_up_and_have_no_trailing_blanks() {
        let cell = |text: &str| (PLAIN, text.to_owned());
        let rows = vec![vec![cell("a"), cell("bb"), cell("")], vec![cell("ccc"), cell("d")]];
        assert_eq!(columns(&rows), "a    bb\nccc  d\n");
    }
}
