//! systemctl: what systemd knows of units, and what it is asked to do with them. No I/O.
//!
//! Only `show` is parsed: it prints values as they count, and is meant for programs. What
//! `systemctl start` returns says little: it is 0 for a program that ends a moment later, and after a
//! stop that had to kill. What became of a unit is proven, or asked for afterwards.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::Utf8PathBuf;
use systemd_unit_file::Version;
use systemd_unit_file::effective::{self, Effective};

use crate::command::{Command, Inherit, Leftovers, OnDeath, OnInterrupt};
use crate::name::UnitName;
use crate::state::unit::{MainCode, Shown};

/// How long systemd may take to answer a question, or to read its units anew.
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);
/// How much longer than a unit's own timeout its job may take.
const GRACE: Duration = Duration::from_secs(15);

/// What is asked about a unit besides what its file may set.
const PROPERTIES: [&str; 15] = [
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "FragmentPath",
    "DropInPaths",
    "NeedDaemonReload",
    "MainPID",
    "NRestarts",
    "InvocationID",
    "Result",
    "ExecMainCode",
    "ExecMainStatus",
    "Job",
];

/// Asks for the version.
#[must_use]
pub fn version() -> Command {
    systemctl(["--version"], ANSWER_DEADLINE).that_only_looks()
}

/// What it said: `systemd 252 (252.39-1~deb12u2)`, then its features.
#[must_use]
pub fn parse_version(text: &str) -> Option<Version> {
    let rest = text.lines().find_map(|line| line.strip_prefix("systemd "))?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().map(Version)
}

/// Asks what systemd knows of these units.
#[must_use]
pub fn show<'a>(units: impl IntoIterator<Item = &'a UnitName>) -> Command {
    let all: Vec<String> =
        PROPERTIES.into_iter().map(str::to_owned).chain(effective::properties()).collect();
    let properties = format!("--property={}", all.join(","));
    let mut command = systemctl(["show", "--no-pager", &properties, "--"], ANSWER_DEADLINE);
    command.args.extend(units.into_iter().map(ToString::to_string));
    command.that_only_looks()
}

/// What `show` said, by the units' names: blocks of `Key=value`, with an empty line between them.
#[must_use]
pub fn parse_show(text: &str) -> BTreeMap<UnitName, Shown> {
    let of_unit = |unit: Effective| {
        let name = unit.0.get("Id")?.last()?.parse().ok()?;
        Some((name, shown(unit)))
    };
    effective::parse_show(text).into_iter().filter_map(of_unit).collect()
}

fn shown(mut unit: Effective) -> Shown {
    let mut take = |key: &str| unit.0.remove(key).and_then(|mut all| all.pop()).unwrap_or_default();
    let number = |text: String| text.parse::<i32>().unwrap_or_default();
    let (code, status) = (take("ExecMainCode"), number(take("ExecMainStatus")));
    let status = match code.as_str() {
        // The kernel's CLD_EXITED, CLD_KILLED and CLD_DUMPED.
        "1" => Some((MainCode::Exited, status)),
        "2" | "3" => Some((MainCode::Killed, status)),
        _ => None,
    };
    Shown {
        load: take("LoadState"),
        active: take("ActiveState"),
        sub: take("SubState"),
        file_state: take("UnitFileState"),
        fragment: Some(take("FragmentPath")).filter(|path| !path.is_empty()).map(Into::into),
        drop_ins: effective::words(&take("DropInPaths")).into_iter().map(Into::into).collect(),
        needs_reload: take("NeedDaemonReload") == "yes",
        main_pid: take("MainPID").parse().ok().filter(|pid| *pid != 0),
        restarts: take("NRestarts").parse().unwrap_or_default(),
        invocation: take("InvocationID"),
        result: take("Result"),
        status,
        has_job: !take("Job").is_empty(),
        effective: unit,
    }
}

/// Reads all unit files anew.
#[must_use]
pub fn daemon_reload() -> Command {
    systemctl(["daemon-reload"], ANSWER_DEADLINE)
}

/// Has a unit started at boot.
#[must_use]
pub fn enable(unit: &UnitName) -> Command {
    systemctl(["enable", "--quiet", "--", unit.as_str()], ANSWER_DEADLINE)
}

/// Has a unit no longer started at boot.
#[must_use]
pub fn disable(unit: &UnitName) -> Command {
    systemctl(["disable", "--quiet", "--", unit.as_str()], ANSWER_DEADLINE)
}

/// Forgets that a unit failed, and how often it was started: otherwise a start may be refused.
#[must_use]
pub fn reset_failed(unit: &UnitName) -> Command {
    systemctl(["reset-failed", "--", unit.as_str()], ANSWER_DEADLINE)
}

/// Starts a unit, and waits until it counts as started, at most for its own timeout.
#[must_use]
pub fn start(unit: &UnitName, timeout: Duration) -> Command {
    systemctl(["start", "--", unit.as_str()], timeout + GRACE)
}

/// Stops a unit, and waits until it has ended, at most for its own timeout.
#[must_use]
pub fn stop(unit: &UnitName, timeout: Duration) -> Command {
    systemctl(["stop", "--", unit.as_str()], timeout + GRACE)
}

fn systemctl<'a>(words: impl IntoIterator<Item = &'a str>, deadline: Duration) -> Command {
    Command {
        program: "systemctl".to_owned(),
        args: words.into_iter().map(str::to_owned).collect(),
        directory: Utf8PathBuf::from("/"),
        inherit: Inherit::Basics(Vec::new()),
        variables: [("LC_ALL", "C"), ("SYSTEMD_PAGER", ""), ("SYSTEMD_COLORS", "0")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        deadline,
        on_interrupt: OnInterrupt::GoesOn,
        on_death: OnDeath::Ends,
        leftovers: Leftovers::Stay,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_first_number() {
        for (text, expected) in [
            ("systemd 252 (252.39-1~deb12u2)\n+PAM +AUDIT\n", Some(252)),
            ("systemd 257 (257.13-1~deb13u1)\n+PAM +AUDIT\n", Some(257)),
            ("systemd 258~rc1 (258)\n", Some(258)),
            ("warning: x\nsystemd 249\n", Some(249)),
            ("command not found", None),
            ("", None),
        ] {
            assert_eq!(parse_version(text), expected.map(Version), "{text:?}");
        }
    }

    fn unit(name: &str) -> UnitName {
        name.parse().unwrap()
    }

    /// What 252.39 and 257.13, both booted, showed of services in all states that one can be in.
    const STATES: [(&str, &str); 2] = [
        ("252", include_str!("../../tests/fixtures/show/252/states.txt")),
        ("257", include_str!("../../tests/fixtures/show/257/states.txt")),
    ];

    #[test]
    fn what_systemd_shows_is_read_by_unit() {
        for (version, text) in STATES {
            let shown = parse_show(text);
            assert_eq!(shown.len(), 14, "{version}");
            let web = &shown[&unit("web.service")];
            assert!(web.is_running() && web.needs_reload && !web.has_job, "{version}");
            assert_eq!(web.drop_ins, ["/etc/systemd/system/web.service.d/a.conf"], "{version}");
            assert_eq!(web.fragment.as_deref().unwrap(), "/etc/systemd/system/web.service");
            assert_eq!((web.file_state.as_str(), web.invocation.len()), ("enabled", 32));
            let limit = &shown[&unit("limit.service")];
            assert_eq!((limit.restarts, limit.file_state.as_str()), (2, "disabled"), "{version}");
            let gone = &shown[&unit("gone.service")];
            assert_eq!((gone.load.as_str(), gone.fragment.as_ref()), ("not-found", None));
            assert_eq!((gone.file_state.as_str(), gone.drop_ins.len()), ("", 0), "{version}");
            for (name, load) in [("bad", "bad-setting"), ("empty", "masked"), ("masked", "masked")]
            {
                let unit = unit(&format!("{name}.service"));
                assert_eq!(shown[&unit].load, load, "{version}: {name}");
            }
        }
    }

    /// What the two showed of units with drop-ins, some of which set secrets.
    const DROP_INS: [&str; 2] = [
        include_str!("../../unit-file/tests/fixtures/show/252/drop-ins.txt"),
        include_str!("../../unit-file/tests/fixtures/show/257/drop-ins.txt"),
    ];

    #[test]
    fn secrets_that_systemd_shows_are_not_shown_again() {
        for text in DROP_INS {
            assert!(text.contains("hunter2"));
            let shown = parse_show(text);
            assert!(!format!("{shown:?}").contains("hunter2"), "ALL-04");
            assert!(!serde_json::to_string(&shown).unwrap().contains("hunter2"), "ALL-04");
        }
    }

    #[test]
    fn what_became_of_a_unit_is_told_in_words() {
        let (exit, missing) = (
            "it ended with status 1",
            "its program is not there or cannot be executed (status 203)",
        );
        let late = "it did not start or stop in time and was killed";
        for (name, is_busy, expected) in [
            ("web", true, None),
            ("sick", true, Some(missing)),
            ("killed", false, Some("it was ended by signal 9")),
            ("exits", false, Some(exit)),
            ("limit", false, Some(exit)),
            ("starting", true, None),
            ("stopped", false, None),
            ("late", false, Some(late)),
            ("watch", false, Some(late)),
            ("bad", false, None),
            ("masked", false, None),
            ("gone", false, None),
        ] {
            for (version, text) in STATES {
                let shown = &parse_show(text)[&unit(&format!("{name}.service"))];
                let told = (shown.is_busy(), shown.failure());
                assert_eq!(told, (is_busy, expected.map(str::to_owned)), "{version}: {name}");
            }
        }
        let starting = STATES.map(|(_, text)| parse_show(text)[&unit("starting.service")].has_job);
        assert_eq!(starting, [true, true]);
        // Ended well, and to be started again after something else: 252 says that it is just dead.
        let queued = STATES.map(|(_, text)| {
            let queued = &parse_show(text)[&unit("queued.service")];
            assert!(queued.has_job && queued.restarts == 1);
            (queued.is_busy(), queued.failure())
        });
        let ended = Some("it ended with status 0".to_owned());
        assert_eq!(queued, [(false, None), (true, ended)]);
    }
}
