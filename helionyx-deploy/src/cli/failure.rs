//! Why a command came to nothing: one shape for all, told to people or as a JSON line. No I/O but
//! the screen's.

use crate::event::{Report, chain};
use crate::hint;
use crate::hint::Hint;
use crate::host::HostError;
use crate::isolation::Shared;
use crate::journal::{Holder, JournalError};
use crate::model::{Environment, Finding, SelectError};
use crate::operate::OperateError;
use crate::plan::Refusal;
use crate::source::SourceError;

use super::json::{Failed, Line, NotBegun, Origin};
use super::style::{BAD, DIM, WARN, harmless, paint};
use super::{Context, exit};
use crate::host::Clock as _;
use crate::model::Severity;

/// How many lines of a failed program's output are shown.
const LINES: usize = 20;

/// Why a command came to nothing.
#[derive(Debug, Default)]
pub(super) struct Failure {
    /// The exit code.
    pub(super) code: u8,
    /// What went wrong: the error and its causes.
    pub(super) message: String,
    /// What to do about it; empty when there is nothing to say.
    pub(super) hint: Hint,
    /// What only some failures have.
    more: Box<More>,
}

/// What only some failures have.
#[derive(Debug, Default)]
struct More {
    /// Mistakes in models.
    findings: Vec<Finding>,
    /// What is in the way.
    refusals: Vec<Refusal>,
    /// Who holds the lock.
    holder: Option<Holder>,
    /// The process that must let go of it first.
    in_the_way: Option<u32>,
    /// What a program wrote before it failed.
    output: Vec<String>,
    /// The operation that did not begin, as a report.
    operation: Option<(Report, Option<Environment>)>,
}

impl Failure {
    /// A failure in words.
    pub(super) fn new(code: u8, message: impl Into<String>, hint: impl Into<Hint>) -> Failure {
        Failure { code, message: message.into(), hint: hint.into(), ..Failure::default() }
    }

    /// What an environment shares with another one and must not.
    pub(super) fn shared(id: &str, findings: Vec<Finding>) -> Failure {
        Failure {
            code: exit::CONFIGURATION,
            message: match findings.iter().all(Shared::is_unknown) {
                true => format!("failed to see what {id} shares with other environments"),
                false => format!("{id} shares with another environment what it must not"),
            },
            more: Box::new(More { findings, ..More::default() }),
            ..Failure::default()
        }
    }

    /// The mistakes in models that keep us from doing anything.
    pub(super) fn models(findings: &[Finding]) -> Failure {
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
        Failure {
            code: exit::CONFIGURATION,
            message: format!("the models have {}", super::style::count(errors, "mistake")),
            hint: hint!(
                "mend what is said above first; ",
                hint::command(["check"]),
                " shows it again"
            ),
            more: Box::new(More { findings: findings.to_vec(), ..More::default() }),
        }
    }

    /// The same, of an operation that did not begin: JSON ends with its report all the same.
    pub(super) fn of_operation(
        mut self,
        report: Report,
        environment: Option<&Environment>,
    ) -> Failure {
        let report = Report { error: Some(self.message.clone()), ..report };
        if let Some((pid, site)) = self.more.in_the_way.zip(environment.map(Environment::id)) {
            let way = ["recover", "--env", &site, "--take-over", &pid.to_string()];
            let way = hint!("; where it hangs for good, ", hint::command(way), " ends it");
            self.hint = self.hint.and(way);
        }
        self.more.operation = Some((report, environment.cloned()));
        self
    }

    /// Tells it; returns the exit code.
    pub(super) fn tell(&self, context: &mut Context<'_>) -> u8 {
        let now = context.host.now();
        for finding in &self.more.findings {
            context.screen.line(&Line::new("finding", Origin::new(now, None), finding));
        }
        let text = self.render(context.program);
        context.screen.aside(&text);
        let (hint, refusals, exit_code) = (self.first_hint(), &*self.more.refusals, self.code);
        match &self.more.operation {
            Some((report, environment)) => {
                let (origin, holder) =
                    (Origin::new(now, environment.as_ref()), self.more.holder.as_ref());
                let body = NotBegun { report, hint, holder, refusals, exit_code };
                context.screen.line(&Line::new("report", origin, body));
            }
            None => {
                let body = Failed { error: &self.message, hint, refusals, exit_code };
                context.screen.line(&Line::new("error", Origin::new(now, None), body));
            }
        }
        self.code
    }

    /// For people.
    fn render(&self, program: &str) -> String {
        let mut text = String::new();
        for finding in &self.more.findings {
            text += &render_finding(finding, program);
        }
        for refusal in &self.more.refusals {
            text += &error_line(&refusal.message, &refusal.code);
            text += &help_line(&refusal.hint, program);
        }
        if self.more.refusals.is_empty() {
            text += &error_line(&self.message, "");
        }
        for line in &self.more.output {
            text += &format!("  {}\n", paint(DIM, harmless(line)));
        }
        text + &help_line(&self.hint, program)
    }

    fn first_hint(&self) -> &Hint {
        let first = self.more.refusals.first().map(|refusal| &refusal.hint);
        first.filter(|_| self.hint.is_empty()).unwrap_or(&self.hint)
    }
}

fn error_line(message: &str, code: &str) -> String {
    let code = if code.is_empty() { String::new() } else { paint(DIM, format!(" [{code}]")) };
    format!("{} {message}{code}\n", paint(BAD, "error:"))
}

/// What to do about something, on a line of its own; nothing when there is nothing to say.
pub(super) fn help_line(hint: &Hint, program: &str) -> String {
    match hint.is_empty() {
        true => String::new(),
        false => format!("  {} {}\n", paint(DIM, "help:"), hint.shown(program)),
    }
}

/// A finding with its place and its remedy.
pub(super) fn render_finding(finding: &Finding, program: &str) -> String {
    let severity = match finding.severity {
        Severity::Error => paint(BAD, "error:"),
        Severity::Warning => paint(WARN, "warning:"),
    };
    let code = paint(DIM, format!("[{}]", finding.code));
    let first = format!("{}: {severity} {} {code}\n", finding.place, finding.message);
    first + &help_line(&finding.hint, program)
}

impl From<SelectError> for Failure {
    fn from(error: SelectError) -> Failure {
        match error {
            SelectError::Broken { findings, .. } => Failure::models(&findings),
            SelectError::Missing { .. } => {
                Failure::new(exit::USAGE, error.to_string(), "name it with --env")
            }
            SelectError::Unknown { .. } | SelectError::Ambiguous { .. } => {
                Failure::new(exit::USAGE, error.to_string(), "")
            }
        }
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Failure {
        Failure::new(exit::FAILED, chain(&error), "")
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::new(exit::FAILED, chain(&error), "")
    }
}

impl From<OperateError> for Failure {
    fn from(error: OperateError) -> Failure {
        let mut failure = Failure::new(exit::of_error(&error), chain(&error), "");
        match error {
            OperateError::Refused(refusals) => failure.more.refusals = refusals,
            OperateError::Journal(JournalError::Locked(holder)) => {
                failure.more.holder = holder.map(|holder| *holder);
                failure.more.in_the_way = failure.more.holder.as_ref().map(|holder| holder.pid);
                failure.hint = "wait for it with --wait 5m, or try again later".into();
            }
            OperateError::Journal(JournalError::Overtaken(holder)) => {
                failure.more.holder = holder.map(|holder| *holder);
                failure.hint = hint!("nothing was changed since; see ", hint::command(["status"]));
            }
            OperateError::Changed(_) => {
                let plan = hint::command(["plan", "--out"]);
                failure.hint = hint!("nothing was changed; read a new plan: ", plan);
            }
            OperateError::Source(SourceError::Git { output, .. }) => {
                failure.more.output = output.tail(LINES);
                let hint = "mend the source, or what the model says of it below [source]";
                failure.hint = hint.into();
            }
            OperateError::Source(_)
            | OperateError::Journal(JournalError::Host(_))
            | OperateError::Host(_) => {}
        }
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;

    fn plain(failure: &Failure) -> String {
        anstream::adapter::strip_str(&failure.render("cargo xtask")).to_string()
    }

    #[test]
    fn refusals_are_all_told_each_with_its_remedy() {
        let failure = Failure::from(OperateError::Refused(vec![
            Refusal::new("port-held", "port 80 of web is held by pid 1 (nginx)", "stop it"),
            Refusal::new(
                "no-previous",
                "there is no release",
                hint!("see ", hint::command(["releases"])),
            ),
        ]));
        assert_eq!(failure.code, exit::FAILED);
        insta::assert_snapshot!(plain(&failure), @r"
        error: port 80 of web is held by pid 1 (nginx) [port-held]
          help: stop it
        error: there is no release [no-previous]
          help: see `cargo xtask releases`
        ");
    }

    #[test]
    fn a_held_lock_names_its_holder_and_how_to_wait() {
        let holder = Some(Box::new(samples::holder()));
        let failure = Failure::from(OperateError::Journal(JournalError::Locked(holder)));
        let report = samples::report(crate::event::Outcome::Failed);
        let failure = failure.of_operation(report, Some(&samples::environment()));
        assert_eq!(failure.code, exit::LOCKED, "(ALL-03)");
        insta::assert_snapshot!(plain(&failure), @r"
        error: another deploy is at work: deploy of operator@node1 (pid 4711) since 2026-11-21T01:10:37.000Z: `helionyx-deploy deploy --env live`
          help: wait for it with --wait 5m, or try again later; where it hangs for good, `cargo xtask recover --env sample/local --take-over 4711` ends it
        ");
    }

    #[test]
    fn a_missing_or_unknown_environment_is_a_usage_error_that_names_the_choices() {
        let choices = vec!["dev".to_owned(), "staging".to_owned(), "live".to_owned()];
        let missing = Failure::from(SelectError::Missing { choices: choices.clone() });
        let unknown = Failure::from(SelectError::Unknown {
            wanted: "prod".into(),
            meant: None,
            choices: choices.clone(),
        });
        for failure in [missing, unknown] {
            assert_eq!(failure.code, exit::USAGE, "(HEL-35)");
            assert!(plain(&failure).contains("dev, staging, live"), "(HEL-35)");
        }
    }

    #[test]
    fn an_operation_that_did_not_begin_ends_with_a_report_in_json() {
        let holder = samples::holder();
        let report = samples::report(crate::event::Outcome::Failed);
        let body = NotBegun {
            report: &report,
            hint: &"wait".into(),
            holder: Some(&holder),
            refusals: &[],
            exit_code: 5,
        };
        let environment = samples::environment();
        let origin = Origin::new(samples::time(), Some(&environment));
        let line = serde_json::to_value(Line::new("report", origin, body)).unwrap();
        for (key, value) in [
            ("event", "report"),
            ("app", "sample"),
            ("environment", "local"),
            ("outcome", "failed"),
            ("hint", "wait"),
            ("operation", "deploy"),
        ] {
            assert_eq!(line[key], value, "{key}");
        }
        assert_eq!(line["holder"]["pid"], 4711);
        assert_eq!(line["exit_code"], 5);
    }
}
