//! What stands in for Helionyx: a service of FastAPI and uvicorn with the same interface, installed
//! by the build steps of Helionyx's own model as they are. Does I/O.

use std::path::Path;

use anyhow::Result;

use super::{Site, WORK, wheelhouse};
use crate::node::Options;

/// Its code, as a commit has it.
const CODE: [(&str, &str); 7] = [
    ("pyproject.toml", include_str!("../../tests/node/standin/pyproject.toml")),
    ("services/api/app.py", include_str!("../../tests/node/standin/services/api/app.py")),
    ("services/api/faults.py", include_str!("../../tests/node/standin/services/api/faults.py")),
    ("services/api/runner.py", include_str!("../../tests/node/standin/services/api/runner.py")),
    ("shared/common/config.py", include_str!("../../tests/node/standin/shared/common/config.py")),
    ("shared/common/events.py", include_str!("../../tests/node/standin/shared/common/events.py")),
    ("tests/test_config.py", include_str!("../../tests/node/standin/tests/test_config.py")),
];

/// Lets pip on the node find the wheels and nothing else.
const PIP: &str = "[global]\nno-index = true\nfind-links = /srv/site/wheels\n";

/// What is replaced in the text of a model by what.
pub type Changes<'c> = &'c [(&'c str, &'c str)];

/// A node with it, and with Helionyx's models so changed; nothing is set up.
///
/// # Errors
/// What the wheelhouse lacks; whatever keeps the node from booting.
pub fn up(name: &str, options: Options, program: &Path, model: Changes) -> Result<Site> {
    let wheels = wheelhouse::filled()?;
    let site = Site::new(name, options, program)?;
    for wheel in fs_err::read_dir(wheels)? {
        let wheel = wheel?;
        let to = format!("{WORK}/wheels/{}", wheel.file_name().display());
        site.write(&to, &fs_err::read(wheel.path())?)?;
    }
    site.write("/etc/pip.conf", PIP.as_bytes())?;
    write_models(&site, model)?;
    site.write_code(&CODE)?;
    Ok(site)
}

/// Puts Helionyx's models there as they are, but for where they are deployed and where the code
/// lies; and for these changes.
///
/// # Errors
/// When one cannot be read or written.
pub fn write_models(site: &Site, changes: Changes) -> Result<()> {
    let host = format!("host = \"{}\"", site.node.name());
    let always = [
        ("host = \"node1\"", host.as_str()),
        ("git@github.com:rattling/helio-mono.git", "file:///srv/site/code"),
    ];
    site.write_models(|text| {
        let replaced = |text: String, (from, to): &(&str, &str)| text.replace(from, to);
        always.iter().chain(changes).fold(text.to_owned(), replaced)
    })
}
