//! Build steps: when they run again, what they take over, and what they refuse.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use helionyx_deploy::command::{ExitStatus, Leftovers, Output};
use helionyx_deploy::digest::ContentDigest;
use helionyx_deploy::event::{Event, Outcome, Report};
use helionyx_deploy::host::fake::FakeService;
use helionyx_deploy::host::{FakeHost, Look as _};
use helionyx_deploy::state::{Node, Process, ProcessKey};
use helionyx_deploy::time::Timestamp;

use crate::rig::Rig;
use crate::world::{self, ROOT, World, deploy};

const APP: &str = r#"
name = "shop"
[source.path]
dir = "/src"
[[build]]
name = "compile"
run = ["build", ARGS]
inputs = INPUTS
outputs = ["bin"]
[[service]]
name = "web"
exec = ["{release}/bin/web"]
stop_timeout_secs = 1
[service.health]
try_timeout_ms = 500
deadline_secs = 1
passes = 2
stable_ms = 100
interval_ms = 100
[[service.health.probe]]
path = "/health"
fields = { status = "healthy" }
[variables.PORT]
kind = "port"
value = "{port}"
"#;

const DEV: &str = "supervisor = \"process\"\nport = 8000\n";

/// A machine with an app whose one build step has these inputs and arguments, as TOML lists them.
/// The step is like `make`: it leaves alone what is there.
fn world(inputs: &str, args: &str) -> World {
    let host = FakeHost::new();
    host.put_file("/src/lib/web", FakeService::default().content(), 0o644);
    host.put_file("/src/README", "read me", 0o644);
    host.program("build", |command, disk| {
        let dir = &command.directory;
        if !disk.exists(dir.join("bin/web")) {
            let content = disk.read_text(dir.join("lib/web")).unwrap_or_default();
            disk.put_file(dir.join("bin/web"), content, 0o755);
            disk.put_file(dir.join("bin/args"), command.args.join(" "), 0o644);
            disk.put_file(dir.join("bin/data"), "good", 0o644);
        }
        Output::new(ExitStatus::Code(0), "")
    });
    World { host, environment: environment(inputs, args, DEV) }
}

fn environment(inputs: &str, args: &str, dev: &str) -> helionyx_deploy::model::Environment {
    world::environment(&APP.replace("INPUTS", inputs).replace("ARGS", args), dev)
}

/// A file of the current release.
fn current(world: &World, file: &str) -> Option<String> {
    world.host.read_text(format!("{ROOT}/releases/{}/{file}", world.current()))
}

fn another() -> FakeService {
    FakeService { ready_after_ms: 7, ..FakeService::default() }
}

fn run(world: &World) -> (Report, Vec<String>, Vec<String>) {
    let (mut notes, mut warnings) = (Vec::new(), Vec::new());
    let report = world.operate_with(&deploy(), &mut |event| match event {
        Event::StepFinished { note, .. } if note.contains("reused") => notes.push(note),
        Event::Warning { message, .. } => warnings.push(message),
        _ => {}
    });
    (report.unwrap(), notes, warnings)
}

fn builds(world: &World) -> usize {
    world.host.commands().iter().filter(|command| command.program == "build").count()
}

#[test]
fn inputs_count_with_the_content_that_their_links_lead_to() {
    for (input, links) in [
        ("[\"src\"]", &[("src", "lib")][..]),
        ("[\"src\"]", &[("src", "a/../b"), ("a/x", "."), ("b", "lib")]),
        ("[\"src\"]", &[("src/deep/web", "../../lib/web"), ("src/deep/up", "../..")]),
        ("[\"src\"]", &[("src/lib", "../lib"), ("src/self", "."), ("src/loop", "loop")]),
        ("[\"src\"]", &[("src/lib", "../lib"), ("src/none", "../missing")]),
        ("[\"README\", \"src/web\"]", &[("src", "lib")]),
    ] {
        let world = world(input, "\"x\"");
        for (link, target) in links {
            world.host.put_link(format!("/src/{link}"), target);
        }
        assert_eq!(world.run(&deploy()).outcome, Outcome::Deployed, "{links:?}");
        world.host.put_file("/src/other", "no input", 0o644);
        let reaches_all = links.iter().any(|(_, target)| *target == "../..");
        let (_, notes, _) = run(&world);
        assert_eq!(notes.len(), usize::from(!reaches_all), "{links:?}: {notes:?} (HEL-39)");
        world.ship(&another());
        assert_eq!(world.run(&deploy()).outcome, Outcome::Deployed, "{links:?}");
        assert_eq!(current(&world, "bin/web"), current(&world, "lib/web"), "{links:?} (HEL-39)");
    }
}

#[test]
fn inputs_that_are_not_part_of_the_release_are_errors_of_the_build_step() {
    for (inputs, link, target, why) in [
        ("[\"lbi\"]", "x", "lib", "input `lbi` does not exist in the release"),
        ("[\"lib\", \"lib/none\"]", "x", "lib", "input `lib/none` does not exist in the release"),
        ("[\"x\"]", "x", "gone", "input `x` does not exist in the release"),
        ("[\"x\"]", "x", "x", "input `x` does not exist in the release"),
        ("[\"x\"]", "x", "/etc", "input `x` leads out of the release"),
        ("[\"x/y\"]", "x", "../z", "input `x/y` leads out of the release"),
        ("[\"lib\"]", "lib/out", "../../z", "the link `lib/out` leads out of the release"),
        ("[\"lib\"]", "bin", "/var/bin", "output `bin` leads out of the release"),
    ] {
        let world = world(inputs, "\"x\"");
        world.host.put_dir("/var/bin");
        world.host.put_link(format!("/src/{link}"), target);
        let report = world.run(&deploy());
        assert_eq!(report.outcome, Outcome::Failed, "{inputs} {link}");
        let error = report.error.unwrap();
        assert!(error.contains("build step compile failed"), "{error}");
        assert!(error.contains(why), "{why}: {error}");
        assert_eq!(builds(&world), 0, "{inputs} {link}: it does not even run");
    }
}

#[test]
fn a_step_runs_again_when_a_value_in_its_command_changes_but_not_for_another_release() {
    let args = "\"--port\", \"{port}\", \"--in\", \"{release}\"";
    let mut world = world("[\"lib\"]", args);
    world.run(&deploy());
    world.ship_readme("2");
    let (_, notes, _) = run(&world);
    assert_eq!(builds(&world), 2, "the fake's output holds the release's path: {notes:?}");

    let args = "\"--port\", \"{port}\"";
    world.environment = environment("[\"lib\"]", args, DEV);
    world.run(&deploy());
    world.ship_readme("3");
    world.run(&deploy());
    assert_eq!(builds(&world), 3, "the same command is not run again (HEL-39)");
    world.environment = environment("[\"lib\"]", args, &DEV.replace("8000", "8001"));
    world.run(&deploy());
    assert_eq!(current(&world, "bin/args").unwrap(), "--port 8001");
    world.environment = environment("[\"lib\"]", "\"--port\", \"{{port}}\"", DEV);
    world.run(&deploy());
    assert_eq!(current(&world, "bin/args").unwrap(), "--port {port}");
}

#[test]
fn outputs_that_may_be_relocated_are_taken_over_with_the_name_of_the_new_release() {
    let world = world("[\"lib\"]\nrelocate = true", "\"x\"");
    world.host.program("build", |command, disk| {
        let dir = &command.directory;
        let content = disk.read_text(dir.join("lib/web")).unwrap_or_default();
        disk.put_file(dir.join("bin/web"), content, 0o755);
        disk.put_file(dir.join("bin/python"), format!("#!{dir}/bin\n{dir}"), 0o755);
        disk.put_link(dir.join("bin/home"), dir);
        Output::new(ExitStatus::Code(0), "")
    });
    world.run(&deploy());
    let first = world.current();
    world.ship_readme("2");
    let (report, notes, _) = run(&world);
    assert_eq!(report.outcome, Outcome::Deployed);
    assert_eq!(notes, [format!("reused from {first}")], "HEL-39");
    let dir = world.environment.layout.release(&world.current());
    assert_ne!(world.current(), first);
    assert_eq!(current(&world, "bin/python").unwrap(), format!("#!{dir}/bin\n{dir}"), "HEL-11");
    assert_eq!(world.host.node(&dir.join("bin/home")).unwrap(), Node::Link { target: dir });
    world.ship(&another());
    assert_eq!(run(&world).1, [] as [String; 0], "other inputs, other outputs (HEL-39)");
}

#[test]
fn the_commands_of_a_step_run_one_by_one_until_one_fails() {
    for (then, ran, outcome) in [
        (r#"[["build", "2"], ["build", "3"]]"#, vec!["x", "2", "3"], Outcome::Deployed),
        (r#"[["build", "2"], ["fail"], ["build", "3"]]"#, vec!["x", "2"], Outcome::Failed),
    ] {
        let world = world(&format!("[\"lib\"]\nthen = {then}"), "\"x\"");
        world
            .host
            .program("fail", |_, _| Output::new(ExitStatus::Code(3), "no network\n".to_owned()));
        let report = world.run(&deploy());
        assert_eq!(report.outcome, outcome, "{then}: {report:?} (HEL-83)");
        let commands = world.host.commands();
        let builds = commands.iter().filter(|command| command.program == "build");
        assert_eq!(builds.map(|command| command.args.join(" ")).collect::<Vec<_>>(), ran);
        if outcome == Outcome::Failed {
            let why = "build step compile failed: `fail`: exit code 3: no network";
            assert_eq!(report.error.as_deref(), Some(why));
        }
    }
}

#[test]
fn what_a_build_leaves_running_in_its_release_fails_it_and_elsewhere_is_told_of() {
    for (cwd, exe, outcome) in [
        ("RELEASE/bin", "/bin/sleep", Outcome::Failed),
        ("/", "/elsewhere/by/link/ID/bin/web (deleted)", Outcome::Failed),
        ("/", "/bin/sleep", Outcome::Deployed),
    ] {
        let world = world("[\"lib\"]", "\"x\"");
        world.host.program("build", move |command, disk| {
            let dir = &command.directory;
            assert_eq!(command.leftovers, Leftovers::EndWherePossible);
            let content = disk.read_text(dir.join("lib/web")).unwrap_or_default();
            disk.put_file(dir.join("bin/web"), content, 0o755);
            let id = dir.file_name().unwrap();
            let path =
                |text: &str| Some(text.replace("RELEASE", dir.as_str()).replace("ID", id).into());
            let mut output = Output::new(ExitStatus::Code(0), "");
            output.left = vec![left_running(path(cwd), path(exe)), left_running(None, None)];
            output
        });
        let (report, _, warnings) = run(&world);
        assert_eq!(report.outcome, outcome, "{cwd} {exe}: {report:?} (HEL-83)");
        let all = [report.error.as_slice(), warnings.as_slice()].concat();
        let expected = match outcome {
            Outcome::Failed => {
                "build step compile failed: it left pid 7 (sleep 9) running in the release, now killed"
            }
            _ => "build step compile left pid 7 (sleep 9) and 1 more running, now killed",
        };
        assert_eq!(all, [expected]);
    }
}

fn left_running(cwd: Option<Utf8PathBuf>, exe: Option<Utf8PathBuf>) -> Process {
    Process {
        key: ProcessKey { pid: 7, started_ticks: 0 },
        parent: 1,
        session: 7,
        uid: 0,
        command: vec!["sleep".to_owned(), "9".to_owned()],
        cwd,
        exe,
        marks: BTreeMap::new(),
        output: None,
        since: Timestamp::from_millis(0),
        memory_bytes: 0,
    }
}

#[test]
fn outputs_that_hold_the_path_of_their_release_are_made_anew() {
    for linked in [false, true] {
        let world = world("[\"lib\"]", "\"x\"");
        world.host.program("build", move |command, disk| {
            let dir = &command.directory;
            let content = disk.read_text(dir.join("lib/web")).unwrap_or_default();
            disk.put_file(dir.join("bin/web"), content, 0o755);
            match linked {
                true => disk.put_link(dir.join("bin/home"), dir),
                false => disk.put_file(dir.join("bin/home"), format!("\0\u{1}#!{dir}\0"), 0o644),
            }
            Output::new(ExitStatus::Code(0), "")
        });
        world.run(&deploy());
        let first = world.current();
        world.ship_readme("2");
        let (report, notes, warnings) = run(&world);
        assert_eq!(report.outcome, Outcome::Deployed);
        let why = format!("not reused: bin/home of {first} holds the path of that release");
        assert_eq!(notes, [why]);
        assert_eq!(warnings, Vec::<String>::new(), "what a step made may lead anywhere");
        let home = format!("{ROOT}/releases/{}/bin/home", world.current());
        let text = match world.host.node(home.as_str().into()).unwrap() {
            Node::Link { target } => target.into_string(),
            _ => world.host.read_text(home).unwrap(),
        };
        assert!(text.contains(world.current().as_str()), "{text}");
    }
}

#[test]
fn of_outputs_that_were_damaged_nothing_is_taken_over() {
    let world = world("[\"lib\"]", "\"x\"");
    world.run(&deploy());
    let release = format!("{ROOT}/releases/{}", world.current());
    world.host.put_file(format!("{release}/bin/data"), "evil", 0o444);
    // As a disk would do it that loses bits: no look at length and time tells it.
    let damaged = world.host.node(format!("{release}/bin/data").as_str().into()).unwrap();
    let Node::File { modified_ns, .. } = damaged else { panic!("{damaged:?}") };
    let json = |file: &str| -> serde_json::Value {
        let text = world.host.read_text(format!("{release}/{file}")).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let (mut manifest, mut list) = (json("release.json"), json("release.files.json"));
    list["bin/data"]["file"]["modified_ns"] = modified_ns.into();
    manifest["files"]["list"] = ContentDigest::of(list.to_string().as_bytes()).to_string().into();
    world.host.put_file(format!("{release}/release.files.json"), list.to_string(), 0o444);
    world.host.put_file(format!("{release}/release.json"), manifest.to_string(), 0o444);
    world.ship_readme("2");
    let (report, notes, _) = run(&world);
    assert_eq!(report.outcome, Outcome::Deployed);
    assert!(notes[0].contains("bin/data") && notes[0].ends_with("was changed"), "{notes:?}");
    assert_eq!(current(&world, "bin/data").unwrap(), "good");
}

#[test]
fn what_the_source_has_at_an_output_counts_as_an_input() {
    let world = world("[\"lib\"]", "\"x\"");
    world.host.put_file("/src/bin/script", "one", 0o755);
    world.run(&deploy());
    for (content, reused) in [(Some("one"), 1), (Some("two"), 0), (None, 0)] {
        world.host.delete("/src/bin/script");
        if let Some(content) = content {
            world.host.put_file("/src/bin/script", content, 0o755);
        }
        world.ship_readme(&format!("{content:?}"));
        let (_, notes, _) = run(&world);
        assert_eq!(notes.len(), reused, "{content:?}: {notes:?}");
        assert_eq!(current(&world, "bin/script").as_deref(), content);
    }
}

#[test]
fn an_output_that_a_step_turns_into_a_link_out_of_the_release_is_refused() {
    let world = world("[\"lib\"]", "\"x\"");
    world.host.put_dir("/var/bin");
    world.host.program("build", |command, disk| {
        disk.put_link(command.directory.join("bin"), "/var/bin");
        Output::new(ExitStatus::Code(0), "")
    });
    let report = world.run(&deploy());
    assert!(report.error.unwrap().contains("output `bin` leads out of the release"));
}

#[test]
fn links_of_the_source_that_lead_out_of_it_are_kept_and_told_of() {
    let world = world("[\"lib\"]", "\"x\"");
    world.host.put_link("/src/fine", "lib/web");
    let (_, _, warnings) = run(&world);
    assert_eq!(warnings, Vec::<String>::new());
    for (name, target) in [("a", "/etc"), ("b", "../x"), ("c", "a/hosts"), ("d", "b"), ("e", "/x")]
    {
        world.host.put_link(format!("/src/{name}"), target);
    }
    let (report, _, warnings) = run(&world);
    assert_eq!(report.outcome, Outcome::Deployed);
    let expected = "links of the source lead out of it: a -> /etc, b -> ../x, c -> a/hosts \
                    and 2 more";
    assert_eq!(warnings, [expected]);
}

#[test]
fn the_last_words_of_a_build_are_cut_to_what_an_error_can_hold() {
    let world = world("[\"lib\"]", "\"x\"");
    world.host.program("build", |_, _| {
        Output::new(ExitStatus::Code(2), format!("begin\n{}\n", "ä".repeat(5000)))
    });
    let error = world.run(&deploy()).error.unwrap();
    assert!(error.ends_with(&format!("exit code 2: {}…", "ä".repeat(200))), "{error}");
}

#[test]
fn a_real_step_never_writes_through_a_link_out_of_the_release() {
    let mut rig = Rig::new();
    let build = "[source.path]\ndir = \"DIR/source\"\n[[build]]\nname = \"copy\"\n\
                 run = [\"/bin/cp\", \"note\", \"out/file\"]\ninputs = [\"note\"]\noutputs = [\"out\"]";
    let [app, dev] = [crate::rig::APP, crate::rig::DEV]
        .map(|text| crate::rig::fill_in(text, &rig.dir, build, rig.port, ""));
    let build = build.replace("DIR", rig.dir.as_str());
    rig.environment = world::environment(&app.replace("SOURCE", &build), &dev);
    let outside = rig.dir.join("outside");
    fs_err::create_dir_all(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, rig.dir.join("source/out")).unwrap();
    let report = rig.run(&deploy());
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(report.error.unwrap().contains("output `out` leads out of the release"));
    assert_eq!(outside.read_dir_utf8().unwrap().count(), 0, "(ALL-08)");
}
