//! Python packages for nodes without a network: downloaded from PyPI once, kept in `target`. Does
//! I/O.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::workspace;

/// The interpreter that the models name.
const PYTHON: &str = "/usr/bin/python3";
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

/// The directory with the wheels; filled from PyPI where it is not there yet.
///
/// # Errors
/// What is missing: Python's `venv`, or PyPI; with what pip said.
pub fn filled() -> Result<PathBuf> {
    let _one = FILLING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let target = workspace::root()?.join("target");
    let houses = target.join("wheelhouse");
    let wheels = houses.join(key()?);
    if wheels.is_dir() {
        return Ok(wheels);
    }
    let unfinished = houses.join(format!("unfinished-{}", std::process::id()));
    let done =
        fill(&unfinished).and_then(|()| match fs_err::rename(unfinished.join("wheels"), &wheels) {
            // Somebody else was faster.
            Err(_) if wheels.is_dir() => Ok(()),
            renamed => Ok(renamed?),
        });
    let removed = fs_err::remove_dir_all(&unfinished);
    done?;
    removed?;
    // The tests on nodes run as root; what they leave here belongs to whom the rest belongs.
    let owner = format!("--reference={}", target.display());
    run("chown", &["-R", &owner, &houses.to_string_lossy()])?;
    Ok(wheels)
}

/// Other packages or another Python have another directory.
fn key() -> Result<String> {
    let version = run(PYTHON, &["--version"])
        .context("failed to find Python (Debian: `apt-get install python3`)")?;
    let wanted = format!("{version} {PACKAGES:?} {ANOTHER}");
    let digest = Sha256::digest(wanted.as_bytes());
    Ok(digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect())
}

fn fill(unfinished: &Path) -> Result<()> {
    let within = |name: &str| unfinished.join(name).to_string_lossy().into_owned();
    fs_err::create_dir_all(within("wheels"))?;
    run(PYTHON, &["-m", "venv", &within("venv")])
        .context("failed to make a virtual environment (Debian: `apt-get install python3-venv`)")?;
    let download = ["download", "-q", "--only-binary", ":all:", "-d", &within("wheels")];
    let (pip, another) = (within("venv/bin/pip"), ["--no-deps", ANOTHER]);
    run(&pip, &[&download[..], &PACKAGES].concat())
        .and_then(|_| run(&pip, &[&download[..], &another].concat()))
        .context("failed to download wheels from PyPI, which must be reached once")?;
    Ok(())
}

fn run(program: &str, args: &[&str]) -> Result<String> {
    workspace::run(&duct::cmd(program, args))
}
