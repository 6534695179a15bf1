use super::*;
use crate::model::Limits;
use crate::release::Managed;

fn names(names: &[&str]) -> BTreeSet<ServiceName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn service(name: &str, after: &[&str], requires: &[&str]) -> Service {
    Service {
        name: name.parse().unwrap(),
        exec: Vec::new(),
        directory: "/r".into(),
        environment_files: Vec::new(),
        port: None,
        ports: BTreeMap::new(),
        after: names(after),
        requires: names(requires),
        limits: Limits { stop_timeout_ms: 1, start_burst: 1, start_interval_ms: 1 },
        health: None,
        managed: Managed::Process,
    }
}

fn text(names: &BTreeSet<ServiceName>) -> String {
    names.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(" ")
}

#[test]
fn services_are_ranked_by_what_they_start_after() {
    let services = [
        service("telegram", &[], &["daemon"]),
        service("web", &["telegram"], &[]),
        service("daemon", &[], &["queue"]),
        service("metrics", &[], &[]),
        service("queue", &[], &[]),
        service("lonely", &["gone"], &[]),
    ];
    let order = Order::of(&services);
    let ranked: Vec<String> =
        order.ranked().map(|one| format!("{}{}", one.name, order.rank(&one.name))).collect();
    assert_eq!(ranked, ["metrics0", "queue0", "lonely0", "daemon1", "telegram2", "web3"]);
    for (given, required, dependents) in [
        ("queue", "queue", "daemon queue telegram"),
        ("telegram", "daemon queue telegram", "telegram"),
        ("web", "web", "web"),
        ("daemon", "daemon queue", "daemon telegram"),
    ] {
        assert_eq!(text(&order.with_required(&names(&[given]))), required, "{given}");
        assert_eq!(text(&order.with_dependents(&names(&[given]))), dependents, "{given}");
    }
}

#[test]
fn a_circle_has_an_end() {
    let services = [service("a", &["b"], &[]), service("b", &["a"], &[])];
    assert_eq!(Order::of(&services).ranked().count(), 2);
}
