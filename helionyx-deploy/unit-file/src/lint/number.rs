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

/// A whole number: `0x` begins a hexadecimal, `0b` a binary, `0o` or a mere `0` an octal one.
pub fn whole(value: &str) -> Option<i64> {
    let value = value.trim_start();
    for (prefix, radix) in [("0b", 2), ("0o", 8)] {
        if let Some(digits) = value.strip_prefix(prefix) {
            return digits_of(digits, radix);
        }
    }
    let positive = value.strip_prefix(['+', '-']).unwrap_or(value);
    let number = match positive.strip_prefix("0x").or_else(|| positive.strip_prefix("0X")) {
        Some(digits) => digits_of(digits, 16),
        None if positive.starts_with('0') => digits_of(positive, 8),
        None => digits_of(positive, 10),
    };
    number.map(|number| if value.starts_with('-') { -number } else { number })
}

/// What is more than fits is the same as infinity to all that count here.
fn digits_of(digits: &str, radix: u32) -> Option<i64> {
    let plain = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    let number = u64::from_str_radix(digits, radix).ok().filter(|_| plain)?;
    Some(i64::try_from(number).unwrap_or(i64::MAX))
}

/// The first number in a value that systemd reads as octal, and what it is then: not what it
/// looks like.
pub fn octal(value: &str) -> Option<(&str, i64)> {
    let words = value.split(|c: char| !c.is_ascii_alphanumeric() && c != '.');
    words.filter(|word| word.len() > 1 && word.starts_with('0')).find_map(|word| {
        let number = digits_of(word, 8)?;
        (digits_of(word, 10) != Some(number)).then_some((word, number))
    })
}

/// Whether it is a whole number between these.
pub fn integer(value: &str, from: i64, to: i64) -> Result<(), Problem> {
    match whole(value).is_some_and(|number| (from..=to).contains(&number)) {
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
    let (number, whole_percent, places) = match value.strip_suffix('%') {
        Some(number) => (number, 1.0, 2),
        None => match value.strip_suffix('‰') {
            Some(number) => (number, 0.1, 1),
            None => (value.strip_suffix('‱')?, 0.01, 0),
        },
    };
    let (before, after) = number.split_once('.').unwrap_or((number, "0"));
    let is_fraction = after.chars().all(|c| c.is_ascii_digit()) && !after.is_empty();
    if !is_fraction || number.contains('.') && after.len() > places {
        return None;
    }
    let before = u32::try_from(whole(before)?).ok()?;
    let after: f64 = format!("0.{after}").parse().ok()?;
    Some((f64::from(before) + after) * whole_percent)
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
    let number = whole(value).is_some_and(|number| number > 0);
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

/// Limits that count something: others are bytes or times.
const COUNTS: [&str; 5] =
    ["LimitNOFILE", "LimitNPROC", "LimitLOCKS", "LimitSIGPENDING", "LimitRTPRIO"];

/// Whether systemd reads the numbers of this limit like any others, octal ones too.
pub fn counts(key: &str) -> bool {
    COUNTS.contains(&key) || key == "LimitNICE"
}

/// Whether it is a resource limit: one value, or `soft:hard`.
pub fn resource(key: &str, value: &str) -> Result<(), Problem> {
    let (soft, hard) = value.split_once(':').unwrap_or((value, value));
    let (Some(soft), Some(hard)) = (limit(key, soft), limit(key, hard)) else {
        return Err(Problem::new("not a limit: systemd ignores it", "e.g. `65536`, `1024:65536`"));
    };
    if soft > hard {
        let message = "the soft limit is above the hard one: systemd ignores both";
        return Err(Problem::new(message, "write the lower one first, e.g. `1024:65536`"));
    }
    Ok(())
}

/// A limit as a number that can be compared with another of its kind.
#[expect(clippy::cast_precision_loss, reason = "what is compared is far from where it is lost")]
fn limit(key: &str, value: &str) -> Option<f64> {
    let within = |number: i64, most: i64| (0..=most).contains(&number).then_some(number as f64);
    match key {
        "LimitNICE" => match value.strip_prefix(['+', '-']) {
            // A higher nice value is a lower limit.
            Some(number) if value.starts_with('+') => {
                within(whole(number)?, 19).map(|number| 20.0 - number)
            }
            Some(number) => within(whole(number)?, 20).map(|number| 20.0 + number),
            None => within(whole(value)?, 40),
        },
        _ if value == "infinity" => Some(f64::INFINITY),
        "LimitRTTIME" if value.parse::<u32>().is_ok() => Some(value.parse::<f64>().ok()? / 1e6),
        "LimitCPU" | "LimitRTTIME" => {
            parse_span(value).ok().map(|span| span.map_or(f64::INFINITY, |span| span.as_secs_f64()))
        }
        key if COUNTS.contains(&key) => within(whole(value)?, i64::MAX),
        _ => bytes(value),
    }
}
