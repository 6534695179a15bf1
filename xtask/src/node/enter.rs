//! Runs commands in a node: in its namespaces and its control group, with nothing of ours but the
//! terminal. Does I/O.

use std::ffi::OsString;

use anyhow::{Result, bail};

use super::place::Place;
use super::{cgroup, prerequisites, processes};

/// Joins the control groups before `--`, then becomes what stands behind it.
pub const JOIN: &str = "while [ \"$1\" != -- ]; do echo 0 > \"$1/cgroup.procs\" || exit 125; shift; done; shift; exec \"$@\"";

/// A command in the node.
pub fn command(place: &Place, command: &[impl AsRef<str>]) -> Result<duct::Expression> {
    let name = &place.name;
    let Some(leader) = processes::leader(place)? else {
        bail!("{name} does not run: `cargo xtask node reboot --name {name}` boots it again");
    };
    let mut words: Vec<OsString> = ["-c", JOIN, "sh"].map(OsString::from).into();
    words.extend(cgroup::of_process(leader)?.into_iter().map(OsString::from));
    words.extend(["--".into(), prerequisites::program("nsenter")?.into()]);
    words.extend(
        [format!("--target={leader}"), "--all".to_owned(), "--".to_owned()].map(OsString::from),
    );
    words.extend(command.iter().map(|word| OsString::from(word.as_ref())));
    Ok(duct::cmd("/bin/sh", words).dir("/").full_env(environment()))
}

/// What somebody has who logs in to the node as root.
fn environment() -> Vec<(&'static str, String)> {
    let terminal = std::env::var("TERM").unwrap_or_else(|_| "dumb".to_owned());
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let mut variables = vec![("PATH", path.to_owned()), ("TERM", terminal)];
    let constant = [("HOME", "/root"), ("USER", "root"), ("LOGNAME", "root"), ("LANG", "C.UTF-8")];
    variables.extend(constant.map(|(name, value)| (name, value.to_owned())));
    variables
}
