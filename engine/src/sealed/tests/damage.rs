//! Every flipped bit and every cut of small files: what is read is exact, or it is a typed error that names what was lost.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::error::Error;
use crate::number::{narrow, wide};
use crate::sealed::block_header::BLOCK_HEADER_BYTES;
use crate::sealed::{DictionaryRow, SealedSegment, write_dictionary};

/// A disk with one segment of a few blocks, all with a dictionary, and what is in it.
struct Small {
    fs: SimFs,
    row: SegmentRow,
    dictionaries: Vec<DictionaryRow>,
    inputs: Vec<Input>,
    file: Vec<u8>,
}

fn small() -> Small {
    let fs = disk();
    let mut inputs = Vec::new();
    for (name, channel, count) in [(1, 0, 4), (1, 1, 1), (2, 0, 2)] {
        for ordinal in 0..count {
            let mut payload = text(ordinal + u64::from(name), 90);
            let from = payload.len();
            // One value in two records of different streams.
            let shares = ordinal == 1;
            if shares {
                payload.extend_from_slice(&text(99, 120));
            }
            let mut input = input(stream(name, channel), ordinal, &payload);
            if shares {
                input.shared.push(from..payload.len());
            }
            inputs.push(input);
        }
    }
    let dictionary = Arc::new(dictionary(1));
    let dictionaries = vec![write_dictionary(&fs, root(), STORE, &dictionary).unwrap()];
    let options = SegmentOptions { block_bytes: 300, dictionary: Some(dictionary), ..SegmentOptions::default() };
    let row = write(&fs, 2, &inputs, options);
    let mut manifest = Manifest::read(&fs, root(), STORE).unwrap();
    manifest.generation += 1;
    manifest.segments = vec![row];
    manifest.dictionaries.clone_from(&dictionaries);
    manifest.replace(&fs, root(), STORE).unwrap();
    let file = crate::fs::read_file(&fs, &row.id.path(root())).unwrap();
    Small { fs, row, dictionaries, inputs, file }
}

/// Reads all records and compares them; returns the lost ones, whose errors must name them.
fn lost(small: &Small, sealed: &Sealed) -> BTreeSet<(StreamId, u64)> {
    let mut lost = BTreeSet::new();
    let mut cache = SealedCache::new();
    for input in &small.inputs {
        let Record { stream, ordinal, .. } = input.record;
        let places = sealed.find(&stream, ordinal, 1);
        let [place] = places.as_slice() else {
            lost.insert((stream, ordinal));
            continue;
        };
        match cache.record(sealed, place) {
            Ok(record) => assert_eq!(record, input.record),
            Err(Error::Corrupt { what, streams, .. }) => {
                assert!(streams == [stream] && what.contains(&format!("record {ordinal} of {stream}")), "{what}");
                lost.insert((stream, ordinal));
            }
            Err(other) => panic!("{other}"),
        }
    }
    lost
}

fn load(small: &Small, on_damage: OnDamage) -> crate::Result<Arc<Sealed>> {
    Sealed::load(&small.fs, root(), STORE, None, on_damage)
}

/// What may be lost when the byte at an offset is damaged: the records of the block it is in, and those that use its values.
fn may_be_lost(small: &Small, sealed: &Sealed, at: u64) -> BTreeSet<(StreamId, u64)> {
    let segment = &sealed.segments()[0];
    let footer = segment.footer();
    let mut cache = SealedCache::new();
    let block = (0..footer.block_count()).find(|block| {
        let row = footer.block(*block).unwrap();
        let from = row.offset + wide(BLOCK_HEADER_BYTES);
        (from..from + u64::from(row.header.compressed_bytes)).contains(&at)
    });
    let Some(block) = block else { return BTreeSet::new() };
    let values: BTreeSet<ValueHash> =
        footer.values().filter(|value| value.block == block).map(|value| value.hash).collect();
    let hit = |input: &&Input| {
        let place = &sealed.find(&input.record.stream, input.record.ordinal, 1)[0];
        place.block == block || cache.stored(place).unwrap().refs.iter().any(|(_, value)| values.contains(&value.hash))
    };
    small.inputs.iter().filter(hit).map(|input| (input.record.stream, input.record.ordinal)).collect()
}

#[test]
fn every_flipped_bit_of_a_segment_costs_exactly_the_records_of_its_block() {
    let small = small();
    let path = small.row.id.path(root());
    let whole = load(&small, OnDamage::Refuse).unwrap();
    assert!(whole.blocks() >= 4 && small.file.len() < 4000, "{} {}", whole.blocks(), small.file.len());
    let file = small.fs.open(&path, crate::fs::OpenMode::Write).unwrap();
    for at in 0..wide(small.file.len()) {
        let expected = may_be_lost(&small, &whole, at);
        for bit in 0..8 {
            let byte = small.file[narrow(at).unwrap()];
            file.write_at(&[byte ^ 1 << bit], at).unwrap();
            let in_footer = (small.row.footer_offset..small.row.bytes - 64).contains(&at);
            match load(&small, OnDamage::Refuse) {
                Ok(sealed) => {
                    assert!(!in_footer, "a footer with a flipped bit at {at} is believed");
                    assert_eq!(lost(&small, &sealed), expected, "byte {at}");
                    let mut found = 0;
                    sealed.segments()[0].verify(&mut |_| found += 1, &mut |_| {}).unwrap();
                    assert!(found > 0, "byte {at} is flipped, and nobody noticed");
                }
                Err(error) => {
                    assert!(
                        in_footer && error.is_corruption() && error.to_string().contains("footer"),
                        "{at}: {error}"
                    );
                    let recovered = load(&small, OnDamage::Recover).unwrap();
                    assert_eq!(lost(&small, &recovered), BTreeSet::new(), "byte {at}");
                    assert_eq!(recovered.damage().len(), 1);
                }
            }
            // Without its footer: a damaged header of a block costs that block too.
            let recovered =
                SealedSegment::recover(&small.fs, root(), small.row.id, whole.dictionaries()).unwrap().segment;
            let streams: Vec<_> = recovered.footer().streams().collect();
            assert!(streams.len() >= 2 && streams.iter().all(|row| whole.head(&row.stream).is_some()));
            file.write_at(&[byte], at).unwrap();
        }
    }
}

#[test]
fn every_cut_of_a_segment_is_told_and_what_stands_before_it_is_recovered() {
    let small = small();
    let whole = load(&small, OnDamage::Refuse).unwrap();
    let footer = whole.segments()[0].footer();
    let path = small.row.id.path(root());
    for length in 0..small.file.len() {
        overwrite(&small.fs, &path, &small.file[..length]);
        let error = load(&small, OnDamage::Refuse).map(|_| ()).unwrap_err();
        assert!(matches!(&error, Error::Corrupt { what, .. } if what.contains("bytes long")), "{error}");
        let recovered = load(&small, OnDamage::Recover).unwrap();
        let is_there = |block: u32| {
            let row = footer.block(block).unwrap();
            row.offset + wide(BLOCK_HEADER_BYTES) + u64::from(row.header.compressed_bytes) <= wide(length)
        };
        let mut expected = BTreeSet::new();
        for block in (0..footer.block_count()).filter(|block| !is_there(*block)) {
            let at = footer.block(block).unwrap().offset + wide(BLOCK_HEADER_BYTES);
            overwrite(&small.fs, &path, &small.file);
            expected.extend(may_be_lost(&small, &whole, at));
            overwrite(&small.fs, &path, &small.file[..length]);
        }
        assert_eq!(lost(&small, &recovered), expected, "{length} bytes");
    }
}

#[test]
fn a_damaged_block_is_passed_over_when_the_footer_is_made_anew() {
    let small = small();
    let whole = load(&small, OnDamage::Refuse).unwrap();
    let footer = whole.segments()[0].footer();
    let path = small.row.id.path(root());
    for block in 0..footer.block_count() {
        let row = footer.block(block).unwrap();
        // The header, so that its length is not known either.
        let mut bytes = small.file.clone();
        bytes[narrow(row.offset).unwrap() + 9] ^= 0x40;
        overwrite(&small.fs, &path, &bytes);
        let recovered = SealedSegment::recover(&small.fs, root(), small.row.id, whole.dictionaries()).unwrap();
        assert_eq!(recovered.segment.footer().block_count(), footer.block_count() - 1);
        let last = block + 1 == footer.block_count();
        assert_eq!(recovered.damage.len(), usize::from(!last), "behind the last there is nothing to tell it by");
    }
}

#[test]
fn a_footer_made_anew_says_what_the_lost_one_said() {
    let small = small();
    let whole = load(&small, OnDamage::Refuse).unwrap();
    let (old, recovered) = (whole.segments()[0].footer(), {
        SealedSegment::recover(&small.fs, root(), small.row.id, whole.dictionaries()).unwrap().segment
    });
    let new = recovered.footer();
    assert_eq!(old.summary(), new.summary());
    assert!(old.streams().eq(new.streams()) && old.values().eq(new.values()) && old.used().eq(new.used()));
    assert!((0..old.block_count()).all(|block| old.block(block) == new.block(block)));
    assert!(old.streams().all(|stream| old.extents(&stream).eq(new.extents(&stream))));
}

#[test]
fn every_flipped_bit_and_every_cut_of_a_dictionary_is_mended_or_told() {
    let small = small();
    let path = small.dictionaries[0].id.path(root());
    let whole = crate::fs::read_file(&small.fs, &path).unwrap();
    let read_all = |bytes: &[u8]| {
        overwrite(&small.fs, &path, bytes);
        let sealed = load(&small, OnDamage::Refuse).unwrap();
        let mended = sealed.dictionaries().get(small.dictionaries[0].id).map(|one| one.is_mended());
        (mended, lost(&small, &sealed))
    };
    for at in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        let (mended, lost) = read_all(&bytes);
        assert!(mended.unwrap() && lost.is_empty(), "byte {at}");
    }
    // Any whole sector, that of the parity too.
    for at in (0..whole.len()).step_by(4096) {
        let mut bytes = whole.clone();
        bytes[at..at + 4096].fill(0xee);
        let (mended, lost) = read_all(&bytes);
        assert!(mended.unwrap() && lost.is_empty(), "sector at {at}");
    }
    let mut lost_all = 0;
    for length in (0..whole.len()).step_by(61) {
        let (mended, lost) = read_all(&whole[..length]);
        match mended {
            Ok(mended) => assert!(mended && lost.is_empty(), "{length} bytes: only parity was cut off"),
            Err(error) => {
                assert!(error.is_corruption(), "{error}");
                assert_eq!(lost.len(), small.inputs.len(), "every block needs it");
                lost_all += 1;
            }
        }
    }
    assert!(lost_all > 4096 / 61);
}

#[test]
fn a_value_that_is_damaged_in_one_segment_is_taken_from_another() {
    let fs = disk();
    let payload = text(5, 3000);
    let shared = |number: u8| {
        let mut input = input(stream(number, 0), 0, &payload);
        input.shared.push(100..2500);
        input
    };
    let rows = [
        write(&fs, 2, &[shared(1)], SegmentOptions::default()),
        write(&fs, 3, &[shared(2)], SegmentOptions::default()),
    ];
    let sealed = view(&fs, &rows);
    let hash = ValueHash::of(&payload[100..2500]);
    let (segment, row) = sealed.value(&hash).unwrap();
    let block = segment.footer().block(row.block).unwrap();
    let file = fs.open(segment.path(), crate::fs::OpenMode::Write).unwrap();
    file.write_at(&[0xff; 8], block.offset + 40).unwrap();
    assert!(segment.values(row.block, &mut crate::sealed::Decoder::new()).unwrap_err().is_corruption());
    for name in [1, 2] {
        let found = read(&sealed, &stream(name, 0));
        assert_eq!(found[0].as_ref().unwrap().payload, payload);
    }
}

#[test]
fn another_value_in_the_place_of_the_right_one_is_noticed() {
    let fs = disk();
    let payload = text(5, 3000);
    let mut one = input(stream(1, 0), 0, &payload);
    one.shared.push(100..2500);
    let mut writer = SegmentWriter::create(&fs, root(), STORE, id(2), SegmentOptions::default()).unwrap();
    let mut other = payload[100..2500].to_vec();
    other[1000] ^= 1;
    writer.value(ValueHash::of(&payload[100..2500]), &other).unwrap();
    add(&mut writer, &one);
    let row = writer.finish(Vec::new(), Vec::new()).unwrap();
    let sealed = view(&fs, &[row]);
    let found = read(&sealed, &stream(1, 0));
    assert!(matches!(&found[0], Err(Error::Corrupt { what, .. }) if what.contains("its values do not give")));
}
