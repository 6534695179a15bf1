//! Settings of a service that contradict each other, or do not do what they seem to. No I/O.

use std::time::Duration;

use super::number::{boolean, parse_span, whole};
use super::{Code, Linter, Policy, Severity};

/// Checks a service as a whole.
pub fn check(lint: &Linter<'_>) {
    if lint.is_drop_in {
        // The rest stands in the unit's own file.
        if lint.own("User").is_some() {
            root(lint);
        }
        return;
    }
    starts(lint);
    contradictions(lint);
    watchdog(lint);
    restart(lint);
    root(lint);
}

/// The type that counts: it depends on what else is set.
fn service_type<'a>(lint: &Linter<'a>) -> &'a str {
    match lint.own("Type") {
        Some(at) => at.value.as_str(),
        None if lint.own("BusName").is_some() => "dbus",
        None if lint.own("ExecStart").is_none() => "oneshot",
        None => "simple",
    }
}

fn starts(lint: &Linter<'_>) {
    let starts = super::commands::started(lint);
    if starts.len() > 1 && service_type(lint) != "oneshot" {
        let message = "a second `ExecStart`: systemd refuses the unit";
        let hint = "write `ExecStart=` before it to replace the first, or `Type=oneshot`";
        lint.error(starts[1], Code::Contradiction, message, hint);
    }
    let stays = lint.own("RemainAfterExit").is_some_and(|at| boolean(&at.value) == Some(true));
    let stops = !lint.unit.list("Service", "ExecStop").is_empty();
    let action = lint.unit.last("Unit", "SuccessAction").is_some();
    let oneshot = service_type(lint) == "oneshot";
    let allowed = oneshot && (action || stops && stays);
    if lint.unit.list("Service", "ExecStart").is_empty() && !allowed {
        let line = lint.unit.sections.iter().find(|header| header.name == "Service");
        let line = line.map_or(0, |header| header.line);
        let message = "no `ExecStart`: systemd refuses the unit";
        lint.error(line, Code::Contradiction, message, "add `ExecStart=/path/to/program`");
    }
}

fn contradictions(lint: &Linter<'_>) {
    let kind = service_type(lint);
    let refuse = |key: &str, message: &str, hint: &str| {
        let line = lint.own(key_of(key)).map_or(0, |at| at.line);
        lint.error(line, Code::Contradiction, message, hint);
    };
    if kind == "dbus" && lint.own("BusName").is_none() {
        refuse("Type", "`Type=dbus` without `BusName`: systemd refuses the unit", "add `BusName=`");
    }
    let restart = lint.own("Restart").map_or("no", |at| at.value.as_str());
    if kind == "oneshot" && matches!(restart, "always" | "on-success") {
        let message = "a oneshot service cannot restart after success: systemd refuses the unit";
        refuse("Restart", message, "write `Restart=on-failure`");
    }
    let cgroup = lint.own("ExitType").is_some_and(|at| at.value == "cgroup");
    if cgroup && matches!(kind, "oneshot" | "forking") {
        let message = "`ExitType=cgroup` does not go with this type: systemd refuses the unit";
        refuse("ExitType", message, "remove it");
    }
    if kind == "oneshot" && lint.own("RuntimeMaxSec").is_some() {
        let message = "`RuntimeMaxSec` has no effect on a oneshot service";
        refuse("RuntimeMaxSec", message, "use `TimeoutStartSec`");
    }
    let extra =
        lint.own("RuntimeRandomizedExtraSec").filter(|_| lint.own("RuntimeMaxSec").is_none());
    if extra
        .and_then(|at| parse_span(&at.value).ok())
        .is_some_and(|span| span != Some(Duration::ZERO))
    {
        let message = "`RuntimeRandomizedExtraSec` has no effect without `RuntimeMaxSec`";
        refuse("RuntimeRandomizedExtraSec", message, "add `RuntimeMaxSec=`");
    }
}

/// The key with the life of the program, as lookups want it.
fn key_of(key: &str) -> &'static str {
    ["Type", "Restart", "ExitType", "RuntimeMaxSec", "RuntimeRandomizedExtraSec"]
        .into_iter()
        .find(|known| *known == key)
        .unwrap_or_default()
}

/// A watchdog needs a service that says it is alive.
fn watchdog(lint: &Linter<'_>) {
    let Some(at) = lint.own("WatchdogSec") else { return };
    let off = parse_span(&at.value).is_ok_and(|span| span.is_none_or(|span| span.is_zero()));
    let notifies = matches!(service_type(lint), "notify" | "notify-reload" | "dbus");
    let access = lint.own("NotifyAccess").is_some_and(|at| at.value != "none");
    if !off && !notifies && !access {
        let message = "`WatchdogSec` kills a service that never says it is alive";
        lint.warning(
            at.line,
            Code::Watchdog,
            message,
            "use `Type=notify`, and notify from the program",
        );
    }
}

/// A time as systemd understands it, or its default.
fn span(lint: &Linter<'_>, section: &str, keys: [&str; 2], default: Duration) -> Duration {
    let found = keys.iter().find_map(|key| lint.unit.last(section, key));
    let found = found.and_then(|at| parse_span(&at.value).ok());
    found.map_or(default, |span| span.unwrap_or(Duration::MAX))
}

fn restart(lint: &Linter<'_>) {
    let Some(at) = lint.own("Restart") else { return };
    let default = Duration::from_millis(100);
    let pause = span(lint, "Service", ["RestartSec", "RestartSec"], default);
    if at.value == "always" && pause.is_zero() {
        let message = "`Restart=always` without a pause: it uses up its starts within moments";
        lint.warning(at.line, Code::RestartLoop, message, "write e.g. `RestartSec=2`");
    }
    let keys = ["StartLimitIntervalSec", "StartLimitInterval"];
    let interval = span(lint, "Unit", keys, Duration::from_secs(10));
    let burst = lint.unit.last("Unit", "StartLimitBurst");
    let burst: u32 =
        burst.and_then(|at| whole(&at.value)).unwrap_or(5).try_into().unwrap_or(u32::MAX);
    let endless = pause.checked_mul(burst).is_none_or(|time| time >= interval);
    if lint.options.policy == Policy::Deployed && at.value != "no" && endless {
        let message = format!(
            "the start limit ({burst} in {} s) is never reached: a broken service restarts for ever",
            interval.as_secs()
        );
        let hint = "set a longer `StartLimitIntervalSec` in [Unit]";
        lint.error(at.line, Code::Endless, message, hint);
    }
}

fn root(lint: &Linter<'_>) {
    let hint = "set `User=` to a user of its own";
    let is_meant = |exec: &str| {
        let program = exec.trim_start_matches('"');
        lint.options.may_be_root.iter().any(|dir| program.starts_with(dir.as_str()))
    };
    match lint.own("User") {
        Some(_) if lint.own("ExecStart").is_some_and(|at| is_meant(&at.value)) => {}
        Some(at) if at.value == "root" || at.value == "0" => {
            let severity = match lint.options.policy {
                Policy::Deployed => Severity::Error,
                Policy::Meaning => Severity::Warning,
            };
            let message = "the service runs as root".to_owned();
            lint.find(severity, at.line, Code::Root, message, hint);
        }
        Some(_) => {}
        None => {
            let dynamic = lint.own("DynamicUser").and_then(|at| boolean(&at.value));
            if lint.options.policy == Policy::Deployed && dynamic != Some(true) {
                lint.error(0, Code::Root, "no `User`: the service runs as root", hint);
            }
        }
    }
}
