//! The ways in which the service can be told to misbehave.

use std::time::Duration;
use std::{env, fs, io};

/// How long `slow` waits when `FAULT_AFTER_MS` is not set: longer than any
/// sensible start timeout.
pub const USUAL_DELAY: Duration = Duration::from_secs(60);

/// How many health answers `crash-after` gives before it crashes.
pub const LAST_ANSWER: usize = 8;

/// The exit code of a crash that was asked for.
pub const CRASHED: i32 = 3;

/// What it says of its release when it lies.
pub const FALSE_RELEASE: &str = "19700101T000000Z-0000000";

/// One way of misbehaving. At most one is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    Crash,
    CrashAfter,
    Sick,
    Slow,
    Hang,
    Deaf,
    Lie,
    Flap,
    Fork,
    Redirect,
    Flood,
    Drip,
}

/// Each fault with the name it is asked for by and what it does.
const ALL: [(Fault, &str, &str); 13] = [
    (Fault::None, "none", "behaves"),
    (Fault::Crash, "crash", "crashing as told"),
    (Fault::CrashAfter, "crash-after", "will crash after its eighth health answer"),
    (Fault::Sick, "sick", "health answers 500"),
    (Fault::Slow, "slow", "waits before it serves"),
    (Fault::Hang, "hang", "accepts but never answers"),
    (Fault::Deaf, "deaf", "ignores TERM and INT"),
    (Fault::Lie, "lie", "reports a false release"),
    (Fault::Flap, "flap", "health alternates 200 and 500"),
    (Fault::Fork, "fork", "a child holds the port"),
    (Fault::Redirect, "redirect", "health redirects to /"),
    (Fault::Flood, "flood", "health answers without end"),
    (Fault::Drip, "drip", "health answers a byte at a time"),
];

impl Fault {
    /// The fault of that name. `origin` is whatever gave the name, so that a
    /// mistake can be found.
    pub fn named(name: &str, origin: &str) -> Result<Self, String> {
        ALL.iter().find(|(_, known, _)| *known == name).map(|(fault, ..)| *fault).ok_or_else(|| {
            let known: Vec<&str> = ALL.iter().map(|(_, name, _)| *name).collect();
            format!("{origin} is {name:?}, but must be one of: {}", known.join(", "))
        })
    }

    /// Name and effect, for the log.
    pub fn description(self) -> String {
        ALL.iter()
            .find(|(fault, ..)| *fault == self)
            .map(|(_, name, effect)| format!("fault {name}: {effect}"))
            .unwrap_or_default()
    }
}

/// The fault that a release carries in itself: the file `fault` in the parent
/// of the executable's directory, as its path and trimmed content. It makes a
/// broken build out of a good one without touching how it is run.
pub fn carried() -> Result<Option<(String, String)>, String> {
    let program = env::current_exe().map_err(|e| format!("cannot find my executable: {e}"))?;
    let Some(release) = program.parent().and_then(|bin| bin.parent()) else {
        return Ok(None);
    };
    let path = release.join("fault");
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some((path.display().to_string(), text.trim().to_owned()))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(format!("cannot read {}: {e}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::{ALL, Fault};

    #[test]
    fn every_name_leads_to_its_fault() {
        for (fault, name, _) in ALL {
            assert_eq!(Fault::named(name, "FAULT"), Ok(fault));
            assert!(fault.description().contains(name));
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_choices() {
        let message = Fault::named("Sick", "FAULT").unwrap_err();
        assert!(message.starts_with("FAULT is \"Sick\""), "{message}");
        assert!(message.contains("none, crash, crash-after, sick"), "{message}");
    }
}
