//! Tests: hints beside the commands that there are, and keys of models that are named like them.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use clap::CommandFactory as _;

use super::Cli;
use super::failure::render_finding;
use crate::hint::{self, Hint, Part};
use crate::model::{Catalog, Finding, SourceFile};

/// All commands, as clap knows them.
fn commands() -> Vec<String> {
    let mut cli = Cli::command();
    cli.build();
    cli.get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

/// What one types for a word that slips: two letters change places.
fn slipped(word: &str) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let last = letters.len() - 1;
    let at = (0..last).rev().find(|at| letters[*at] != letters[*at + 1]).unwrap();
    letters.swap(at, at + 1);
    letters.into_iter().collect()
}

fn findings(app: &str, dev: &str) -> Vec<Finding> {
    let file = |path: &str, text: &str| SourceFile { path: path.into(), text: text.into() };
    let files = [file("envs/shop/app.toml", app), file("envs/shop/dev.toml", dev)];
    Catalog::parse(&files, Utf8Path::new("/project")).1
}

/// As people see it who type `cargo xtask`.
fn shown(finding: &Finding) -> String {
    anstream::adapter::strip_str(&render_finding(finding, "cargo xtask")).to_string()
}

const APP: &str = r#"
name = "shop"
[source.path]
dir = "{project}/src"
[[service]]
name = "deploy"
exec = ["/bin/true"]
"#;

#[test]
fn a_word_of_a_model_that_is_named_like_a_command_is_no_command() {
    let commands = commands();
    assert!(commands.len() > 20, "{commands:?}");
    let choices = format!("{commands:?}");
    let app = format!("{APP}[variables.LIKE]\nkind = {{ choice = {choices} }}\n");
    let known: Vec<String> = commands.iter().map(|command| format!("`{command}`")).collect();
    for command in &commands {
        let slip = slipped(command);
        let dev = format!("supervisor = \"process\"\n[variables]\nLIKE = \"{slip}\"\n");
        let found = findings(&app, &dev);
        let [finding] = &found[..] else { panic!("{command}: {found:?}") };
        let text = shown(finding);
        let all = known.join(", ");
        let help = text.lines().nth(1).unwrap();
        let near = format!("  help: did you mean `{command}`? known are {all}");
        assert!(help == near || help == format!("  help: known: {all}"), "{slip}: {help}");
        assert!(help == near || command.len() < 4, "{slip} is near {command}: {help}");
    }
}

#[test]
fn keys_that_are_named_like_commands_are_suggested_as_keys() {
    for (key, begin) in [
        ("restrat = \"no\"", "did you mean `restart`? known are `name`, "),
        ("[service.health]\n[[service.health.probe]]\nstatsu = 200", "did you mean `status`? "),
    ] {
        let found = findings(&format!("{APP}{key}\n"), "supervisor = \"process\"\n");
        let unknown = found.iter().find(|one| one.code == "unknown-key");
        let text = shown(unknown.unwrap_or_else(|| panic!("{key}: {found:?}")));
        assert!(text.contains(&format!("  help: {begin}")), "{text}");
        assert!(!text.contains("cargo xtask"), "{text}");
    }
    let build = format!("{APP}[[build]]\nname = \"b\"\nrun = [\"/bin/true\"]\nenv = \"x\"\n");
    let found = findings(&build, "supervisor = \"process\"\n");
    insta::assert_snapshot!(shown(&found[0]), @"
    envs/shop/app.toml:11:1: error: unknown key `env` [unknown-key]
      help: known: `name`, `run`, `then`, `inputs`, `outputs`, `relocate`, `inherit`, `deadline_secs`
    ");
}

#[test]
fn every_command_that_a_hint_names_is_one_and_shown_as_it_is_typed() {
    let commands: BTreeSet<String> = commands().into_iter().collect();
    for command in &commands {
        let hint = hint::run(command, "a/deploy");
        assert_eq!(hint.shown("x"), format!("run `x {command} --env a/deploy`"));
    }
    let makers = ["hint::command([\"", "hint::command_for(\"", "hint::run(\""];
    let mut seen = 0;
    for (file, text) in sources() {
        for maker in makers {
            for rest in text.split(maker).skip(1) {
                let command = rest.split('"').next().unwrap();
                assert!(commands.contains(command), "`{command}` of {file} is no command");
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "only {seen} found: the search is broken");
}

/// Texts in which a command of ours is no hint: words of models, and messages.
const TEXTS: [&str; 3] = ["model/validate/", "journal/audit.rs", "operate/saved.rs"];

#[test]
fn no_text_names_a_command_that_a_hint_should_name() {
    let commands = commands();
    for (file, text) in
        sources().filter(|(file, _)| !TEXTS.iter().any(|begin| file.starts_with(begin)))
    {
        for command in &commands {
            for end in ["`", " "] {
                let named = format!("`{command}{end}");
                assert!(
                    !text.contains(&named),
                    "{file}: {named}… in a text: make it a part of a hint"
                );
            }
        }
    }
}

#[test]
fn a_hint_with_what_somebody_wrote_in_it_is_shown_as_it_stands() {
    for command in commands() {
        for written in [command.clone(), format!("`{command}`"), format!("a `{command} b` c")] {
            let prose: Hint = format!("{written} is in the way").into();
            assert_eq!(prose.shown("cargo xtask"), format!("{written} is in the way"));
            let code: Hint = Part::Code(written.clone()).into();
            assert_eq!(code.shown("cargo xtask"), format!("`{written}`"));
            let other = Hint::from(hint::shell([&command, "now"]));
            assert_eq!(other.shown("cargo xtask"), format!("`{command} now`"));
        }
    }
}

/// Our own code, without tests and comments.
fn sources() -> impl Iterator<Item = (String, String)> {
    let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files: Vec<Utf8PathBuf> = Vec::new();
    let mut open = vec![root.clone()];
    while let Some(dir) = open.pop() {
        for entry in dir.read_dir_utf8().unwrap() {
            let path = entry.unwrap().into_path();
            match path.is_dir() {
                true => open.push(path),
                false if path.extension() == Some("rs") => files.push(path),
                false => {}
            }
        }
    }
    files.into_iter().filter_map(move |path| {
        let file = path.strip_prefix(&root).unwrap().to_string();
        let is_test = file.contains("tests") || file == "cli/hints.rs";
        #[expect(clippy::disallowed_methods, reason = "a test reads our own code")]
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        (!is_test).then(|| (file, lines.collect::<Vec<_>>().join("\n")))
    })
}
