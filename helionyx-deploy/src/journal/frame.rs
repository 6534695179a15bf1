//! The frame of a journal's line, and where a journal ends. No I/O.
//!
//! A line is an entry as a JSON object whose last field holds the length and the digest of all that
//! stands before it: what a crash has torn, or filled with zeros, does not bear them. A line without
//! a frame was written by a version that knew none.

use super::Entry;
use crate::digest::Digest;

const BEGIN: &str = ",\"frame\":\"";
const END: &str = "\"}";
/// How many digits the length has.
const LENGTH: usize = 8;
/// How many digits of the digest there are: enough to tell a torn line from a whole one. What holds
/// the entries together is the chain of whole digests.
const SUM: usize = 16;
/// How long all of it is.
const FRAME: usize = BEGIN.len() + LENGTH + 1 + SUM + END.len();

/// The line of an entry, without its end of line.
///
/// # Errors
/// When the entry cannot be written as JSON.
pub(super) fn line(entry: &Entry) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = serde_json::to_vec(entry)?;
    // The closing brace: the frame comes before it.
    line.pop();
    let frame = frame(&line);
    line.extend(frame.into_bytes());
    Ok(line)
}

/// The entry of a line; none where it is not what was once written.
pub(super) fn entry(line: &[u8]) -> Option<Entry> {
    let (body, found) = line.split_at(line.len().saturating_sub(FRAME));
    let entry: Entry = serde_json::from_slice(line).ok()?;
    // Versions that knew no frames knew no fencing numbers either.
    let unframed = !found.starts_with(BEGIN.as_bytes()) && entry.fence == 0;
    (unframed || frame(body).as_bytes() == found).then_some(entry)
}

fn frame(body: &[u8]) -> String {
    let sum = Digest::of(body).to_string();
    format!("{BEGIN}{:0LENGTH$}-{}{END}", body.len(), &sum[..SUM])
}

/// The end of a journal, as it is found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct End {
    /// The last line that is to be kept; empty where there is none.
    pub(super) line: Vec<u8>,
    /// The number of its entry.
    pub(super) number: u64,
    /// How many bytes behind it were torn by a crash.
    pub(super) torn: usize,
}

/// Looks for the end in a journal's last bytes.
///
/// An entry is one line and is written at once, so a crash tears one line at most: the one without
/// an end, or a last one that has an end but is not whole. What is unreadable besides has another
/// cause, and stays.
pub(super) fn end(tail: &[u8]) -> End {
    let kept = whole_lines(tail);
    let mut lines = kept.split_inclusive(|byte| *byte == b'\n').rev();
    let last = lines.next().unwrap_or_default();
    let is_torn = tail.len() == kept.len() && !last.is_empty() && entry(trim(last)).is_none();
    let before = lines.next().is_none_or(|line| entry(trim(line)).is_some());
    let kept = if is_torn && before { &kept[..kept.len() - last.len()] } else { kept };
    let mut lines = lines_of(kept).rev();
    // A line that cannot be read counts as one all the same.
    let number = lines
        .clone()
        .zip(0..)
        .find_map(|(line, behind)| Some(entry(line)?.number + behind))
        .unwrap_or(0);
    End { line: lines.next().unwrap_or_default().to_vec(), number, torn: tail.len() - kept.len() }
}

/// All lines that have an end, without it.
pub(super) fn lines_of(bytes: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> + Clone {
    let lines = whole_lines(bytes).split(|byte| *byte == b'\n');
    lines.filter(|line| !line.is_empty())
}

fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    &bytes[..end]
}

fn trim(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::super::Record;
    use super::*;
    use crate::time::Timestamp;

    fn sample(number: u64) -> Entry {
        let record = Record::RollBack { because: "it is \"sick\"\n".to_owned() };
        let (time, previous_line) = (Timestamp::from_millis(0), Digest::of(b""));
        Entry { number, fence: 1, time, previous_line, record }
    }

    /// Two entries, each with its end of line.
    fn two() -> (Vec<u8>, usize) {
        let [first, second] = [1, 2].map(|number| line(&sample(number)).unwrap());
        let begin = first.len() + 1;
        ([first, b"\n".to_vec(), second, b"\n".to_vec()].concat(), begin)
    }

    #[test]
    fn a_framed_line_is_json_and_any_other_byte_in_it_is_noticed() {
        let line = line(&sample(7)).unwrap();
        assert_eq!(entry(&line), Some(sample(7)));
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(value["number"], 7, "it can be read without knowing of frames");
        for at in 0..line.len() {
            for byte in [line[at] ^ 1, 0] {
                let mut changed = line.clone();
                changed[at] = byte;
                assert_eq!(entry(&changed), None, "byte {at}");
            }
        }
    }

    #[test]
    fn a_line_of_a_version_without_frames_is_read_as_it_is() {
        let sample = Entry { fence: 0, ..sample(3) };
        let line = serde_json::to_vec(&sample).unwrap();
        assert_eq!(entry(&line), Some(sample));
    }

    #[test]
    fn wherever_the_last_write_is_torn_it_is_cut_and_what_was_before_stays() {
        let (whole, second) = two();
        assert_eq!((end(&whole).number, end(&whole).torn), (2, 0));
        for length in second..whole.len() {
            // Cut there; the same with zeros up to where it would have ended; and with garbage.
            let zeros = [&whole[..length], &vec![0; whole.len() - length]].concat();
            let ended = [&whole[..length], &vec![b'x'; whole.len() - length], b"\n"].concat();
            for torn in [&whole[..length], &zeros, &ended] {
                let found = end(torn);
                let kept = torn.len() - found.torn;
                assert_eq!((found.number, kept), (1, second), "torn at {length}");
                assert_eq!(found.line, whole[..second - 1]);
            }
        }
    }

    #[test]
    fn a_page_of_zeros_in_the_middle_of_the_last_write_is_torn_too() {
        let (mut whole, second) = two();
        whole[second + 10..second + 60].fill(0);
        assert_eq!((end(&whole).number, end(&whole).torn), (1, whole.len() - second));
    }

    #[test]
    fn what_no_crash_tears_is_kept() {
        let (mut whole, second) = two();
        whole.extend(b"one\ntwo\n");
        assert_eq!((end(&whole).number, end(&whole).torn), (4, 0), "two lines at the end");
        let (mut whole, _) = two();
        whole[5] = b'#';
        assert_eq!((end(&whole).number, end(&whole).torn), (2, 0), "the one before the last");
        assert!(second > 0);
        assert_eq!(end(b""), End { line: Vec::new(), number: 0, torn: 0 });
        assert_eq!(end(b"{\"num\n").torn, 6, "the very first entry");
        assert_eq!(end(&[0; 20]).torn, 20);
    }
}
