//! All that can be wrong with a commit of the real stack: how the deploy of it ends, that the release
//! before answers again, that no event is lost, and that other environments are left alone.

use serde_json::Value;
use xtask::site::Ended;
use xtask::site::standin::Changes;

use super::{LOG, PORT, SOON, fingerprint, ingest, installable, write_models};
use crate::site::Site;

/// A commit with something wrong in it, and what comes of it.
struct Row {
    /// What the service does, by its file `fault`.
    fault: &'static str,
    /// What else is in the commit: a script in the directory of the good code.
    script: &'static str,
    /// What is different in the model.
    model: Changes<'static>,
    outcome: &'static str,
    code: i32,
    /// Words of the error.
    said: &'static str,
    /// For how long at least the proof went on before it failed.
    proof_ms: u64,
}

/// One that changes nothing but what the service does, and is taken back.
const ROW: Row = Row {
    fault: "none",
    script: "true",
    model: &[],
    outcome: "rolled-back",
    code: 6,
    said: "",
    proof_ms: 0,
};

/// The code of the first commit.
const GOOD: &str = "cd /srv/site/code && git checkout -q $(git rev-list --max-parents=0 HEAD) -- .";
const EXEC: &str = "{release}/.venv/bin/python\", \"-B\"";

static ROWS: [Row; 8] = [
    Row {
        fault: "sick",
        // The way back brings the dependencies back, too.
        script: "sed -i 's/tabulate==0.9.0/tabulate==0.8.10/' pyproject.toml",
        model: SOON,
        said: "/health answers 500",
        proof_ms: 20_000,
        ..ROW
    },
    Row { fault: "crash", said: "it ended with status 1", ..ROW },
    Row {
        fault: "crash-later",
        model: &[("stable_ms = 500", "stable_ms = 50000")],
        said: "of the 50.0 s that it must, then it ended with status 1",
        // It was healthy, and would have been taken for good.
        proof_ms: 1000,
        ..ROW
    },
    Row { fault: "mute", model: SOON, said: "/health: no whole answer", proof_ms: 20_000, ..ROW },
    Row {
        fault: "no such package",
        script: "sed -i 's/\"uvicorn\"/\"uvicorn\", \"helionyx-no-such-package\"/' pyproject.toml",
        outcome: "failed",
        code: 1,
        said: "helionyx-no-such-package",
        ..ROW
    },
    Row {
        fault: "no program",
        model: &[(EXEC, "{release}/.venv/bin/nothing\", \"-B\"")],
        outcome: "failed",
        code: 1,
        said: ".venv/bin/nothing",
        ..ROW
    },
    Row {
        fault: "no interpreter",
        script: "printf '#!/no/such/interpreter\\n' > run; chmod 755 run",
        model: &[(EXEC, "{release}/run\", \"-B\"")],
        said: "cannot be executed (status 203)",
        ..ROW
    },
    Row { fault: "slow", outcome: "deployed", code: 0, ..ROW },
];

#[test]
fn whatever_is_wrong_with_a_commit_the_release_before_answers_again_and_no_event_is_lost() {
    if !installable() {
        return;
    }
    let site = Site::standin("faults");
    site.deploy_first(&["dev", "live"]);
    for row in &ROWS {
        row.holds(&site);
    }
}

impl Row {
    fn holds(&self, site: &Site) {
        let fault = self.fault;
        ingest(site, PORT, &format!("before {fault}"));
        let (log, others) = (site.run(&["cat", LOG]), fingerprint(site, &["dev"]));
        let (answer, pid) = (site.answer(PORT), main_pid(site));
        write_models(site, self.model);
        site.run(&["sh", "-c", &format!("{GOOD} && {}", self.script)]);
        site.commit(fault);
        let ended = site.tool(&["deploy", "--env", "live"]);
        let report = ended.report();
        let expected = (self.code, &Value::from(self.outcome));
        assert_eq!((ended.code, &report["outcome"]), expected, "{fault}: {}", ended.stderr);
        let error = report["error"].as_str().unwrap_or_default();
        eprintln!("{fault}: {} after {} ms: {error}", self.outcome, report["duration_ms"]);
        assert!(error.contains(self.said), "HEL-84, HEL-101: {fault}: {report}");
        let failed = ended.lines.iter().find(|line| line["event"] == "step-failed");
        let proof_ms = failed.map_or(0, |line| line["duration_ms"].as_u64().unwrap());
        assert!(proof_ms >= self.proof_ms, "HEL-41: {fault}: {proof_ms} ms");
        self.runs_what_it_must(site, &ended, (&answer, &pid));
        assert!(site.run(&["cat", LOG]).starts_with(&log), "HEL-44, HEL-46, HEL-91: {fault}");
        assert_eq!(fingerprint(site, &["dev"]), others, "HEL-48: {fault}");
        assert_eq!(site.node.failed_units().unwrap(), "", "{fault}");
        write_models(site, &[]);
    }

    fn runs_what_it_must(&self, site: &Site, ended: &Ended, before: (&Value, &String)) {
        let (fault, report) = (self.fault, ended.report());
        let status = site.tool(&["status", "--env", "live"]);
        let line = &status.lines[0];
        let proven = (&line["release"], &line["running_release"]);
        assert_eq!(proven, (&report["release"], &report["release"]), "{fault}");
        let (answer, untouched) = (site.answer(PORT), main_pid(site) == *before.1);
        assert_eq!(answer["texts"], before.0["texts"], "HEL-46, HEL-89: {fault}");
        match self.code {
            0 => assert_ne!(answer["code"], before.0["code"], "HEL-42: {fault}"),
            _ => assert_eq!(&answer, before.0, "HEL-81, HEL-82, HEL-83, HEL-84: {fault}"),
        }
        assert_eq!(untouched, self.code == 1, "HEL-36: {fault}");
        for key in ["failed", "evidence"] {
            assert_eq!(
                report[key].is_string(),
                self.code != 0,
                "HEL-53, HEL-84: {fault}: {report}"
            );
        }
    }
}

fn main_pid(site: &Site) -> String {
    site.run(&["systemctl", "show", "-P", "MainPID", "helionyx"])
}
