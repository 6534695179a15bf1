//! Texts with typed placeholders, `{port}`: parsed once, expanded without failure. No I/O.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::name::{AppName, EnvironmentName, Port, PortName};

macro_rules! placeholders {
    ($($variant:ident = $name:literal: $meaning:literal;)*) => {
        /// What a placeholder may stand for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Placeholder {
            $(#[doc = $meaning] $variant,)*
        }

        impl Placeholder {
            /// Every placeholder there is.
            pub const ALL: [Placeholder; [$($name),*].len()] = [$(Placeholder::$variant),*];

            /// The name between the braces.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Placeholder::$variant => $name,)*
                }
            }

            /// What it stands for, as a sentence for the reference.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Placeholder::$variant => $meaning,)*
                }
            }
        }
    };
}

placeholders! {
    App = "app": "The app's name.";
    Cache = "cache": "A directory that build steps keep between releases.";
    Data = "data": "The environment's data directory, never inside a release.";
    Environment = "environment": "The environment's name.";
    Port = "port": "The environment's port.";
    Project = "project": "The directory that holds the models' directory.";
    Release = "release": "The directory of the release at hand.";
    ReleaseId = "release_id": "The id of the release at hand.";
    Root = "root": "The environment's root.";
}

/// A text with placeholders. `{{` and `}}` stand for single braces.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Placeholder(Placeholder),
    /// `{port.NAME}`: a port of an environment that has several.
    NamedPort(PortName),
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A placeholder that does not exist.
    #[error("unknown placeholder `{{{0}}}`")]
    Unknown(String),
    /// A brace without its partner.
    #[error("`{0}` without its partner")]
    Unbalanced(char),
}

impl Template {
    /// Parses a text.
    ///
    /// # Errors
    /// When a placeholder is unknown or a brace stands alone.
    pub fn parse(text: &str) -> Result<Template, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let (brace, after) = (rest.as_bytes()[at] as char, &rest[at + 1..]);
            if let Some(after) = after.strip_prefix(brace) {
                literal.push(brace);
                rest = after;
                continue;
            }
            let end = after.find('}').filter(|_| brace == '{');
            let end = end.ok_or(TemplateError::Unbalanced(brace))?;
            let name = &after[..end];
            let part = placeholder(name).ok_or_else(|| TemplateError::Unknown(name.to_owned()))?;
            parts.push(Part::Text(std::mem::take(&mut literal)));
            parts.push(part);
            rest = &after[end + 1..];
        }
        literal.push_str(rest);
        parts.push(Part::Text(literal));
        parts.retain(|part| *part != Part::Text(String::new()));
        Ok(Template { text: text.to_owned(), parts })
    }

    /// The placeholders that occur.
    pub fn placeholders(&self) -> impl Iterator<Item = Placeholder> + '_ {
        self.parts.iter().filter_map(|part| match part {
            Part::Placeholder(placeholder) => Some(*placeholder),
            Part::Text(_) | Part::NamedPort(_) => None,
        })
    }

    /// The ports that occur by name, as `{port.NAME}`.
    pub fn named_ports(&self) -> impl Iterator<Item = &PortName> {
        self.parts.iter().filter_map(|part| match part {
            Part::NamedPort(name) => Some(name),
            Part::Text(_) | Part::Placeholder(_) => None,
        })
    }

    /// The text with every placeholder replaced by its value.
    #[must_use]
    pub fn expand(&self, bindings: &Bindings) -> String {
        let parts = self.parts.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Placeholder(placeholder) => bindings.value(placeholder.name()),
            Part::NamedPort(name) => bindings.value(&format!("port.{name}")),
        });
        parts.collect()
    }

    /// The text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn placeholder(name: &str) -> Option<Part> {
    if let Some(port) = name.strip_prefix("port.") {
        return port.parse().ok().map(Part::NamedPort);
    }
    let known = Placeholder::ALL.into_iter().find(|known| known.name() == name)?;
    Some(Part::Placeholder(known))
}

impl Serialize for Template {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Template::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

/// A value for every placeholder.
///
/// While a model is read, those that are not known yet stand for themselves: validation sees to it
/// that no field uses a placeholder that has no value where the field is expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bindings(std::collections::BTreeMap<String, String>);

impl Bindings {
    /// The bindings that hold for an environment as a whole; directories are bound as they become
    /// known, with [`Bindings::bind`].
    #[must_use]
    pub fn new(app: &AppName, environment: &EnvironmentName, port: Option<Port>) -> Bindings {
        let mut bindings = Bindings(std::collections::BTreeMap::new())
            .bind(Placeholder::App, app.as_str())
            .bind(Placeholder::Environment, environment.as_str());
        if let Some(port) = port {
            bindings = bindings.bind(Placeholder::Port, port.to_string());
        }
        bindings
    }

    /// The same with one more value.
    #[must_use]
    pub fn bind(mut self, placeholder: Placeholder, value: impl Into<String>) -> Bindings {
        self.0.insert(placeholder.name().to_owned(), value.into());
        self
    }

    /// The same with the port of one more name.
    #[must_use]
    pub fn bind_port(mut self, name: &PortName, port: Port) -> Bindings {
        self.0.insert(format!("port.{name}"), port.to_string());
        self
    }

    fn value(&self, name: &str) -> String {
        self.0.get(name).cloned().unwrap_or_else(|| format!("{{{name}}}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_expand_or_say_what_is_wrong() {
        let app = "sample".parse().unwrap();
        let environment = "local".parse().unwrap();
        let bindings = Bindings::new(&app, &environment, Port::try_from(8000).ok())
            .bind(Placeholder::Root, "/opt/x")
            .bind_port(&"admin".parse().unwrap(), Port::try_from(9000).unwrap());
        for (text, expected) in [
            ("", Ok("")),
            ("plain", Ok("plain")),
            ("{port}", Ok("8000")),
            ("{root}/{app}-{environment}.log", Ok("/opt/x/sample-local.log")),
            ("{port}:{port.admin}", Ok("8000:9000")),
            ("{port.other}", Ok("{port.other}")),
            ("{port.}", Err("unknown placeholder `{port.}`")),
            ("{port.A}", Err("unknown placeholder `{port.A}`")),
            ("{{port}} }}{{", Ok("{port} }{")),
            ("{release}/bin", Ok("{release}/bin")),
            ("{prot}", Err("unknown placeholder `{prot}`")),
            ("a{", Err("`{` without its partner")),
            ("a}b", Err("`}` without its partner")),
            ("{port", Err("`{` without its partner")),
        ] {
            let found = Template::parse(text).map(|template| template.expand(&bindings));
            let found = found.map_err(|error| error.to_string());
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
        }
    }
}
