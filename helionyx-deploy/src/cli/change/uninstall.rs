//! `uninstall`: takes back what setup and deploys made.

use std::io::BufRead as _;

use clap::Args;

use super::{Manner, Site, change_one_of};
use crate::cli::{Context, Failure, Models, exit};
use crate::model::Environment;
use crate::operate::Goal;
use crate::plan::Leaving;

/// Takes back what setup and deploys made: units, releases, what recovers them, the program itself
/// when no other environment needs it.
///
/// What is the operator's stays: data, backups, the secrets, the user that they belong to, and the
/// record of what was done. With --purge these go as well; then the name of the environment must be
/// typed, on standard input.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} uninstall --env dev --dry-run
  {program} uninstall --env dev
  {program} uninstall --env dev --purge")]
pub struct Uninstall {
    #[command(flatten)]
    site: Site,
    /// Remove data, backups, secrets, user and record, too
    #[arg(long)]
    purge: bool,
    #[command(flatten)]
    manner: Manner,
}

impl Uninstall {
    pub(in crate::cli) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        let leaving = if self.purge { Leaving::Nothing } else { Leaving::Data };
        let models = Models::load(context.global).and_then(|models| {
            if self.purge && !self.manner.dry_run {
                let chosen = models.here(self.site.env.as_deref(), &context.machine())?;
                confirm(context, chosen)?;
            }
            Ok(models)
        });
        change_one_of(context, models, &self.site, &Goal::Uninstall(leaving), &self.manner)
    }
}

/// Has the name typed of what is about to be lost.
fn confirm(context: &mut Context<'_>, environment: &Environment) -> Result<(), Failure> {
    let id = environment.id();
    let (data, backups) = (&environment.layout.data, &environment.backups);
    context.screen.aside(&format!(
        "this removes all data of {id}, {data} and {backups}, its secrets, its user and its record\n\
         type {id} to go on:\n"
    ));
    let mut typed = String::new();
    std::io::stdin().lock().read_line(&mut typed).map_err(Failure::from)?;
    match typed.trim() == id {
        true => Ok(()),
        false => {
            let message = format!("{id} was not typed: nothing was removed");
            let hint = format!("type {id}, or leave --purge out: then data stays");
            Err(Failure::new(exit::USAGE, message, hint))
        }
    }
}
