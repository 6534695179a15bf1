//! `plan`, and what `--dry-run` of the other commands shows: the steps in words. Changes nothing.

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;

use crate::command::words;
use crate::event::Operation;
use crate::host::{Clock as _, Host as _};
use crate::isolation::neighbours;
use crate::model::Environment;
use crate::operate::{self, Goal};
use crate::plan;

use super::change::{self, Site, What};
use super::failure::render_finding;
use super::json::{Line, Origin, PlannedStep};
use super::style::{COMMAND, DIM, GOOD, Glyphs, STRONG, count, paint};
use super::{Context, Failure, Models, exit, models};

/// Says what a deploy would do, step by step, and changes nothing.
///
/// Exits 0 also when there is something to do.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} plan --env live
  {program} plan --env live --ref feature
  {program} plan --env live --json
  {program} plan --env live --out live.plan")]
pub struct Plan {
    #[command(flatten)]
    site: Site,
    #[command(flatten)]
    what: What,
    /// Keep the plan in this file, for `apply`
    #[arg(long, value_name = "FILE")]
    out: Option<Utf8PathBuf>,
}

impl Plan {
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        let models = Models::load(context.global)?;
        let environment = models.here_to_change(self.site.env.as_deref(), &context.machine())?;
        let environment = change::apart(context, &models, environment)?;
        let others = models.others_here(environment, &context.machine());
        match &self.out {
            Some(out) => self.keep(context, environment, &others, out),
            None => show(context, environment, &others, &self.what.goal()?),
        }
    }

    fn keep(
        &self,
        context: &mut Context<'_>,
        environment: &Environment,
        others: &[&Environment],
        out: &Utf8Path,
    ) -> Result<u8, Failure> {
        let path = models::current_directory()?.join(out);
        let (wish, force) = (self.what.wish()?, self.what.force());
        let saved = operate::save(&context.host, environment, &wish, force)?;
        let mut text = serde_json::to_vec_pretty(&saved).map_err(std::io::Error::from)?;
        text.push(b'\n');
        context.host.write(&path, &text, 0o644)?;
        tell(context, environment, others, Operation::Deploy, &saved.plan);
        let apply = format!("{} apply {}", context.program, words([&out.to_string()]));
        let command = paint(COMMAND, apply);
        context.screen.say(&format!("  next: {command}\n"));
        Ok(exit::DONE)
    }
}

/// What the last JSON line says.
#[derive(serde::Serialize)]
struct Summary<'a> {
    operation: Operation,
    count: usize,
    from: Option<&'a crate::name::ReleaseId>,
    to: Option<&'a crate::name::ReleaseId>,
    reasons: &'a [String],
}

/// Plans and shows the plan.
///
/// # Errors
/// Why nothing could be planned.
pub(super) fn show(
    context: &mut Context<'_>,
    environment: &Environment,
    others: &[&Environment],
    goal: &Goal,
) -> Result<u8, Failure> {
    let plan = operate::plan(&context.host, environment, goal)?;
    tell(context, environment, others, goal.operation(), &plan);
    Ok(exit::DONE)
}

/// Shows a plan, and what it would have systemd load of other environments.
pub(super) fn tell(
    context: &mut Context<'_>,
    environment: &Environment,
    others: &[&Environment],
    operation: Operation,
    plan: &plan::Plan,
) {
    let origin = Origin::new(context.host.now(), Some(environment));
    for (index, step) in plan.steps.iter().enumerate() {
        let body = PlannedStep { index: index + 1, text: step.to_string(), step };
        context.screen.line(&Line::new("step", origin, body));
    }
    let plan::Plan { from, to, reasons, steps, .. } = plan;
    let count = steps.len();
    let body = Summary { operation, count, from: from.as_ref(), to: to.as_ref(), reasons };
    context.screen.line(&Line::new("plan", origin, body));
    let title = format!("{operation} {}", environment.id());
    let mut text = render(plan, &title, context.screen.glyphs);
    for finding in neighbours::loaded_by(plan, &context.host, others) {
        context.screen.line(&Line::new("finding", origin, &finding));
        text += &render_finding(&finding, context.program);
    }
    context.screen.say(&text);
}

fn render(plan: &plan::Plan, title: &str, glyphs: Glyphs) -> String {
    if plan.is_empty() {
        return format!("{} {title}: nothing to do\n", paint(GOOD, glyphs.good));
    }
    let route = match (&plan.from, &plan.to) {
        (Some(from), Some(to)) if from != to => format!(": {from} {} {to}", glyphs.arrow),
        (None, Some(to)) => format!(": first release {to}"),
        _ => String::new(),
    };
    let mut text = format!("{}{route}\n", paint(STRONG, title));
    plan.reasons.iter().for_each(|reason| text += &format!("  {reason}\n"));
    let width = plan.steps.len().to_string().len();
    let mut noticed = false;
    for (index, step) in plan.steps.iter().enumerate() {
        if step.is_noticeable() && !noticed {
            noticed = true;
            let line = format!("  {} from here on services may notice {0}", glyphs.dash);
            text += &format!("{}\n", paint(DIM, line));
        }
        text += &format!("  {:>width$}. {step}\n", index + 1);
    }
    text + &format!("{}; nothing was changed\n", count(plan.steps.len(), "step"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{samples, style};

    fn plain(plan: &plan::Plan) -> String {
        let text = render(plan, "deploy sample/local", style::UNICODE);
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn a_plan_is_numbered_words_with_reasons_and_a_count() {
        insta::assert_snapshot!(plain(&samples::plan()), @r"
        deploy sample/local: first release 20261121T011037Z-aaaaaaa
          nothing is deployed yet
          1. begin release 20261121T011037Z-aaaaaaa
          — from here on services may notice —
          2. point current to 20261121T011037Z-aaaaaaa
          3. record 20261121T011037Z-aaaaaaa as verified
        3 steps; nothing was changed
        ");
    }

    #[test]
    fn an_empty_plan_is_nothing_to_do() {
        let plan = plan::Plan { steps: Vec::new(), ..samples::plan() };
        assert_eq!(plain(&plan), "✓ deploy sample/local: nothing to do\n");
    }
}
