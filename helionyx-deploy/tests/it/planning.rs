//! There is one way to a plan: whoever asks is told the same.

use helionyx_deploy::check::{Question, check};
use helionyx_deploy::operate::{self, Force, OperateError};
use helionyx_deploy::plan::{Plan, Refusal};
use helionyx_deploy::source::Wish;

use crate::world::{ROOT, World, deploy, port};

/// What is told where there is no plan: the codes, each once, in alphabetical order.
fn codes<'a>(all: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let all: std::collections::BTreeSet<&str> = all.into_iter().collect();
    all.into_iter().map(str::to_owned).collect()
}

/// The plan in words, or the codes of what is in its way.
fn told(planned: Result<Plan, OperateError>) -> Result<Vec<String>, Vec<String>> {
    match planned {
        Ok(plan) => Ok(plan.steps.iter().map(ToString::to_string).collect()),
        Err(OperateError::Refused(refusals)) => {
            Err(codes(refusals.iter().map(|refusal: &Refusal| &*refusal.code)))
        }
        Err(OperateError::Source(_)) => Err(codes(["source"])),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn plan_save_deploy_and_check_are_told_the_same_of_one_host() {
    type Change<'a> = (&'a str, &'a dyn Fn(&mut World), &'a [&'a str]);
    let python = "\n[[requires]]\nprogram = \"python3\"\n";
    let cases: [Change<'_>; 7] = [
        ("nothing is in the way", &|_| (), &[]),
        ("something is to be deployed", &|world| world.ship_readme("later"), &[]),
        (
            "a stranger listens",
            &|world| {
                world.ship_readme("later");
                world.host.kill(world.host.running()[0].key.pid);
                world.host.stranger_on(port(8000), "nginx");
            },
            &["port-held"],
        ),
        ("the source is gone", &|world| world.host.delete("/src"), &["source"]),
        (
            "a program is missing",
            &|world| {
                world.declare(python);
                world.ship_readme("later");
            },
            &["missing-program"],
        ),
        (
            "the source is gone and a listener is strange",
            &|world| {
                world.host.delete("/src");
                world.host.kill(world.host.running()[0].key.pid);
                world.host.stranger_on(port(8000), "nginx");
            },
            &["port-held", "source"],
        ),
        (
            "`current` is a file and a program is missing",
            &|world| {
                world.declare(python);
                world.host.kill(world.host.running()[0].key.pid);
                world.host.put_file(format!("{ROOT}/current"), "", 0o644);
            },
            &["foreign-current", "missing-program"],
        ),
    ];
    for (name, change, wanted) in cases {
        let mut world = World::deployed();
        world.host.put_file("/usr/bin/build", "", 0o755);
        change(&mut world);
        let (host, environment) = (&world.host, &world.environment);
        let planned = told(operate::plan(host, environment, &deploy()));
        let saved = operate::save(host, environment, &Wish::default(), Force::IfNeeded);
        assert_eq!(told(saved.map(|saved| saved.plan)), planned, "{name}");
        let (only, path) = ([environment], ["/usr/bin".into()]);
        let question = Question { chosen: &only, here: &only, path: &path };
        let checked = check(host, &question).environments.remove(0);
        let found = codes(checked.iter().map(|finding| &*finding.code));
        assert_eq!(found, wanted, "{name}: {checked:?}");
        let done = world.operate(&deploy());
        match planned {
            Ok(steps) => {
                assert_eq!((done.unwrap().steps, wanted), (steps.len(), &[][..]), "{name}");
            }
            Err(refused) => {
                assert_eq!(refused, wanted, "{name}");
                assert_eq!(told(done.map(|_| unreachable!("{name}"))), Err(refused), "{name}");
            }
        }
    }
}
