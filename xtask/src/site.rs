//! A node with Helionyx's own models on it, and other code in the place of Helionyx's. Does I/O.

use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

pub mod standin;
pub mod wheelhouse;

use crate::node::{self, Node, Options};
use crate::workspace;

/// Where code and models lie, as the node sees it.
pub const WORK: &str = "/srv/site";
/// The tool on the node: the same commands as the installed binary.
const TOOL: &str = "/usr/local/bin/helionyx-deploy";
/// The branch that Helionyx's models name.
const BRANCH: &str = "milestone-3";

/// What sites, and what is done to them in tests and measurements, need of a node's root directory.
const PROGRAMS: [(&str, &str); 7] = [
    ("python3", "python3-venv"),
    ("git", "git"),
    ("curl", "curl"),
    ("strace", "strace"),
    ("pgrep", "procps"),
    ("systemd-nspawn", "systemd-container"),
    // It builds the sample service.
    ("cc", "gcc libc6-dev"),
];

/// What is missing for sites on nodes with these options, also in the root directory that nodes are
/// booted on, with its remedy; none where nothing is.
#[must_use]
pub fn missing(options: Options) -> Option<String> {
    let all = [node::missing(options), node::lacking(&node::wanted(), &PROGRAMS)];
    let all: Vec<String> = all.into_iter().flatten().collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// A node, its models and its code.
#[derive(Debug)]
pub struct Site {
    /// The machine.
    pub node: Node,
}

/// How a command of the tool ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its exit code; -1 when it was killed.
    pub code: i32,
    /// What it wrote for programs, line by line.
    pub lines: Vec<Value>,
    /// What it said to people.
    pub stderr: String,
}

/// What stands for a report that was not written.
static NOTHING: Value = Value::Null;

impl Ended {
    /// The last line: the report of what changes a host; null without one.
    #[must_use]
    pub fn report(&self) -> &Value {
        self.lines.last().unwrap_or(&NOTHING)
    }
}

impl Site {
    /// A node of this name with this program for a tool; without models and code.
    ///
    /// # Errors
    /// When it does not boot, or the program cannot be read.
    pub fn new(name: &str, options: Options, program: &Path) -> Result<Site> {
        let site = Site { node: Node::up(name, options)? };
        site.write(TOOL, &fs_err::read(program)?)?;
        site.run(&["chmod", "755", TOOL])?;
        Ok(site)
    }

    /// Puts Helionyx's models there, each as `adapt` makes it of its text.
    ///
    /// # Errors
    /// When one cannot be read or written.
    pub fn write_models(&self, adapt: impl Fn(&str) -> String) -> Result<()> {
        for file in fs_err::read_dir(workspace::root()?.join("envs/helionyx"))? {
            let (path, name) = file.map(|file| (file.path(), file.file_name()))?;
            if path.extension().is_some_and(|extension| extension == "toml") {
                let text = adapt(&fs_err::read_to_string(&path)?);
                let to = format!("{WORK}/project/envs/helionyx/{}", name.display());
                self.write(&to, text.as_bytes())?;
            }
        }
        Ok(())
    }

    /// Puts code there, and makes it a git repository with one commit.
    ///
    /// # Errors
    /// When that fails.
    pub fn write_code(&self, files: &[(&str, &str)]) -> Result<()> {
        for (file, text) in files {
            self.write(&format!("{WORK}/code/{file}"), text.as_bytes())?;
        }
        let script = format!(
            "cd {WORK}/code && git init -q -b {BRANCH} . && git config user.email helionyx@node.example \
             && git config user.name helionyx"
        );
        self.run(&["sh", "-c", &script])?;
        self.commit("first").map(drop)
    }

    /// Commits all that the code is now; the id of the commit.
    ///
    /// # Errors
    /// When git refuses.
    pub fn commit(&self, subject: &str) -> Result<String> {
        let script = format!(
            "cd {WORK}/code && git add -A && git commit -q --allow-empty -m \"$1\" && git rev-parse HEAD"
        );
        self.run(&["sh", "-c", &script, "sh", subject])
    }

    /// Makes the host ready, and fills in secrets that tell environments apart.
    ///
    /// # Errors
    /// When `setup` does not end well.
    pub fn set_up(&self, environment: &str) -> Result<()> {
        let ended = self.tool(&["setup", "--env", environment])?;
        ensure!(ended.code == 0, "failed to set up {environment}: {}", ended.stderr);
        let secrets = format!(
            "OPENAI_API_KEY=key-{environment}\nTELEGRAM_BOT_TOKEN=token-{environment}\nTELEGRAM_CHAT_ID=7\n"
        );
        self.write(&format!("/opt/helionyx/{environment}/shared/.env"), secrets.as_bytes())
    }

    /// Runs a command of the tool, as root in the project. One that fails is not an error.
    ///
    /// # Errors
    /// When the node does not run; when the tool wrote anything but JSON.
    pub fn tool(&self, args: &[&str]) -> Result<Ended> {
        self.tool_by(&[], args)
    }

    /// The same by way of a command, e.g. as another user.
    ///
    /// # Errors
    /// As [`Site::tool`].
    pub fn tool_by(&self, by: &[&str], args: &[&str]) -> Result<Ended> {
        let by = by.join(" ");
        let script = format!("cd {WORK}/project && exec {by} {TOOL} \"$@\"");
        let output = self.node.run(&[&["sh", "-c", &script, "sh", "--json"], args].concat())?;
        let text = String::from_utf8(output.stdout)?;
        let lines = text.lines().map(serde_json::from_str).collect::<Result<_, _>>();
        let lines = lines.with_context(|| format!("failed to understand `{text}`"))?;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(Ended { code: output.status.code().unwrap_or(-1), lines, stderr })
    }

    /// Runs a command that must end well; what it wrote.
    ///
    /// # Errors
    /// When it does not; with what it said.
    pub fn run(&self, command: &[&str]) -> Result<String> {
        let Output { status, stdout, stderr } = self.node.run(command)?;
        ensure!(
            status.success(),
            "failed to run {command:?}: {}",
            String::from_utf8_lossy(&stderr)
        );
        Ok(String::from_utf8(stdout)?.trim().to_owned())
    }

    /// What the service answers on a port.
    ///
    /// # Errors
    /// When it does not answer, or not with JSON.
    pub fn answer(&self, port: u16) -> Result<Value> {
        let url = format!("http://127.0.0.1:{port}/");
        Ok(serde_json::from_str(&self.run(&["curl", "-sf", &url])?)?)
    }

    /// Writes a file of the node, and the directories above it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &str, content: &[u8]) -> Result<()> {
        let path = self.outside(path);
        if let Some(directory) = path.parent() {
            fs_err::create_dir_all(directory)?;
        }
        Ok(fs_err::write(path, content)?)
    }

    /// A path of the node as this machine sees it.
    #[must_use]
    pub fn outside(&self, path: &str) -> PathBuf {
        self.node.root().join(path.trim_start_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_root_directory_has_all_that_nodes_and_sites_need() {
        let text =
            fs_err::read_to_string(workspace::root().unwrap().join("CONTRIBUTING.md")).unwrap();
        let packages = text.split("--include=").nth(1).and_then(|rest| rest.split(' ').next());
        let packages: Vec<&str> = packages.unwrap().split(',').collect();
        let needed = PROGRAMS.iter().flat_map(|(_, packages)| packages.split(' '));
        for package in needed.chain(["systemd-sysv", "dbus"]) {
            assert!(packages.contains(&package), "{package} is not among {packages:?}");
        }
    }
}
