//! What may stand in a model file: its keys and their types, as TOML has them. No I/O.
//!
//! Every key is optional here, so that one reading finds all that is there; what must be there is
//! for validation to say. Unknown keys are refused. Integers are wide, so that one outside of its
//! limits is told from one that is none.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use crate::model::Supervisor;
#[cfg(feature = "schema")]
use crate::model::bounds;

mod service;

pub use crate::model::spanned::Spanned;
pub use service::{HealthSpec, ProbeSpec, ServiceSpec};

/// A key's value with its place; none where the key is not written.
pub type Given<T> = Option<Spanned<T>>;
/// A list of texts, each with its place.
pub type Words = Given<Vec<Spanned<String>>>;
/// A list of commands, each a list of its words.
pub type Commands = Given<Vec<Spanned<Vec<Spanned<String>>>>>;
/// Named values with the places of names and values.
pub type Named<T> = BTreeMap<Spanned<String>, Spanned<T>>;

/// `app.toml`: what an app is.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table")]
#[cfg_attr(feature = "schema", schemars(extend("required" = ["name", "source", "service"])))]
pub struct AppSpec {
    /// The app's name: its directory's name.
    pub name: Given<String>,
    /// Where its code comes from: exactly one of the tables in it.
    pub source: Given<SourceSpec>,
    /// Programs that its host must have, before anything is built or set up.
    pub requires: Vec<Spanned<RequirementSpec>>,
    /// The names of machines that its services ask over HTTPS: `check` warns where one cannot be
    /// connected to.
    pub reaches: Words,
    /// Build steps, in this order.
    pub build: Vec<Spanned<BuildSpec>>,
    /// Services, in the order in which they start.
    #[cfg_attr(feature = "schema", schemars(extend("minItems" = 1)))]
    pub service: Vec<Spanned<ServiceSpec>>,
    /// Directories below the environment's data directory that its services need.
    pub data: Vec<Spanned<DataSpec>>,
    /// The variables that its services receive.
    pub variables: Given<Named<VariableSpec>>,
    /// Whether its environments may run as one user: who has that user's rights in one of them can
    /// read the secrets of all.
    pub shared_user: Given<bool>,
    /// What is kept.
    pub retention: Given<RetentionSpec>,
}

/// `[source]`: exactly one of these.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table")]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1, "maxProperties" = 1)))]
pub struct SourceSpec {
    /// A directory on the host.
    pub path: Given<PathSpec>,
    /// An archive or program on the host.
    pub artifact: Given<ArtifactSpec>,
    /// A git repository.
    pub git: Given<GitSpec>,
}

/// `[source.path]`
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table")]
#[cfg_attr(feature = "schema", schemars(extend("required" = ["dir"])))]
pub struct PathSpec {
    /// The directory.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::SOURCE }))]
    pub dir: Given<String>,
    /// Names of files and directories, at any depth, that are no part of the source.
    pub exclude: Words,
}

/// `[source.artifact]`
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table")]
#[cfg_attr(feature = "schema", schemars(extend("required" = ["file"])))]
pub struct ArtifactSpec {
    /// The file.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::SOURCE }))]
    pub file: Given<String>,
}

/// `[source.git]`
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table")]
#[cfg_attr(feature = "schema", schemars(extend("required" = ["url"])))]
pub struct GitSpec {
    /// The repository's address, without credentials.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::SOURCE }))]
    pub url: Given<String>,
}

/// `[[requires]]`: a program that the host must have.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table")]
#[cfg_attr(feature = "schema", schemars(extend("required" = ["program"])))]
pub struct RequirementSpec {
    /// Its name, looked up on PATH, or its absolute path.
    pub program: Given<String>,
    /// Its oldest version that will do, as `3.11`; compared with what it prints for `--version`.
    pub at_least: Given<String>,
    /// A command that ends well where the program has all that is needed of it, e.g. a module.
    #[cfg_attr(feature = "schema", schemars(extend("minItems" = 1)))]
    pub run: Words,
}

/// `[[build]]`: a command that runs in the release's directory.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table")]
#[cfg_attr(feature = "schema", schemars(extend("required" = ["name", "run"])))]
pub struct BuildSpec {
    /// The step's name.
    pub name: Given<String>,
    /// Program and arguments.
    #[cfg_attr(feature = "schema", schemars(extend("minItems" = 1), transform = { bounds::BUILD }))]
    pub run: Words,
    /// Further commands, each a list of its words, run after it one by one: the step is done when all
    /// of them have ended well.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::BUILD }))]
    pub then: Commands,
    /// Files and directories of the release that decide whether it must run again; must be there
    /// where `outputs` are.
    pub inputs: Words,
    /// Files and directories of the release that it makes.
    pub outputs: Words,
    /// Whether outputs that hold the path of their release can be taken over all the same: the name
    /// of the release is replaced by the new one's, which is as long. Right for virtual environments
    /// of Python; wrong for what keeps a checksum of such a file.
    pub relocate: Given<bool>,
    /// Variables of the deployer's environment that it may see.
    pub inherit: Words,
    /// How long it may take.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::BUILD_DEADLINE_SECS }))]
    pub deadline_secs: Given<i64>,
}

/// `[variables.NAME]`
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table")]
#[cfg_attr(feature = "schema", schemars(extend("required" = ["kind"])))]
pub struct VariableSpec {
    /// What kind of value it takes.
    pub kind: Given<KindSpec>,
    /// Its value, where it is the same in every environment.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::ANY }))]
    pub value: Given<Scalar>,
    /// What it is for, in one line: shown where an operator fills it in.
    pub about: Given<String>,
    /// The environments that cannot do without a value: all when it is not written, none when it is
    /// empty.
    pub required_in: Words,
    /// Whether no two environments on one host may have the same value, nor paths inside each other.
    pub distinct: Given<bool>,
}

/// `[[data]]`
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table")]
#[cfg_attr(feature = "schema", schemars(extend("required" = ["dir"])))]
pub struct DataSpec {
    /// The directory, by its path inside the data directory.
    pub dir: Given<String>,
}

/// `kind`: a word, or `{ choice = [...] }`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum KindSpec {
    /// Any text.
    Text,
    /// A port.
    Port,
    /// An absolute path.
    Path,
    /// An `http` or `https` address.
    Url,
    /// A number.
    Number,
    /// A value that only the host knows.
    Secret,
    /// One of these.
    Choice(Vec<Spanned<String>>),
}

/// `[retention]`
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct RetentionSpec {
    /// So many verified releases.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::RELEASES }))]
    pub releases: Given<i64>,
}

/// `<environment>.toml`: where an app runs.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table")]
#[cfg_attr(feature = "schema", schemars(extend("required" = ["supervisor"])))]
pub struct EnvironmentSpec {
    /// What runs its services.
    pub supervisor: Given<Supervisor>,
    /// The name of the host that it runs on; any when it is not written.
    pub host: Given<String>,
    /// Where its releases lie.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::ROOT }))]
    pub root: Given<String>,
    /// Where its data lies.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::DATA }))]
    pub data: Given<String>,
    /// Where its backups lie.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::BACKUPS }))]
    pub backups: Given<String>,
    /// The user that its services run as, of systemd only; never root.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::USER }))]
    pub user: Given<String>,
    /// What the names of its units end in behind the names of its services, of systemd only.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::UNIT_SUFFIX }))]
    pub unit_suffix: Given<String>,
    /// The port that its services share; must be there where something uses it.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::PORT }))]
    pub port: Given<i64>,
    /// Ports by name, where services listen on several: `ports` of a service names them, and
    /// `{port.NAME}` stands for one.
    pub ports: Given<Named<i64>>,
    /// The branch that is deployed; must be there for a git source, and only there.
    pub branch: Given<String>,
    /// The values that differ between environments: of each variable that is no secret and has
    /// none in `app.toml`.
    #[cfg_attr(feature = "schema", schemars(transform = { bounds::ANY }))]
    pub variables: Given<Named<Scalar>>,
}

/// A variable's value: whatever TOML has for one line of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// Written as a text.
    Text(String),
    /// Written as an integer.
    Integer(i64),
    /// Written as a float or boolean: its text is what the file says, digit for digit.
    Verbatim,
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Scalar, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a number or a boolean")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar::Integer(number))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Scalar, E> {
        Ok(Scalar::Verbatim)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Scalar, E> {
        Ok(Scalar::Verbatim)
    }
}
