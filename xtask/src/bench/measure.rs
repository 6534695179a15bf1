//! Does what is measured, on the node, and takes the time there. Does I/O.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::site::{Site, WORK};

/// The floor, and where it lies on the node.
const FLOOR: (&str, &[u8]) = ("/srv/site/floor.sh", include_bytes!("floor.sh"));
/// Runs what follows after so many seconds, which must end well, and says in front of what it wrote how
/// long it took.
const TIMED: &str = "cd /srv/site/project; sleep \"$0\"; begin=$(date +%s%N); \"$@\" > /run/wrote 2> /run/said; \
                     code=$?; end=$(date +%s%N); [ $code = 0 ] || { cat /run/wrote /run/said >&2; exit 1; }; \
                     echo $((end - begin)); cat /run/wrote";
/// The service looks ten times a second whether it is to end: without a pause of another length in each
/// round, all stops of a run would be quick, or all slow. Steps of the golden ratio fill the time between
/// two looks evenly, however few there are.
const PHASE: f64 = 0.618;

/// How long something took, and what it wrote.
#[derive(Clone, Debug)]
pub struct Took {
    /// In milliseconds.
    pub ms: f64,
    /// What a command of the tool wrote, line by line; nothing for the floor.
    pub lines: Vec<Value>,
}

/// The node, and what was measured so far.
pub struct Bench {
    site: Site,
    /// The round at hand.
    round: u32,
    /// The window in which a service must stay healthy, as a plan says it.
    pub window_ms: Option<f64>,
    /// Deploys of other code with the same dependencies.
    pub deploys: Vec<Took>,
    /// The same by direct commands.
    pub floor_deploys: Vec<Took>,
    /// Deploys with nothing to do.
    pub unchanged: Vec<Took>,
    /// Looks at all environments.
    pub statuses: Vec<Took>,
    /// Ways back to the release before.
    pub rollbacks: Vec<Took>,
    /// The same by direct commands.
    pub floor_rollbacks: Vec<Took>,
}

impl Bench {
    /// Three environments that run, and the floor beside them.
    pub fn new(site: Site) -> Result<Bench> {
        let bench = Bench {
            site,
            round: 0,
            window_ms: None,
            deploys: Vec::new(),
            floor_deploys: Vec::new(),
            unchanged: Vec::new(),
            statuses: Vec::new(),
            rollbacks: Vec::new(),
            floor_rollbacks: Vec::new(),
        };
        for environment in ["dev", "staging", "live"] {
            bench.site.set_up(environment)?;
            bench.tool(&["deploy", "--env", environment], "deployed")?;
        }
        bench.site.write(FLOOR.0, FLOOR.1)?;
        bench.site.run(&["sh", FLOOR.0, "setup"])?;
        Ok(bench)
    }

    /// Measures everything once.
    pub fn round(&mut self, number: u32) -> Result<()> {
        self.round = number;
        let name = number.to_string();
        let app = format!("{WORK}/code/services/api/app.py");
        self.site.run(&["sh", "-c", "echo \"# $1\" >> \"$2\"", "sh", &name, &app])?;
        let commit = self.site.commit(&name)?;
        let floor = self.timed(&["sh", FLOOR.0, "deploy", &name, &commit])?;
        self.floor_deploys.push(floor);
        let deploy = ["deploy", "--env", "live"];
        let deployed = self.tool(&deploy, "deployed")?;
        self.window_ms = self.window_ms.or(window(&deployed.lines));
        self.deploys.push(deployed);
        let unchanged = self.tool(&deploy, "unchanged")?;
        self.unchanged.push(unchanged);
        let status = self.timed(&["helionyx-deploy", "--json", "status"])?;
        let ready = status.lines.iter().filter(|line| line["ready"] == true).count();
        ensure!(ready == 3, "failed to see three environments ready: {:?}", status.lines);
        self.statuses.push(status);
        let before = (number - 1).to_string();
        let floor = self.timed(&["sh", FLOOR.0, "rollback", &before])?;
        self.floor_rollbacks.push(floor);
        let back = self.tool(&["rollback", "--env", "live"], "deployed")?;
        self.rollbacks.push(back);
        // Forward again, so that the next round begins as this one did.
        self.timed(&["sh", FLOOR.0, "rollback", &name])?;
        self.tool(&deploy, "deployed").map(drop)
    }

    /// A command of the tool, which must have this outcome.
    fn tool(&self, words: &[&str], outcome: &str) -> Result<Took> {
        let took = self.timed(&[&["helionyx-deploy", "--json"], words].concat())?;
        let report = took.lines.last().unwrap_or(&Value::Null);
        ensure!(report["outcome"] == outcome, "failed to {words:?}: {report}");
        Ok(took)
    }

    fn timed(&self, words: &[&str]) -> Result<Took> {
        let pause = format!("{:.3}", (f64::from(self.round) * PHASE).fract() / 10.0);
        let wrote = self.site.run(&[&["sh", "-c", TIMED, &pause], words].concat())?;
        let (nanoseconds, lines) = wrote.split_once('\n').unwrap_or((&wrote, ""));
        let lines = lines.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
        Ok(Took { ms: nanoseconds.parse::<f64>()? / 1e6, lines })
    }
}

/// What the plan says of the window.
fn window(lines: &[Value]) -> Option<f64> {
    let proof = |line: &Value| {
        line["step"]["prove-service"]["service"]["health"]["timing"]["stable_ms"].as_f64()
    };
    lines.iter().find_map(proof)
}
