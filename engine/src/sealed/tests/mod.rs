//! Tests of the form as a whole, over a simulated disk.
#![cfg(feature = "sim")]

mod ahead;
mod damage;
mod files;
mod round_trips;
mod speed;

use std::path::Path;
use std::sync::Arc;

use crate::format::store_file::FormatFile;
use crate::fs::sim::SimFs;
use crate::fs::{Fs, OpenMode, write_all_at};
use crate::id::StreamId;
use crate::journal::records::Record;
use crate::sealed::{
    Dictionary, Manifest, OnDamage, RecordRef, Sealed, SealedCache, SealedId, SegmentOptions, SegmentRow,
    SegmentWriter, ValueHash, ValueUse, prepare,
};

pub(super) const STORE: [u8; 16] = *b"a store of tests";
pub(super) const ROOT: &str = "/store";

pub(super) fn root() -> &'static Path {
    Path::new(ROOT)
}

pub(super) fn id(number: u64) -> SealedId {
    SealedId { number, salt: 0x9e37_79b9_7f4a_7c15 ^ number }
}

pub(super) fn stream(name: u8, channel: u8) -> StreamId {
    StreamId { thread: [name; 16], incarnation: u64::from(name) << 32 | 7, channel }
}

/// A record, the journal it came from, and which parts of its payload are shared.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub record: Record,
    pub journal: u8,
    pub shared: Vec<std::ops::Range<usize>>,
}

pub(super) fn input(stream: StreamId, ordinal: u64, payload: &[u8]) -> Input {
    let record = Record {
        stream,
        ordinal,
        lease_epoch: 3 + ordinal / 5,
        clock: (1_700_000_000_000 + ordinal * 17) << 16 | (ordinal & 3),
        codec: 1,
        payload: payload.to_vec(),
    };
    Input { record, journal: 0, shared: Vec::new() }
}

pub(super) fn uses(input: &Input) -> Vec<ValueUse> {
    let part = |range: &std::ops::Range<usize>| ValueUse {
        range: range.clone(),
        hash: ValueHash::of(&input.record.payload[range.clone()]),
    };
    input.shared.iter().map(part).collect()
}

pub(super) fn add(writer: &mut SegmentWriter<'_>, input: &Input) {
    let uses = uses(input);
    for ValueUse { range, hash } in &uses {
        writer.value(*hash, &input.record.payload[range.clone()]).unwrap();
    }
    let Record { stream, ordinal, lease_epoch, clock, codec, ref payload } = input.record;
    let record = RecordRef { stream, ordinal, journal: input.journal, lease_epoch, clock, codec, payload };
    writer.record(&record, &uses).unwrap();
}

/// A disk with a store that was never sealed.
pub(super) fn bare_disk() -> SimFs {
    let fs = SimFs::new(1);
    crate::fs::create_dir_durable(&fs, root()).unwrap();
    let format = fs.open(&root().join("FORMAT"), OpenMode::CreateNew).unwrap();
    write_all_at(&*format, &FormatFile::new(STORE, 0).encode(), 0).unwrap();
    fs
}

/// A disk with a prepared store.
pub(super) fn disk() -> SimFs {
    let fs = bare_disk();
    prepare(&fs, root(), STORE).unwrap();
    fs
}

pub(super) fn write(fs: &SimFs, number: u64, inputs: &[Input], options: SegmentOptions) -> SegmentRow {
    let mut writer = SegmentWriter::create(fs, root(), STORE, id(number), options).unwrap();
    inputs.iter().for_each(|input| add(&mut writer, input));
    writer.finish(Vec::new(), Vec::new()).unwrap()
}

/// Makes a MANIFEST of these segments and opens it.
pub(super) fn view(fs: &SimFs, rows: &[SegmentRow]) -> Arc<Sealed> {
    let mut manifest = Manifest::read(fs, root(), STORE).unwrap();
    manifest.generation += 1;
    manifest.segments = rows.to_vec();
    manifest.replace(fs, root(), STORE).unwrap();
    Sealed::load(fs, root(), STORE, None, OnDamage::Refuse).unwrap()
}

/// Every record of a stream that can be found, or why not.
pub(super) fn read(sealed: &Sealed, stream: &StreamId) -> Vec<crate::Result<Record>> {
    let mut cache = SealedCache::new();
    sealed.find(stream, 0, usize::MAX).iter().map(|place| cache.record(sealed, place)).collect()
}

pub(super) fn overwrite(fs: &SimFs, path: &Path, bytes: &[u8]) {
    if fs.open(path, crate::fs::OpenMode::Read).is_ok() {
        fs.remove_file(path).unwrap();
    }
    let file = fs.open(path, crate::fs::OpenMode::CreateNew).unwrap();
    crate::fs::write_all_at(&*file, bytes, 0).unwrap();
}

/// A dictionary of words that the payloads of these tests use; made without training, as zstd allows.
pub(super) fn dictionary(number: u32) -> Dictionary {
    let raw = text(77, 9000);
    Dictionary::new(crate::sealed::DictionaryId(number), raw).unwrap()
}

/// Text that compresses about as well as real payloads do.
pub(super) fn text(seed: u64, bytes: usize) -> Vec<u8> {
    const WORDS: &[&str] =
        &["\"type\":\"message\",", "the ", "tool ", "output ", "{\"role\":\"user\",", "file ", "line "];
    let mut out = Vec::new();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while out.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        match state % 3 {
            0 => out.extend_from_slice(format!("{:x} ", state >> 40).as_bytes()),
            _ => out.extend_from_slice(WORDS[usize::from((state >> 8).to_le_bytes()[0]) % WORDS.len()].as_bytes()),
        }
    }
    out.truncate(bytes);
    out
}
