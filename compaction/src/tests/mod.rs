//! A store of sealed segments on a simulated disk, and what should be in it.

pub(crate) mod hot;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use threadlog_engine::format::store_file::FormatFile;
use threadlog_engine::fs::sim::SimFs;
use threadlog_engine::fs::{Fs, OpenMode, create_dir_durable, write_all_at};
use threadlog_engine::sealed::{FindValues, OnDamage, Sealed, SealedCache, SealedId, ValueHash};
use threadlog_engine::{Clock, StreamId, SystemClock};

use crate::{Bulk, Config, Fate, Maintenance, NewSealed, Result, Rules};

pub(crate) const STORE: [u8; 16] = [7; 16];

pub(crate) fn root() -> PathBuf {
    PathBuf::from("/store")
}

/// A disk with the directory of a store on it.
pub(crate) fn disk(seed: u64) -> SimFs {
    let fs = SimFs::new(seed);
    create_dir_durable(&fs, &root()).unwrap();
    let format = fs.open(&root().join("FORMAT"), OpenMode::CreateNew).unwrap();
    write_all_at(&*format, &FormatFile::new(STORE, 0).encode(), 0).unwrap();
    format.sync_data().unwrap();
    fs.sync_dir(&root()).unwrap();
    fs
}

pub(crate) fn take(fs: &SimFs) -> Result<Maintenance> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let fs: Arc<dyn Fs> = Arc::new(fs.clone());
    Maintenance::take(&fs, &root(), STORE, "test", &clock)
}

/// Small enough that a few kilobytes are several blocks.
pub(crate) fn config() -> Config {
    Config {
        batch_bytes: 64 << 10,
        block_bytes: 4 << 10,
        archived_block_bytes: 16 << 10,
        merge_level: 3,
        archived_level: 5,
        dictionary_bytes: 0,
        jobs: 1,
        ..Config::default()
    }
}

pub(crate) fn stream(thread: u8, channel: u8) -> StreamId {
    StreamId { thread: [thread; 16], incarnation: u64::from(thread) + 1000, channel }
}

/// Long values of the tests stand between `<` and `>`.
pub(crate) fn find(_codec: u8, payload: &[u8], found: &mut Vec<Range<usize>>) {
    let mut at = 0;
    while let Some(start) = payload[at..].iter().position(|byte| *byte == b'<').map(|found| at + found + 1) {
        let Some(length) = payload[start..].iter().position(|byte| *byte == b'>') else { return };
        if length >= 1024 {
            found.push(start..start + length);
        }
        at = start + length + 1;
    }
}

pub(crate) fn finder() -> Arc<FindValues> {
    Arc::new(find)
}

/// A long value, incompressible enough that its bytes are told from others.
pub(crate) fn value(number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        b'a' + u8::try_from(state % 26).unwrap()
    };
    (0..1100 + number % 400).map(|_| next()).collect()
}

pub(crate) fn payload(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = b"record ".to_vec();
    for part in parts {
        bytes.push(b'<');
        bytes.extend_from_slice(part);
        bytes.push(b'>');
    }
    bytes
}

/// A record as the tests compare it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plain {
    pub lease_epoch: u64,
    pub clock: u64,
    pub codec: u8,
    pub payload: Vec<u8>,
}

/// Everything by stream and ordinal.
pub(crate) type Model = BTreeMap<(StreamId, u64), Plain>;

pub(crate) fn plain(payload: Vec<u8>, ordinal: u64) -> Plain {
    Plain { lease_epoch: ordinal / 5, clock: (1_700_000_000_000 + ordinal) << 16, codec: 1, payload }
}

pub(crate) fn push(bulk: &Bulk, model: &mut Model, stream: StreamId, ordinal: u64, payload: Vec<u8>) -> Result<()> {
    let plain = plain(payload, ordinal);
    let record = NewSealed {
        stream,
        ordinal,
        lease_epoch: plain.lease_epoch,
        clock: plain.clock,
        codec: plain.codec,
        journal: 3,
        payload: &plain.payload,
    };
    bulk.push(&[record], None)?;
    model.insert((stream, ordinal), plain);
    Ok(())
}

pub(crate) fn bulk(fs: &SimFs, config: Config) -> Result<Bulk> {
    Bulk::start(take(fs)?, config, finder(), Box::new(|_| ()))
}

/// Adds a segment with these records of new streams: thread, and its values' numbers, one record each.
pub(crate) fn add(fs: &SimFs, model: &mut Model, threads: &[(u8, &[u64])]) {
    let bulk = bulk(fs, config()).unwrap();
    for (thread, values) in threads {
        for (ordinal, number) in (0..).zip(*values) {
            push(&bulk, model, stream(*thread, 0), ordinal, payload(&[&value(*number)])).unwrap();
        }
    }
    bulk.finish().unwrap();
}

pub(crate) fn load(fs: &SimFs) -> Arc<Sealed> {
    load_of(fs, STORE)
}

pub(crate) fn load_of(fs: &SimFs, store: [u8; 16]) -> Arc<Sealed> {
    Sealed::load(fs, &root(), store, None, OnDamage::Refuse).unwrap()
}

pub(crate) fn ids(fs: &SimFs) -> Vec<SealedId> {
    load(fs).manifest().segments.iter().map(|row| row.id).collect()
}

/// Everything that can be read, each record once. Panics if something cannot.
pub(crate) fn read_all(sealed: &Sealed) -> Model {
    let (mut model, mut cache) = (Model::new(), SealedCache::new());
    for info in sealed.streams() {
        let places = sealed.find(&info.stream, 0, usize::MAX);
        for place in places {
            let record = cache.record(sealed, &place).unwrap();
            let plain = Plain {
                lease_epoch: record.lease_epoch,
                clock: record.clock,
                codec: record.codec,
                payload: record.payload,
            };
            model.insert((record.stream, record.ordinal), plain);
        }
    }
    model
}

/// What must hold whatever happened: what is referred to is there, and nothing is kept that nobody names.
pub(crate) fn check(fs: &SimFs) -> Model {
    drop(take(fs).unwrap());
    let sealed = load(fs);
    let stored: BTreeSet<ValueHash> =
        sealed.segments().iter().flat_map(|segment| segment.footer().values().map(|row| row.hash)).collect();
    for segment in sealed.segments() {
        assert!(segment.footer().used().all(|hash| stored.contains(&hash)), "a reference to nothing");
    }
    let named: BTreeSet<PathBuf> = sealed.manifest().segments.iter().map(|row| row.id.path(&root())).collect();
    let is_segment = |path: &&PathBuf| path.extension().is_some_and(|end| end == "seal");
    let there: BTreeSet<PathBuf> = fs.paths().iter().filter(is_segment).cloned().collect();
    assert_eq!(there, named, "files that nothing names");
    read_all(&sealed)
}

/// Rules with a fate for each thread by its first byte; `Keep` for others.
#[derive(Default)]
pub(crate) struct Fates(pub BTreeMap<u8, Fate>);

impl Rules for Fates {
    fn fate(&self, stream: &StreamId) -> Fate {
        self.0.get(&stream.thread[0]).copied().unwrap_or(Fate::Keep)
    }

    fn is_kept(&self, _stream: &StreamId, _codec: u8, payload: &[u8]) -> bool {
        payload.starts_with(b"keep")
    }

    fn find(&self) -> &FindValues {
        &find
    }
}

/// All bytes of the store's files, raw and decompressed.
pub(crate) fn all_bytes(fs: &SimFs) -> Vec<Vec<u8>> {
    all_bytes_of(fs, STORE)
}

pub(crate) fn all_bytes_of(fs: &SimFs, store: [u8; 16]) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = fs
        .paths()
        .iter()
        .filter(|path| path.starts_with(Path::new("/store")))
        .filter_map(|path| fs.read_raw(path).ok())
        .collect();
    let sealed = Sealed::load(fs, &root(), store, None, OnDamage::Refuse).unwrap();
    let mut decoder = threadlog_engine::sealed::Decoder::new();
    for segment in sealed.segments() {
        for block in 0..segment.footer().block_count() {
            if let Ok(records) = segment.records(block, &mut decoder) {
                all.push(records.into_raw());
            }
            if let Ok(values) = segment.values(block, &mut decoder) {
                all.extend(values.values().map(|(_, bytes)| bytes.to_vec()));
            }
        }
    }
    for row in &sealed.manifest().dictionaries {
        all.push(sealed.dictionaries().get(row.id).unwrap().raw().to_vec());
    }
    all
}

pub(crate) fn holds(all: &[Vec<u8>], needle: &[u8]) -> bool {
    all.iter().any(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
}
