//! What the environment asks for, checked before anything is started.

use crate::fault::{self, FALSE_RELEASE, Fault, USUAL_DELAY};
use std::env::{self, VarError};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Everything that can be told from outside.
#[derive(Debug)]
pub struct Settings {
    pub app: String,
    pub environment: String,
    /// The release it reports, which is not its own if it lies.
    pub release: String,
    /// Where to listen; only absent if a socket was inherited.
    pub address: Option<SocketAddr>,
    pub event_log: Option<PathBuf>,
    pub fault: Fault,
    pub fault_delay: Duration,
    /// How long an answer under way may still take once it is told to stop.
    pub grace: Duration,
}

/// The grace when `GRACE_MS` is not set.
const USUAL_GRACE: Duration = Duration::from_millis(100);

/// Looks up one variable. Unset and empty mean the same, since unit files and
/// shell scripts cannot always leave a variable out.
type Lookup<'a> = &'a dyn Fn(&str) -> Result<Option<String>, String>;

impl Settings {
    /// Reads the process's own environment.
    pub fn from_env(has_socket: bool) -> Result<Self, String> {
        let lookup = |name: &str| match env::var(name) {
            Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(format!("{name} is not UTF-8")),
        };
        Self::read(&lookup, fault::carried()?, has_socket)
    }

    fn read(
        lookup: Lookup,
        carried: Option<(String, String)>,
        has_socket: bool,
    ) -> Result<Self, String> {
        let or = |name: &str, fallback: &str| {
            lookup(name).map(|text| text.unwrap_or_else(|| fallback.to_owned()))
        };
        let fault = fault_in_force(lookup, carried)?;
        let mut release = or("HELIONYX_RELEASE", "unknown")?;
        if fault == Fault::Lie {
            FALSE_RELEASE.clone_into(&mut release);
        }
        Ok(Self {
            app: or("APP", "sample")?,
            environment: or("ENVIRONMENT", "unknown")?,
            release,
            address: address(lookup, has_socket)?,
            event_log: lookup("EVENT_LOG")?.map(PathBuf::from),
            fault,
            fault_delay: millis(lookup, "FAULT_AFTER_MS", USUAL_DELAY)?,
            grace: millis(lookup, "GRACE_MS", USUAL_GRACE)?,
        })
    }
}

/// A fault asked for by name wins over the one the release carries, so that a
/// broken build can still be tried with another fault.
fn fault_in_force(lookup: Lookup, carried: Option<(String, String)>) -> Result<Fault, String> {
    let asked = match lookup("FAULT")? {
        Some(name) => Fault::named(&name, "FAULT")?,
        None => Fault::None,
    };
    match carried {
        Some((path, name)) if asked == Fault::None => Fault::named(&name, &path),
        _ => Ok(asked),
    }
}

/// `BIND` and `PORT`. They are checked even if a socket makes them needless:
/// a mistake should not wait for the day the socket is missing.
fn address(lookup: Lookup, has_socket: bool) -> Result<Option<SocketAddr>, String> {
    let host = match lookup("BIND")? {
        Some(text) => {
            text.parse().map_err(|_| format!("BIND is {text:?}, but must be an IP address"))?
        }
        None => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    match lookup("PORT")? {
        Some(text) => match text.parse() {
            Ok(port) => Ok(Some(SocketAddr::new(host, port))),
            Err(_) => Err(format!(
                "PORT is {text:?}, but must be a number from 0 to 65535 (0: any free port)"
            )),
        },
        None if has_socket => Ok(None),
        None => Err("PORT is not set, and no listening socket was handed over".to_owned()),
    }
}

fn millis(lookup: Lookup, name: &str, usual: Duration) -> Result<Duration, String> {
    match lookup(name)? {
        Some(text) => text
            .parse()
            .map(Duration::from_millis)
            .map_err(|_| format!("{name} is {text:?}, but must be a number of milliseconds")),
        None => Ok(usual),
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, FALSE_RELEASE, Fault, Settings};

    fn read(variables: &[(&str, &str)], carried: Option<&str>) -> Result<Settings, String> {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            Ok(found.map(|(_, value)| (*value).to_owned()))
        };
        let carried = carried.map(|name| ("/r/fault".to_owned(), name.to_owned()));
        Settings::read(&lookup, carried, false)
    }

    #[test]
    fn only_the_port_is_required() {
        let settings = read(&[("PORT", "8080")], None).unwrap();
        assert_eq!(settings.address.unwrap().to_string(), "127.0.0.1:8080");
        assert_eq!((settings.app.as_str(), settings.fault), ("sample", Fault::None));
        assert_eq!(settings.environment, "unknown");
        assert_eq!(settings.release, "unknown");
        assert!(read(&[], None).unwrap_err().contains("PORT is not set"));
    }

    #[test]
    fn a_mistake_is_answered_with_the_name_of_the_variable() {
        for (name, value) in [
            ("PORT", "80800"),
            ("BIND", "localhost"),
            ("FAULT", "sleepy"),
            ("FAULT_AFTER_MS", "1s"),
            ("GRACE_MS", "-1"),
        ] {
            let variables = [(name, value), ("PORT", "8080")];
            let message = read(&variables, None).unwrap_err();
            assert!(message.starts_with(&format!("{name} is")), "{message}");
        }
    }

    #[test]
    fn a_carried_fault_counts_unless_another_is_asked_for() {
        let port = ("PORT", "1");
        let fault = |asked, carried| {
            read(&[port, ("FAULT", asked)], Some(carried)).map(|settings| settings.fault)
        };
        assert_eq!(read(&[port], Some("sick")).unwrap().fault, Fault::Sick);
        assert_eq!(fault("none", "sick"), Ok(Fault::Sick));
        assert_eq!(fault("hang", "sick"), Ok(Fault::Hang));
        assert!(fault("none", "??").unwrap_err().starts_with("/r/fault is"));
    }

    #[test]
    fn lying_replaces_the_release_and_slowness_has_a_long_delay() {
        let told = [("PORT", "1"), ("HELIONYX_RELEASE", "r1"), ("FAULT", "lie")];
        assert_eq!(read(&told, None).unwrap().release, FALSE_RELEASE);
        let slow = read(&[("PORT", "1"), ("FAULT", "slow")], None).unwrap();
        assert_eq!(slow.fault_delay, Duration::from_secs(60));
    }
}
