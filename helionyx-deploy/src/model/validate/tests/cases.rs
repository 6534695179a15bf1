//! Mistakes and what is found: a model without any, and one change for each.

pub const APP: &str = r#"name = "sample"
[source.path]
dir = "{project}/code"
exclude = ["target"]
[[build]]
name = "compile"
run = ["cargo", "build"]
inputs = ["src"]
outputs = ["bin"]
inherit = ["CARGO_HOME"]
deadline_secs = 60
[[service]]
name = "web"
exec = ["{release}/bin/web", "--port={port}"]
stop_timeout_secs = 10
start_burst = 5
[service.health]
deadline_secs = 20
passes = 3
[[service.health.probe]]
path = "/health"
status = 200
fields = { release = "{release_id}" }
[variables.PORT]
kind = "port"
value = "{port}"
[variables.MODE]
kind = { choice = ["fast", "slow"] }
[variables.LIMIT]
kind = "number"
[variables.API]
kind = "url"
[variables.LOG]
kind = "path"
[variables.NOTE]
kind = "text"
[variables.TOKEN]
kind = "secret"
[retention]
releases = 5
[[requires]]
program = "python3"
at_least = "3.11"
run = ["python3", "-c", "import venv"]
"#;

pub const LOCAL: &str = r#"supervisor = "process"
root = "/srv/sample"
data = "/srv/data"
port = 8000
[variables]
MODE = "fast"
LIMIT = 5.0
API = "https://example.org"
LOG = "{data}/log"
NOTE = "a note"
"#;

/// `a` is replaced by `b` in `app.toml` or `local.toml`; these findings follow, and no others.
pub struct Case(pub &'static str, pub &'static str, pub &'static str, pub &'static [&'static str]);

pub const CASES: &[Case] = &[
    // What can be read at all.
    Case("app", "name = \"sample\"", "name = sample", &["app.toml:1:8 syntax"]),
    Case("app", "name = \"web\"", "name = \"web", &["app.toml:13:12 syntax"]),
    Case("app", "[[service]]", "[[service]", &["app.toml:12:11 syntax"]),
    Case("app", "[retention]", "[retention", &["app.toml:39:11 syntax"]),
    Case("local", "port = 8000", "port = 8000\nport = 8000", &["local.toml:5:1 syntax"]),
    Case("app", "stop_timeout_secs", "stop_timeout", &["app.toml:15:1 unknown-key"]),
    Case("app", "exec = ", "exce = ", &["app.toml:14:1 unknown-key"]),
    Case("app", "status = 200", "satus = 200", &["app.toml:22:1 unknown-key"]),
    Case(
        "app",
        "kind = \"number\"",
        "kind = \"number\"\nsecret = true",
        &["app.toml:31:1 unknown-key"],
    ),
    Case("app", "[retention]", "[retentoin]", &["app.toml:39:2 unknown-key"]),
    Case(
        "app",
        "[variables.NOTE]\nkind = \"text\"",
        "[variables]\nNOTE = 5",
        &["app.toml:36:8 wrong-type"],
    ),
    Case("app", "releases = 5", "releases = \"5\"", &["app.toml:40:12 wrong-type"]),
    Case(
        "app",
        "run = [\"cargo\", \"build\"]",
        "run = \"cargo build\"",
        &["app.toml:7:7 wrong-type"],
    ),
    Case("app", "run = [\"cargo\", \"build\"]", "run = [7]", &["app.toml:7:8 wrong-type"]),
    Case("app", "[[service]]", "[service]", &["app.toml:12:1 wrong-type"]),
    Case("local", "NOTE = \"a note\"", "NOTE = [\"a note\"]", &["local.toml:10:8 wrong-type"]),
    Case("local", "NOTE = \"a note\"", "NOTE = 2026-01-01", &["local.toml:10:8 wrong-type"]),
    Case("local", "port = 8000", "port = \"8000\"", &["local.toml:4:8 wrong-type"]),
    Case("app", "kind = \"number\"", "kind = \"numbre\"", &["app.toml:30:8 unknown-choice"]),
    Case("app", "{ choice =", "{ chioce =", &["app.toml:28:10 unknown-choice"]),
    Case("app", "{ choice = [\"fast\", \"slow\"] }", "\"choice\"", &["app.toml:28:8 wrong-type"]),
    Case(
        "app",
        "{ choice = [\"fast\", \"slow\"] }",
        "{ choice = 1 }",
        &["app.toml:28:19 wrong-type"],
    ),
    Case("local", "\"process\"", "\"systemdd\"", &["local.toml:1:14 unknown-choice"]),
    // What must be there.
    Case("app", "name = \"sample\"\n", "", &["app.toml missing-key"]),
    Case("app", "dir = \"{project}/code\"\n", "", &["app.toml:2:1 missing-key"]),
    Case("app", "name = \"compile\"\n", "", &["app.toml:5:1 missing-key"]),
    Case("app", "run = [\"cargo\", \"build\"]\n", "", &["app.toml:5:1 missing-key"]),
    Case("app", "inputs = [\"src\"]\n", "", &["app.toml:5:1 missing-key"]),
    Case("app", "name = \"web\"\n", "", &["app.toml:12:1 missing-key"]),
    Case("app", "path = \"/health\"\n", "", &["app.toml:20:1 missing-key"]),
    Case("app", "kind = \"number\"\n", "", &["app.toml:29:1 missing-key"]),
    Case("local", "supervisor = \"process\"\n", "", &["local.toml missing-key"]),
    Case("local", "port = 8000\n", "", &["local.toml missing-port"]),
    // Programs of the host.
    Case("app", "program = \"python3\"\n", "", &["app.toml:41:1 missing-key"]),
    Case("app", "program = \"python3\"", "program = \" \"", &["app.toml:42:11 empty"]),
    Case(
        "app",
        "program = \"python3\"",
        "program = \"bin/python3\"",
        &["app.toml:42:11 relative-program"],
    ),
    Case(
        "app",
        "program = \"python3\"",
        "program = \"/{root}/python3\"",
        &["app.toml:42:13 unavailable-placeholder"],
    ),
    Case(
        "app",
        "program = \"python3\"",
        "program = \"a\\nb\"",
        &["app.toml:42:11 control-character"],
    ),
    Case(
        "app",
        "program = \"python3\"",
        "program = \"python3\"\n[[requires]]\nprogram = \"python3\"",
        &["app.toml:44:11 duplicate-name"],
    ),
    Case("app", "at_least = \"3.11\"", "at_least = \">=3.11\"", &["app.toml:43:12 bad-version"]),
    Case("app", "at_least = \"3.11\"", "at_least = \"\"", &["app.toml:43:12 bad-version"]),
    Case("app", "at_least = \"3.11\"", "at_least = 3.11", &["app.toml:43:12 wrong-type"]),
    Case("app", "[\"python3\", \"-c\", \"import venv\"]", "[]", &["app.toml:44:7 empty"]),
    Case("app", "[\"python3\", \"-c\"", "[\"\", \"-c\"", &["app.toml:44:8 empty"]),
    Case("app", "import venv", "import \\u0000", &["app.toml:44:25 control-character"]),
    Case("app", "import venv", "import {release}", &["app.toml:44:33 unavailable-placeholder"]),
    Case(
        "app",
        "name = \"sample\"",
        "name = \"sample\"\nreaches = [\"https://a.example\", \"b.example\", \"b.example\"]",
        &["app.toml:2:12 bad-name", "app.toml:2:46 duplicate-name"],
    ),
    Case(
        "app",
        "name = \"sample\"",
        "name = \"sample\"\nreaches = \"a\"",
        &["app.toml:2:11 wrong-type"],
    ),
    // Names.
    Case("app", "name = \"sample\"", "name = \"smaple\"", &["app.toml:1:8 wrong-name"]),
    Case("app", "name = \"web\"", "name = \"Web\"", &["app.toml:13:8 bad-name"]),
    Case("app", "name = \"web\"", "name = \"w\\u0000b\"", &["app.toml:13:8 bad-name"]),
    Case("app", "name = \"compile\"", "name = \"a\\nb\"", &["app.toml:6:8 bad-name"]),
    Case("app", "[\"CARGO_HOME\"]", "[\"CARGO-HOME\"]", &["app.toml:10:12 bad-name"]),
    Case(
        "app",
        "[retention]",
        "[variables.9A]\nkind=\"secret\"\n[retention]",
        &["app.toml:39:12 bad-name"],
    ),
    Case(
        "app",
        "[variables.TOKEN]",
        "[variables.HELIONYX_TOKEN]",
        &["app.toml:37:12 reserved-variable"],
    ),
    Case(
        "app",
        "[[service]]",
        "[[service]]\nname = \"web\"\nexec = [\"/bin/x\"]\n[[service]]",
        &["app.toml:16:8 duplicate-name"],
    ),
    Case(
        "app",
        "[[service]]",
        "[[build]]\nname = \"compile\"\nrun = [\"x\"]\n[[service]]",
        &["app.toml:13:8 duplicate-name"],
    ),
    Case("app", "[\"fast\", \"slow\"]", "[\"fast\", \"fast\"]", &["app.toml:28:28 duplicate-name"]),
    // Numbers.
    Case("local", "port = 8000", "port = 70000", &["local.toml:4:8 out-of-range"]),
    Case("local", "port = 8000", "port = -1", &["local.toml:4:8 out-of-range"]),
    Case("local", "port = 8000", "port = 0", &["local.toml:4:8 out-of-range"]),
    Case("local", "port = 8000", "port = 99999999999999999999", &["local.toml:4:8 out-of-range"]),
    Case("app", "releases = 5", "releases = 1", &["app.toml:40:12 out-of-range"]),
    Case("app", "passes = 3", "passes = 0", &["app.toml:19:10 out-of-range"]),
    Case("app", "status = 200", "status = 600", &["app.toml:22:10 out-of-range"]),
    Case("app", "start_burst = 5", "start_burst = 0", &["app.toml:16:15 out-of-range"]),
    Case(
        "app",
        "stop_timeout_secs = 10",
        "stop_timeout_secs = 0",
        &["app.toml:15:21 out-of-range"],
    ),
    Case("app", "deadline_secs = 60", "deadline_secs = 86401", &["app.toml:11:17 out-of-range"]),
    Case(
        "app",
        "deadline_secs = 60",
        "deadline_secs = 9223372036854775807",
        &["app.toml:11:17 out-of-range"],
    ),
    Case("app", "deadline_secs = 20", "deadline_secs = 3", &["app.toml:18:17 deadline-too-short"]),
    Case("app", "passes = 3", "passes = 1000", &["app.toml:18:17 deadline-too-short"]),
    // Texts.
    Case("app", "[\"cargo\", \"build\"]", "[]", &["app.toml:7:7 empty"]),
    Case("app", "[\"cargo\", \"build\"]", "[\" \"]", &["app.toml:7:8 empty"]),
    Case("app", "[\"fast\", \"slow\"]", "[]", &["app.toml:28:8 empty"]),
    Case(
        "app",
        "[\"cargo\", \"build\"]",
        "[\"cargo\", \"a\\u0000\"]",
        &["app.toml:7:17 control-character"],
    ),
    Case(
        "app",
        "[\"fast\", \"slow\"]",
        "[\"fast\", \"s\\n\"]",
        &["app.toml:28:28 control-character"],
    ),
    Case("local", "\"a note\"", "\"a\\nB=c\"", &["local.toml:10:8 control-character"]),
    Case("local", "\"a note\"", "\"\"\"a\nb\"\"\"", &["local.toml:10:8 control-character"]),
    Case("local", "\"a note\"", "\"a\\r\"", &["local.toml:10:8 control-character"]),
    Case("local", "\"a note\"", "\"a\\u0000\"", &["local.toml:10:8 control-character"]),
    Case("local", "\"a note\"", "\"a\\u0085\"", &["local.toml:10:8 control-character"]),
    Case("local", "\"a note\"", "\"a\\u2028\"", &["local.toml:10:8 control-character"]),
    // Placeholders.
    Case("app", "--port={port}", "--port={prot}", &["app.toml:14:38 unknown-placeholder"]),
    Case("local", "\"a note\"", "\"{\\\"a\\\":1}\"", &["local.toml:10:8 unknown-placeholder"]),
    Case("local", "\"a note\"", "\"a } note\"", &["local.toml:10:8 unbalanced-brace"]),
    Case(
        "local",
        "\"/srv/sample\"",
        "\"{release}/x\"",
        &["local.toml:2:9 unavailable-placeholder"],
    ),
    Case("local", "\"/srv/data\"", "\"/srv/{port}\"", &["local.toml:3:14 unavailable-placeholder"]),
    Case("app", "{project}/code", "{release}/code", &["app.toml:3:8 unavailable-placeholder"]),
    Case("app", "\"build\"]", "\"{release_id}\"]", &["app.toml:7:18 unavailable-placeholder"]),
    // Directories.
    Case("local", "/srv/sample", "srv/sample", &["local.toml:2:8 bad-path"]),
    Case("local", "/srv/sample", "/srv/../etc", &["local.toml:2:8 bad-path"]),
    Case("local", "/srv/sample", "/srv/sample/", &["local.toml:2:8 bad-path"]),
    Case("local", "/srv/sample", "/srv/a\\nb", &["local.toml:2:8 bad-path"]),
    Case("local", "/srv/sample", "/etc", &["local.toml:2:8 system-directory"]),
    Case("local", "/srv/sample", "{project}", &["local.toml:2:8 system-directory"]),
    Case("local", "/srv/sample", "/home/operator", &["local.toml:2:8 system-directory"]),
    Case("local", "/srv/data", "/", &["local.toml:3:8 system-directory"]),
    Case("local", "/srv/data", "{root}", &["local.toml:3:8 data-at-risk"]),
    Case("local", "/srv/data", "{root}/releases/x", &["local.toml:3:8 data-at-risk"]),
    Case("local", "/srv/data", "{root}/cache", &["local.toml:3:8 data-at-risk"]),
    Case("local", "/srv/sample", "/srv/data/x", &["local.toml:3:8 data-at-risk"]),
    Case("local", "/srv/data", "{root}/shared", &["local.toml:3:8 data-at-risk"]),
    Case("local", "/srv/data", "{root}/shared/.env", &["local.toml:3:8 data-at-risk"]),
    Case("local", "/srv/data", "{root}/shared/.env/x", &["local.toml:3:8 data-at-risk"]),
    Case("local", "/srv/data", "{root}/shared/data", &[]),
    Case("local", "/srv/data", "{root}/evidence", &["local.toml:3:8 data-at-risk"]),
    // What was written is to blame, not what follows from it or from names.
    Case("local", "/srv/data", "/var/lib/sample", &["local.toml:3:8 data-at-risk"]),
    Case(
        "local",
        "\"/srv/sample\"\ndata = \"/srv/data\"",
        "\"/var/lib/sample/local/x\"",
        &["local.toml:2:8 data-at-risk"],
    ),
    Case("local", "/srv/data", "/etc/sample", &["local.toml:3:8 system-directory"]),
    Case("local", "/srv/data", "/usr/local/sample", &["local.toml:3:8 system-directory"]),
    Case("local", "/srv/data", "/var/log/journal/x", &["local.toml:3:8 system-directory"]),
    Case("local", "/srv/sample", "{project}/code/.deploy", &["app.toml:3:7 source-contains-root"]),
    Case("app", "[\"target\"]", "[\"a/b\"]", &["app.toml:4:12 bad-path"]),
    Case("app", "{project}/code", "code", &["app.toml:3:7 bad-path"]),
    Case("app", "{project}/code", "{project}/../code", &["app.toml:3:7 bad-path"]),
    Case("app", "inputs = [\"src\"]", "inputs = [\"../src\"]", &["app.toml:8:11 bad-path"]),
    Case("app", "outputs = [\"bin\"]", "outputs = [\"/bin\"]", &["app.toml:9:12 bad-path"]),
    Case("app", "outputs = [", "then = [[]]\noutputs = [", &["app.toml:9:9 empty"]),
    Case("app", "outputs = [", "then = [[\"a\"], [\" \"]]\noutputs = [", &["app.toml:9:17 empty"]),
    Case(
        "app",
        "outputs = [",
        "then = [[\"{x}\"]]\noutputs = [",
        &["app.toml:9:11 unknown-placeholder"],
    ),
    Case("app", "outputs = [", "then = [\"a\"]\noutputs = [", &["app.toml:9:9 wrong-type"]),
    Case("app", "outputs = [", "relocate = 1\noutputs = [", &["app.toml:9:12 wrong-type"]),
    Case(
        "app",
        "outputs = [\"bin\"]",
        "outputs = [\"release.json\"]",
        &["app.toml:9:12 reserved-file"],
    ),
    Case(
        "app",
        "outputs = [\"bin\"]",
        "outputs = [\"release.env/x\"]",
        &["app.toml:9:12 reserved-file"],
    ),
    Case(
        "app",
        "[[service]]",
        "[[build]]\nname = \"b\"\nrun = [\"x\"]\ninputs = [\"y\"]\noutputs = [\"bin/x\"]\n[[service]]",
        &["app.toml:16:12 overlapping-outputs"],
    ),
    Case(
        "app",
        "[retention]",
        "[[service]]\nname = \"b\"\nexec = [\"/b\"]\n[service.health]\n[[service.health.probe]]\npath = \"/\"\n[retention]",
        &["app.toml:42:1 second-health"],
    ),
    // Services that name ports and each other.
    Case(
        "app",
        "stop_timeout_secs = 10\n",
        "stop_timeout_secs = 10\nrequires = [\"db\"]\nafter = [\"web\"]\n",
        &["app.toml:16:13 unknown-service", "app.toml:17:10 unknown-service"],
    ),
    Case(
        "app",
        "[retention]",
        "[[service]]\nname = \"b\"\nexec = [\"/b\"]\nafter = [\"c\"]\n[[service]]\nname = \"c\"\nexec = [\"/c\"]\nrequires = [\"b\"]\n[retention]",
        &["app.toml:40:8 circular-order"],
    ),
    Case(
        "app",
        "path = \"/health\"",
        "path = \"/health\"\nport = \"admin\"",
        &["app.toml:22:8 unknown-port"],
    ),
    Case(
        "app",
        "stop_timeout_secs = 10\n",
        "stop_timeout_secs = 10\nports = [\"api\"]\n",
        &["local.toml missing-port"],
    ),
    Case(
        "app",
        "kind = \"port\"\nvalue = \"{port}\"",
        "kind = \"port\"\nvalue = \"{port.admin}\"",
        &["local.toml missing-port"],
    ),
    Case(
        "local",
        "[variables]",
        "ports = { api = 8000 }\n[variables]",
        &["local.toml:5:17 duplicate-name"],
    ),
    Case(
        "local",
        "[variables]",
        "ports = { api = 0 }\n[variables]",
        &["local.toml:5:17 out-of-range"],
    ),
    Case("local", "[variables]", "ports = { A = 81 }\n[variables]", &["local.toml:5:11 bad-name"]),
    // Sources.
    Case(
        "app",
        "[source.path]\ndir = \"{project}/code\"\nexclude = [\"target\"]\n",
        "",
        &["app.toml source-count"],
    ),
    Case(
        "app",
        "[[build]]",
        "[source.artifact]\nfile = \"/x\"\n[[build]]",
        &["app.toml:5:1 source-count"],
    ),
    Case(
        "app",
        "exclude",
        "[source.git]\nurl = \"https://host/a\"\n[source.path2]\nexclude",
        &["app.toml:4:1 source-count", "app.toml:6:9 unknown-key"],
    ),
    Case(
        "local",
        "port = 8000",
        "port = 8000\nbranch = \"main\"",
        &["local.toml:5:10 unused-branch"],
    ),
    // Services and probes.
    Case("app", "{release}/bin/web", "web", &["app.toml:14:9 relative-program"]),
    Case("app", "{release}/bin/web", "{release}", &["app.toml:14:9 relative-program"]),
    Case("app", "\"/health\"", "\"health\"", &["app.toml:21:8 bad-probe-path"]),
    Case("app", "\"/health\"", "\"/a b\"", &["app.toml:21:8 bad-probe-path"]),
    Case("app", "\"/health\"", "\"/a\\r\\nHost: x\"", &["app.toml:21:8 bad-probe-path"]),
    // Values.
    Case("local", "NOTE = \"a note\"\n", "", &["local.toml:5:1 missing-value"]),
    Case("local", "NOTE = \"a note\"", "NOET = \"a note\"", &["local.toml:10:1 unknown-variable"]),
    Case("local", "[variables]", "[variables]\nOTHER = 1", &["local.toml:6:1 unknown-variable"]),
    Case("local", "[variables]", "[variables]\nPORT = 1", &["local.toml:6:8 value-twice"]),
    Case(
        "local",
        "[variables]",
        "[variables]\nTOKEN = \"hunter2\"",
        &["local.toml:6:9 secret-in-model"],
    ),
    Case(
        "app",
        "kind = \"secret\"",
        "kind = \"secret\"\nvalue = \"hunter2\"",
        &["app.toml:39:9 secret-in-model"],
    ),
    Case("local", "MODE = \"fast\"", "MODE = \"fats\"", &["local.toml:6:8 wrong-kind"]),
    Case("local", "LIMIT = 5.0", "LIMIT = nan", &["local.toml:7:9 wrong-kind"]),
    Case("local", "LIMIT = 5.0", "LIMIT = true", &["local.toml:7:9 wrong-kind"]),
    Case(
        "local",
        "https://example.org",
        "https://operator:hunter2@host",
        &["local.toml:8:7 wrong-kind"],
    ),
    Case("local", "{data}/log", "log", &["local.toml:9:7 wrong-kind"]),
    Case("app", "value = \"{port}\"", "value = \"{app}\"", &["app.toml:26:9 wrong-kind"]),
    Case("local", "[variables]", "[[variables]]", &["local.toml:5:1 wrong-type"]),
    // What is said of variables.
    Case("app", "kind = \"secret\"", "kind = \"secret\"\nabout = \"\"", &["app.toml:39:9 empty"]),
    Case(
        "app",
        "kind = \"secret\"",
        "kind = \"secret\"\nabout = \"a\\nTOKEN=hunter2\"",
        &["app.toml:39:9 control-character"],
    ),
    Case(
        "app",
        "kind = \"secret\"",
        "kind = \"secret\"\nrequired_in = [\"local\", \"lcoal\", \"live\"]",
        &["app.toml:39:25 unknown-environment", "app.toml:39:34 unknown-environment"],
    ),
    Case(
        "app",
        "kind = \"secret\"",
        "kind = \"secret\"\ndistinct = \"yes\"",
        &["app.toml:39:12 wrong-type"],
    ),
    Case(
        "app",
        "kind = \"secret\"",
        "kind = \"secret\"\ndisctint = true",
        &["app.toml:39:1 unknown-key"],
    ),
    // A variable of no kind is not said to have no value, too.
    Case(
        "app",
        "[retention]",
        "[variables.NEW]\nkind = \"txet\"\n[retention]",
        &["app.toml:40:8 unknown-choice"],
    ),
    Case("app", "[retention]", "[variables.NEW]\n[retention]", &["app.toml:39:1 missing-key"]),
    // State lies where nothing is removed.
    Case(
        "app",
        "[retention]",
        "[variables.DB]\nkind = \"path\"\ndistinct = true\nvalue = \"{cache}/db\"\n[retention]",
        &["app.toml:42:9 data-at-risk"],
    ),
    Case(
        "app",
        "[retention]",
        "[variables.DB]\nkind = \"path\"\ndistinct = true\nvalue = \"{release}/db\"\n[retention]",
        &["app.toml:42:9 data-at-risk"],
    ),
    Case(
        "app",
        "[retention]",
        "[variables.DB]\nkind = \"path\"\ndistinct = true\nvalue = \"/srv/db\"\n[retention]",
        &[],
    ),
    // Texts in which no placeholder is replaced.
    Case(
        "app",
        "start_burst = 5",
        "description = \"a {app}\"",
        &["app.toml:16:18 unavailable-placeholder"],
    ),
    Case(
        "app",
        "[retention]",
        "[[data]]\ndir = \"{environment}\"\n[retention]",
        &["app.toml:40:8 unavailable-placeholder"],
    ),
    Case(
        "app",
        "kind = \"secret\"",
        "kind = \"secret\"\nabout = \"of {app}\"",
        &["app.toml:39:13 unavailable-placeholder"],
    ),
    Case("app", "\"/health\"", "\"/{app}\"", &["app.toml:21:10 unavailable-placeholder"]),
    Case("app", "[\"bin\"]", "[\"{app}\"]", &["app.toml:9:13 unavailable-placeholder"]),
    Case("app", "start_burst = 5", "description = \"a {thing}\"", &[]),
    // Names that others set.
    Case(
        "app",
        "[variables.TOKEN]",
        "[variables.LD_PRELOAD]",
        &["app.toml:37:12 reserved-variable"],
    ),
    Case(
        "app",
        "[variables.TOKEN]",
        "[variables.LISTEN_FDS]",
        &["app.toml:37:12 reserved-variable"],
    ),
    Case(
        "app",
        "[variables.TOKEN]",
        "[variables.NOTIFY_SOCKET]",
        &["app.toml:37:12 reserved-variable"],
    ),
    Case("app", "[variables.TOKEN]", "[variables.PATH]", &[]),
    // Data and backups.
    Case("app", "[retention]", "[[data]]\n[retention]", &["app.toml:39:1 missing-key"]),
    Case("app", "[retention]", "[[data]]\ndir = \"/a\"\n[retention]", &["app.toml:40:7 bad-path"]),
    Case(
        "app",
        "[retention]",
        "[[data]]\ndir = \"../a\"\n[retention]",
        &["app.toml:40:7 bad-path"],
    ),
    Case(
        "app",
        "[retention]",
        "[[data]]\ndir = \"a\"\n[[data]]\ndir = \"a\"\n[retention]",
        &["app.toml:42:7 duplicate-name"],
    ),
    Case("local", "port = 8000", "port = 8000\nbackups = \"b\"", &["local.toml:5:11 bad-path"]),
    Case(
        "local",
        "port = 8000",
        "port = 8000\nbackups = \"{data}/b\"",
        &["local.toml:5:12 unavailable-placeholder"],
    ),
    Case(
        "local",
        "port = 8000",
        "port = 8000\nbackups = \"/srv/data/b\"",
        &["local.toml:5:11 data-at-risk"],
    ),
    Case(
        "local",
        "port = 8000",
        "port = 8000\nbackups = \"{root}/releases\"",
        &["local.toml:5:11 data-at-risk"],
    ),
    Case(
        "local",
        "port = 8000",
        "port = 8000\nbackups = \"{root}/shared\"",
        &["local.toml:5:11 data-at-risk"],
    ),
    Case(
        "local",
        "port = 8000",
        "port = 8000\nbackups = \"/etc\"",
        &["local.toml:5:11 system-directory"],
    ),
    // Where and as whom.
    Case("local", "port = 8000", "port = 8000\nhost = \"Node 1\"", &["local.toml:5:8 bad-name"]),
    Case("local", "port = 8000", "port = 8000\nuser = \"web\"", &["local.toml:5:8 unused-key"]),
    Case(
        "local",
        "port = 8000",
        "port = 8000\nunit_suffix = \"-a\"",
        &["local.toml:5:15 unused-key"],
    ),
];

/// The same with `supervisor = "systemd"`.
pub const SYSTEMD_CASES: &[Case] = &[
    Case("local", "port = 8000", "port = 8000\nuser = \"root\"", &["local.toml:5:8 root-user"]),
    Case("local", "port = 8000", "port = 8000\nuser = \"a b\"", &["local.toml:5:8 bad-name"]),
    Case(
        "local",
        "port = 8000",
        "port = 8000\nuser = \"web\\nUser=root\"",
        &["local.toml:5:8 bad-name"],
    ),
    Case(
        "local",
        "port = 8000",
        "port = 8000\nuser = \"{port}\"",
        &["local.toml:5:9 unavailable-placeholder"],
    ),
    Case(
        "local",
        "port = 8000",
        "port = 8000\nunit_suffix = \"dev\"",
        &["local.toml:5:15 bad-name"],
    ),
    Case(
        "local",
        "port = 8000",
        "port = 8000\nunit_suffix = \"-a@b\"",
        &["local.toml:5:15 bad-name"],
    ),
    Case(
        "local",
        "port = 8000",
        "port = 8000\nunit_sufix = \"-a\"",
        &["local.toml:5:1 unknown-key"],
    ),
    Case("local", "port = 8000", "port = 8000\nuser = \"nobody\"", &["local.toml:5:8 system-user"]),
    Case(
        "local",
        "port = 8000",
        "port = 8000\nuser = \"systemd-network\"",
        &["local.toml:5:8 system-user"],
    ),
    Case("local", "/srv/sample", "/home/web/app", &["local.toml:2:8 hidden-by-sandbox"]),
    Case(
        "local",
        "\"/srv/sample\"\ndata = \"/srv/data\"",
        "\"/home/web/app\"\ndata = \"{root}/data\"",
        &["local.toml:2:8 hidden-by-sandbox"],
    ),
    Case("local", "/srv/data", "/root/data", &["local.toml:3:8 hidden-by-sandbox"]),
    Case("local", "/srv/data", "/run/data", &["local.toml:3:8 hidden-by-sandbox"]),
    Case("local", "/srv/data", "/tmp/data", &["local.toml:3:8 hidden-by-sandbox"]),
    Case("local", "/srv/data", "/var/tmp/data", &["local.toml:3:8 hidden-by-sandbox"]),
    Case("app", "{release}/bin/web", "/home/web/bin/x", &["app.toml:14:9 hidden-by-sandbox"]),
    Case("local", "/srv/sample", "{project}/.deploy", &["local.toml:2:8 needs-checkout"]),
    Case("local", "/srv/data", "{project}/data", &["local.toml:3:8 needs-checkout"]),
    Case(
        "local",
        "port = 8000",
        "port = 8000\nbackups = \"{project}/b\"",
        &["local.toml:5:11 needs-checkout"],
    ),
    Case(
        "app",
        "[retention]",
        "[variables.DB]\nkind = \"path\"\ndistinct = true\nvalue = \"/srv/db\"\n[retention]",
        &["app.toml:42:9 not-writable"],
    ),
    Case(
        "app",
        "[retention]",
        "[variables.DB]\nkind = \"path\"\ndistinct = true\nvalue = \"{data}/db\"\n[retention]",
        &[],
    ),
    Case("local", "/srv/sample", "/srv/sam*ple", &["local.toml:2:8 not-for-units"]),
    Case("local", "/srv/data", "/srv/da\\\"ta", &["local.toml:3:8 not-for-units"]),
    Case("local", "/srv/data", "/srv/da:ta", &["local.toml:3:8 not-for-units"]),
    Case("local", "/srv/data", "/srv/data ", &["local.toml:3:8 not-for-units"]),
    Case("local", "/srv/data", "/srv/data\\uFFFE", &["local.toml:3:8 bad-path"]),
    Case("app", "{release}/bin/web", "{release}/bin/w\\\\eb", &["app.toml:14:9 not-for-units"]),
    Case("app", "{release}/bin/web", "/opt/${{X}}", &["app.toml:14:9 not-for-units"]),
    Case("app", "--port={port}", "a\\uFDD0", &["app.toml:14:30 not-for-units"]),
    Case("app", "{release}/bin/web", "{project}/bin/web", &["app.toml:14:9 needs-checkout"]),
    Case("app", "--port={port}", "{release_id}", &["app.toml:14:30 unavailable-placeholder"]),
    Case("local", "{data}/log", "{project}/log", &["local.toml:9:7 needs-checkout"]),
    Case("app", "start_burst = 5", "start_burst = 10", &["app.toml:16:15 endless-restarts"]),
    Case("app", "start_burst = 5", "restart_delay_secs = 2", &["app.toml:12:1 endless-restarts"]),
    Case(
        "app",
        "start_burst = 5",
        "restart_delay_secs = 60\nstart_interval_secs = 300",
        &["app.toml:17:23 endless-restarts"],
    ),
    Case("app", "start_burst = 5", "restart_delay_secs = 0", &["app.toml:16:22 out-of-range"]),
    Case("app", "start_burst = 5", "restart = \"allways\"", &["app.toml:16:11 unknown-choice"]),
    Case("app", "start_burst = 5", "type = \"simple\"", &["app.toml:16:8 unknown-choice"]),
    Case("app", "start_burst = 5", "sandbox = \"none\"", &["app.toml:16:11 unknown-choice"]),
    Case("app", "start_burst = 5", "memory_max_mib = 1", &["app.toml:16:18 out-of-range"]),
    Case("app", "start_burst = 5", "description = \"\"", &["app.toml:16:15 empty"]),
    Case("app", "start_burst = 5", "description = \" a\"", &["app.toml:16:15 not-for-units"]),
    // The environment's name stands behind it.
    Case("app", "start_burst = 5", "description = \"a \"", &[]),
    Case("app", "start_burst = 5", "description = \"a\\\\\"", &[]),
    Case(
        "app",
        "start_burst = 5",
        "description = \"a\\rExecStartPre=/bin/id\"",
        &["app.toml:16:15 control-character"],
    ),
];

/// The same with `[source.git]`.
pub const GIT_CASES: &[Case] = &[
    Case("local", "branch = \"main\"\n", "", &["local.toml missing-key"]),
    Case("local", "\"main\"", "\"--force\"", &["local.toml:1:10 bad-branch"]),
    Case("local", "\"main\"", "\"a..b\"", &["local.toml:1:10 bad-branch"]),
    Case("local", "\"main\"", "\"{app}\"", &["local.toml:1:11 unavailable-placeholder"]),
    Case(
        "app",
        "https://host/a.git",
        "https://operator:hunter2@host/a.git",
        &["app.toml:3:7 credentials-in-url"],
    ),
    Case("app", "https://host/a.git", "--upload-pack=hunter2", &["app.toml:3:7 bad-url"]),
    Case("app", "url = \"https://host/a.git\"\n", "", &["app.toml:2:1 missing-key"]),
];
