//! `apply`: carries out a plan that `plan --out` has kept, if nothing has changed since.

use camino::Utf8PathBuf;
use clap::Args;

use crate::event::chain;
use crate::hint;
use crate::host::Look as _;
use crate::operate::{Goal, Saved};

use super::change::{Manner, Site, change};
use super::{Context, Failure, exit, models};

/// The largest plan that is read, in bytes.
const LIMIT: u64 = 64 * 1024 * 1024;

/// Carries out a plan that was kept by `plan --out`, as it was read, or not at all.
///
/// Where the host, the models or the source have changed since, it changes nothing, says what has,
/// and exits 3. A branch that has moved on is no change: the plan names its commit.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} plan --env live --out live.plan
  {program} apply live.plan
  {program} apply live.plan --wait 5m")]
pub struct Apply {
    /// The file with the plan
    file: Utf8PathBuf,
    #[command(flatten)]
    manner: Manner,
}

impl Apply {
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        let path = models::current_directory()?.join(&self.file);
        let unreadable = |why: String| {
            let message = format!("failed to read the plan `{}`: {why}", self.file);
            let plan = hint::command(["plan", "--env", "…", "--out", "FILE"]);
            Failure::new(exit::USAGE, message, hint!("make one with ", plan))
        };
        let text = context.host.read(&path, LIMIT);
        let text = text.map_err(|error| unreadable(chain(&error.source)))?;
        let saved = Saved::parse(&text).map_err(unreadable)?;
        let site = Site { env: Some(saved.id()) };
        change(context, &site, &Goal::Apply(Box::new(saved)), &self.manner)
    }
}
