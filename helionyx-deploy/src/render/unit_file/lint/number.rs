//! Numbers, sizes, spans of time, permissions, as systemd parses them. No I/O.

use std::time::Duration;

use super::kind::Problem;

/// A boolean; none where systemd sees none.
pub fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
        _ => None,
    }
}

/// Units of time and how many microseconds each has.
const UNITS: [(&[&str], f64); 9] = [
    (&["seconds", "second", "sec", "s"], 1e6),
    (&["minutes", "minute", "min", "m"], 6e7),
    (&["months", "month", "M"], 2_629_800e6),
    (&["msec", "ms"], 1e3),
    (&["hours", "hour", "hr", "h"], 3.6e9),
    (&["days", "day", "d"], 8.64e10),
    (&["weeks", "week", "w"], 6.048e11),
    (&["years", "year", "y"], 31_557_600e6),
    (&["usec", "us", "µs", "μs"], 1.0),
];

/// A span of time such as `1min 30s`; a number alone counts seconds. None for `infinity`.
///
/// # Errors
/// systemd sees no span in it.
pub fn parse_span(value: &str) -> Result<Option<Duration>, Problem> {
    let problem =
        || Problem::new("not a span of time: systemd ignores it", "e.g. `90s`, `1min 30s`");
    let mut rest = value.trim();
    if rest == "infinity" {
        return Ok(None);
    }
    if rest.is_empty() {
        return Err(problem());
    }
    let mut micros = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().map_err(|_| problem())?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        let unit = if letters == 0 { "s" } else { &rest[..letters] };
        let unit = UNITS.iter().find(|(names, _)| names.contains(&unit)).ok_or_else(problem)?;
        micros += number * unit.1;
        rest = rest[letters..].trim_start();
    }
    Duration::try_from_secs_f64(micros / 1e6).map(Some).map_err(|_| problem())
}

/// Whether it is a span of time.
pub fn span(value: &str) -> Result<(), Problem> {
    parse_span(value).map(drop)
}

/// Whether it is a whole number between these.
pub fn integer(value: &str, from: i64, to: i64) -> Result<(), Problem> {
    let number = match value.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => value.parse().ok(),
    };
    match number.is_some_and(|number| (from..=to).contains(&number)) {
        true => Ok(()),
        false => Err(Problem::new(
            "systemd ignores this",
            format!("write a whole number from {from} to {to}"),
        )),
    }
}

/// Whether these are octal permissions.
pub fn mode(value: &str) -> Result<(), Problem> {
    match u32::from_str_radix(value, 8).is_ok_and(|mode| mode <= 0o7777) {
        true => Ok(()),
        false => Err(Problem::new("systemd ignores this", "write octal digits, e.g. `0750`")),
    }
}

/// Bytes with systemd's suffixes; none where it sees none.
fn bytes(value: &str) -> Option<f64> {
    let mut rest = value.trim();
    let mut sum = 0.0;
    let mut last = u32::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let suffix = rest.chars().next().unwrap_or('B');
        let power = match suffix {
            c if c.is_ascii_digit() => 0,
            c => u32::try_from("BKMGTPE".find(c)?).ok()?,
        };
        // `1G 512M`: each suffix must be smaller than the one before.
        if power >= last {
            return None;
        }
        last = power;
        sum += number * 1024_f64.powi(i32::try_from(power).ok()?);
        rest = if suffix.is_ascii_digit() { rest } else { rest.get(1..).unwrap_or_default() };
        rest = rest.trim_start();
    }
    (!value.trim().is_empty()).then_some(sum)
}

/// Whether it is a number of bytes.
pub fn size(value: &str) -> Result<(), Problem> {
    bytes(value).map(drop).ok_or_else(size_problem)
}

fn size_problem() -> Problem {
    Problem::new("not a size: systemd ignores it", "e.g. `512M`, `1.5G`: K, M, G, T, P, E")
}

fn percentage(value: &str) -> Option<f64> {
    let (number, whole) = match value.strip_suffix('%') {
        Some(number) => (number, 1.0),
        None => match value.strip_suffix('‰') {
            Some(number) => (number, 0.1),
            None => (value.strip_suffix('‱')?, 0.01),
        },
    };
    let plain = number.chars().all(|c| c.is_ascii_digit() || c == '.');
    number.parse::<f64>().ok().filter(|_| plain).map(|number| number * whole)
}

/// Whether it limits memory.
pub fn memory(key: &str, value: &str) -> Result<(), Problem> {
    let may_be_zero = ["Min", "Low", "SwapMax"].iter().any(|end| key.ends_with(end));
    let fits = |number: f64| number > 0.0 || may_be_zero;
    let fits = match percentage(value) {
        Some(percent) => percent <= 100.0 && fits(percent),
        None => value == "infinity" || bytes(value).ok_or_else(size_problem).map(fits)?,
    };
    match fits {
        true => Ok(()),
        false => Err(Problem::new("out of range: systemd ignores it", "e.g. `512M`, `50%`")),
    }
}

/// Whether it limits tasks.
pub fn tasks(value: &str) -> Result<(), Problem> {
    let number = value.parse::<u64>().is_ok_and(|number| number > 0);
    let percent = percentage(value).is_some_and(|percent| percent > 0.0 && percent <= 100.0);
    match value == "infinity" || number || percent {
        true => Ok(()),
        false => Err(Problem::new("systemd ignores this", "e.g. `256`, `50%`, `infinity`")),
    }
}

/// Whether it is a percentage above 0.
pub fn percent(value: &str) -> Result<(), Problem> {
    match percentage(value).is_some_and(|percent| percent > 0.0) {
        true => Ok(()),
        false => Err(Problem::new("not a percentage: systemd ignores it", "e.g. `50%`, `200%`")),
    }
}

/// Whether it is a weight.
pub fn weight(key: &str, value: &str, (from, to): (i64, i64)) -> Result<(), Problem> {
    if key.ends_with("CPUWeight") && value == "idle" { Ok(()) } else { integer(value, from, to) }
}

/// Whether it is a resource limit: one value, or `soft:hard`.
pub fn resource(key: &str, value: &str) -> Result<(), Problem> {
    let one = |value: &str| match key {
        _ if value == "infinity" => key != "LimitNICE",
        "LimitCPU" | "LimitRTTIME" => span(value).is_ok(),
        "LimitNICE" => match value.strip_prefix(['+', '-']) {
            Some(number) => number.parse::<u8>().is_ok_and(|number| number <= 20),
            None => value.parse::<u8>().is_ok_and(|number| number <= 40),
        },
        "LimitNOFILE" | "LimitNPROC" | "LimitLOCKS" | "LimitSIGPENDING" | "LimitRTPRIO" => {
            value.parse::<u64>().is_ok()
        }
        _ => bytes(value).is_some(),
    };
    let (soft, hard) = value.split_once(':').unwrap_or((value, value));
    match one(soft) && one(hard) {
        true => Ok(()),
        false => Err(Problem::new("not a limit: systemd ignores it", "e.g. `65536`, `1024:65536`")),
    }
}
