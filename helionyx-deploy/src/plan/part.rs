//! A part of a plan, made by one decision and joined with the others. No I/O.

use super::{Refusal, Step};

/// Steps in their order, why they are needed, and what is in their way.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// What is done.
    pub steps: Vec<Step>,
    /// Why, for people.
    pub reasons: Vec<String>,
    /// States of the host that we may not repair.
    pub refusals: Vec<Refusal>,
}

impl Part {
    /// Adds a step.
    pub fn step(&mut self, step: impl Into<Step>) {
        self.steps.push(step.into());
    }

    /// Adds another part behind this one.
    pub fn then(&mut self, part: impl Into<Part>) {
        let Part { steps, reasons, refusals } = part.into();
        self.steps.extend(steps);
        self.reasons.extend(reasons);
        self.refusals.extend(refusals);
    }

    /// Whether a step of the part proves a service.
    pub fn proves(&self) -> bool {
        self.steps.iter().any(Step::is_proof)
    }
}

impl From<Vec<Step>> for Part {
    fn from(steps: Vec<Step>) -> Part {
        Part { steps, ..Part::default() }
    }
}

impl From<Vec<Refusal>> for Part {
    fn from(refusals: Vec<Refusal>) -> Part {
        Part { refusals, ..Part::default() }
    }
}

impl From<Option<Refusal>> for Part {
    fn from(refusal: Option<Refusal>) -> Part {
        Part::from(Vec::from_iter(refusal))
    }
}

impl From<Refusal> for Part {
    fn from(refusal: Refusal) -> Part {
        Part::from(vec![refusal])
    }
}
