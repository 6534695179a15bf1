//! What is planned for services that systemd runs, in each state of their unit.

use helionyx_deploy::command::{ExitStatus, Output};
use helionyx_deploy::event::{Event, Outcome};
use helionyx_deploy::host::fake::Fault;
use helionyx_deploy::host::{Host, Look};
use helionyx_deploy::isolation::neighbours::Fingerprints;
use helionyx_deploy::observe::{observe, observe_all};
use helionyx_deploy::operate::{self, Goal};
use helionyx_deploy::plan::{Leaving, Plan};
use helionyx_deploy::state::SupervisorState;
use helionyx_deploy::state::{Account, Node};
use insta::assert_snapshot;

use crate::world::{TOOL, World, deploy};

const UNIT: &str = "/etc/systemd/system/web-dev.service";
const UNKNOWN: &str = "Id=web-dev.service\nLoadState=not-found\nActiveState=inactive\n";
const LOADED: &str = "Id=web-dev.service\nLoadState=loaded\nActiveState=inactive\n\
                      UnitFileState=enabled\nFragmentPath=/etc/systemd/system/web-dev.service\n";
const LOOPING: &str = "Id=web-dev.service\nLoadState=loaded\nActiveState=activating\n\
                       SubState=auto-restart\nUnitFileState=enabled\nResult=exit-code\n";

fn release_steps(shown: &str) -> String {
    let from = shown.find("- seal").unwrap_or(0);
    shown[from..].to_owned()
}

#[test]
fn a_first_deploy_installs_the_unit_and_enables_it() {
    assert_snapshot!(World::under_systemd(UNKNOWN).shown(&deploy()), @"
    because nothing is deployed yet; first release from /src (content d1f7764)
    because web-dev.service is not installed
    - create directory /opt/shop/dev
    - create directory /opt/shop/dev/releases
    - create directory /opt/shop/dev/verified
    - create directory /opt/shop/dev/shared
    - create directory /opt/shop/dev/cache for shop-dev
    - create directory /var/lib/shop/backups/dev
    - create directory /var/lib/shop/dev for shop-dev
    - begin release 20260101T000000Z-d1f7764
    - copy /src
    - build compile: build --into bin
    - write release.env
    - seal release 20260101T000000Z-d1f7764
    - install /usr/bin/helionyx-deploy as the recovery program
    - install and enable recover-shop.dev.service
    - arm recover-shop.dev.timer, in case we die
    - point current to 20260101T000000Z-d1f7764
    - install web-dev.service
    - have systemd read its units
    - enable web-dev.service
    - start web
    - prove that web runs this release and is healthy
    - record 20260101T000000Z-d1f7764 as verified
    - disarm recover-shop.dev.timer
    ");
}

#[test]
fn without_a_user_nothing_is_begun_and_setup_makes_it() {
    let world = World::under_systemd(UNKNOWN);
    let nobody = |_: &_, _: &_| Output::new(ExitStatus::Code(2), "");
    world.host.program("getent", move |command, disk| nobody(command, disk));
    assert_snapshot!(world.shown(&deploy()), @"
    refused: this host has no user shop-dev [no-user]
      help: run `setup --env shop/dev`: it makes the user
    ");
    assert_snapshot!(world.shown(&Goal::Setup), @"
    - create the user shop-dev
    - create directory /opt/shop/dev
    - create directory /opt/shop/dev/releases
    - create directory /opt/shop/dev/verified
    - create directory /opt/shop/dev/shared
    - create directory /opt/shop/dev/cache for shop-dev
    - create directory /var/lib/shop/backups/dev
    - create directory /var/lib/shop/dev for shop-dev
    - install /usr/bin/helionyx-deploy as the recovery program
    - install and enable recover-shop.dev.service
    ");
}

#[test]
fn nothing_is_begun_that_no_program_could_bring_to_an_end() {
    let world = World::under_systemd(UNKNOWN);
    world.host.recover_by(None);
    let refused = "refused: no recovery program is installed, and this deployer brings none: nothing would \
                   end an operation that is cut short [no-recovery-program]\n  \
                   help: run `helionyx-deploy setup --env shop/dev`";
    for goal in [Goal::Setup, deploy()] {
        assert_eq!(world.shown(&goal), refused);
    }
    assert_eq!(world.run(&Goal::Stop).outcome, Outcome::Unchanged, "a stop needs none");

    world.host.recover_by(Some(TOOL.into()));
    let first = world.shown(&Goal::Setup);
    assert!(
        first.contains("- install /usr/bin/helionyx-deploy as the recovery program"),
        "{first}"
    );
    // This systemd loads no unit, and the setup fails at the next step.
    world.run(&Goal::Setup);
    let installed = "/usr/local/lib/helionyx-deploy/current/helionyx-deploy";
    assert_eq!(world.host.read_text(installed), world.host.read_text(TOOL));
    for by_none in [false, true] {
        if by_none {
            world.host.recover_by(None);
        }
        let later = world.shown(&deploy());
        assert!(!later.contains("as the recovery program"), "what is installed will do: {later}");
        assert!(later.contains("- arm recover-shop.dev.timer"), "{later}");
    }
}

#[test]
fn root_writes_nothing_below_a_directory_that_others_may_write_to() {
    let world = World::under_systemd(UNKNOWN);
    let owner = Account { uid: 1000, gid: 1000 };
    world.host.create_dir("/opt".into(), 0o775).unwrap();
    world.host.create_dir("/var/lib".into(), 0o1777).unwrap();
    world.host.create_dir_for("/srv/theirs".into(), 0o755, owner).unwrap();
    world.host.create_dir("/srv/theirs/shop".into(), 0o755).unwrap();
    world.host.put_link("/opt/shop", "../srv/theirs/shop");
    assert_eq!(world.shown(&Goal::Setup), world.shown(&deploy()));
    assert_snapshot!(world.shown(&deploy()), @"
    refused: /opt: others may write to it (0775), and root would write below it [wrong-owner]
      help: run `chmod go-w /opt`, or choose another root or data
    refused: /srv/theirs: it belongs to user id 1000, and root would write below it [wrong-owner]
      help: run `chown root: /srv/theirs`, or choose another root or data
    ");
}

#[test]
fn what_waits_to_be_started_again_is_stopped_before_the_switch() {
    let world = World::under_systemd(LOOPING);
    assert_snapshot!(release_steps(&world.shown(&deploy())), @"
    - seal release 20260101T000000Z-d1f7764
    - install /usr/bin/helionyx-deploy as the recovery program
    - install and enable recover-shop.dev.service
    - arm recover-shop.dev.timer, in case we die
    - stop web
    - point current to 20260101T000000Z-d1f7764
    - install web-dev.service
    - have systemd read its units
    - start web
    - prove that web runs this release and is healthy
    - record 20260101T000000Z-d1f7764 as verified
    - disarm recover-shop.dev.timer
    ");
    assert_snapshot!(world.shown(&Goal::Stop), @"- stop web");
}

#[test]
fn a_unit_that_is_not_ours_is_left_alone() {
    let world = World::under_systemd(LOADED);
    world.host.put_file(UNIT, "[Service]\nExecStart=/bin/x\n", 0o644);
    assert_snapshot!(world.shown(&deploy()), @"
    refused: /etc/systemd/system/web-dev.service was not made by us [foreign-unit]
      help: look at it, then `mv /etc/systemd/system/web-dev.service /etc/systemd/system/web-dev.service.aside`
    ");
    let world = World::under_systemd("Id=web-dev.service\nLoadState=masked\n");
    world.host.put_link(UNIT, "/dev/null");
    assert_snapshot!(world.shown(&deploy()), @"
    refused: /etc/systemd/system/web-dev.service is a symbolic link to /dev/null: the unit is masked [foreign-unit]
      help: run `systemctl unmask web-dev.service`
    ");
}

#[test]
fn a_unit_that_a_power_cut_left_empty_is_written_anew() {
    let world = World::under_systemd("Id=web-dev.service\nLoadState=masked\n");
    world.host.put_file(UNIT, "", 0o644);
    assert!(world.shown(&deploy()).contains("- install web-dev.service"));
}

#[test]
fn a_unit_of_the_same_name_elsewhere_is_in_the_way() {
    let world = World::under_systemd(
        "Id=web-dev.service\nLoadState=loaded\nFragmentPath=/run/systemd/system/web-dev.service\n",
    );
    world.host.put_file(UNIT, "# `cargo xtask render-units`\n", 0o644);
    assert_snapshot!(world.shown(&deploy()), @"
    refused: web-dev.service is read from /run/systemd/system/web-dev.service, not from /etc/systemd/system/web-dev.service [shadowed-unit]
      help: remove /run/systemd/system/web-dev.service
    ");
}

#[test]
fn a_unit_of_the_hosts_own_is_not_replaced() {
    let world = World::under_systemd(
        "Id=web-dev.service\nLoadState=loaded\nFragmentPath=/lib/systemd/system/web-dev.service\n",
    );
    assert_snapshot!(world.shown(&deploy()), @"
    refused: the host has a unit web-dev.service of its own in /lib/systemd/system/web-dev.service [foreign-unit]
      help: give the environment another `unit_suffix`
    ");
}

#[test]
fn a_host_without_a_running_systemd_is_said() {
    let world = World::under_systemd(UNKNOWN);
    let text = "System has not been booted with systemd as init system (PID 1). Can't operate.\n";
    world.host.program("systemctl", move |_, _| Output::new(ExitStatus::Code(1), text.to_owned()));
    assert_snapshot!(world.shown(&deploy()), @"error: failed to ask systemd about `web-dev.service`");
}

#[test]
fn what_becomes_of_another_environment_meanwhile_is_named() {
    let world = World::under_systemd(LOADED);
    let other = &[&world.environment];
    world.host.put_file(UNIT, "[Service]\n", 0o644);
    world.host.put_link("/opt/shop/dev/current", "releases/20260101T000000Z-da4e1d7");
    let before = Fingerprints::of(&world.host, other);
    let later = || before.compared(&Fingerprints::of(&world.host, other)).remove(0);
    assert_eq!((later().changes, later().was_at_work), (vec![], false), "HEL-48");

    world.host.put_file(UNIT, "[Service]\nUser=root\n", 0o644);
    world.host.put_link("/opt/shop/dev/current", "releases/20260102T000000Z-da4e1d7");
    let output = |text: &str| Output::new(ExitStatus::Code(0), text.to_owned());
    world.host.program("systemctl", move |_, _| {
        output("Id=web-dev.service\nActiveState=active\nMainPID=7\nNeedDaemonReload=yes\n")
    });
    assert!(!later().was_at_work, "HEL-48");
    let unread = Fingerprints::of(&world.host, other);
    let fresh = World::under_systemd(UNKNOWN);
    let loading = operate::plan(&fresh.host, &fresh.environment, &deploy()).unwrap();
    let findings: Vec<String> =
        unread.loaded_by(&loading).iter().map(ToString::to_string).collect();
    assert_snapshot!(findings.join("\n"), @"
    /etc/systemd/system/web-dev.service: warning: web-dev.service of shop/dev has changed since systemd read it: this plan has systemd read all its units, and loads the change [unit-not-read]
      help: look at `status --env shop/dev` first; `deploy --env shop/dev` puts back what is ours
    ");
    let silent = Plan { steps: vec![loading.steps[0].clone()], ..loading };
    assert_eq!(unread.loaded_by(&silent), Vec::new(), "it has systemd read nothing");
    assert_snapshot!(later().changes.join("\n"), @"
    /etc/systemd/system/web-dev.service: was `installed (40d8baa)`, is `installed (079571d)`
    /opt/shop/dev/current: was `a symbolic link to releases/20260101T000000Z-da4e1d7`, is `a symbolic link to releases/20260102T000000Z-da4e1d7`
    web-dev.service: was `inactive, no process, enabled, systemd has read its file`, is `active, pid 7, no unit file, systemd has not read its file since that changed`
    ");
    world.host.put_file("/opt/shop/dev/journal.jsonl", "somebody's\n", 0o600);
    assert!(later().was_at_work, "its own deployer was, and that explains it");
}

#[test]
fn a_unit_that_would_run_something_else_is_refused_and_a_limit_is_not() {
    const SHOWN: &str = "Id=web-dev.service\nLoadState=loaded\nActiveState=inactive\n\
        UnitFileState=enabled\nFragmentPath=/etc/systemd/system/web-dev.service\n\
        DropInPaths=/etc/systemd/system/web-.service.d/x.conf\nMemoryMax=67108864\nUser=";
    let text = "# `cargo xtask render-units`\n[Service]\nUser=shop-dev\nMemoryMax=1024M\n";
    let drop_in = "[Service]\nUser=root\nMemoryMax=64M\n";
    let world = |shown: &'static str| {
        let world = World::under_systemd(shown);
        world.host.put_file(UNIT, text, 0o644);
        world.host.put_file("/etc/systemd/system/web-.service.d/x.conf", drop_in, 0o644);
        world
    };
    assert_snapshot!(world(lasting(SHOWN, "root")).shown(&deploy()), @"
    refused: web-dev.service: User is root, not shop-dev (from /etc/systemd/system/web-.service.d/x.conf) [unit-overridden]
      help: remove /etc/systemd/system/web-.service.d/x.conf, then run `systemctl daemon-reload`
    ");
    let plan = world(lasting(SHOWN, "shop-dev")).shown(&deploy());
    assert!(plan.contains("- start web"), "HEL-77: {plan}");
}

/// A text that lives as long as the test.
fn lasting(begin: &str, end: &str) -> &'static str {
    Box::leak(format!("{begin}{end}\n").into_boxed_str())
}

#[test]
fn an_uninstallation_leaves_what_somebody_else_put_in_the_place_of_a_recovery() {
    const SERVICE: &str = "/etc/systemd/system/recover-shop.dev.service";
    const TIMER: &str = "/etc/systemd/system/recover-shop.dev.timer";
    const OURS: &str = "# Generated by `cargo xtask render-units`, do not edit by hand.\n";
    let both = "- remove recover-shop.dev.service and its timer\n";
    let timer = "- remove recover-shop.dev.timer\n- have systemd read its units\n";
    for (service, expected) in [(Some(OURS), both), (None, both), (Some("[Service]\n"), timer)] {
        let world = World::under_systemd(UNKNOWN);
        world.host.put_file(TIMER, OURS, 0o644);
        service.into_iter().for_each(|text| world.host.put_file(SERVICE, text, 0o644));
        let shown = world.shown(&Goal::Uninstall(Leaving::Data));
        assert_eq!(shown.trim_end(), expected.trim_end(), "HEL-77: {service:?}");
    }
}

/// An environment with data, and a user that can be removed.
fn with_data() -> World {
    const GONE: &str = "/etc/passwd-without-the-user";
    let world = World::under_systemd(UNKNOWN);
    world.host.put_dir(&world.environment.layout.data);
    let said = |code, text: &str| Output::new(ExitStatus::Code(code), text);
    world.host.program("userdel", move |_, disk| {
        disk.put_file(GONE, "", 0o644);
        said(0, "")
    });
    world.host.program("getent", move |_, disk| match disk.exists(GONE) {
        true => said(2, ""),
        false => said(0, "shop-dev:x:998:997::/:/bin/false\n"),
    });
    world
}

#[test]
fn as_long_as_data_is_left_its_owner_and_the_record_are_kept() {
    let goal = Goal::Uninstall(Leaving::Nothing);
    let whole = with_data();
    whole.run(&goal);
    let is_removal = |(verb, path): &(&str, String)| {
        *verb == "remove_tree" && *path == whole.environment.layout.data
    };
    let removal = whole.host.mutation_log().iter().position(is_removal).unwrap() + 1;
    let (world, data) = (with_data(), &whole.environment.layout.data);
    world.host.fail_at(removal, Fault::Before);
    let mut told = Vec::new();
    let report = world.operate_with(&goal, &mut |event| {
        if let Event::Warning { message, .. } = event {
            told.push(message);
        }
    });
    let left = report.unwrap().left;
    let expected = [format!("remove {data} with all in it"), "remove the user shop-dev".to_owned()];
    assert_eq!(left, expected, "I8");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].contains(&format!("{data} is left, which belongs to it")), "{told:?}");
    let ran = world.host.commands().into_iter().any(|command| command.program == "userdel");
    assert!(!ran, "whoever gets its number next would own the data");
    let journal = world.host.node(&world.environment.layout.journal()).unwrap();
    assert!(matches!(journal, Node::File { .. }), "I6");
    let again = world.operate_with(&goal, &mut drop).unwrap();
    assert_eq!((again.outcome, again.left), (Outcome::Deployed, Vec::new()), "I7");
    assert!(!world.host.exists(&world.environment.layout.root), "I7");
}

#[test]
fn a_record_that_could_not_be_removed_goes_with_the_next_uninstallation() {
    let goal = Goal::Uninstall(Leaving::Nothing);
    let whole = with_data();
    whole.run(&goal);
    for file in ["journal.jsonl", "journal.head"] {
        let is_removal = |(verb, path): &(&str, String)| {
            *verb == "remove" && *path == whole.environment.layout.root.join(file)
        };
        let removal = whole.host.mutation_log().iter().position(is_removal).unwrap() + 1;
        let world = with_data();
        world.host.fail_at(removal, Fault::Before);
        let left = world.operate_with(&goal, &mut drop).unwrap().left;
        assert_eq!(left.len(), 1, "{file}: {left:?}");
        assert!(left[0].contains(file), "{left:?}");
        let again = world.operate_with(&goal, &mut drop).unwrap();
        assert_eq!((again.outcome, again.left), (Outcome::Deployed, Vec::new()), "{file}: I7");
        assert!(!world.host.exists(&world.environment.layout.root), "{file}");
        assert_eq!(world.run(&goal).outcome, Outcome::Unchanged, "{file}");
    }
}

#[test]
fn several_environments_are_seen_as_each_is_and_systemd_is_asked_once() {
    let world = World::under_systemd(LOADED);
    let (host, environment) = (&world.host, &world.environment);
    let alone = observe(host, environment).unwrap();
    assert!(
        matches!(&alone.supervisor, SupervisorState::Systemd(state) if !state.units.is_empty()),
        "{:?}",
        alone.supervisor
    );
    let seen = || observe_all(host, &[environment, environment]);
    let shown = || host.commands().iter().filter(|command| command.args[0] == "show").count();
    let before = shown();
    for found in seen() {
        assert_eq!(found.unwrap(), alone);
    }
    assert_eq!(shown(), before + 1, "once for all");

    // Of each alone it says what it refuses to say of all.
    host.program("systemctl", |command, _| {
        let is_much = command.args.iter().filter(|word| word.ends_with(".service")).count() > 2;
        let (code, text) = if is_much { (1, "no") } else { (0, LOADED) };
        Output::new(ExitStatus::Code(code), text)
    });
    for found in seen() {
        assert_eq!(found.unwrap(), alone);
    }
    host.program("systemctl", |_, _| Output::new(ExitStatus::Code(1), "no"));
    assert!(seen().iter().all(Result::is_err), "each says why");
}
