//! Mistakes seeded into the models and units of Helionyx: `check` fails on each, with its place and
//! its remedy.

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

/// A file of the project, a text in it, what it becomes, and the findings that follow.
type Case = (&'static str, &'static str, &'static str, &'static [&'static str]);

const APP: &str = "envs/helionyx/app.toml";
const DEV: &str = "envs/helionyx/dev.toml";
const STAGING: &str = "envs/helionyx/staging.toml";
const LIVE: &str = "envs/helionyx/live.toml";
const UNIT: &str = "systemd/helionyx/helionyx-dev.service";

const CASES: [Case; 54] = [
    // Structure.
    (DEV, "port = 8000", "prot = 8000", &["dev.toml:10:1 unknown-key"]),
    (DEV, "port = 8000", "port = \"8000\"", &["dev.toml:10:8 wrong-type"]),
    (DEV, "port = 8000", "port = 80000", &["dev.toml:10:8 out-of-range"]),
    (DEV, "port = 8000\n", "", &["dev.toml missing-port"]),
    (DEV, "port = 8000", "port = 8000\nport = 8003", &["dev.toml:11:1 syntax"]),
    (DEV, "\"systemd\"", "\"systmd\"", &["dev.toml:7:14 unknown-choice"]),
    (DEV, "supervisor = \"systemd\"\n", "", &["dev.toml missing-key"]),
    (DEV, "[variables]", "[variables", &["dev.toml:12:11 syntax"]),
    (APP, "[[service]]", "[service]", &["app.toml:43:1 wrong-type"]),
    (APP, "name = \"helionyx\"\n\n", "name = \"helionix\"\n\n", &["app.toml:9:8 wrong-name"]),
    (APP, "restart = \"always\"", "restart = \"alway\"", &["app.toml:47:11 unknown-choice"]),
    (APP, "kind = \"number\"", "kind = \"nubmer\"", &["app.toml:146:8 unknown-choice"]),
    // Where it comes from, and what is built.
    (DEV, "branch = \"milestone-3\"\n", "", &["dev.toml missing-key"]),
    (DEV, "milestone-3", "--force", &["dev.toml:9:10 bad-branch"]),
    (
        APP,
        "git@github.com:rattling",
        "https://operator:hunter2@github.com",
        &["app.toml:15:7 credentials-in-url"],
    ),
    (APP, "git@github.com:rattling", "ext::sh", &["app.toml:15:7 bad-url"]),
    (APP, "{cache}/pip", "{cahce}/pip", &["app.toml:34:66 unknown-placeholder"]),
    (
        APP,
        "run = [\"/usr/bin/python3\", \"-m\", \"venv\", \".venv\"]",
        "run = []",
        &["app.toml:32:7 empty"],
    ),
    // What runs, and how it is proven.
    (APP, "{release}/.venv/bin/python\"", "python\"", &["app.toml:46:9 relative-program"]),
    (
        APP,
        "{release}/.venv/bin/python\"",
        "{project}/.venv/bin/python\"",
        &["app.toml:46:9 needs-checkout"],
    ),
    (
        APP,
        "start_interval_secs = 300",
        "start_interval_secs = 10",
        &["app.toml:52:23 endless-restarts"],
    ),
    (APP, "deadline_secs = 45", "deadline_secs = 2", &["app.toml:56:17 deadline-too-short"]),
    (APP, "path = \"/health\"\n", "path = \"health\"\n", &["app.toml:62:8 bad-probe-path"]),
    (
        APP,
        "description = \"Helionyx API\"",
        "description = \"x\\rUser=root\"",
        &["app.toml:45:15 control-character"],
    ),
    (APP, "dir = \"events\"", "dir = \"../events\"", &["app.toml:75:7 bad-path"]),
    // Values.
    (DEV, "LOG_LEVEL = \"DEBUG\"", "LOG_LEVEL = \"DEBG\"", &["dev.toml:13:13 wrong-kind"]),
    (
        DEV,
        "LLM_DAILY_COST_LIMIT_USD = 5.0",
        "LLM_DAILY_COST_LIMIT_USD = \"five\"",
        &["dev.toml:16:28 wrong-kind"],
    ),
    (DEV, "OPENAI_MODEL = \"gpt-4o-mini\"\n", "", &["dev.toml:12:1 missing-value"]),
    (DEV, "OPENAI_MODEL", "OPENAI_MODLE", &["dev.toml:14:1 unknown-variable"]),
    (
        DEV,
        "[variables]",
        "[variables]\nOPENAI_API_KEY = \"sk-hunter2\"",
        &["dev.toml:13:18 secret-in-model"],
    ),
    (DEV, "[variables]", "[variables]\nAPI_PORT = 9000", &["dev.toml:13:12 value-twice"]),
    (DEV, "\"gpt-4o-mini\"", "\"a\\nAPI_PORT=1\"", &["dev.toml:14:16 control-character"]),
    (
        APP,
        "[\"staging\", \"live\"]\nabout = \"From OpenAI",
        "[\"stagin\"]\nabout = \"From OpenAI",
        &["app.toml:121:16 unknown-environment"],
    ),
    (
        APP,
        "value = \"/var/lib/{app}/backups\"",
        "value = \"backups\"",
        &["app.toml:116:9 wrong-kind"],
    ),
    // What must be apart.
    (LIVE, "port = 8002", "port = 8000", &["live.toml:10:8 shared-port"]),
    (LIVE, "unit_suffix = \"\"", "unit_suffix = \"-dev\"", &["live.toml:13:15 shared-unit"]),
    (LIVE, "port = 8002", "port = 8002\nuser = \"helionyx-dev\"", &["live.toml:11:8 shared-user"]),
    (LIVE, "port = 8002", "port = 8002\nuser = \"root\"", &["live.toml:11:8 root-user"]),
    (
        LIVE,
        "port = 8002",
        "port = 8002\nroot = \"/opt/helionyx/dev\"",
        &["live.toml:11:8 shared-root"],
    ),
    (
        LIVE,
        "port = 8002",
        "port = 8002\ndata = \"/var/lib/helionyx/dev/x\"",
        &["live.toml:11:8 shared-data"],
    ),
    (STAGING, "helionyx_staging_bot", "helionyx_bot", &["staging.toml:15:21 shared-value"]),
    // What systemd could never start, or would take away.
    (
        DEV,
        "port = 8000",
        "port = 8000\nroot = \"/home/web/helionyx\"",
        &["dev.toml:11:8 hidden-by-sandbox"],
    ),
    (DEV, "port = 8000", "port = 8000\ndata = \"{root}/shared\"", &["dev.toml:11:8 data-at-risk"]),
    (DEV, "port = 8000", "port = 8000\nuser = \"nobody\"", &["dev.toml:11:8 system-user"]),
    (APP, "\"{data}/events\"", "\"/srv/{environment}/events\"", &["app.toml:104:9 not-writable"]),
    (APP, "\"Helionyx API\"", "\"{app} API\"", &["app.toml:45:16 unavailable-placeholder"]),
    // A real key in a file that is checked in.
    (
        "envs/helionyx/.env.dev.example",
        "your_openai_api_key_here",
        "sk-hunter2",
        &[".env.dev.example:25:16 env-secret-in-example"],
    ),
    // Units that somebody has edited.
    (
        UNIT,
        "NoNewPrivileges=true",
        "NoNewPrivileges=ture",
        &["helionyx-dev.service:36:1 unit-bad-value"],
    ),
    (
        UNIT,
        "Restart=always",
        "Restart=always # c",
        &["helionyx-dev.service:27:1 unit-trailing-comment"],
    ),
    (UNIT, "User=helionyx-dev\n", "User=root\n", &["helionyx-dev.service:14:1 unit-root"]),
    (UNIT, "KillMode=mixed", "KillMod=mixed", &["helionyx-dev.service:31:1 unit-unknown-key"]),
    (
        UNIT,
        "KillMode=mixed",
        "StartLimitIntervalSec=3",
        &["helionyx-dev.service:31:1 unit-wrong-section"],
    ),
    (
        UNIT,
        "KillMode=mixed",
        "KillMode=mixed\rExecStartPre=/bin/id",
        &["helionyx-dev.service:31:1 unit-hidden-line"],
    ),
    (UNIT, "KillMode=mixed", "RestartSteps=3", &["helionyx-dev.service:31:1 unit-too-new"]),
];

/// The models and units of this repository, somewhere else.
struct Copy {
    _guard: tempfile::TempDir,
    dir: Utf8PathBuf,
}

impl Copy {
    fn new() -> Copy {
        let guard = tempfile::tempdir().unwrap();
        let dir = Utf8PathBuf::from_path_buf(guard.path().to_owned()).unwrap();
        let project = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for part in ["envs/helionyx", "systemd/helionyx"] {
            fs_err::create_dir_all(dir.join(part)).unwrap();
            for file in project.join(part).read_dir_utf8().unwrap().map(Result::unwrap) {
                let to = dir.join(part).join(file.file_name());
                fs_err::copy(file.path(), to).unwrap();
            }
        }
        Copy { _guard: guard, dir }
    }

    /// The exit code, and every finding as `where code`.
    fn check(&self) -> (i32, Vec<String>) {
        let output = duct::cmd!(env!("CARGO_BIN_EXE_helionyx-deploy"), "check", "--json")
            .dir(&self.dir)
            .stderr_null()
            .stdout_capture()
            .unchecked()
            .run()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains("hunter2"), "(ALL-04): {text}");
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let findings = lines.filter(|line| line["event"] == "finding").map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            assert!(!text("hint").is_empty() && !text("message").is_empty(), "{finding}");
            let place = text("where").rsplit('/').next().unwrap_or_default().to_owned();
            format!("{place} {}", text("code"))
        });
        (output.status.code().unwrap(), findings.collect())
    }
}

#[test]
fn check_finds_every_seeded_mistake_at_its_place_with_a_remedy() {
    let copy = Copy::new();
    assert_eq!(copy.check(), (0, Vec::new()), "without a mistake there is nothing to find");
    let mut wrong = Vec::new();
    for (file, old, new, expected) in CASES {
        let expected: Vec<String> = expected.iter().map(|one| (*one).to_owned()).collect();
        let path = copy.dir.join(file);
        let right = fs_err::read_to_string(&path).unwrap();
        assert_eq!(right.matches(old).count(), 1, "{old:?} stands once in {file}");
        fs_err::write(&path, right.replace(old, new)).unwrap();
        let (code, found) = copy.check();
        fs_err::write(&path, right).unwrap();
        if (code, &found[..]) != (4, &expected[..]) {
            wrong.push(format!("{file}: {old:?} -> {new:?}: {code} {found:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "HEL-36, HEL-97:\n{}", wrong.join("\n"));
    eprintln!("{} seeded mistakes, {} found", CASES.len(), CASES.len());
}
