//! A node with Helionyx's own models on it, and a small service in place of its code.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use xshell::Shell;
use xtask::node::{Node, Options};

use super::name;

/// Where code and models lie, as the node sees it.
const WORK: &str = "/srv/site";
/// The tool on the node: the same commands as the installed binary.
const TOOL: &str = "/usr/local/bin/helionyx-deploy";

/// A node, its models and its code.
pub struct Site {
    pub node: Node,
    name: String,
    shell: Shell,
}

/// How a command of the tool ended.
pub struct Ended {
    pub code: i32,
    pub lines: Vec<Value>,
    pub stderr: String,
}

impl Ended {
    /// The last line: the report of what changes a host.
    pub fn report(&self) -> &Value {
        self.lines.last().unwrap_or_else(|| panic!("no lines: {}", self.stderr))
    }
}

impl Site {
    /// A node with models and code; nothing is set up.
    pub fn new(test: &str, options: Options) -> Site {
        let name = name(test);
        let site =
            Site { node: Node::up(&name, options).unwrap(), name, shell: Shell::new().unwrap() };
        let program = site.shell.read_binary_file(env!("CARGO_BIN_EXE_xtask")).unwrap();
        site.shell.write_file(site.outside(TOOL), program).unwrap();
        site.run(&["chmod", "755", TOOL]);
        site.write_models();
        site.write_code();
        site
    }

    /// The same after `setup` and a first deploy of these environments.
    pub fn deployed(test: &str, options: Options, environments: &[&str]) -> Site {
        let site = Site::new(test, options);
        for environment in environments {
            site.set_up(environment);
            let ended = site.tool(&["deploy", "--env", environment]);
            assert_eq!(
                (ended.code, &ended.report()["outcome"]),
                (0, &"deployed".into()),
                "{}",
                ended.stderr
            );
        }
        site
    }

    /// Makes the host ready, and fills in secrets that tell environments apart.
    pub fn set_up(&self, environment: &str) {
        assert_eq!(self.tool(&["setup", "--env", environment]).code, 0);
        let file = format!("/opt/helionyx/{environment}/shared/.env");
        let secrets = format!(
            "OPENAI_API_KEY=key-{environment}\nTELEGRAM_BOT_TOKEN=token-{environment}\nTELEGRAM_CHAT_ID=7\n"
        );
        self.shell.write_file(self.outside(&file), secrets).unwrap();
    }

    /// Runs a command of the tool, as root in the project.
    pub fn tool(&self, args: &[&str]) -> Ended {
        self.tool_by("", args)
    }

    /// Runs a command of the tool as a user who may do nothing.
    pub fn tool_as_nobody(&self, args: &[&str]) -> Ended {
        self.tool_by("setpriv --reuid=65534 --regid=65534 --clear-groups", args)
    }

    fn tool_by(&self, user: &str, args: &[&str]) -> Ended {
        let script = format!("cd {WORK}/project && exec {user} {TOOL} \"$@\"");
        let words = [&["sh", "-c", &script, "sh", "--json"], args].concat();
        let output = self.node.run(&words).unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Ended { code: output.status.code().unwrap_or(-1), lines, stderr }
    }

    /// A new commit, with this fault in it.
    pub fn commit(&self, fault: &str) -> String {
        let path = self.outside(&format!("{WORK}/code/services/api/fault"));
        self.shell.write_file(path, fault).unwrap();
        let script = format!(
            "cd {WORK}/code && git add -A && git commit -qm '{fault}' && git rev-parse HEAD"
        );
        self.run(&["sh", "-c", &script])
    }

    /// Runs a command that must end well; what it wrote.
    pub fn run(&self, command: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.node.run(command).unwrap();
        assert!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap().trim().to_owned()
    }

    /// What the service answers on a port.
    pub fn answer(&self, port: u16) -> Value {
        let url = format!("http://127.0.0.1:{port}/");
        serde_json::from_str(&self.run(&["curl", "-sf", &url])).unwrap()
    }

    /// A path of the node as this machine sees it.
    pub fn outside(&self, path: &str) -> PathBuf {
        self.node.root().join(path.trim_start_matches('/'))
    }

    fn write_models(&self) {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for file in self.shell.read_dir(project.join("envs/helionyx")).unwrap() {
            let Some(name) =
                file.file_name().filter(|_| file.extension().is_some_and(|e| e == "toml"))
            else {
                continue;
            };
            let text = self.adapted(&self.shell.read_file(&file).unwrap());
            let to = self.outside(&format!("{WORK}/project/envs/helionyx")).join(name);
            self.shell.write_file(to, text).unwrap();
        }
    }

    /// The models as they are, but for where the code lies, how it is installed without a network,
    /// and how long a test waits.
    fn adapted(&self, text: &str) -> String {
        let (begin, end) = ("[\".venv/bin/pip\"", ",\n]\ninputs");
        let text = match (text.find(begin), text.find(end)) {
            (Some(from), Some(to)) => {
                // What an editable install does: the code is found at this release's path.
                let script = "import site, pathlib, sys; \
                              pathlib.Path(site.getsitepackages()[0], 'helionyx.pth').write_text(sys.argv[1])";
                let run = format!("[\".venv/bin/python\", \"-c\", \"{script}\", \"{{release}}\"]");
                format!("{}{run}{}", &text[..from], &text[to..])
            }
            _ => text.to_owned(),
        };
        let build = "[[build]]\nname = \"say\"\nrun = [\"/bin/sh\", \"-c\", \"id -un > built-by; env >> \
                     built-by; cat /opt/helionyx/dev/shared/.env >> built-by 2>&1; true\"]\n\n[[service]]";
        let text = text.replace("[[service]]", build);
        let node = format!("host = \"{}\"", self.name);
        [
            ("host = \"node1\"", node.as_str()),
            ("git@github.com:rattling/helio-mono.git", "file:///srv/site/code"),
            (
                "\"/usr/bin/python3\", \"-m\", \"venv\",",
                "\"/usr/bin/python3\", \"-m\", \"venv\", \"--without-pip\",",
            ),
            ("deadline_secs = 45", "deadline_secs = 5"),
            ("interval_ms = 250", "interval_ms = 50"),
            ("stable_ms = 3000", "stable_ms = 500"),
        ]
        .into_iter()
        .fold(text, |text, (from, to)| text.replace(from, to))
    }

    fn write_code(&self) {
        let code = |file: &str| self.outside(&format!("{WORK}/code/{file}"));
        self.shell
            .write_file(code("services/api/runner.py"), include_str!("app/runner.py"))
            .unwrap();
        for module in ["services/__init__.py", "services/api/__init__.py"] {
            self.shell.write_file(code(module), "").unwrap();
        }
        self.shell.write_file(code("pyproject.toml"), "[project]\nname = \"helionyx\"\n").unwrap();
        let script = format!(
            "cd {WORK}/code && git init -q -b milestone-3 . && git config user.email helionyx@node.example \
             && git config user.name helionyx && git add -A && git commit -qm first"
        );
        self.run(&["sh", "-c", &script]);
    }
}
