//! What a plan depends on, as facts that can be kept and compared later. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;
use crate::model::Environment;
use crate::plan::runtime::rules;
use crate::state::{
    Answering, Condition, HostState, Instance, Listener, Node, ReleaseState, ServiceState, UnitFile,
};

/// What was found on a host, fact by fact: its name, and what is so. What changes by itself, such
/// as the memory of a process, is not in it.
pub type Facts = BTreeMap<String, String>;

/// The facts of a host for one environment.
#[must_use]
pub fn facts(environment: &Environment, found: &HostState) -> Facts {
    let layout = &environment.layout;
    let mut facts = rules(environment).facts(found);
    let mut add = |name: String, fact: String| {
        facts.insert(name, fact);
    };
    let entry =
        found.journal.map(|head| format!("at entry {} ({})", head.number, head.line.short()));
    add("the journal".to_owned(), entry.unwrap_or_else(|| "without a last entry".to_owned()));
    add(layout.current().to_string(), found.current.to_string());
    for (path, node) in found.nodes.iter().filter(|(path, node)| {
        // Whoever takes the lock makes the root first.
        **path != layout.root || !matches!(node, Node::Missing | Node::Directory { .. })
    }) {
        add(path.to_string(), describe(node));
    }
    for (path, problem) in &found.start_problems {
        add(format!("{path} for a start"), problem.clone());
    }
    let service_pids: BTreeSet<u32> = found
        .services
        .values()
        .flat_map(|service| service.instances.iter().map(|instance| instance.process.key.pid))
        .collect();
    for (id, release) in &found.releases {
        add(format!("release {id}"), describe_release(release, &service_pids));
    }
    for (name, service) in &found.services {
        add(format!("service {name}"), describe_service(service));
    }
    for (port, listeners) in &found.listeners {
        add(format!("port {port}"), describe_listeners(listeners));
    }
    facts
}

/// What differs, in words; nothing when all is as it was.
#[must_use]
pub fn differences(then: &Facts, now: &Facts) -> Vec<String> {
    let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let differing = names.into_iter().filter(|name| then.get(*name) != now.get(*name));
    let told = differing.map(|name| match (then.get(name), now.get(name)) {
        (Some(then), Some(now)) => format!("{name}: was `{then}`, is `{now}`"),
        (Some(then), None) => format!("{name}: was `{then}`, does not exist any more"),
        (None, now) => format!("{name}: is new, `{}`", now.map_or("", String::as_str)),
    });
    told.collect()
}

/// What lies where a unit's file should, with what tells it from another.
#[must_use]
pub fn describe_file(file: &UnitFile) -> String {
    match file {
        UnitFile::Missing => "not installed".to_owned(),
        UnitFile::Text(text) => format!("installed ({})", Digest::of(text.as_bytes()).short()),
        UnitFile::Other(what) => what.clone(),
    }
}

/// What is at a path, with all that tells it from another.
#[must_use]
pub fn describe(node: &Node) -> String {
    match node {
        Node::Directory { mode, uid } => format!("{node} ({mode:04o}, of user id {uid})"),
        Node::File { mode, size, modified_ns } => {
            format!("{node} ({mode:04o}, {size} bytes, changed at {modified_ns})")
        }
        Node::Link { target } => format!("{node} to {target}"),
        Node::Missing | Node::Other => node.to_string(),
    }
}

fn describe_release(release: &ReleaseState, services: &BTreeSet<u32>) -> String {
    let condition = match &release.condition {
        Condition::Complete => "complete".to_owned(),
        Condition::Unfinished => "unfinished".to_owned(),
        Condition::Damaged(what) => format!("damaged ({what})"),
        Condition::Foreign => "not ours".to_owned(),
    };
    let identity = release.manifest.as_ref().map_or(String::new(), |manifest| {
        format!(
            ", {} {}",
            manifest.identity.short(),
            if release.is_verified() { "verified" } else { "" }
        )
    });
    let previous = release.verification.as_ref().and_then(|record| record.previous.as_ref());
    let previous = previous.map(|id| format!(" after {id}")).unwrap_or_default();
    let users: Vec<String> =
        release.pids.difference(services).map(|pid| format!(", used by pid {pid}")).collect();
    format!("{condition}{}{previous}{}", identity.trim_end(), users.concat())
}

fn describe_service(service: &ServiceState) -> String {
    let Some(main) = service.main() else { return "not running".to_owned() };
    let from = main.release.as_ref().map_or("no known release".to_owned(), ToString::to_string);
    let health = match &service.health {
        Answering::NotAsked => "not asked",
        Answering::Passing => "healthy",
        Answering::Failing { .. } => "not healthy",
    };
    let key = main.process.key;
    format!("pid {} (began at tick {}) from {from}, {health}", key.pid, key.started_ticks)
}

fn describe_listeners(listeners: &[Listener<Instance>]) -> String {
    let who = listeners.iter().map(|listener| match listener.holders.first() {
        Some(holder) => {
            format!("held by pid {} on {}", holder.process.key.pid, listener.address)
        }
        None => format!("held by user id {} on {}", listener.uid, listener.address),
    });
    let who: BTreeSet<String> = who.collect();
    if who.is_empty() { "free".to_owned() } else { Vec::from_iter(who).join(", ") }
}
