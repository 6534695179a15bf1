//! `cargo xtask render-units` on a copy of the models: drift is shown, named and mended.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic where it stands")]

use std::path::{Path, PathBuf};

/// The models and units of this repository, somewhere else.
struct Copy {
    _guard: tempfile::TempDir,
    dir: PathBuf,
}

impl Copy {
    fn new() -> Copy {
        let guard = tempfile::tempdir().unwrap();
        let dir = guard.path().canonicalize().unwrap();
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let shell = xshell::Shell::new().unwrap();
        for part in ["envs/helionyx", "systemd/helionyx"] {
            for file in shell.read_dir(project.join(part)).unwrap() {
                let to = dir.join(part).join(file.file_name().unwrap());
                shell.write_file(to, shell.read_file(&file).unwrap()).unwrap();
            }
        }
        Copy { _guard: guard, dir }
    }

    /// The exit code and all that was said.
    fn render(&self, args: &[&str]) -> (i32, String) {
        let shell = xshell::Shell::new().unwrap();
        let (program, envs) = (env!("CARGO_BIN_EXE_xtask"), self.dir.join("envs"));
        let command = xshell::cmd!(shell, "{program} --envs-dir {envs} render-units {args...}");
        let output = command.quiet().ignore_status().output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    }

    fn edit(&self, file: &str, old: &str, new: &str) {
        let shell = xshell::Shell::new().unwrap();
        let path = self.dir.join(file);
        let text = shell.read_file(&path).unwrap();
        assert_eq!(text.matches(old).count(), 1, "{old:?} stands once in {file}");
        shell.write_file(path, text.replace(old, new)).unwrap();
    }
}

/// What `--check` says when there is nothing to say.
fn nothing() -> (i32, String) {
    (0, String::new())
}

#[test]
fn what_drifted_is_named_with_its_difference_and_the_command_that_mends_it() {
    assert_eq!(Copy::new().render(&["--check"]), nothing());
    let (dev, app) = ("envs/helionyx/dev.toml", "envs/helionyx/app.toml");
    let live = "systemd/helionyx/helionyx.service";
    for (file, old, new, shown) in [
        (dev, "port = 8000", "port = 8009", "+API_PORT=8009"),
        (dev, "port = 8000", "user = \"web\"\nport = 8000", "+User=web"),
        (app, "restart_delay_secs = 2", "restart_delay_secs = 3", "+RestartSec=3s"),
        (live, "=strict", "=full", "-ProtectSystem=full\n+ProtectSystem=strict"),
        (live, "=mixed\n", "=mixed\r\n", "-KillMode=mixed\\r\n+KillMode=mixed"),
        ("envs/helionyx/.env.template", "# The port", "# A port", "+# The port"),
        ("envs/helionyx/.env.live.example", "LOG_LEVEL=WARNING\n", "", "+LOG_LEVEL=WARNING"),
    ] {
        let copy = Copy::new();
        copy.edit(file, old, new);
        let (code, text) = copy.render(&["--check"]);
        assert_eq!(code, 1, "{old:?} -> {new:?}: {text}");
        assert!(text.contains(shown), "{shown:?} in {text}");
        assert!(text.contains("run `cargo xtask render-units`"), "{text}");
        assert_eq!(copy.render(&[]).0, 0);
        assert_eq!(copy.render(&["--check"]), nothing(), "it is mended");
    }
}

#[test]
fn what_is_missing_or_no_longer_generated_is_drift_too() {
    let copy = Copy::new();
    let shell = xshell::Shell::new().unwrap();
    let unit = |name: &str| copy.dir.join("systemd/helionyx").join(name);
    shell.remove_path(unit("helionyx.service")).unwrap();
    shell.write_file(unit("by-hand.service"), "[Service]\nExecStart=/bin/x\n").unwrap();
    copy.edit("envs/helionyx/dev.toml", "port = 8000", "unit_suffix = \"-try\"\nport = 8000");
    let (code, text) = copy.render(&["--check"]);
    assert_eq!(code, 1);
    for line in [
        "helionyx.service is missing",
        "helionyx-try.service is missing",
        "helionyx-dev.service is there, but is no longer generated",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains("by-hand"), "{text}");
    assert_eq!(copy.render(&[]).0, 0);
    assert_eq!(copy.render(&["--check"]), nothing());
    assert!(shell.path_exists(unit("by-hand.service")), "what we did not make stays");
    assert!(!shell.path_exists(unit("helionyx-dev.service")));
}

#[test]
fn nothing_is_rendered_from_models_with_mistakes() {
    let copy = Copy::new();
    copy.edit("envs/helionyx/dev.toml", "port = 8000", "port = 8002");
    for args in [&["--check"][..], &[]] {
        let (code, text) = copy.render(args);
        assert_eq!(code, 4, "{text}");
        assert!(text.contains("port 8002 is taken at"), "HEL-97: {text}");
    }
}
