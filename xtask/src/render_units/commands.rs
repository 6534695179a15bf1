//! The reference page of the commands, from what clap knows of them. No I/O.

use clap::Command;
use helionyx_deploy::cli;

use super::NOTICE;
use crate::{PROGRAM, Xtask};

/// Columns of the help texts: what a narrow window has.
const WIDTH: usize = 100;

/// The page.
pub fn page() -> String {
    let mut program = cli::described::<Xtask>(PROGRAM).term_width(WIDTH);
    program.build();
    let mut text = format!(
        "{NOTICE}\n\n# Commands\n\n\
         The installed binary, `helionyx-deploy`, has the same commands, but for those of \
         developers: `ci`, `node` and `render-units`. The options of the first block are those of every \
         command.\n"
    );
    text += &help(&mut program);
    for command in program.get_subcommands_mut().filter(|command| command.get_name() != "help") {
        text += &format!("\n## {}\n", command.get_name());
        text += &help(&mut without_shared_options(command));
    }
    text
}

fn help(command: &mut Command) -> String {
    let help = command.render_long_help().to_string();
    let lines: Vec<_> = help.trim_end().lines().map(str::trim_end).collect();
    format!("\n```text\n{}\n```\n", lines.join("\n"))
}

fn without_shared_options(command: &Command) -> Command {
    command.clone().mut_args(|arg| {
        let shared = arg.is_global_set();
        arg.hide(shared)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_section_and_shared_options_stand_once() {
        let page = page();
        for command in cli::described::<Xtask>(PROGRAM).get_subcommands() {
            assert!(page.contains(&format!("\n## {}\n", command.get_name())), "{command:?}");
        }
        assert_eq!(page.matches("--envs-dir").count(), 1);
        assert!(!page.contains("{program}"));
    }
}
