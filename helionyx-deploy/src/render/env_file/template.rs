//! The examples that operators copy: `.env.template` and `.env.<environment>.example`. No I/O.

use std::collections::BTreeMap;

use super::lint::{Declared, Source, declared, in_words};
use super::write::quote;
use crate::model::{Environment, Kind};
use crate::name::{EnvironmentName, VariableName};
use crate::render::GENERATOR;

/// `.env.<environment>.example`: every declared variable with what it is for and the model's value,
/// and a placeholder where only the host knows the value.
#[must_use]
pub fn example(environment: &Environment) -> String {
    let variables = declared(environment);
    example_notice(&environment.id()) + &variables.iter().map(assignment).collect::<String>()
}

/// The first line of an environment's example, by which it is known as ours.
#[must_use]
pub fn example_notice(id: &str) -> String {
    line(&format!(
        "Example for {id}, by {GENERATOR}: copy it, fill in the secrets, keep the copy out of git."
    ))
}

/// The first line of an app's template, likewise.
#[must_use]
pub fn template_notice(app: &str) -> String {
    line(&format!(
        "Template for {app}, by {GENERATOR}: copy it, fill in the values, keep the copy out of git."
    ))
}

/// The first content of the operator's own file on a host: what only the host knows.
#[must_use]
pub fn secrets(environment: &Environment) -> String {
    let first = format!("What only this host knows of {}: fill in the secrets.", environment.id());
    let variables = declared(environment).into_iter();
    let own = variables.filter(|variable| variable.source == Source::File);
    line(&first) + &own.map(|variable| asked_for(&variable)).collect::<String>()
}

/// A placeholder; of what may be missing only the name, for nobody may ever look at the file.
fn asked_for(variable: &Declared) -> String {
    let mark = if variable.is_required { "" } else { "# " };
    let text = to_fill_in(variable);
    comment(&describe(variable)) + mark + text.trim_start_matches("# ")
}

fn assignment(variable: &Declared) -> String {
    let name = &variable.name;
    let text = match (&variable.value, variable.source) {
        (Some(value), _) => format!("{name}={}\n", quote(value)),
        (None, Source::Release) => by_release(name),
        (None, _) => to_fill_in(variable),
    };
    comment(&describe(variable)) + &text
}

/// `.env.template`: every variable that an app declares. Where environments differ, a comment says
/// what each of them has.
#[must_use]
pub fn template(environments: &[&Environment]) -> String {
    let app = environments.first().map(|one| one.app.to_string()).unwrap_or_default();
    let mut text = template_notice(&app);
    let mut known: BTreeMap<VariableName, Vec<(&EnvironmentName, Declared)>> = BTreeMap::new();
    for environment in environments {
        for variable in declared(environment) {
            known.entry(variable.name.clone()).or_default().push((&environment.name, variable));
        }
    }
    for (name, variables) in &known {
        text += &entry(name, variables);
    }
    text
}

fn entry(name: &VariableName, variables: &[(&EnvironmentName, Declared)]) -> String {
    let Some((_, first)) = variables.first() else { return String::new() };
    let mut text = comment(&describe(first));
    if variables.iter().all(|(_, one)| one.source == Source::Release) {
        return text + &by_release(name);
    }
    let value = first.value.as_ref();
    if let Some(value) = value.filter(|_| variables.iter().all(|(_, one)| one.value == first.value))
    {
        return text + &format!("{name}={}\n", quote(value));
    }
    for (environment, variable) in variables {
        let value = match (&variable.value, variable.source) {
            (Some(value), _) => value,
            (None, Source::Release) => "as the release says",
            (None, _) => continue,
        };
        text += &line(&format!("In {environment}: {value} "));
    }
    // One file stands for all of them: what one cannot do without must be in it.
    let is_required = variables.iter().any(|(_, one)| one.is_required);
    text + &to_fill_in(&Declared { is_required, ..first.clone() })
}

/// What it is for, and what kind of value it takes.
fn describe(variable: &Declared) -> String {
    let words = in_words(&variable.kind);
    let mut letters = words.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    let about = variable.about.as_ref().map(|about| format!("{about} ")).unwrap_or_default();
    format!("{about}{}{}.", first.map(String::from).unwrap_or_default(), letters.as_str())
}

fn by_release(name: &VariableName) -> String {
    line(&format!("{name} is set by every release."))
}

/// A placeholder; what is no secret and may go without a value is better left out.
fn to_fill_in(variable: &Declared) -> String {
    let (name, left_out) = (&variable.name, variable.kind != Kind::Secret && !variable.is_required);
    let mark = if left_out { "# " } else { "" };
    format!("{mark}{name}=your_{}_here\n", name.as_str().to_lowercase())
}

fn comment(text: &str) -> String {
    format!("\n{}", line(text))
}

/// A comment on a line of its own. It cannot end in a backslash, which would take the next line in
/// up to systemd 253.
fn line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let plain = plain.trim_end();
    let end = if plain.ends_with('\\') { " ." } else { "" };
    format!("# {plain}{end}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Catalog, Severity, SourceFile};
    use crate::render::env_file::{check, grammar};

    const APP: &str = r#"
        name = "shop"
        [source.path]
        dir = "/src/shop"
        [[service]]
        name = "web"
        exec = ["{release}/bin/web"]
        [variables.API_PORT]
        kind = "port"
        value = "{port}"
        [variables.LOG_LEVEL]
        kind = { choice = ["DEBUG", "INFO"] }
        [variables.MODEL]
        kind = "text"
        value = "a \"model\" for $5 \\"
        [variables.RELEASE]
        kind = "text"
        value = "{release_id}"
        [variables.REGION]
        kind = "text"
        required_in = ["live"]
        [variables.TOKEN]
        kind = "secret"
    "#;

    fn environments() -> Vec<Environment> {
        let environment = |name: &str, port: u16, level: &str| SourceFile {
            path: format!("envs/shop/{name}.toml"),
            text: format!(
                "supervisor = \"process\"\nport = {port}\nroot = \"/opt/{name}\"\n\
                 [variables]\nLOG_LEVEL = \"{level}\"\n{}",
                if name == "live" { "REGION = \"eu\"\n" } else { "" }
            ),
        };
        let app = SourceFile { path: "envs/shop/app.toml".into(), text: APP.into() };
        let files = [app, environment("dev", 8000, "DEBUG"), environment("live", 8002, "INFO")];
        let (catalog, findings) = Catalog::parse(&files, "/project".into());
        assert!(findings.is_empty(), "{findings:?}");
        catalog.environments().cloned().collect()
    }

    #[test]
    fn an_example_has_the_models_values_and_placeholders_for_secrets() {
        let environments = environments();
        insta::assert_snapshot!(example(&environments[0]), @r#"
        # Example for shop/dev, by `cargo xtask render-units`: copy it, fill in the secrets, keep the copy out of git.

        # A port, 1 to 65535.
        API_PORT=8000

        # One of DEBUG, INFO.
        LOG_LEVEL=DEBUG

        # A text.
        MODEL="a \"model\" for \$5 \\"

        # A text.
        # REGION=your_region_here

        # A text.
        # RELEASE is set by every release.

        # A secret.
        TOKEN=your_token_here
        "#);
    }

    #[test]
    fn the_template_says_what_each_environment_has() {
        let environments = environments();
        let all: Vec<&Environment> = environments.iter().collect();
        insta::assert_snapshot!(template(&all), @r#"
        # Template for shop, by `cargo xtask render-units`: copy it, fill in the values, keep the copy out of git.

        # A port, 1 to 65535.
        # In dev: 8000
        # In live: 8002
        API_PORT=your_api_port_here

        # One of DEBUG, INFO.
        # In dev: DEBUG
        # In live: INFO
        LOG_LEVEL=your_log_level_here

        # A text.
        MODEL="a \"model\" for \$5 \\"

        # A text.
        # In live: eu
        REGION=your_region_here

        # A text.
        # RELEASE is set by every release.

        # A secret.
        TOKEN=your_token_here
        "#);
    }

    #[test]
    fn examples_are_what_the_model_says_and_ask_for_the_secrets_alone() {
        for environment in environments() {
            let text = example(&environment);
            assert_eq!(text, example(&environment), "deterministic");
            let model = declared(&environment);
            let found = check(".env.dev.example", text.as_bytes(), Some(&model));
            let codes: Vec<&str> = found.iter().map(|finding| finding.code).collect();
            let expected: &[&str] = match environment.name.as_str() {
                "live" => &["env-not-portable", "env-placeholder"],
                _ => &["env-missing-key", "env-not-portable", "env-placeholder"],
            };
            assert_eq!(codes, expected, "{found:?} (HEL-92)");
            assert!(found.iter().all(|finding| finding.severity == Severity::Warning));
            for version in [grammar::Systemd::V252, grammar::Systemd::V257] {
                let read = grammar::read(text.as_bytes(), version);
                let values: Vec<_> = read.variables().unwrap();
                let port = environment.port.unwrap().get().to_string();
                assert_eq!(values[0].1.expose(), port, "(HEL-13, HEL-14, HEL-15)");
                assert_eq!(values[2].1.expose(), "a \"model\" for $5 \\");
                assert_eq!(values.len(), if environment.name.as_str() == "live" { 5 } else { 4 });
            }
        }
    }
}
