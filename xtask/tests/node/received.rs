//! What a real systemd hands to processes is what our writers of units and env files were told.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::Path;
use std::time::{Duration, Instant};

use xtask::node::wait::until;
use xtask::node::{Node, Options};

use super::trip::{Maker, PROGRAM, RECEIVED, Trip, install};
use super::{name, possible};

/// How many units there are; another number with `HELIONYX_UNITS`.
const UNITS: usize = 2000;
/// For a machine that has much else to do.
const LIMIT: Duration = Duration::from_secs(300);

/// What systemd itself sets in a service of the system without a user; 257 also its user.
const OF_SYSTEMD: [&str; 6] =
    ["INVOCATION_ID", "JOURNAL_STREAM", "LANG", "PATH", "SYSTEMD_EXEC_PID", "USER"];

#[test]
fn a_process_receives_exactly_the_arguments_and_variables_that_were_written() {
    if !possible(Options::default()) {
        return;
    }
    let count = given("HELIONYX_UNITS").map_or(UNITS, |count| usize::try_from(count).unwrap());
    let seed = given("HELIONYX_SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish());
    eprintln!("the same units again: HELIONYX_SEED={seed} HELIONYX_UNITS={count}");
    let mut maker = Maker::new(seed);
    let trips: Vec<Trip> = (0..count).map(|number| maker.trip(number)).collect();
    let node = Node::up(&name("trip"), Options::default()).unwrap();
    install_program(node.root());
    install(node.root(), &trips);
    let took = start_all(&node);
    let differences: Vec<String> =
        trips.iter().filter_map(|trip| difference(&node, trip)).collect();
    let values: usize = trips.iter().map(|trip| trip.argv.len() + trip.variables.len()).sum();
    eprintln!(
        "{count} units, argv and environment: {} differences ({values} values in {:.1} s; {} more \
         were refused as not to be expressed)",
        differences.len(),
        took.as_secs_f64(),
        maker.refused
    );
    assert_eq!(differences, [] as [&str; 0], "HEL-31, HELIONYX_SEED={seed}");
    assert!(values > 5 * count && maker.refused < values / 2, "much of it was refused");
}

#[test]
fn a_difference_would_be_seen() {
    if !possible(Options::default()) {
        return;
    }
    let mut trips: Vec<Trip> = (0..4).map(|number| Maker::new(7).trip(number)).collect();
    trips[0].unit += "Environment=MORE=1\n";
    trips[1].env_file += "V=other\n";
    trips[2].unit = trips[2].unit.replace("ExecStart=", "ExecStart=:");
    trips[2].argv.push("$$".to_owned());
    trips[3].unit = trips[3].unit.replace("/var/lib/trip", "/nowhere");
    let node = Node::up(&name("differ"), Options::default()).unwrap();
    install_program(node.root());
    install(node.root(), &trips);
    start_all(&node);
    for trip in &trips {
        assert!(difference(&node, trip).is_some(), "{}", trip.name);
    }
}

fn given(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().unwrap())
}

fn install_program(root: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node/dump.c");
    let program = root.join(PROGRAM.trim_start_matches('/'));
    fs_err::create_dir_all(program.parent().unwrap()).unwrap();
    duct::cmd!("cc", "-O1", "-o", program, source).run().expect("a C compiler is needed");
}

/// Starts all units, and waits until the last process has ended.
#[expect(clippy::disallowed_methods, reason = "a figure for people, on which nothing depends")]
fn start_all(node: &Node) -> Duration {
    let begin = Instant::now();
    for action in [&["daemon-reload"][..], &["start", "trips.target"]] {
        let output = node.run(&[&["systemctl"], action].concat()).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let states = "--state=active,activating,deactivating";
    let list = ["systemctl", "list-units", "--plain", "--no-legend", states, "trip-*.service"];
    let ended = || Ok(node.run(&list)?.stdout.is_empty().then_some(()));
    until("see all processes ended", LIMIT, ended).unwrap();
    begin.elapsed()
}

/// What a process received that it should not have, or did not receive.
fn difference(node: &Node, trip: &Trip) -> Option<String> {
    let file = Path::new(&trip.argv[1]).file_name().unwrap();
    let file = node.root().join(RECEIVED.trim_start_matches('/')).join(file);
    let told = match fs_err::read(file) {
        Ok(bytes) => compare(trip, &bytes),
        Err(error) => Some(error.to_string()),
    };
    told.map(|told| format!("{}: {told}\n{}\n{}", trip.name, trip.unit, trip.env_file))
}

fn compare(trip: &Trip, received: &[u8]) -> Option<String> {
    let Some((argv, variables)) = read(received) else {
        return Some(format!("received {:?}", String::from_utf8_lossy(received)));
    };
    if argv != trip.argv {
        return Some(format!("meant {:?}, received {argv:?}", trip.argv));
    }
    (variables != trip.variables)
        .then(|| format!("meant {:?}, received {variables:?}", trip.variables))
}

/// The arguments, and the variables but for those of systemd itself.
fn read(received: &[u8]) -> Option<(Vec<String>, BTreeMap<String, String>)> {
    let text = std::str::from_utf8(received).ok()?.strip_suffix('\0')?;
    let mut words = text.split('\0').map(ToOwned::to_owned);
    let count = words.next()?.parse().ok()?;
    let argv: Vec<String> = words.by_ref().take(count).collect();
    let pair = |word: String| word.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned()));
    let mut variables: BTreeMap<String, String> = words.map(pair).collect::<Option<_>>()?;
    variables.retain(|name, _| !OF_SYSTEMD.contains(&name.as_str()));
    Some((argv, variables))
}
