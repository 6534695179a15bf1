//! What a node was made with, as it is kept beside it. Reads and writes that file.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::base;
use super::place::Place;

/// How a node is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Where what it writes goes.
    pub layer: Layer,
    /// What it is connected to.
    pub network: Network,
    /// The most that it may write, in MiB.
    pub size_mib: u32,
}

/// Where what a node writes goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// To memory: the fastest.
    Memory,
    /// To a disk of its own, from which the power can be cut.
    Disk,
}

/// What a node is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// To nothing: it has a loopback of its own.
    Private,
    /// To what this machine is connected to, its ports included; e.g. to install packages.
    Host,
}

/// Enough for releases with their dependencies; it is used only as it is written.
const SIZE_MIB: u32 = 4096;

impl Default for Options {
    fn default() -> Options {
        Options { layer: Layer::Memory, network: Network::Private, size_mib: SIZE_MIB }
    }
}

/// How a node is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It runs.
    Up,
    /// It was shut down from the inside, or it died; its files are there.
    Stopped,
}

/// What is known of a node that was booted once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// How it was made.
    pub options: Options,
    /// The root directory that it was booted on.
    #[serde(default = "base::own")]
    pub base: PathBuf,
    /// Whether it stays when nobody holds it.
    pub kept: bool,
}

impl Record {
    /// The record; none where there is no node, or one that has never been up.
    pub fn read(place: &Place) -> Result<Option<Record>> {
        let bytes = match fs_err::read(&place.record) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let path = place.record.display();
        let record = serde_json::from_slice(&bytes);
        record.map(Some).with_context(|| format!("failed to understand `{path}`"))
    }

    /// Writes it, whole or not at all.
    pub fn write(&self, place: &Place) -> Result<()> {
        let unfinished = place.record.with_extension("unfinished");
        fs_err::write(&unfinished, serde_json::to_vec(self)?)?;
        Ok(fs_err::rename(unfinished, &place.record)?)
    }
}
