//! The stable names of all kinds of findings in models, with what each means. No I/O.

macro_rules! codes {
    ($($name:ident = $code:literal: $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $name: &str = $code;)*

        /// Every code and its meaning, in the order of the reference.
        pub const ALL: &[(&str, &str)] = &[$(($code, $meaning)),*];
    };
}

pub(crate) use codes;

codes! {
    SYNTAX = "syntax": "The file is not TOML here.";
    UNKNOWN_KEY = "unknown-key": "A key that does not exist.";
    WRONG_TYPE = "wrong-type": "A value of another type than the key takes.";
    UNKNOWN_CHOICE = "unknown-choice": "A word that is none of those the key takes.";
    TOO_MANY = "too-many-findings": "The file has more mistakes than are worth listing.";
    TOO_LARGE = "too-large": "A file that is too long to be a model.";
    BAD_FILE_NAME = "bad-file-name": "A file or directory whose name names no environment or app.";
    DUPLICATE_FILE = "duplicate-file": "The same environment or app twice.";
    MISSING_APP = "missing-app": "Environments without an app.toml beside them.";
    NO_ENVIRONMENT = "no-environment": "An app that runs nowhere.";
    MISSING_KEY = "missing-key": "A key that must be there.";
    BAD_NAME = "bad-name": "A name that is none.";
    WRONG_NAME = "wrong-name": "An app that is not called like its directory.";
    DUPLICATE_NAME = "duplicate-name": "Two of a kind with one name.";
    OUT_OF_RANGE = "out-of-range": "A number outside of its limits.";
    EMPTY = "empty": "A list or text that must not be empty.";
    CONTROL_CHARACTER = "control-character": "A control character or line break where none may be.";
    UNKNOWN_PLACEHOLDER = "unknown-placeholder": "A placeholder that does not exist.";
    UNAVAILABLE_PLACEHOLDER = "unavailable-placeholder": "A placeholder that has no value here, or stands in a text in which none is replaced.";
    UNBALANCED_BRACE = "unbalanced-brace": "A single brace that belongs to no placeholder.";
    BAD_PATH = "bad-path": "A path that is not absolute or relative as wanted, or not in its shortest form.";
    SYSTEM_DIRECTORY = "system-directory": "A directory that belongs to the system or the project.";
    DATA_IN_RELEASES = "data-at-risk": "Data where releases or caches are removed, or where the secrets lie.";
    HIDDEN = "hidden-by-sandbox": "A directory or program that a service under systemd cannot see.";
    NOT_WRITABLE = "not-writable": "State outside of the data directory, where a service under systemd cannot write.";
    SOURCE_CONTAINS_ROOT = "source-contains-root": "A source that would take in its own releases or data.";
    SOURCE_COUNT = "source-count": "Not exactly one source.";
    BAD_URL = "bad-url": "An address that git or a service cannot use.";
    CREDENTIALS = "credentials-in-url": "A user name or password inside an address.";
    BAD_BRANCH = "bad-branch": "A branch name that git refuses.";
    UNUSED_BRANCH = "unused-branch": "A branch without a git source.";
    MISSING_PORT = "missing-port": "An environment without the port that its app uses.";
    RESERVED_FILE = "reserved-file": "A build output that the release itself needs.";
    OVERLAPPING_OUTPUTS = "overlapping-outputs": "Two build steps that write to one place.";
    BAD_VERSION = "bad-version": "A version that is not numbers with dots between them.";
    RELATIVE_PROGRAM = "relative-program": "A service whose program has no absolute path.";
    BAD_PROBE_PATH = "bad-probe-path": "A path that cannot stand in an HTTP request.";
    OTHER_PORT = "unprobed-port": "A port of a service that no probe asks, where another one is asked.";
    SECOND_HEALTH = "second-health": "Two services of one app that would share a port of the environment.";
    UNKNOWN_SERVICE = "unknown-service": "A service that another one names and that is not there.";
    CIRCULAR_ORDER = "circular-order": "Services that are each to start after the other.";
    UNKNOWN_PORT = "unknown-port": "A port by a name that the service does not listen on.";
    DEADLINE_TOO_SHORT = "deadline-too-short": "A health deadline that no service can meet.";
    RESERVED_VARIABLE = "reserved-variable": "A variable that the deployer or systemd sets, or that the loader obeys.";
    UNKNOWN_VARIABLE = "unknown-variable": "A value for a variable that the app does not declare.";
    MISSING_VALUE = "missing-value": "A declared variable without a value.";
    VALUE_TWICE = "value-twice": "A variable with a value in both files.";
    SECRET_IN_MODEL = "secret-in-model": "A value for a secret, which only the host may know.";
    WRONG_KIND = "wrong-kind": "A value that is not of its variable's kind.";
    UNKNOWN_ENVIRONMENT = "unknown-environment": "A name of an environment that the app does not have.";
    UNUSED_KEY = "unused-key": "A key that says nothing here.";
    ROOT_USER = "root-user": "Services that would run as root.";
    SYSTEM_USER = "system-user": "Services that would run as a user whom others run as, too.";
    CHECKOUT = "needs-checkout": "What systemd runs would depend on a checkout of the project.";
    NOT_FOR_UNITS = "not-for-units": "A path or text that a unit file cannot say.";
    ENDLESS_RESTARTS = "endless-restarts": "A start limit that is never reached.";
    SHARED_UNIT = "shared-unit": "Two environments with a unit of the same name.";
    SHARED_USER = "shared-user": "Two environments that run as one user, which their apps do not allow.";
    SHARED_BACKUPS = "shared-backups": "Two environments with one directory of backups, or one inside the other.";
    SHARED_VALUE = "shared-value": "Two environments with the same value of a variable that must be distinct.";
    FOREIGN_PATH = "foreign-path": "A value that leads into another environment's directories.";
    SHARED_PORT = "shared-port": "Two environments on one port.";
    SHARED_ROOT = "shared-root": "Two environments with one root, or one inside the other.";
    SHARED_DATA = "shared-data": "Two environments with one data directory, or one inside the other.";
    SHARED_PATH = "shared-path": "One environment's root, data or backups and another one's in each other.";
}
