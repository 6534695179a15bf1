//! No value of any field of a model can begin a line, directive, section or variable in what is
//! rendered from it, and what is rendered reads back as it was meant.

use camino::Utf8Path;
use helionyx_deploy::layout::RELEASE_ENV;
use helionyx_deploy::model::{Catalog, Environment, SourceFile};
use helionyx_deploy::name::ReleaseId;
use helionyx_deploy::plan::desired;
use helionyx_deploy::render::env_file::{self, Systemd, grammar};
use helionyx_deploy::render::service;
use systemd_unit_file::{Context, Unit, Version, environment, exec, specifier};
use toml::{Table, Value};

const APP: &str = include_str!("../../../../envs/helionyx/app.toml");
const DEV: &str = include_str!("../../../../envs/helionyx/dev.toml");

/// What means something to a reader of what we render.
const NASTY: [&str; 31] = [
    "\r",
    "\n",
    "\0",
    "\u{85}",
    "\u{2028}",
    "\u{b}",
    "\u{c}",
    "\t",
    " ",
    "\u{feff}",
    "\u{fffe}",
    "%",
    "%n",
    "%%",
    "$",
    "$HOME",
    "${HOME}",
    "$$",
    ";",
    ",",
    ":",
    "#",
    "\"",
    "'",
    "\\",
    "\\n",
    "`",
    "\nExecStartPre=/bin/id",
    "\r[Service]",
    "\nB=c",
    "=",
];

/// Where in a text it is put.
#[derive(Clone, Copy)]
enum Place {
    Before,
    Within,
    After,
}

impl Place {
    fn put(self, nasty: &str, text: &str) -> String {
        let at = match self {
            Place::Before => 0,
            Place::Within => {
                (0..=text.len() / 2).rfind(|at| text.is_char_boundary(*at)).unwrap_or(0)
            }
            Place::After => text.len(),
        };
        let (begin, end) = text.split_at(at);
        format!("{begin}{nasty}{end}")
    }
}

fn parse(app: &Table, dev: &Table) -> Option<Environment> {
    let file = |name: &str, table: &Table| SourceFile {
        path: format!("envs/helionyx/{name}.toml"),
        text: table.to_string(),
    };
    let files = [file("app", app), file("dev", dev)];
    let (catalog, findings) = Catalog::parse(&files, Utf8Path::new("/project"));
    for finding in &findings {
        assert_eq!(finding.to_string().lines().count(), 2, "{finding:?}");
    }
    catalog.environments().next().filter(|_| findings.is_empty()).cloned()
}

fn model(text: &str) -> Table {
    // Only one environment is tried here: the others are none that it could name.
    text.replace("required_in = [\"staging\", \"live\"]", "required_in = []").parse().unwrap()
}

/// Every model with one text changed by `change`, and where that text stands.
fn changed(table: &Table, change: &impl Fn(&str) -> String) -> Vec<(String, Table)> {
    let inner = each(&Value::Table(table.clone()), "", change);
    let tables = inner.into_iter().filter_map(|(path, value)| match value {
        Value::Table(table) => Some((path, table)),
        _ => None,
    });
    tables.collect()
}

fn each(value: &Value, path: &str, change: &impl Fn(&str) -> String) -> Vec<(String, Value)> {
    match value {
        Value::String(text) => vec![(path.to_owned(), Value::String(change(text)))],
        Value::Array(items) => {
            let inner = items.iter().enumerate().flat_map(|(index, item)| {
                each(item, &format!("{path}[{index}]"), change).into_iter().map(move |found| {
                    let mut items = items.clone();
                    items[index] = found.1;
                    (found.0, Value::Array(items))
                })
            });
            inner.collect()
        }
        Value::Table(table) => {
            let inner = table.iter().flat_map(|(key, item)| {
                each(item, &format!("{path}.{key}"), change).into_iter().map(move |found| {
                    let mut table = table.clone();
                    table.insert(key.clone(), found.1);
                    (found.0, Value::Table(table))
                })
            });
            inner.collect()
        }
        _ => Vec::new(),
    }
}

/// The sections and keys of the environment's unit, in order; everything in it as it was meant.
fn keys(environment: &Environment) -> Vec<(String, String)> {
    let units = service::units(environment).expect("what validation accepts can be rendered");
    let (_, rendered) = units.first_key_value().unwrap();
    let (name, text) = (rendered.name.as_str(), &rendered.text);
    let unit = Unit::parse(text.as_bytes());
    assert_eq!(unit.problems, [], "{text}");
    assert!(unit.assignments.iter().all(|at| at.continued.is_empty() && !at.dangling), "{text}");
    let current = environment.layout.current();
    let bindings = environment.bindings(&current);
    let service = &environment.services[0];
    let argv: Vec<String> = service.exec.iter().map(|word| word.expand(&bindings)).collect();
    let argv: Vec<&[u8]> = argv.iter().map(String::as_bytes).collect();
    for version in [Version(252), Version(257)] {
        let context = Context::new(name);
        let line = unit.last("Service", "ExecStart").unwrap();
        let line = exec::parse(&line.value, &context, version).unwrap();
        assert_eq!(line.commands.len(), 1, "{text}");
        assert_eq!(line.commands[0].arguments(&[].into()), argv, "{text}");
        let assigned = environment::assigned(unit.all("Service", "Environment"), &context, version);
        assert_eq!(assigned.dropped, [], "{text}");
        assert!(assigned.variables.contains(&("HOME".into(), environment.layout.data.to_string())));
        let expand = |value: &str| {
            let expanded = specifier::expand(value.as_bytes(), &context, version).unwrap();
            String::from_utf8(expanded).unwrap()
        };
        let read = |section: &str, key: &str| expand(&unit.last(section, key).unwrap().value);
        let listed = |section: &str, key: &str| -> Vec<String> {
            let value = &unit.last(section, key).unwrap().value;
            words(value).iter().map(|word| expand(word)).collect()
        };
        let layout = &environment.layout;
        assert_eq!(read("Service", "WorkingDirectory"), current.as_str());
        let files = unit.all("Service", "EnvironmentFile").map(|at| expand(&at.value));
        let meant = [current.join(RELEASE_ENV).to_string(), layout.secrets().to_string()];
        assert_eq!(files.collect::<Vec<_>>(), meant, "{text}");
        let (root, data) = (layout.root.as_str(), layout.data.as_str());
        assert_eq!(listed("Unit", "RequiresMountsFor"), [root, data], "{text}");
        assert_eq!(listed("Service", "ReadWritePaths"), [data], "{text}");
        let hidden = format!("-{}", layout.secrets());
        assert_eq!(listed("Service", "InaccessiblePaths"), [hidden], "{text}");
        let said = service.supervision.description.as_deref().unwrap_or(service.name.as_str());
        assert_eq!(read("Unit", "Description"), format!("{said} ({})", environment.name));
    }
    let keys = unit.assignments.iter().map(|at| (at.section.clone(), at.key.clone()));
    keys.collect()
}

/// The words of a list of paths, by systemd's rule: blanks between them, quotes around what has some.
/// No path that is accepted holds a quote or backslash.
fn words(value: &str) -> Vec<String> {
    let (mut words, mut is_quoted, mut is_open) = (Vec::new(), false, false);
    for c in value.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            ' ' if !is_quoted => is_open = false,
            c => {
                if !is_open {
                    words.push(String::new());
                }
                is_open = true;
                words.last_mut().unwrap().push(c);
            }
        }
    }
    assert!(!is_quoted, "{value}");
    words
}

/// Every environment file of the environment has the variables that were declared, and no others.
fn check_files(environment: &Environment) {
    let release: ReleaseId = "20261121T011037Z-3fa2c1d".parse().unwrap();
    let bindings = environment.bindings(&environment.layout.release(&release));
    let meant = desired::variables(environment, &bindings);
    let meant: Vec<_> =
        meant.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
    let configuration = desired::configuration(environment, &release);
    let example = env_file::example(environment);
    for version in [Systemd::V252, Systemd::V257] {
        let variables = |text: &str| {
            let read = grammar::read(text.as_bytes(), version);
            assert_eq!(read.strays.len(), 0, "{text}");
            let variables = read.variables().expect("systemd takes the file");
            let each = variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.expose().to_owned()));
            each.collect::<Vec<_>>()
        };
        let mut given = variables(&configuration);
        let mark = ("HELIONYX_RELEASE".to_owned(), release.to_string());
        assert_eq!(given.remove(0), mark, "{RELEASE_ENV}: {configuration}");
        assert_eq!(given, meant, "{RELEASE_ENV}: {configuration}");
        let mut shown = variables(&example);
        let count = environment.variables.len();
        let by_release = example.matches(" is set by every release.").count();
        assert_eq!(shown.len(), count - by_release, "{example}");
        shown.retain(|one| environment.variables[&one.0.parse().unwrap()].value.is_some());
        assert!(shown.iter().all(|one| meant.contains(one)), "{example}");
    }
}

#[test]
fn no_text_of_a_model_says_more_than_itself_in_what_is_rendered() {
    let (app, mut dev) = (model(APP), model(DEV));
    for (key, path) in [("root", "/opt/helio nyx/dev"), ("data", "/var/lib/helio nyx/dev")] {
        dev.insert(key.to_owned(), Value::String(path.to_owned()));
    }
    let plain = keys(&parse(&app, &dev).expect("the model itself is accepted"));
    let (mut tried, mut accepted, mut fields) = (0, 0, std::collections::BTreeSet::new());
    for nasty in NASTY {
        for place in [Place::Before, Place::Within, Place::After] {
            let change = &|text: &str| place.put(nasty, text);
            let apps =
                changed(&app, change).into_iter().map(|(path, app)| (path, app, dev.clone()));
            let devs =
                changed(&dev, change).into_iter().map(|(path, dev)| (path, app.clone(), dev));
            for (path, app, dev) in apps.chain(devs) {
                tried += 1;
                fields.insert(path.clone());
                let Some(environment) = parse(&app, &dev) else { continue };
                accepted += 1;
                assert_eq!(keys(&environment), plain, "{path} with {nasty:?} (ALL-08)");
                check_files(&environment);
            }
        }
    }
    eprintln!(
        "{} fields of models, {tried} texts, {accepted} of them accepted: 0 lines too many",
        fields.len()
    );
    assert!(fields.len() > 60 && accepted > 500, "{} fields, {accepted} accepted", fields.len());
}
