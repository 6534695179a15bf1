//! What operators are told to type, typed: every command of docs/DEPLOYMENT.md, in its order.

use std::process::Output;

use xtask::node::Options;
use xtask::site::WORK;

use super::possible;
use super::site::Site;

const DOCUMENT: &str = include_str!("../../../docs/DEPLOYMENT.md");
/// Where the document has the checkout.
const CHECKOUT: &str = "/srv/helionyx-deploy";
const SECRETS: &str = "/opt/helionyx/live/shared/.env";

/// The commands in the blocks of a document, without their comments.
fn commands(document: &str) -> Vec<String> {
    let blocks = document.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines = blocks.flat_map(str::lines).map(|line| line.split(" #").next().unwrap_or(line));
    lines.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// What somebody has who comes to this command, and what he types in place of what is an example.
fn typed(site: &Site, command: &str) -> Option<String> {
    let deployed = |words: &str| {
        let output = run(site, &format!("helionyx-deploy deploy --env {words}"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let program = command.replace("cargo xtask", "helionyx-deploy");
    Some(match command {
        // They are of the checkout, and CI runs them there.
        _ if command.starts_with("cargo xtask render-units") => return None,
        _ if command.starts_with("cargo build") => return None,
        _ if command.starts_with("target/release/") => command.replace("target/release/", ""),
        _ if command.contains(CHECKOUT) => {
            format!("cd / && {}", command.replace(CHECKOUT, &format!("{WORK}/project")))
        }
        _ if command.starts_with("$EDITOR") => {
            let file = command.split(' ').nth(1).unwrap();
            assert_eq!(file, SECRETS);
            let secrets = "OPENAI_API_KEY=k\\nTELEGRAM_BOT_TOKEN=t\\nTELEGRAM_CHAT_ID=7\\n";
            format!("printf '{secrets}' > {file}")
        }
        "cargo xtask rollback --env local" => {
            deployed("local --force");
            program
        }
        _ if command.starts_with("cargo xtask rollback --env local 2026") => {
            let listed = site.tool(&["releases", "--env", "local"]);
            let current = listed.lines.iter().find(|line| line["is_current"] == true).unwrap();
            let other = listed.lines.iter().find(|line| line["is_current"] != true);
            let other = other.unwrap_or(current)["id"].as_str().unwrap();
            format!("helionyx-deploy rollback --env local {other}")
        }
        "cargo xtask unit-file check FILE…" => {
            "helionyx-deploy unit-file check /etc/systemd/system/helionyx.service".to_owned()
        }
        _ if command.starts_with("systemd-analyze") => {
            command.replace("systemd/helionyx", "/etc/systemd/system")
        }
        _ if command.contains("env-file check .env.live") => {
            site.run(&["cp", SECRETS, &format!("{WORK}/project/.env.live")]);
            program
        }
        "cargo xtask uninstall --env dev" | "cargo xtask stop --env dev" => {
            site.set_up("dev");
            deployed("dev");
            program
        }
        // Until somebody has seen it serve, and sends what Ctrl-C does on a terminal.
        "cargo xtask run --env dev" => format!(
            "({program} > said & run=$!; for i in $(seq 6000); do \
             grep -q 'listening on' said && break; sleep 0.01; done; kill -INT $run; wait $run)"
        ),
        _ if command.ends_with("--purge") => format!("echo helionyx/dev | {program}"),
        _ => program,
    })
}

#[test]
fn every_command_of_the_operators_document_does_what_is_said_there() {
    if !possible(Options::default()) {
        return;
    }
    let site = Site::new("documented", Options::default());
    copy(&site, "envs/sample");
    copy(&site, "helionyx-deploy/examples/sample");
    // The sample needs nothing from the network, and a node has none.
    let offline = "mkdir -p /root/.cargo && printf '\\n[net]\\noffline = true\\n' >> /root/.cargo/config.toml";
    site.run(&["sh", "-c", offline]);
    let (mut ran, mut wrong) = (0, Vec::new());
    for command in commands(DOCUMENT) {
        let Some(words) = typed(&site, &command) else { continue };
        let output = run(&site, &words);
        let code = output.status.code().unwrap_or(-1);
        // Environments that are not deployed yet are said by what looks at all of them.
        let looks = command.ends_with(" check") || command.ends_with(" status");
        if code != 0 && !(looks && code == 3) {
            wrong.push(format!("{command}: {code}: {}", String::from_utf8_lossy(&output.stderr)));
        }
        ran += 1;
    }
    assert!(wrong.is_empty(), "HEL-105:\n{}", wrong.join("\n"));
    assert!(ran > 25, "only {ran} commands were found");
    eprintln!("{ran} commands of docs/DEPLOYMENT.md");
}

/// Types it in the project, where the compiler is to be had for the sample.
fn run(site: &Site, words: &str) -> Output {
    let cargo = std::path::Path::new(env!("CARGO")).parent().unwrap().display();
    let script = format!("cd {WORK}/project && PATH={cargo}:$PATH HOME=/root && {words}");
    site.node.run(&["sh", "-c", &script]).unwrap()
}

/// A directory of the project, with all below it but what the sample was built to.
fn copy(site: &Site, directory: &str) {
    let project = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut open = vec![std::path::PathBuf::from(directory)];
    while let Some(dir) = open.pop() {
        for entry in fs_err::read_dir(project.join(&dir)).unwrap() {
            let entry = entry.unwrap();
            let path = dir.join(entry.file_name());
            if !entry.file_type().unwrap().is_dir() {
                let to = format!("{WORK}/project/{}", path.display());
                site.write(&to, &fs_err::read(entry.path()).unwrap()).unwrap();
            } else if !["target", "tests"].contains(&entry.file_name().to_str().unwrap()) {
                open.push(path);
            }
        }
    }
}
