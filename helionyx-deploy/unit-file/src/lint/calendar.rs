//! Points in time that recur, e.g. `Mon..Fri *-*-* 04:00:00 Europe/Berlin`. No I/O.

use super::kind::Problem;

const NAMES: [&str; 11] = [
    "minutely",
    "hourly",
    "daily",
    "monthly",
    "weekly",
    "yearly",
    "annually",
    "anually",
    "quarterly",
    "semiannually",
    "bi-annually",
];
const DAYS: [&str; 14] = [
    "monday",
    "mon",
    "tuesday",
    "tue",
    "wednesday",
    "wed",
    "thursday",
    "thu",
    "friday",
    "fri",
    "saturday",
    "sat",
    "sunday",
    "sun",
];

/// Whether systemd sees a point in time in it.
pub fn check(value: &str) -> Result<(), Problem> {
    let lower = value.to_lowercase();
    let mut words: Vec<&str> = lower.split_whitespace().collect();
    if words.len() > 1 && words.last().is_some_and(|word| is_zone(word)) {
        words.pop();
    }
    let valid = match words.as_slice() {
        [name] if NAMES.contains(name) || *name == "biannually" || *name == "semi-annually" => true,
        [seconds] if seconds.starts_with('@') => seconds[1..].parse::<u64>().is_ok(),
        words => points(words),
    };
    if valid {
        return Ok(());
    }
    let hint = "e.g. `daily`, `*-*-* 04:00:00`, `Mon..Fri 09:30`";
    Err(Problem::new("not a point in time: systemd ignores it", hint))
}

/// Weekdays, a date and a time, each of which may be missing, but not all.
fn points(words: &[&str]) -> bool {
    let mut rest = words;
    let mut take = |fits: fn(&str) -> bool| match rest.split_first() {
        Some((word, after)) if fits(word) => {
            rest = after;
            true
        }
        _ => false,
    };
    let any = [take(weekdays), take(date), take(time)];
    any.contains(&true) && rest.is_empty()
}

fn is_zone(word: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
    let first = word.starts_with(|c: char| c.is_ascii_alphabetic());
    let zone = word == "utc" || word.contains('/');
    first && zone && word.chars().all(letters) && !weekdays(word)
}

fn weekdays(word: &str) -> bool {
    let day = |day: &str| DAYS.contains(&day);
    let list = word.trim_end_matches(',');
    let item = |item: &str| match item.split_once("..") {
        Some((from, to)) => day(from) && day(to),
        None => day(item),
    };
    list.split(',').all(item)
}

fn date(word: &str) -> bool {
    let parts: Vec<&str> = word.split(['-', '~']).collect();
    let (year, month, day) = match parts.as_slice() {
        [year, month, day] => (*year, *month, *day),
        [month, day] => ("*", *month, *day),
        _ => return false,
    };
    component(year, 1970, 2199) && component(month, 1, 12) && component(day, 1, 31)
}

fn time(word: &str) -> bool {
    let parts: Vec<&str> = word.split(':').collect();
    let (hour, minute, second) = match parts.as_slice() {
        [hour, minute, second] => (*hour, *minute, *second),
        [hour, minute] => (*hour, *minute, "0"),
        _ => return false,
    };
    component(hour, 0, 23) && component(minute, 0, 59) && component(second, 0, 60)
}

/// `*`, numbers, ranges and repetitions, separated by commas.
fn component(text: &str, from: u32, to: u32) -> bool {
    let number = |text: &str| {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
        let in_range = whole.parse().is_ok_and(|number: u32| {
            // Years may have two digits.
            (from..=to).contains(&number) || (from == 1970 && number < 100)
        });
        digits(whole) && digits(part) && in_range
    };
    text.split(',').all(|item| {
        let (range, step) = item.split_once('/').map_or((item, None), |(r, s)| (r, Some(s)));
        let step = step.is_none_or(|step| step.parse::<f64>().is_ok_and(|step| step > 0.0));
        let range = match range.split_once("..") {
            Some((first, last)) => number(first) && number(last),
            None => range == "*" || number(range),
        };
        step && range
    })
}
