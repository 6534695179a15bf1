//! Whether a journal is whole: nothing in it was changed, nothing is missing. Reads through `host`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::{WHOLE, frame, witness};
use crate::digest::Digest;
use crate::host::{Host, HostError};
use crate::layout::Layout;
use crate::model::Environment;
use crate::name::ReleaseId;
use crate::plan::runtime::rules;
use crate::release::Anchor;
use crate::state::Node;

/// The largest record that is read for its anchor, in bytes.
const RECORD_LIMIT: u64 = 256 * 1024 * 1024;

/// What a look at a journal found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// How many entries there are.
    pub entries: u64,
    /// The last of them.
    pub head: Option<Anchor>,
    /// How many records beside the journal name an entry that is there.
    pub anchors: usize,
    /// How many entries of the system's journal do; none where it is not asked.
    pub told: Option<usize>,
    /// Why the system's journal could not be asked, where it should have been.
    pub silent: Option<String>,
    /// What is wrong.
    pub flaws: Vec<Flaw>,
}

impl Audit {
    /// Whether the journal is whole.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.flaws.is_empty()
    }

    fn add(&mut self, code: FlawCode, message: String) {
        self.flaws.push(Flaw { code, message });
    }
}

/// Something that is wrong with a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flaw {
    /// Its kind.
    pub code: FlawCode,
    /// What is wrong.
    pub message: String,
}

/// What is wrong with a journal, by a name that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlawCode {
    /// An entry is not what was written.
    ChangedEntry,
    /// An entry is not there.
    MissingEntry,
    /// An entry was written after its lock was taken over.
    OvertakenEntry,
    /// What follows the last entry is none.
    TornEnd,
}

impl FlawCode {
    /// The name, as JSON has it too.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FlawCode::ChangedEntry => "changed-entry",
            FlawCode::MissingEntry => "missing-entry",
            FlawCode::OvertakenEntry => "overtaken-entry",
            FlawCode::TornEnd => "torn-end",
        }
    }
}

/// What names an entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A record beside it.
    Record(Utf8PathBuf),
    /// The system's journal.
    SystemJournal,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Record(path) => write!(f, "{path}"),
            Place::SystemJournal => write!(f, "the system's journal"),
        }
    }
}

/// Looks at every entry of a journal, and at all that names one: the end of the last operation, the
/// proofs and the manifests of releases, and, where systemd runs the services, what its journal was
/// told.
///
/// # Errors
/// When something cannot be read.
pub fn verify(host: &dyn Host, environment: &Environment) -> Result<Audit, HostError> {
    let layout = &environment.layout;
    let bytes = host.read_tail(&layout.journal(), WHOLE)?;
    let mut audit = Audit::default();
    let digests = chain(&bytes, &mut audit);
    audit.anchors = compare(&digests, anchors(host, layout)?, &mut audit);
    if !rules(environment).needs().systemd {
        return Ok(audit);
    }
    match witness::anchors(host, environment) {
        Ok(told) => audit.told = Some(compare_the_newest(&digests, told, &mut audit)),
        Err(why) => audit.silent = Some(why),
    }
    Ok(audit)
}

/// Compares what is named with what is there; how much of it agrees.
fn compare(
    digests: &BTreeMap<u64, Digest>,
    anchors: Vec<(Place, Anchor)>,
    audit: &mut Audit,
) -> usize {
    let mut agree = 0;
    for (place, Anchor { number, line }) in anchors {
        match digests.get(&number) {
            Some(found) if *found == line => agree += 1,
            Some(_) => {
                let message = format!("entry {number} is not the one that {place} names");
                audit.add(FlawCode::ChangedEntry, message);
            }
            None => {
                let last = digests.keys().next_back().copied().unwrap_or(0);
                let message = format!("{place} names entry {number}; the journal ends with {last}");
                audit.add(FlawCode::MissingEntry, message);
            }
        }
    }
    agree
}

/// The same of many that come newest first: of each kind of flaw the newest is enough.
fn compare_the_newest(
    digests: &BTreeMap<u64, Digest>,
    anchors: Vec<(Place, Anchor)>,
    audit: &mut Audit,
) -> usize {
    let mut all = Audit::default();
    let agree = compare(digests, anchors, &mut all);
    let mut seen = BTreeSet::new();
    audit.flaws.extend(all.flaws.into_iter().filter(|flaw| seen.insert(flaw.code)));
    agree
}

/// Goes along the chain; the digest of each entry's line by its number.
fn chain(bytes: &[u8], audit: &mut Audit) -> BTreeMap<u64, Digest> {
    let mut digests = BTreeMap::new();
    let (mut last, mut before, mut fence) = (0, Digest::of(b""), 0);
    let mut doubtful = false;
    for line in frame::lines_of(bytes) {
        let digest = Digest::of(line);
        let number = match frame::entry(line) {
            None => {
                audit.add(
                    FlawCode::ChangedEntry,
                    format!("entry {} is not what was written", last + 1),
                );
                doubtful = true;
                last + 1
            }
            Some(entry) => {
                let number = entry.number;
                if number != last + 1 {
                    audit.add(
                        FlawCode::MissingEntry,
                        format!("entry {number} follows entry {last}"),
                    );
                } else if entry.previous_line != before && !doubtful {
                    let message =
                        format!("entry {last} is not the one that entry {number} follows");
                    audit.add(FlawCode::ChangedEntry, message);
                }
                if entry.fence < fence {
                    let message =
                        format!("entry {number} was written after its lock was taken over");
                    audit.add(FlawCode::OvertakenEntry, message);
                }
                fence = entry.fence.max(fence);
                doubtful = false;
                number
            }
        };
        digests.insert(number, digest);
        audit.entries += 1;
        audit.head = Some(Anchor { number, line: digest });
        (last, before) = (number, digest);
    }
    let torn = bytes.iter().rev().take_while(|byte| **byte != b'\n').count();
    if torn > 0 {
        let message = format!(
            "the journal has {torn} bytes after entry {last} that are no entry; `recover` cuts them off"
        );
        audit.add(FlawCode::TornEnd, message);
    }
    digests
}

/// What names entries of the journal, and where it stands.
fn anchors(host: &dyn Host, layout: &Layout) -> Result<Vec<(Place, Anchor)>, HostError> {
    let mut anchors = Vec::new();
    if let Some(anchor) = read::<Anchor>(host, &layout.journal_head())? {
        anchors.push((Place::Record(layout.journal_head()), anchor));
    }
    let proofs = host.list(&layout.verified())?;
    let proofs = proofs.iter().filter_map(|name| name.strip_suffix(".json")?.parse().ok());
    let proofs = proofs.map(|id: ReleaseId| layout.verification(&id));
    let releases = host.list(&layout.releases())?;
    let releases = releases.iter().filter_map(|name| name.parse().ok());
    let manifests = releases.map(|id: ReleaseId| layout.manifest(&id));
    for path in proofs.chain(manifests) {
        let record = read::<Anchored>(host, &path)?;
        anchors.extend(record.and_then(|record| Some((Place::Record(path), record.journal?))));
    }
    Ok(anchors)
}

/// A record that names an entry.
#[derive(Deserialize)]
struct Anchored {
    journal: Option<Anchor>,
}

/// A record that can be read; what is wrong with others is a matter of `status`.
fn read<T: serde::de::DeserializeOwned>(
    host: &dyn Host,
    path: &Utf8Path,
) -> Result<Option<T>, HostError> {
    match host.node(path)? {
        Node::File { .. } => Ok(serde_json::from_slice(&host.read(path, RECORD_LIMIT)?).ok()),
        _ => Ok(None),
    }
}
