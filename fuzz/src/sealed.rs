//! The sealed form: every decoder gets any bytes, and whole files whose checksums were made to fit.

use std::path::Path;
use std::sync::Arc;

use threadlog_engine::format::store_file::FormatFile;
use threadlog_engine::fs::sim::SimFs;
use threadlog_engine::fs::{Fs, OpenMode, create_dir_durable, write_all_at};
use threadlog_engine::sealed::block_header::block_checksum;
use threadlog_engine::sealed::dictionary::Dictionary;
use threadlog_engine::sealed::footer::{FOOTER_HEADER_BYTES, Footer};
use threadlog_engine::sealed::header::{SEALED_HEADER_BYTES, TRAILER_BYTES};
use threadlog_engine::sealed::values_block::ValuesBlock;
use threadlog_engine::sealed::{
    Dictionaries, DictionaryId, Manifest, OnDamage, RecordsBlock, Sealed, SealedCache, SealedId, SealedSegment,
    SegmentRow, Tier, manifest_path, prepare,
};
use threadlog_engine::{StreamId, dump};

/// The store's id in all of these.
pub const STORE: [u8; 16] = *b"a store of fuzzy";
/// The segment.
pub const ID: SealedId = SealedId { number: 2, salt: 0x9e37_79b9_7f4a_7c15 };

/// MANIFEST, and a dictionary: what is accepted, written again and read again, is the same.
pub fn manifest(input: &[u8]) {
    let Some((mode, bytes)) = input.split_first() else { return };
    let mut bytes = bytes.to_vec();
    if mode & 1 == 1 && bytes.len() >= 64 {
        let sum = crc32fast::hash(&bytes[64..]).to_le_bytes();
        bytes[56..60].copy_from_slice(&sum);
        let sum = crc32fast::hash(&bytes[..60]).to_le_bytes();
        bytes[60..64].copy_from_slice(&sum);
    }
    if let Ok(manifest) = Manifest::decode(&bytes, &STORE) {
        assert_eq!(Manifest::decode(&manifest.encode(&STORE), &STORE), Ok(manifest));
    }
    if let Ok(dictionary) = Dictionary::decode(&bytes, DictionaryId(1), &STORE) {
        let again = dictionary.encode(&STORE).expect("it was short enough to be read");
        let again = Dictionary::decode(&again, DictionaryId(1), &STORE).expect("what was just written");
        assert_eq!(again.raw(), dictionary.raw());
    }
    for name in ["MANIFEST", "00000001.dict"] {
        // Only writing to `out` can fail, and this one takes everything.
        let _ = dump::write(name, &bytes, None, &mut std::io::sink());
    }
}

/// A footer: every look-up ends.
pub fn footer(bytes: &[u8]) {
    let Ok(footer) = Footer::decode(Arc::new(bytes.to_vec()), ID) else { return };
    let rows = footer.streams().len() * 64 + footer.all_extents().len() * 24 + footer.values().len() * 32;
    assert!(rows <= bytes.len(), "rows that the bytes have no room for");
    for stream in footer.streams() {
        let _ = (footer.stream(&stream.stream), footer.life(&stream.stream.thread, stream.stream.incarnation).count());
        let all = footer.extents(&stream).len();
        assert!(footer.extents_from(&stream, 0).len() <= all);
    }
    for value in footer.values() {
        let _ = (footer.value(&value.hash), footer.is_single(value.hash.short()));
    }
    let _ = (footer.used().count(), footer.conflicts().count(), footer.inputs().count(), footer.singles().count());
    assert!((0..footer.block_count()).filter_map(|block| footer.block(block)).count() <= bytes.len());
}

/// The raw bytes of a block of records.
pub fn records_block(bytes: &[u8]) {
    let block = match RecordsBlock::decode(bytes.to_vec()) {
        Ok(block) => block,
        Err((_, back)) => return assert_eq!(back, bytes, "the bytes come back"),
    };
    let mut stored = 0;
    for extent in block.extents() {
        let Ok(records) = block.records(&extent) else { continue };
        assert_eq!(records.len(), extent.count as usize);
        assert_eq!(records.iter().map(|record| u64::from(record.payload_bytes)).sum::<u64>(), extent.payload_bytes);
        stored += records.iter().map(|record| record.stored.len()).sum::<usize>();
    }
    assert!(stored <= bytes.len(), "more payload than bytes");
}

/// The raw bytes of a block of values.
pub fn values_block(bytes: &[u8]) {
    let Ok(block) = ValuesBlock::decode(bytes.to_vec()) else { return };
    let mut total = 0;
    for (offset, value) in block.values() {
        assert_eq!(block.get(offset, value.len() as u32), Some(value));
        total += value.len();
    }
    assert!(total <= bytes.len());
}

/// A whole segment. The first byte says whether checksums are made to fit.
pub fn file(input: &[u8]) {
    let Some((mode, bytes)) = input.split_first() else { return };
    let mut bytes = bytes.to_vec();
    let footer_at = footer_offset(&bytes);
    if mode & 1 == 1 {
        mend(&mut bytes, footer_at);
    }
    let root = Path::new("/store");
    let fs = SimFs::new(1);
    let put = |path: &Path, bytes: &[u8]| {
        let file = fs.open(path, OpenMode::CreateNew).expect("a new file");
        write_all_at(&*file, bytes, 0).expect("room on the disk");
    };
    format(&fs, root);
    let manifest = prepare(&fs, root, STORE).expect("a disk that does not fail");
    put(&ID.path(root), &bytes);
    let end = bytes.len().saturating_sub(TRAILER_BYTES);
    let footer_checksum = block_checksum(ID.salt, footer_at as u64, bytes.get(footer_at..end).unwrap_or_default());
    let (length, footer_offset) = (bytes.len() as u64, footer_at as u64);
    let row = SegmentRow { id: ID, bytes: length, footer_offset, footer_checksum, tier: Tier::Normal };
    let manifest = Manifest { generation: 2, segments: vec![row], ..manifest };
    manifest.replace(&fs, root, STORE).expect("a disk that does not fail");
    for on_damage in [OnDamage::Refuse, OnDamage::Recover] {
        match Sealed::load(&fs, root, STORE, None, on_damage) {
            Ok(sealed) => read(&sealed),
            Err(error) => assert!(error.is_corruption() || error.to_string().contains("version"), "{error}"),
        }
    }
    let dictionaries = Arc::new(Dictionaries::default());
    SealedSegment::recover(&fs, root, ID, &dictionaries).map(drop).expect("a disk that does not fail");
    fs.remove_file(&manifest_path(root)).expect("it is there");
    Manifest::rebuild(&fs, root, STORE).map(drop).or_else(only_version).expect("a disk that does not fail");
    let _ = dump::write(&ID.to_string(), &bytes, None, &mut std::io::sink());
}

/// Makes the disk's store one that segments can be written into.
pub fn format(fs: &SimFs, root: &Path) {
    create_dir_durable(fs, root).expect("a disk that does not fail");
    let file = fs.open(&root.join("FORMAT"), OpenMode::CreateNew).expect("a new file");
    write_all_at(&*file, &FormatFile::new(STORE, 0).encode(), 0).expect("room on the disk");
}

fn only_version(error: threadlog_engine::Error) -> Result<(), threadlog_engine::Error> {
    if matches!(error, threadlog_engine::Error::FormatVersion { .. }) { Ok(()) } else { Err(error) }
}

/// Every place of every stream, as far as the footer does not make up records without end.
fn read(sealed: &Sealed) {
    let mut cache = SealedCache::new();
    for stream in sealed.streams() {
        let StreamId { thread, incarnation, .. } = stream.stream;
        let _ = (sealed.head(&stream.stream), sealed.channels(&thread, incarnation));
        for place in sealed.find(&stream.stream, 0, 1000) {
            match cache.record(sealed, &place) {
                Ok(record) => assert_eq!((record.stream, record.ordinal), (stream.stream, place.ordinal)),
                Err(error) => assert!(error.is_corruption(), "{error}"),
            }
        }
    }
    for segment in sealed.segments() {
        segment.verify(&mut |error| assert!(error.is_corruption()), &mut |_| {}).expect("a disk that does not fail");
    }
}

/// Where the trailer says that the footer begins, if it can be there.
fn footer_offset(bytes: &[u8]) -> usize {
    let end = bytes.len().saturating_sub(TRAILER_BYTES);
    let said = bytes.get(end + 8..end + 16).and_then(|word| word.try_into().ok()).map_or(0, u64::from_le_bytes);
    usize::try_from(said).unwrap_or(usize::MAX).clamp(SEALED_HEADER_BYTES.min(end), end)
}

/// Makes the checksums in the footer's block rows fit the blocks they point to.
fn mend(bytes: &mut [u8], footer_at: usize) {
    let word = |bytes: &[u8], at: usize| {
        bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_le_bytes) as usize
    };
    let (streams, extents, blocks) =
        (word(bytes, footer_at + 16), word(bytes, footer_at + 20), word(bytes, footer_at + 24));
    let rows = streams.saturating_mul(64).saturating_add(extents.saturating_mul(24));
    let rows = rows.saturating_add(footer_at).saturating_add(FOOTER_HEADER_BYTES);
    for row in (0..blocks.min(1000)).map(|block| rows.saturating_add(block * 32)) {
        let from = word(bytes, row);
        let to = from.saturating_add(32).saturating_add(word(bytes, row.saturating_add(16)));
        let Some(body) = bytes.get(from.saturating_add(32)..to) else { continue };
        let sum = block_checksum(ID.salt, from as u64, body).to_le_bytes();
        if let Some(room) = bytes.get_mut(row.saturating_add(24)..row.saturating_add(28)) {
            room.copy_from_slice(&sum);
        }
    }
}
