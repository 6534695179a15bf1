//! Medians, ratios and goals, for people and for programs. No I/O.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::measure::Took;

/// All that was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// How often each was measured.
    pub repetitions: u32,
    /// For how long a service must stay healthy before it is proven.
    pub window_ms: f64,
    /// What was measured.
    pub rows: Vec<Row>,
    /// Where the time of a deploy of other code goes: the median of each step, in milliseconds.
    pub steps: Vec<(String, f64)>,
}

/// What is to be reached.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// So many milliseconds.
    Under {
        /// How many.
        ms: f64,
    },
    /// Beyond the window, so many times the floor of the same repetition.
    Beside {
        /// How many times.
        times: f64,
    },
}

/// One thing that was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    name: &'static str,
    median_ms: f64,
    fastest_ms: f64,
    slowest_ms: f64,
    floor_ms: Option<f64>,
    /// How many times the floor of the same repetition, beyond the window: the median of all.
    ratio: Option<f64>,
    goal: Option<Goal>,
    goal_ms: Option<f64>,
    is_met: Option<bool>,
}

impl Row {
    /// What was measured; what the floor took in the same repetitions, and the window in which a
    /// service had to stay healthy; and what is to be reached.
    pub fn new(
        name: &'static str,
        took: &[Took],
        (floor, window_ms): (&[Took], f64),
        goal: Option<Goal>,
    ) -> Row {
        // A machine is slow and fast by turns: what was measured together is compared.
        let ratios = took.iter().zip(floor).map(|(took, floor)| (took.ms - window_ms) / floor.ms);
        let ratio = median(&sorted(ratios));
        let of = |all: &[Took]| sorted(all.iter().map(|took| took.ms));
        let (took, floor) = (of(took), median(&of(floor)));
        let median_ms = median(&took).unwrap_or(f64::NAN);
        let (goal_ms, is_met) = match goal {
            None => (None, None),
            Some(Goal::Under { ms }) => (Some(ms), Some(median_ms <= ms)),
            Some(Goal::Beside { times }) => {
                (floor.map(|floor| times * floor + window_ms), ratio.map(|ratio| ratio <= times))
            }
        };
        Row {
            name,
            median_ms,
            fastest_ms: took.first().copied().unwrap_or(f64::NAN),
            slowest_ms: took.last().copied().unwrap_or(f64::NAN),
            floor_ms: floor,
            ratio,
            goal,
            goal_ms,
            is_met,
        }
    }
}

fn sorted(all: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut all: Vec<f64> = all.collect();
    all.sort_by(f64::total_cmp);
    all
}

/// The one in the middle, or between the two that are.
fn median(sorted: &[f64]) -> Option<f64> {
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted.get((sorted.len() - 1) / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

/// The median of each step of deploys, in the order of the plan.
pub fn steps(deploys: &[Took]) -> Vec<(String, f64)> {
    let mut all: BTreeMap<(u64, String), Vec<f64>> = BTreeMap::new();
    for deploy in deploys {
        let mut names = BTreeMap::new();
        for line in &deploy.lines {
            let index = line["index"].as_u64().unwrap_or_default();
            match (step_name(&line["step"]), line["duration_ms"].as_f64()) {
                (Some(name), _) => drop(names.insert(index, name)),
                (None, Some(ms)) if line["event"] == "step-finished" => {
                    let name = names.remove(&index).unwrap_or_default();
                    all.entry((index, name)).or_default().push(ms);
                }
                _ => {}
            }
        }
    }
    let middle = |all: Vec<f64>| median(&sorted(all.into_iter())).unwrap_or_default();
    all.into_iter().map(|((_, name), all)| (name, middle(all))).collect()
}

fn step_name(step: &Value) -> Option<String> {
    let (kind, of) = step.as_object()?.iter().next()?;
    let build = of["build"]["name"].as_str();
    Some(build.map_or_else(|| kind.clone(), |name| format!("{kind} {name}")))
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: Option<f64>| value.map_or("-".to_owned(), |ms| format!("{ms:.0} ms"));
        writeln!(
            f,
            "{:<38} {:>10} {:>19} {:>10} {:>7} {:>10}",
            "median", "", "fastest to slowest", "floor", "ratio", "goal"
        )?;
        for row in &self.rows {
            let range = format!("{:.0} to {:.0} ms", row.fastest_ms, row.slowest_ms);
            let ratio = row.ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
            let verdict = match row.is_met {
                Some(true) => "  met",
                Some(false) => "  not met",
                None => "",
            };
            writeln!(
                f,
                "{:<38} {:>10} {range:>19} {:>10} {ratio:>7} {:>10}{verdict}",
                row.name,
                shown(Some(row.median_ms)),
                shown(row.floor_ms),
                shown(row.goal_ms),
            )?;
        }
        let Table { repetitions, window_ms, .. } = self;
        writeln!(
            f,
            "\n{repetitions} repetitions. The ratio is what a deploy or rollback takes beyond the window of \
             {window_ms:.0} ms, in which the service must stay healthy, to the floor of the same \
             repetition; of all the median. The goal of a deploy of other code is a ratio of 1.25."
        )?;
        writeln!(f, "\nsteps of a deploy of other code")?;
        for (name, ms) in self.steps.iter().filter(|(_, ms)| *ms >= 1.0) {
            writeln!(f, "{name:<38} {ms:>7.0} ms")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn took(all: &[f64]) -> Vec<Took> {
        all.iter().map(|ms| Took { ms: *ms, lines: Vec::new() }).collect()
    }

    #[test]
    fn a_goal_beside_the_floor_is_met_up_to_its_multiple_and_the_window() {
        let goal = Goal::Beside { times: 1.25 };
        for (measured, floor, is_met) in [
            (&[9000.0, 4250.0, 4000.0][..], &[1000.0, 1000.0, 1000.0][..], Some(true)),
            (&[4251.0], &[1000.0], Some(false)),
            // Slow and fast by turns.
            (&[4000.0, 5500.0, 4000.0], &[800.0, 2000.0, 800.0], Some(true)),
            (&[4000.0], &[], None),
        ] {
            let floor = (&took(floor)[..], 3000.0);
            let row = Row::new("deploy", &took(measured), floor, Some(goal));
            assert_eq!(row.is_met, is_met, "{measured:?} beside {floor:?}");
        }
    }

    #[test]
    fn steps_are_named_by_what_they_do_in_the_order_of_the_plan() {
        let lines = |build: u64, start: u64| {
            let build_step = json!({"build": {"build": {"name": "venv"}}});
            vec![
                json!({"event": "step-started", "index": 2, "step": build_step}),
                json!({"event": "step-finished", "index": 2, "duration_ms": build}),
                json!({"event": "step-started", "index": 10, "step": {"start-service": {}}}),
                json!({"event": "step-finished", "index": 10, "duration_ms": start}),
            ]
        };
        let deploys = [(30, 7), (10, 9), (20, 8)]
            .map(|(build, start)| Took { ms: 0.0, lines: lines(build, start) });
        let expected = [("build venv".to_owned(), 20.0), ("start-service".to_owned(), 8.0)];
        assert_eq!(steps(&deploys), expected);
    }
}
