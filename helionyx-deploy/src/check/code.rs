//! The stable names of what is found on a host, or keeps a plan from being made, with what each means.
//! No I/O.

crate::model::code::codes! {
    MISSING_PROGRAM = "missing-program": "A program that a build step or the source needs, and that is not here.";
    OLD_PROGRAM = "old-program": "A program that is older than the app needs, or does not tell its version.";
    LACKING_PROGRAM = "lacking-program": "A program that does not work, or lacks a part that the app needs.";
    NO_SYSTEMD = "no-systemd": "systemd does not run this machine, or is too old.";
    NO_RIGHTS = "no-rights": "This user may not make units, users and releases.";
    NO_ROOM = "no-room": "Too little room for another release, or for data.";
    NOT_MOUNTED = "not-mounted": "A directory below a file system that is not mounted.";
    UNREACHABLE = "unreachable": "A machine that services ask over HTTPS and that cannot be connected to.";
    SECRETS_FILE = "secrets-file": "The file of the secrets is not there, is no file, or cannot be read.";
    SECRETS_MODE = "secrets-mode": "The file of the secrets can be read by others.";
    SOURCE = "source": "The source is not there, or cannot be asked.";
    MISSING_SECRET = "missing-secret": "The environment cannot do without a secret that has no value.";
    DAMAGED_RELEASE = "damaged-release": "A release that is not as it was sealed.";
    DANGLING_CURRENT = "dangling-current": "`current` names a release that is not there.";
    FOREIGN_CURRENT = "foreign-current": "`current` is something that we did not make.";
    STALE_PROCESS = "stale-process": "A process that does not run from the release in use.";
    HIDDEN_PROCESS = "hidden-process": "A process on the port that this user may not look at.";
    PORT_HELD = "port-held": "Somebody else listens on the port.";
    UNFINISHED = "unfinished": "An operation that was cut short.";
    NOT_A_DIRECTORY = "not-a-directory": "Something else lies where a directory must be.";
    START_IN_VAIN = "start-in-vain": "A start would fail: the program or an environment file is not as it must be.";
    NOTHING_DEPLOYED = "nothing-deployed": "Nothing is deployed that could be started, stopped or gone back from.";
    RUNS_ALREADY = "runs-already": "A service that is to run in the foreground and runs already.";
    NO_PREVIOUS = "no-previous": "There is no verified release to go back to.";
    NOT_VERIFIED = "not-verified": "A release that was never proven to work.";
    UNKNOWN_RELEASE = "unknown-release": "A release that is not there.";
    NO_USER = "no-user": "The host does not have the user that services run as.";
    WRONG_OWNER = "wrong-owner": "A directory that belongs to somebody else, or that others may write to.";
    OTHER_SUPERVISOR = "other-supervisor": "A release that was made for another supervisor than the one of the model.";
    FOREIGN_UNIT = "foreign-unit": "A unit file that we did not make, or that masks the unit.";
    SHADOWED_UNIT = "shadowed-unit": "A unit that systemd reads from somewhere else.";
    UNIT_NOT_INSTALLED = "unit-not-installed": "The unit of a service is not there.";
    UNIT_CHANGED = "unit-changed": "A unit that is not what the release in use was made with.";
    UNIT_NOT_READ = "unit-not-read": "A unit that has changed since systemd read it.";
    UNIT_FAILED = "unit-failed": "A unit whose last run did not work.";
    NOT_ENABLED = "not-enabled": "A unit that does not start with the machine.";
    DROP_IN = "drop-in": "A file that changes a unit of ours.";
    UNIT_OVERRIDDEN = "unit-overridden": "A value that counts for a unit and is not what its file says: a drop-in sets it.";
    NO_RECOVERY = "no-recovery": "What recovers an environment when a deployer dies is not installed.";
    NO_RECOVERY_PROGRAM = "no-recovery-program": "The deployer brings no program that recovers when a deployer dies, and none is installed.";
    VOLATILE_JOURNAL = "volatile-journal": "Logs of units that a reboot ends.";
    UNVERIFIED = "unverified": "A release in use that was never proven to work.";
    UNHEALTHY = "unhealthy": "A service that does not answer as it should.";
    STOPPED = "stopped": "A service that does not run.";
}

/// What of a deployed service is a matter of `check`: it is not as it was sealed or started.
pub(super) const DRIFT: [&str; 11] = [
    DAMAGED_RELEASE,
    DANGLING_CURRENT,
    STALE_PROCESS,
    UNFINISHED,
    UNIT_NOT_INSTALLED,
    UNIT_CHANGED,
    UNIT_NOT_READ,
    DROP_IN,
    UNIT_OVERRIDDEN,
    NOT_ENABLED,
    NO_RECOVERY,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use camino::Utf8Path;

    use super::*;

    /// All of our code that refuses, or finds something on a host.
    const FILES: [&str; 15] = [
        "check.rs",
        "check/environment.rs",
        "operate/foreground.rs",
        "operate/missing.rs",
        "plan/desired.rs",
        "plan/guard.rs",
        "plan/prerequisites.rs",
        "plan/reach.rs",
        "plan/reach/places.rs",
        "plan/reach/refuse.rs",
        "plan/runtime.rs",
        "plan/runtime/systemd/owner.rs",
        "plan/runtime/systemd/refuse.rs",
        "plan/runtime/systemd/view.rs",
        "status.rs",
    ];

    /// The codes that a text gives in words where a refusal or finding is made.
    fn used(text: &str) -> Vec<&str> {
        let makers =
            ["refuse(", "Refusal::new(", "HostFinding::error(", "HostFinding::warning(", " add("];
        let calls = makers.iter().flat_map(|maker| text.split(maker).skip(1));
        calls.filter_map(|call| call.trim_start().strip_prefix('"')?.split('"').next()).collect()
    }

    #[test]
    fn every_code_that_is_used_is_in_the_reference() {
        let known: BTreeSet<&str> =
            ALL.iter().chain(crate::isolation::CODES).map(|(code, _)| *code).collect();
        assert_eq!(known.len(), ALL.len() + crate::isolation::CODES.len(), "each stands once");
        let mut seen = 0;
        for file in FILES {
            let path = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file);
            #[expect(clippy::disallowed_methods, reason = "a test reads our own code")]
            let text = std::fs::read_to_string(&path).unwrap();
            for code in used(&text) {
                assert!(known.contains(code), "`{code}` of {file} is not in this table");
                seen += 1;
            }
        }
        assert!(seen >= 12, "only {seen} codes found");
    }
}
