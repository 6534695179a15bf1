//! Units with random arguments and variables, and how a node is made to run them.

use std::collections::BTreeMap;
use std::path::Path;

use helionyx_deploy::name::VariableName;
use helionyx_deploy::render::env_file::{self, Form};
use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use systemd_unit_file::{Section, UnitFile, Value};

use super::nasty::nasty;

/// The program that writes down what it received; links to it have the units' own paths.
pub const PROGRAM: &str = "/opt/trip/dump";
/// Where it writes, one file per unit.
pub const RECEIVED: &str = "/var/lib/trip";
/// Where the units' environment files lie.
const FILES: &str = "/etc/trip";

/// A unit, and what its process is meant to receive.
pub struct Trip {
    pub name: String,
    pub unit: String,
    pub env_file: String,
    pub argv: Vec<String>,
    pub variables: BTreeMap<String, String>,
}

/// Makes them from a seed; the same seed makes the same ones.
pub struct Maker {
    runner: TestRunner,
    /// Values that the writers refused, and that were left out.
    pub refused: usize,
}

impl Maker {
    pub fn new(seed: u64) -> Maker {
        let seed = [seed.to_le_bytes(); 4].concat();
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        Maker { runner: TestRunner::new_with_rng(Config::default(), rng), refused: 0 }
    }

    pub fn trip(&mut self, number: usize) -> Trip {
        let name = format!("trip-{number:04}.service");
        let argv = self.argv(number);
        let mut file = UnitFile::new();
        let service = Section::Service;
        let kind = if number.is_multiple_of(4) { "exec" } else { "oneshot" };
        file.set(service, "Type", Value::word(kind)).unwrap();
        file.set(service, "ExecStart", Value::exec(&argv)).unwrap();
        let mut variables = BTreeMap::new();
        for (variable, value) in self.values("V") {
            let set = file.set(service, "Environment", Value::variable(&variable, &value));
            match set.is_ok() {
                true => drop(variables.insert(variable, value)),
                false => self.refused += 1,
            }
        }
        let (env_file, from_file) = self.env_file();
        variables.extend(from_file);
        let path = format!("{FILES}/{name}.env");
        file.set(service, "EnvironmentFile", Value::path(path.as_str().into())).unwrap();
        Trip { unit: file.render(), name, env_file, argv, variables }
    }

    /// A program, the file that it writes to, and whatever else can be said.
    fn argv(&mut self, number: usize) -> Vec<String> {
        let own = format!("/opt/trip/{number}-{}", self.draw(nasty()).replace(['/', '\0'], "_"));
        let mut argv = vec![PROGRAM.to_owned(), format!("{RECEIVED}/{number:04}")];
        if Value::exec(&[&own]).is_ok() && own.len() < 200 {
            argv[0] = own;
        } else {
            self.refused += 1;
        }
        for argument in self.draw(proptest::collection::vec(nasty(), 0..8)) {
            match Value::exec(&["/x", &argument]).is_ok() {
                true => argv.push(argument),
                false => self.refused += 1,
            }
        }
        argv
    }

    /// Variables that would show in the arguments, were one replaced there, and others.
    fn values(&mut self, prefix: &str) -> Vec<(String, String)> {
        let values = self.draw(proptest::collection::vec(nasty(), 1..6));
        let name = |index| if index == 0 { "V".to_owned() } else { format!("{prefix}_{index}") };
        values.into_iter().enumerate().map(|(index, value)| (name(index), value)).collect()
    }

    /// The first one is also in the unit: then the file's counts.
    fn env_file(&mut self) -> (String, Vec<(String, String)>) {
        let mut text = String::new();
        let mut written = Vec::new();
        for (variable, value) in self.values("F") {
            let name: VariableName = variable.parse().unwrap();
            match env_file::write([(&name, value.as_str())], Form::Systemd) {
                Ok(file) => {
                    text += &file.text;
                    written.push((variable, value));
                }
                Err(_) => self.refused += 1,
            }
        }
        (text, written)
    }

    fn draw<S: Strategy>(&mut self, strategy: S) -> S::Value {
        strategy.new_tree(&mut self.runner).unwrap().current()
    }
}

/// Puts the units into a node, and one target that starts them all.
pub fn install(root: &Path, trips: &[Trip]) {
    let at = |path: &str| root.join(path.trim_start_matches('/'));
    let units = at("/etc/systemd/system");
    let wants = units.join("trips.target.wants");
    for directory in [&wants, &at(FILES), &at(RECEIVED)] {
        fs_err::create_dir_all(directory).unwrap();
    }
    fs_err::write(units.join("trips.target"), "[Unit]\nDescription=All trips\n").unwrap();
    for trip in trips {
        fs_err::write(units.join(&trip.name), &trip.unit).unwrap();
        fs_err::write(at(&format!("{FILES}/{}.env", trip.name)), &trip.env_file).unwrap();
        let wanted = wants.join(&trip.name);
        fs_err::os::unix::fs::symlink(Path::new("..").join(&trip.name), wanted).unwrap();
        if trip.argv[0] != PROGRAM {
            fs_err::os::unix::fs::symlink(PROGRAM, at(&trip.argv[0])).unwrap();
        }
    }
}
