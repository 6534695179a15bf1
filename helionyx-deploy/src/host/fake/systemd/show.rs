//! What `systemctl show` says of units. No I/O.

use std::fmt::Write as _;

use super::{Machine, RunResult, State};
use crate::command::ExitStatus;
use crate::name::UnitName;

impl State {
    /// What `ActiveState` and `SubState` say.
    pub(super) fn words(self) -> (&'static str, &'static str) {
        match self {
            State::Inactive => ("inactive", "dead"),
            State::Failed => ("failed", "failed"),
            State::Running => ("active", "running"),
            State::AtWork => ("activating", "start"),
            State::Stopping { .. } => ("deactivating", "stop-sigterm"),
            State::Waiting { .. } => ("activating", "auto-restart"),
            State::Ticking => ("active", "waiting"),
        }
    }
}

impl RunResult {
    fn word(self) -> &'static str {
        match self {
            RunResult::Success => "success",
            RunResult::ExitCode => "exit-code",
            RunResult::Signal => "signal",
            RunResult::Timeout => "timeout",
            RunResult::Resources => "resources",
            RunResult::StartLimitHit => "start-limit-hit",
        }
    }
}

impl Machine {
    /// A block of `Key=value` about a unit.
    pub(super) fn show(&mut self, name: &UnitName) -> String {
        self.know(name);
        let (file_state, needs_reload) = (self.file_state(name), self.needs_reload(name));
        let unit = self.know(name);
        let (active, sub) = unit.state.words();
        let load = unit.loaded.as_ref().map_or("not-found", super::Loaded::word);
        let (code, status) = match unit.ended {
            None => (0, 0),
            Some(ExitStatus::Signal(signal)) => (2, signal),
            Some(ExitStatus::Code(status)) => (1, status),
            Some(ExitStatus::TimedOut | ExitStatus::Interrupted) => (2, 9),
        };
        let invocation = match unit.invocation {
            0 => String::new(),
            number => format!("{number:032x}"),
        };
        let main_pid = unit.main.map_or(0, |key| key.pid);
        let mut text = String::new();
        let mut say = |key: &str, value: &dyn std::fmt::Display| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{key}={value}");
        };
        say("Id", name);
        say("LoadState", &load);
        say("ActiveState", &active);
        say("SubState", &sub);
        say("UnitFileState", &file_state);
        say("NeedDaemonReload", &if needs_reload { "yes" } else { "no" });
        say("MainPID", &main_pid);
        say("NRestarts", &unit.restarts);
        say("InvocationID", &invocation);
        say("Result", &unit.result.word());
        say("ExecMainCode", &code);
        say("ExecMainStatus", &status);
        say("Job", &unit.job.map_or("", |_| "1"));
        if let Some(loaded) = &unit.loaded {
            let drop_ins: Vec<&str> = loaded.drop_ins.iter().map(|path| path.as_str()).collect();
            say("FragmentPath", &loaded.path);
            say("DropInPaths", &drop_ins.join(" "));
        }
        if let Some(loaded) = unit.loaded.as_ref().filter(|loaded| !loaded.is_timer()) {
            say("User", &loaded.service("User"));
            say("WorkingDirectory", &loaded.service("WorkingDirectory"));
            for file in loaded.environment_files() {
                let ignores = if file.optional { "yes" } else { "no" };
                say("EnvironmentFiles", &format!("{} (ignore_errors={ignores})", file.path));
            }
            if let Some(command) = loaded.command() {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let words: Vec<String> = command.argv.iter().map(|word| text(word)).collect();
                let (path, words) = (text(&command.path), words.join(" "));
                let shown =
                    format!("{{ path={path} ; argv[]={words} ; flags= ; start_time=[n/a] }}");
                say("ExecStartEx", &shown);
            }
        }
        text
    }
}
