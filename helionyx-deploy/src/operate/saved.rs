//! A plan that is kept, to be carried out as it was read, or not at all. Looks through `host`,
//! changes nothing.

use serde::{Deserialize, Serialize};

use super::planning::{self, Known, Planned, Request};
use super::{Force, Goal, OperateError};
use crate::digest::Digest;
use crate::host::{Host, HostError};
use crate::model::Environment;
use crate::plan::fingerprint::{Facts, differences, facts};
use crate::plan::step::FileStep;
use crate::plan::{Plan, Recipe, Step, Target};
use crate::release::{Actor, Origin};
use crate::source::Wish;
use crate::state::HostState;
use crate::time::Timestamp;

/// What a deploy would do, to be kept and carried out later ([`Goal::Apply`]): looks only.
///
/// # Errors
/// Why nothing could be planned.
pub fn save(
    host: &dyn Host,
    environment: &Environment,
    wish: &Wish,
    force: Force,
) -> Result<Saved, OperateError> {
    let goal = &Goal::Deploy { wish: wish.clone(), force };
    let request = Request { environment, others: &[], goal };
    Saved::new(planning::plan(host, request, Known::default())?)
}

/// The format of kept plans that this version writes.
pub const FORMAT: u32 = 1;

/// A plan of a deploy, with all that it was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The format.
    pub format: u32,
    /// When it was made.
    pub made_at: Timestamp,
    /// By whom, with which version of this tool.
    pub made_by: Actor,
    /// The digest of the environment's models.
    pub models: Digest,
    /// What the release is made from.
    pub recipe: Recipe,
    /// What was found on the host.
    pub found: Facts,
    /// The plan.
    pub plan: Plan,
}

impl Saved {
    /// The plan of a deploy with what it was made from.
    fn new(planned: Planned) -> Result<Saved, OperateError> {
        let Planned { found, desired, plan, .. } = planned;
        let Target::Built(recipe) = desired.target else {
            return Err(HostError::refused("keep", "the plan", "it makes no release").into());
        };
        Ok(Saved {
            format: FORMAT,
            made_at: recipe.at,
            made_by: recipe.by.clone(),
            models: digest(&desired.environment),
            found: facts(&desired.environment, &found),
            recipe,
            plan,
        })
    }

    /// A kept plan from its text.
    ///
    /// # Errors
    /// In words, when it is none that this version can carry out.
    pub fn parse(text: &[u8]) -> Result<Saved, String> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let format: Format = serde_json::from_slice(text)
            .map_err(|error| format!("it is no plan that `plan --out` has written: {error}"))?;
        if format.format != FORMAT {
            return Err(format!("its format is {}, this version reads {FORMAT}", format.format));
        }
        serde_json::from_slice(text).map_err(|error| error.to_string())
    }

    /// `app/environment`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.plan.site.app, self.plan.site.environment)
    }

    /// That all it was made from is as it was.
    ///
    /// # Errors
    /// All that is not.
    pub(super) fn check(
        &self,
        environment: &Environment,
        origin: Option<&Origin>,
        found: &HostState,
    ) -> Result<(), OperateError> {
        let mut changes = Vec::new();
        let tool = env!("CARGO_PKG_VERSION");
        if self.made_by.tool != tool {
            changes.push(format!("this tool: was `{}`, is `{tool}`", self.made_by.tool));
        }
        if self.models != digest(environment) {
            changes.push(format!("the models of {}: were others", environment.id()));
        }
        if let Some(origin) = origin.filter(|origin| **origin != self.recipe.origin) {
            changes.push(format!("the source: was `{}`, is `{origin}`", self.recipe.origin));
        }
        changes.extend(differences(&self.found, &facts(environment, found)));
        if changes.is_empty() { Ok(()) } else { Err(OperateError::Changed(changes)) }
    }

    /// That the plan which is made now is this one.
    ///
    /// # Errors
    /// That it is not: then somebody has edited the file.
    pub(super) fn check_plan(&self, now: &Plan) -> Result<(), OperateError> {
        // Whoever takes the lock makes the root first.
        let counts = |step: &&Step| !matches!(step, Step::Files(FileStep::CreateDirectory { path, .. }) if *path == now.site.layout.root);
        let same = self.plan.to == now.to
            && self.plan.site == now.site
            && self.plan.steps.iter().filter(counts).eq(now.steps.iter().filter(counts));
        if same {
            return Ok(());
        }
        let what =
            "the plan in the file was edited: the same models and the same host give another plan";
        Err(OperateError::Changed(vec![what.to_owned()]))
    }
}

/// Models have no form of their own to be stored in; this one is as good for telling that they
/// differ, within one version of this tool.
fn digest(environment: &Environment) -> Digest {
    Digest::of(format!("{environment:?}").as_bytes())
}
