//! The reference page of the findings: every mistake that is found, by its code. No I/O.

use helionyx_deploy::check;
use helionyx_deploy::isolation;
use helionyx_deploy::model::code;
use helionyx_deploy::render::env_file;
use systemd_unit_file::Code;

use super::NOTICE;
use super::models::cell;

/// The page.
#[must_use]
pub fn page() -> String {
    let mut text = format!(
        "{NOTICE}\n\n# Findings\n\n\
         What `check`, `env-file check` and `unit-file check` find. Each finding has its place, what \
         is wrong, what to write instead, and one of these codes, which stay what they are. Those of \
         hosts are also the reasons why an operation is refused.\n"
    );
    let units: Vec<_> = Code::ALL.iter().map(|code| (code.name(), code.meaning())).collect();
    let hosts = [isolation::CODES, check::code::ALL].concat();
    for (title, whose, codes) in [
        ("Models", "In `envs/<app>/*.toml`, and between environments.", code::ALL),
        ("Environment files", "In the files that services are started with.", env_file::code::ALL),
        ("Unit files", "In the files that systemd reads.", &units),
        ("Hosts", "On the host that an environment runs on.", &hosts),
    ] {
        text += &format!("\n## {title}\n\n{whose}\n\n| code | means |\n|---|---|\n");
        for (code, meaning) in codes {
            text += &format!("| `{code}` | {} |\n", cell(meaning));
        }
    }
    text
}
