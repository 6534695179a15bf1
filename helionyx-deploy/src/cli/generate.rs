//! `completions`, `man` and `schema`: made from the same descriptions as what they describe.

use camino::Utf8PathBuf;
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{BINARY, Cli, Context, Failure, exit, for_program};

/// Prints completions of `helionyx-deploy` for a shell.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} completions bash > ~/.local/share/bash-completion/completions/helionyx-deploy
  {program} completions fish > ~/.config/fish/completions/helionyx-deploy.fish
  {program} completions zsh > /usr/local/share/zsh/site-functions/_helionyx-deploy")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

/// Prints the manual page, or writes one for each command to a directory.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} man | man -l -
  {program} man --out /usr/local/share/man/man1")]
pub struct Man {
    /// Write the pages of all commands there instead
    #[arg(long, value_name = "DIR")]
    out: Option<Utf8PathBuf>,
}

/// Prints the JSON schema of a model file, for editors.
#[cfg(feature = "schema")]
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} schema app > app.json
  {program} schema environment > environment.json")]
pub struct Schema {
    /// Which model file
    #[arg(value_enum)]
    file: ModelFile,
}

/// A model file.
#[cfg(feature = "schema")]
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ModelFile {
    /// `app.toml`
    App,
    /// `<environment>.toml`
    Environment,
}

#[cfg(feature = "schema")]
impl Schema {
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        let schema = match self.file {
            ModelFile::App => crate::model::schema::app(),
            ModelFile::Environment => crate::model::schema::environment(),
        };
        context.screen.raw(format!("{schema:#}\n").as_bytes());
        Ok(exit::DONE)
    }
}

impl Completions {
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), BINARY, &mut text);
        context.screen.raw(&text);
        Ok(exit::DONE)
    }
}

impl Man {
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        let command = for_program(Cli::command(), BINARY);
        match &self.out {
            Some(dir) => {
                fs_err::create_dir_all(dir)?;
                clap_mangen::generate_to(command, dir)?;
                context.screen.aside(&format!("the manual pages are in {dir}\n"));
            }
            None => {
                let mut page = Vec::new();
                clap_mangen::Man::new(command).render(&mut page)?;
                context.screen.raw(&page);
            }
        }
        Ok(exit::DONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_says_its_purpose_in_a_line_and_has_examples() {
        let command = for_program(Cli::command(), "cargo xtask");
        for command in command.get_subcommands() {
            let name = command.get_name();
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            assert!((10..80).contains(&about.len()) && !about.ends_with('.'), "{name}: {about}");
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Examples:\n  cargo xtask "), "{name}: {help}");
        }
    }

    #[test]
    fn completions_exist_for_the_common_shells() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), BINARY, &mut text);
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains("rollback"), "{shell}");
        }
    }
}
