//! What a host must have is looked for before anything is begun, and named all at once.

use helionyx_deploy::command::{ExitStatus, Output};
use helionyx_deploy::operate::{self, Goal, OperateError};
use insta::assert_snapshot;

use crate::world::{World, deploy};

const UNKNOWN: &str = "Id=web-dev.service\nLoadState=not-found\nActiveState=inactive\n";
const PYTHON: &str = "\n[[requires]]\nprogram = \"python3\"\nat_least = \"3.11\"\n";

fn output(status: i32, text: &str) -> Output {
    Output::new(ExitStatus::Code(status), text.to_owned())
}

/// Refusals in words, and that nothing was changed.
fn refused(world: &World, goal: &Goal) -> String {
    let before = world.host.snapshot();
    let Err(OperateError::Refused(refusals)) = world.operate(goal) else {
        panic!("{goal:?} should be refused");
    };
    assert_eq!(world.host.snapshot(), before, "HEL-01: nothing was changed");
    let lines: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn a_host_that_lacks_everything_is_told_so_in_one_go() {
    let mut world = World::under_systemd(UNKNOWN);
    world.under_systemd_with(PYTHON);
    world.host.program("python3", |_, _| output(0, "Python 3.9.2\n"));
    world.host.delete("/run/systemd/system");
    let said = "System has not been booted with systemd as init system (PID 1). Can't operate.\n";
    world.host.program("systemctl", move |_, _| output(1, said));
    world.host.act_as(1000);
    world.host.set_free(1024);
    world.host.put_file("/etc/fstab", "/dev/sdb1 /var/lib/shop ext4 noauto 0 2\n", 0o644);
    world.host.put_file("/proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n", 0o444);
    world.host.stranger_on(world.environment.port.unwrap(), "nginx");
    let of_deploy = refused(&world, &deploy());
    assert_snapshot!(of_deploy, @"
    this machine is not run by systemd [no-systemd]
    python3 is 3.9.2: the app needs 3.11 or newer [old-program]
    /var/lib/shop/dev lies below /var/lib/shop, which /etc/fstab mounts and is not mounted [not-mounted]
    /opt/shop/dev has 0 MiB left, 64 MiB are needed [no-room]
    /var/lib/shop/dev has 0 MiB left, 16 MiB are needed [no-room]
    user id 1000 may not do this: units, users and releases are root's [no-rights]
    port 8000 is held by pid 1000 (nginx) on 0.0.0.0:8000 [port-held]
    ");
    assert_eq!(refused(&world, &Goal::Setup), of_deploy, "HEL-01");
}

#[test]
fn a_plan_is_refused_for_what_is_missing_besides_what_is_in_the_way() {
    let mut world = World::under_systemd(UNKNOWN);
    world.under_systemd_with(PYTHON);
    world.host.program("getent", |_, _| output(2, ""));
    assert_snapshot!(refused(&world, &deploy()), @"
    python3 is not here: the app needs 3.11 or newer [missing-program]
    this host has no user shop-dev [no-user]
    ");
    world.host.program("python3", |_, _| output(0, "Python 3.11.2\n"));
    assert!(world.operate(&Goal::Setup).is_ok(), "HEL-01: what is there is not asked for again");
}

#[test]
fn where_nothing_is_to_be_done_no_program_is_asked() {
    let mut world = World::new();
    world.declare(PYTHON);
    world.host.program("python3", |_, _| output(0, "Python 3.11.2\n"));
    world.run(&deploy());
    let asked = world.host.commands().len();
    world.run(&deploy());
    world.run(&Goal::Restart);
    assert_eq!(world.host.commands().len(), asked, "HEL-43");
    world.host.program("python3", |_, _| output(0, "Python 3.9.2\n"));
    world.run(&deploy());
    world.ship_readme("another");
    let plan = operate::plan(&world.host, &world.environment, &deploy());
    assert!(plan.unwrap_err().to_string().contains("python3 is 3.9.2"), "HEL-01");
    let Err(OperateError::Refused(refusals)) = world.operate(&deploy()) else { panic!("HEL-36") };
    assert_eq!(refusals[0].code, "old-program", "HEL-01");
    assert!(world.operate(&Goal::Stop).is_ok(), "what is there can be stopped");
}
