//! Exit codes: a contract with scripts, so each has one meaning only. No I/O.

use crate::event::{Operation, Outcome, Report};
use crate::journal::JournalError;
use crate::operate::OperateError;

/// Done, or there was nothing to do.
pub const DONE: u8 = 0;
/// It failed; nothing was changed.
pub const FAILED: u8 = 1;
/// It was asked for in a way that has no meaning.
pub const USAGE: u8 = 2;
/// `status`, `check` and `audit`: something is not as it should be; `apply`: not as it was;
/// `uninstall`: something of ours is left.
pub const DRIFT: u8 = 3;
/// The models have mistakes, or an environment file has.
pub const CONFIGURATION: u8 = 4;
/// Somebody else is at work on the environment.
pub const LOCKED: u8 = 5;
/// It failed; the state before is back and proven.
pub const ROLLED_BACK: u8 = 6;
/// It failed and the rollback failed too: somebody must act now.
pub const STUCK: u8 = 7;

/// The same, for the help.
pub(super) const HELP: &str = "\
Exit codes:
  0  done, or there was nothing to do
  1  failed; nothing was changed
  2  wrong usage
  3  something is not as it should be (status, check, audit), or as it was (apply), or is left
     (uninstall)
  4  mistakes in the models or in an environment file
  5  somebody else is at work on the environment
  6  failed and rolled back: what ran before runs again
  7  failed and the rollback failed too: act now";

/// The code for an operation that came to an end.
///
/// What `recover` is asked for is that the state before is back: then it is done.
#[must_use]
pub fn of_report(report: &Report) -> u8 {
    match (report.operation, report.outcome) {
        (_, Outcome::Stuck) => STUCK,
        _ if !report.left.is_empty() => DRIFT,
        (Operation::Recover, _) | (_, Outcome::Deployed | Outcome::Unchanged) => DONE,
        (_, Outcome::Failed) => FAILED,
        (_, Outcome::RolledBack) => ROLLED_BACK,
    }
}

/// The code for an operation that did not begin.
#[must_use]
pub fn of_error(error: &OperateError) -> u8 {
    match error {
        OperateError::Changed(_) => DRIFT,
        OperateError::Journal(JournalError::Locked(_) | JournalError::Overtaken(_)) => LOCKED,
        OperateError::Journal(JournalError::Host(_))
        | OperateError::Refused(_)
        | OperateError::Source(_)
        | OperateError::Host(_) => FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;

    #[test]
    fn every_outcome_has_its_code() {
        let code = |operation, outcome| {
            of_report(&Report { operation, outcome, ..samples::report(outcome) })
        };
        for operation in [
            Operation::Deploy,
            Operation::Rollback,
            Operation::Start,
            Operation::Stop,
            Operation::Restart,
            Operation::Setup,
        ] {
            assert_eq!(code(operation, Outcome::Deployed), 0);
            assert_eq!(code(operation, Outcome::Unchanged), 0);
            assert_eq!(code(operation, Outcome::Failed), 1);
            assert_eq!(code(operation, Outcome::RolledBack), 6);
            assert_eq!(code(operation, Outcome::Stuck), 7);
        }
        assert_eq!(code(Operation::Recover, Outcome::RolledBack), 0);
        assert_eq!(code(Operation::Recover, Outcome::Failed), 0);
        assert_eq!(code(Operation::Recover, Outcome::Stuck), 7);
    }

    #[test]
    fn an_uninstallation_that_leaves_something_of_ours_is_a_deviation() {
        let (operation, outcome) = (Operation::Uninstall, Outcome::Deployed);
        let report = Report { operation, outcome, ..samples::report(outcome) };
        assert_eq!(of_report(&report), 0);
        let left = vec!["remove /opt/shop/live/cache".to_owned()];
        assert_eq!(of_report(&Report { left, ..report }), 3);
    }

    #[test]
    fn a_held_lock_is_told_apart_from_other_failures() {
        let locked = OperateError::Journal(JournalError::Locked(None));
        assert_eq!(of_error(&locked), 5, "(ALL-03)");
        assert_eq!(of_error(&OperateError::Refused(Vec::new())), 1);
    }

    #[test]
    fn the_help_names_every_code() {
        for code in [DONE, FAILED, USAGE, DRIFT, CONFIGURATION, LOCKED, ROLLED_BACK, STUCK] {
            assert!(HELP.contains(&format!("\n  {code}  ")), "{code}");
        }
    }
}
