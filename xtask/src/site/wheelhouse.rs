//! Python packages for nodes without a network: downloaded from PyPI once, kept in `target`. Does
//! I/O.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::node::wanted;
use crate::workspace;

/// The interpreter that the models name.
const PYTHON: &str = "/usr/bin/python3";
/// Its version, and that it can make virtual environments.
const VERSION: &str = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])";
/// What the stand-in needs, all extras and what builds its editable install included; and uv, which
/// can install it as well.
const PACKAGES: [&str; 9] = [
    "fastapi",
    "uvicorn",
    "python-dotenv",
    "pytest",
    "parse",
    "tabulate==0.9.0",
    "setuptools>=68",
    "wheel",
    "uv",
];
/// Another version of one of them, for a commit that needs it.
const ANOTHER: &str = "tabulate==0.8.10";

/// One at a time in this process; other processes are kept out by what they rename.
static FILLING: Mutex<()> = Mutex::new(());

/// The directory with the wheels for the Python of the root directory that nodes are booted on;
/// filled from PyPI where it is not there yet.
///
/// # Errors
/// What is missing: Python's `venv`, or PyPI; with what pip said.
pub fn filled() -> Result<PathBuf> {
    let _one = FILLING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let target = workspace::root()?.join("target");
    let houses = target.join("wheelhouse");
    let version = version()?;
    let wheels = houses.join(key(&version));
    if wheels.is_dir() {
        return Ok(wheels);
    }
    let unfinished = houses.join(format!("unfinished-{}", std::process::id()));
    let done = fill(&unfinished, &version).and_then(|()| {
        match fs_err::rename(unfinished.join("wheels"), &wheels) {
            // Somebody else was faster.
            Err(_) if wheels.is_dir() => Ok(()),
            renamed => Ok(renamed?),
        }
    });
    let removed = fs_err::remove_dir_all(&unfinished);
    done?;
    removed?;
    // The tests on nodes run as root; what they leave here belongs to whom the rest belongs.
    let owner = format!("--reference={}", target.display());
    run("chown", &["-R", &owner, &houses.to_string_lossy()])?;
    Ok(wheels)
}

/// The version of the Python of nodes, e.g. 3.13.
fn version() -> Result<String> {
    let base = wanted();
    let shown = base.to_string_lossy();
    run("chroot", &[&shown, PYTHON, "-c", VERSION]).with_context(|| {
        format!("failed to find Python with `venv` in `{shown}` (Debian: `apt-get install python3-venv`)")
    })
}

/// Other packages or another Python have another directory.
fn key(version: &str) -> String {
    let wanted = format!("Python {version} {PACKAGES:?} {ANOTHER}");
    let digest = Sha256::digest(wanted.as_bytes());
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// By this machine's pip, for the Python of the nodes: a node reaches nothing.
fn fill(unfinished: &Path, version: &str) -> Result<()> {
    let within = |name: &str| unfinished.join(name).to_string_lossy().into_owned();
    fs_err::create_dir_all(within("wheels"))?;
    run(PYTHON, &["-m", "venv", &within("venv")])
        .context("failed to make a virtual environment (Debian: `apt-get install python3-venv`)")?;
    let wheels = within("wheels");
    let download =
        ["download", "-q", "--python-version", version, "--only-binary", ":all:", "-d", &wheels];
    let (pip, another) = (within("venv/bin/pip"), ["--no-deps", ANOTHER]);
    run(&pip, &[&download[..], &PACKAGES].concat())
        .and_then(|_| run(&pip, &[&download[..], &another].concat()))
        .context("failed to download wheels from PyPI, which must be reached once")?;
    Ok(())
}

fn run(program: &str, args: &[&str]) -> Result<String> {
    workspace::run(&duct::cmd(program, args))
}
