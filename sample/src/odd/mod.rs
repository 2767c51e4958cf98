//! Small files as they should not be, one of each sort: cut, glued, zeroed, in old and in newer formats.
//!
//! Each begins as a sound thread of a few lines, so that what is odd is the only thing odd.

mod bytes;
mod lines;
mod paginated;

use serde_json::value::RawValue;

use crate::plan::Plan;

/// One odd file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OddFile {
    /// What is odd, in a word or two: `half last line`.
    pub name: &'static str,
    /// Where it belongs below a sample's root, with `/`.
    pub relative_path: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Lines that are whole JSON objects, alone between two line ends (or the file's ends); bytes before the first `{`
    /// of a line make it unsound.
    pub sound_lines: u64,
}

/// Bytes of the huge line in [`all`].
const HUGE_BYTES: usize = 2 << 20;

/// Bytes of a block of zeros: what a file system leaves where it lost a write.
const ZERO_BLOCK_BYTES: usize = 4096;

/// One file of each sort; the huge line has 2 MiB. Paginated threads are two files.
pub fn all(seed: u64) -> Vec<OddFile> {
    let mut files = vec![
        legacy(seed),
        bytes::half_last_line(seed),
        bytes::open_last_line(seed),
        bytes::glued_lines(seed),
        bytes::zeros_in_the_middle(seed),
        bytes::zeros_at_the_end(seed),
        bytes::byte_order_mark(seed),
        bytes::carriage_returns(seed),
        bytes::invalid_utf8(seed),
        bytes::blank_lines(seed),
        bytes::empty(seed),
        lines::no_session_meta(seed),
        lines::not_json(seed),
        lines::other_spelling(seed),
        lines::duplicate_keys(seed),
        lines::unknown_kind(seed),
        lines::time_backwards(seed),
        huge_line(seed, HUGE_BYTES),
        paginated::duplicate_ordinals(seed),
        paginated::missing_ordinals(seed),
    ];
    files.extend(paginated::segments(seed));
    files
}

/// A thread in which one line has exactly `bytes` bytes, its end included; at least 200.
pub fn huge_line(seed: u64, bytes: usize) -> OddFile {
    lines::huge_line(seed, bytes)
}

/// A thread of before October 2025: no line has an envelope.
fn legacy(seed: u64) -> OddFile {
    let base = Base::of(&Plan { threads: 1, items: 16, seed, legacy_percent: 100, ..Plan::default() });
    base.file("no envelope", |lines| lines.concat())
}

/// A sound thread to spoil.
struct Base {
    relative_path: String,
    lines: Vec<Vec<u8>>,
}

impl Base {
    /// A thread of 16 lines.
    fn new(seed: u64) -> Base {
        Base::of(&Plan { threads: 1, items: 16, seed, ..Plan::default() })
    }

    fn of(plan: &Plan) -> Base {
        let mut bytes = Vec::new();
        let mut relative_path = String::new();
        for file in plan.files() {
            relative_path.clone_from(&file.relative_path);
            // Writing into memory cannot fail.
            let _ = file.write_to(&mut bytes);
        }
        let lines = bytes.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
        Base { relative_path, lines }
    }

    /// The file that `spoil` makes of the lines. The name goes into the id's place of the path no further than needed
    /// to keep paths apart: two odd files of a seed may lie in one folder.
    fn file(self, name: &'static str, spoil: impl FnOnce(Vec<Vec<u8>>) -> Vec<u8>) -> OddFile {
        let bytes = spoil(self.lines);
        let id = crate::random::mix(name.bytes().fold(0, |sum, byte| crate::random::mix(sum ^ u64::from(byte))));
        let relative_path = renamed(&self.relative_path, id);
        let sound_lines = sound(&bytes);
        OddFile { name, relative_path, bytes, sound_lines }
    }
}

/// The path with the last twelve digits of its id replaced.
fn renamed(path: &str, id: u64) -> String {
    let stem = path.strip_suffix(".jsonl").unwrap_or(path);
    let kept = stem.len().saturating_sub(12);
    format!("{}{:012x}.jsonl", stem.get(..kept).unwrap_or(stem), id >> 16)
}

/// How many lines of `bytes` are JSON objects.
fn sound(bytes: &[u8]) -> u64 {
    let lines = bytes.split(|&byte| byte == b'\n');
    let objects = lines.filter(|line| line.first() == Some(&b'{') && serde_json::from_slice::<&RawValue>(line).is_ok());
    crate::random::wide(objects.count())
}
