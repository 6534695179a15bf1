//! Who we are: user, host, version. Reads /etc/passwd and /proc.

use super::super::Ourselves;
use super::proc;
use crate::release::Actor;
use crate::state::ProcessKey;

/// Who we are; what cannot be found out is said as such.
pub fn actor() -> Actor {
    let uid = rustix::process::geteuid().as_raw();
    let name = user_name(uid, &text("/etc/passwd")).unwrap_or_else(|| format!("uid {uid}"));
    let behind = std::env::var("SUDO_USER").ok().filter(|user| !user.is_empty() && *user != name);
    let user = match behind {
        Some(behind) => format!("{name} (sudo: {behind})"),
        None => name,
    };
    let host = text("/proc/sys/kernel/hostname").trim().to_owned();
    let host = if host.is_empty() { "unknown host".to_owned() } else { host };
    Actor { user, host, tool: env!("CARGO_PKG_VERSION").to_owned() }
}

/// The process that we are.
pub fn ourselves() -> Ourselves {
    let pid = std::process::id();
    let command = text("/proc/self/cmdline");
    let words = command.split_terminator('\0').map(str::to_owned);
    Ourselves {
        key: ProcessKey { pid, started_ticks: proc::started_ticks(pid).unwrap_or_default() },
        uid: rustix::process::geteuid().as_raw(),
        command: words.collect(),
    }
}

#[expect(clippy::disallowed_methods, reason = "the door: small files of the system")]
fn text(path: &str) -> String {
    std::fs::read(path).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
}

fn user_name(uid: u32, passwd: &str) -> Option<String> {
    let uid = uid.to_string();
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_number() {
        let passwd =
            "root:x:0:0:root:/root:/bin/sh\nbroken\noperator:x:1000:1000::/home/operator:\n";
        assert_eq!(user_name(0, passwd).as_deref(), Some("root"));
        assert_eq!(user_name(1000, passwd).as_deref(), Some("operator"));
        assert_eq!(user_name(100, passwd), None);
    }

    #[test]
    fn nothing_about_the_actor_is_empty() {
        let actor = actor();
        assert!(!actor.user.is_empty() && !actor.host.is_empty() && !actor.tool.is_empty());
        assert!(!actor.host.contains('\n'), "{:?}", actor.host);
    }
}
