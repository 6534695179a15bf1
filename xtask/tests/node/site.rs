//! Nodes with Helionyx's own models on them, and other code in place of its own.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;
use xtask::build::{Profile, deployer};
use xtask::node::Options;
pub use xtask::site::Ended;
use xtask::site::{WORK, standin};

use super::name;

/// A node, its models and its code; what must work does, or the test ends.
pub struct Site(xtask::site::Site);

impl Deref for Site {
    type Target = xtask::site::Site;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Site {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// The program under test: what operators install.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| deployer(Profile::Own).unwrap())
}

/// How health is asked for in tests: often, for a short time, and with a deadline that a busy machine
/// keeps, too.
pub const QUICK: [(&str, &str); 3] = [
    ("deadline_secs = 45", "deadline_secs = 60"),
    ("interval_ms = 250", "interval_ms = 50"),
    ("stable_ms = 3000", "stable_ms = 500"),
];

impl Site {
    /// A node with models and code of nothing but the standard library; nothing is set up.
    pub fn new(test: &str, options: Options) -> Site {
        let name = name(test);
        let site = xtask::site::Site::new(&name, options, program()).unwrap();
        site.write_models(|text| adapted(text, &name)).unwrap();
        site.write_code(&CODE).unwrap();
        Site(site)
    }

    /// A node with what stands in for Helionyx; nothing is set up.
    pub fn standin(test: &str) -> Site {
        Site(standin::up(&name(test), Options::default(), program(), &QUICK).unwrap())
    }

    /// The first after `setup` and a first deploy of these environments.
    pub fn deployed(test: &str, options: Options, environments: &[&str]) -> Site {
        let site = Site::new(test, options);
        site.deploy_first(environments);
        site
    }

    /// `setup` and a first deploy of these environments.
    pub fn deploy_first(&self, environments: &[&str]) {
        for environment in environments {
            self.set_up(environment);
            let ended = self.tool(&["deploy", "--env", environment]);
            assert_eq!(
                (ended.code, &ended.report()["outcome"]),
                (0, &"deployed".into()),
                "{}",
                ended.stderr
            );
        }
    }

    /// Makes the host ready, and fills in secrets that tell environments apart.
    pub fn set_up(&self, environment: &str) {
        self.0.set_up(environment).unwrap();
    }

    /// Runs a command of the tool, as root in the project.
    pub fn tool(&self, args: &[&str]) -> Ended {
        self.0.tool(args).unwrap()
    }

    /// Runs a command of the tool as a user who may do nothing.
    pub fn tool_as_nobody(&self, args: &[&str]) -> Ended {
        let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        self.0.tool_by(&nobody, args).unwrap()
    }

    /// A new commit, with this fault in it.
    pub fn commit(&self, fault: &str) -> String {
        self.write(&format!("{WORK}/code/services/api/fault"), fault.as_bytes()).unwrap();
        self.0.commit(fault).unwrap()
    }

    /// Has the app's model say something else.
    pub fn remodel(&self, from: &str, to: &str) {
        let path = format!("{WORK}/project/envs/helionyx/app.toml");
        let text = fs_err::read_to_string(self.outside(&path)).unwrap();
        assert!(text.contains(from), "{from}: {text}");
        self.write(&path, text.replace(from, to).as_bytes()).unwrap();
    }

    /// Runs a command that must end well; what it wrote.
    pub fn run(&self, command: &[&str]) -> String {
        self.0.run(command).unwrap()
    }

    /// What the system's journal was told by the tool.
    pub fn told(&self) -> String {
        // The journal takes in what it is told when it comes to it.
        let script = "journalctl --sync && journalctl -q -t helionyx-deploy -o cat --no-pager";
        self.run(&["sh", "-c", script])
    }

    /// What the service answers on a port.
    pub fn answer(&self, port: u16) -> Value {
        self.0.answer(port).unwrap()
    }
}

/// The code: what answers, and what makes it a package.
const CODE: [(&str, &str); 4] = [
    ("services/api/runner.py", include_str!("app/runner.py")),
    ("services/__init__.py", ""),
    ("services/api/__init__.py", ""),
    ("pyproject.toml", "[project]\nname = \"helionyx\"\n"),
];

/// The models as they are, but for where the code lies, how it is installed without a network,
/// and how long a test waits.
fn adapted(text: &str, host: &str) -> String {
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
    let node = format!("host = \"{host}\"");
    let changes = [
        ("host = \"node1\"", node.as_str()),
        ("git@github.com:rattling/helio-mono.git", "file:///srv/site/code"),
        (
            "\"/usr/bin/python3\", \"-m\", \"venv\",",
            "\"/usr/bin/python3\", \"-m\", \"venv\", \"--without-pip\",",
        ),
    ];
    changes.iter().chain(&QUICK).fold(text, |text, (from, to)| text.replace(from, to))
}
