//! What is written is what is read, whatever it is.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::fs::Fs;
use crate::number::wide;
use crate::sealed::header::SEALED_HEADER_BYTES;
use crate::sealed::{DictionaryRow, Tier, write_dictionary};

/// Records of a few streams with odd lengths, holes, journals and shared values.
fn inputs() -> impl Strategy<Value = Vec<Input>> {
    let record = (0..4_u8, 0..3_u8, 0..3_u64, 0..3_u8, 0..5_usize, any::<u64>(), any::<u64>(), any::<u8>());
    proptest::collection::vec(record, 0..60).prop_map(|records| {
        let mut inputs: Vec<Input> = Vec::new();
        let mut next = std::collections::BTreeMap::new();
        for (name, channel, hole, journal, length, clock, lease_epoch, codec) in records {
            let stream = stream(name, channel);
            let ordinal = next.entry(stream).or_insert(0_u64);
            *ordinal += if hole == 2 { 5 } else { 0 };
            let mut payload = text(clock, [0, 1, 200, 3000, 9000][length]);
            let mut shared = Vec::new();
            for part in 0..clock % 3 {
                let from = payload.len();
                payload.extend_from_slice(&text(part + u64::from(codec % 2), 1500));
                shared.push(from..payload.len());
                payload.extend_from_slice(&text(clock, usize::try_from(clock % 7).unwrap()));
            }
            let record = Record { stream, ordinal: *ordinal, lease_epoch, clock, codec, payload };
            inputs.push(Input { record, journal, shared });
            *ordinal += 1;
        }
        inputs.sort_by_key(|input| (input.record.stream, input.record.ordinal));
        inputs
    })
}

fn check(sealed: &Sealed, inputs: &[Input]) -> Result<(), TestCaseError> {
    let streams: std::collections::BTreeSet<StreamId> = inputs.iter().map(|input| input.record.stream).collect();
    prop_assert_eq!(
        sealed.streams().iter().map(|info| info.stream).collect::<Vec<_>>(),
        Vec::from_iter(streams.clone())
    );
    for stream in streams {
        let expected: Vec<&Input> = inputs.iter().filter(|input| input.record.stream == stream).collect();
        let places = sealed.find(&stream, 0, usize::MAX);
        prop_assert_eq!(places.len(), expected.len());
        let mut cache = SealedCache::new();
        for (place, input) in places.iter().zip(&expected) {
            prop_assert_eq!(place.journal, input.journal);
            prop_assert_eq!(&cache.record(sealed, place).unwrap(), &input.record);
        }
        for (place, input) in places.iter().zip(&expected).rev() {
            prop_assert_eq!(&cache.record(sealed, place).unwrap(), &input.record);
        }
        let head = sealed.head(&stream).unwrap();
        prop_assert_eq!(head.next_ordinal, expected.last().unwrap().record.ordinal + 1);
        prop_assert_eq!(Some(head.lease_epoch), expected.iter().map(|input| input.record.lease_epoch).max());
        let bytes: usize = expected.iter().map(|input| input.record.payload.len()).sum();
        let info = sealed.streams().into_iter().find(|info| info.stream == stream).unwrap();
        prop_assert_eq!((info.records, info.payload_bytes), (wide(expected.len()), wide(bytes)));
        let channels = sealed.channels(&stream.thread, stream.incarnation);
        prop_assert!(channels.contains(&stream.channel) && channels.is_sorted());
        let middle = expected[expected.len() / 2].record.ordinal;
        let some = sealed.find(&stream, middle, 3);
        prop_assert!(some.iter().all(|place| (middle..middle + 3).contains(&place.ordinal)) && !some.is_empty());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn records_come_back(inputs in inputs(), block_bytes in 500..40_000_usize, with_dictionary: bool, jobs in 1..4_usize) {
        let fs = disk();
        let mut rows = Vec::new();
        let dictionary = with_dictionary.then(|| Arc::new(dictionary(1)));
        if let Some(dictionary) = &dictionary {
            rows.push(write_dictionary(&fs, root(), STORE, dictionary).unwrap());
        }
        let options = SegmentOptions { block_bytes, jobs, dictionary, ..SegmentOptions::default() };
        let row = write(&fs, 2, &inputs, options.clone());
        let sealed = view_with(&fs, &[row], &rows);
        check(&sealed, &inputs)?;

        // Nothing to complain about, read or recovered; and one thread writes the same bytes as several.
        let mut found = Vec::new();
        sealed.segments()[0].verify(&mut |error| found.push(error), &mut |_| {}).unwrap();
        prop_assert!(found.is_empty(), "{:?}", found);
        let recovered = SealedSegment::recover(&fs, root(), row.id, sealed.dictionaries()).unwrap();
        prop_assert!(recovered.damage.is_empty(), "{:?}", recovered.damage);
        let other = disk();
        write(&other, 2, &inputs, SegmentOptions { jobs: 1, ..options });
        let bytes = |fs: &SimFs| crate::fs::read_file(fs, &row.id.path(root())).unwrap();
        prop_assert!(bytes(&fs) == bytes(&other));
    }

    #[test]
    fn records_come_back_from_several_segments(inputs in inputs(), parts in 2..5_usize) {
        let fs = disk();
        let rows: Vec<SegmentRow> = (0..parts)
            .map(|part| {
                let mine: Vec<Input> = inputs.iter().enumerate().filter(|(at, _)| at % parts == part).map(|(_, input)| input.clone()).collect();
                write(&fs, wide(part) + 2, &mine, SegmentOptions::default())
            })
            .collect();
        check(&view(&fs, &rows), &inputs)?;
    }

    #[test]
    fn what_is_stored_can_be_stored_again(inputs in inputs()) {
        let fs = disk();
        let row = write(&fs, 2, &inputs, SegmentOptions::default());
        let sealed = view(&fs, &[row]);
        let mut writer = SegmentWriter::create(&fs, root(), STORE, id(3), SegmentOptions::default()).unwrap();
        let mut cache = SealedCache::new();
        for segment in sealed.segments() {
            for value in segment.footer().values() {
                let used = UsedValue { hash: value.hash, bytes: value.bytes };
                let bytes = cache.value(&sealed, &used).unwrap();
                prop_assert!(writer.value(value.hash, &bytes).unwrap());
                prop_assert!(value.used_here);
            }
        }
        for stream in sealed.streams() {
            for place in sealed.find(&stream.stream, 0, usize::MAX) {
                let record = cache.stored(&place).unwrap();
                writer.stored(place.stream, place.ordinal, place.journal, &record).unwrap();
            }
        }
        let copy = writer.finish(Vec::new(), Vec::new()).unwrap();
        check(&view(&fs, &[copy]), &inputs)?;
    }
}

use crate::sealed::{SealedSegment, UsedValue};

fn view_with(fs: &SimFs, segments: &[SegmentRow], dictionaries: &[DictionaryRow]) -> Arc<Sealed> {
    let mut manifest = Manifest::read(fs, root(), STORE).unwrap();
    manifest.generation += 1;
    manifest.segments = segments.to_vec();
    manifest.dictionaries = dictionaries.to_vec();
    manifest.replace(fs, root(), STORE).unwrap();
    Sealed::load(fs, root(), STORE, None, OnDamage::Refuse).unwrap()
}

#[test]
fn a_long_stream_has_blocks_of_its_own_and_short_ones_share() {
    let fs = disk();
    let mut inputs: Vec<Input> = (0..97).map(|ordinal| input(stream(1, 0), ordinal, &text(ordinal, 1000))).collect();
    for name in 2..12 {
        inputs.push(input(stream(name, 0), 0, &text(name.into(), 150)));
    }
    let row = write(&fs, 2, &inputs, SegmentOptions { block_bytes: 16 << 10, ..SegmentOptions::default() });
    let sealed = view(&fs, &[row]);
    let footer = sealed.segments()[0].footer();
    assert_eq!(footer.block_count(), 6, "five of the long one, one shared by its end and the others");
    let streams_in = |block| sealed.segments()[0].records_in(block).len();
    assert_eq!((0..6).map(streams_in).collect::<Vec<_>>(), [1, 1, 1, 1, 1, 11]);
}

#[test]
fn a_record_longer_than_a_block_stands_alone() {
    let fs = disk();
    let lengths = [100, 100_000, 100, 70_000, 300];
    let inputs: Vec<Input> =
        (0..).zip(lengths).map(|(ordinal, length)| input(stream(1, 0), ordinal, &text(ordinal, length))).collect();
    let row = write(&fs, 2, &inputs, SegmentOptions { block_bytes: 16 << 10, ..SegmentOptions::default() });
    let sealed = view(&fs, &[row]);
    assert_eq!(sealed.segments()[0].footer().block_count(), 5);
    let found: Vec<Record> = read(&sealed, &stream(1, 0)).into_iter().map(Result::unwrap).collect();
    assert!(found.iter().zip(&inputs).all(|(record, input)| *record == input.record));
}

#[test]
fn an_empty_segment_is_one() {
    let fs = disk();
    let row = write(&fs, 2, &[], SegmentOptions::default());
    let sealed = view(&fs, &[row]);
    assert_eq!((sealed.streams(), sealed.blocks()), (vec![], 0));
    assert_eq!(row.footer_offset, wide(SEALED_HEADER_BYTES));
}

#[test]
fn records_out_of_order_and_values_out_of_place_are_refused() {
    let fs = disk();
    let record = |name: u8, ordinal: u64| RecordRef {
        stream: stream(name, 0),
        ordinal,
        journal: 0,
        lease_epoch: 1,
        clock: 0,
        codec: 0,
        payload: b"0123456789",
    };
    let refused = |records: &[RecordRef<'_>], uses: &[std::ops::Range<usize>]| {
        let mut writer = SegmentWriter::create(&fs, root(), STORE, id(2), SegmentOptions::default()).unwrap();
        let uses: Vec<ValueUse> =
            uses.iter().map(|range| ValueUse { range: range.clone(), hash: ValueHash([0; 16]) }).collect();
        let result = records.iter().try_for_each(|record| writer.record(record, &uses));
        drop(writer);
        assert!(fs.read_dir(&root().join("sealed")).unwrap().is_empty(), "the file is removed");
        result.unwrap_err()
    };
    let again = refused(&[record(1, 5), record(1, 5)], &[]);
    assert!(matches!(again, crate::Error::WrongOrdinal { expected: 5, actual: 6, .. }), "{again}");
    for (records, uses) in [
        (vec![record(2, 0), record(1, 0)], vec![]),
        (vec![record(1, 0)], vec![0..1, 5..11]),
        (vec![record(1, 0)], vec![3..5, 4..6]),
    ] {
        assert!(matches!(refused(&records, &uses), crate::Error::Config { .. }));
    }
}

#[test]
fn the_tier_and_what_a_segment_was_made_of_come_back() {
    let fs = disk();
    let options = SegmentOptions { tier: Tier::Archived, level: 9, created_ms: 5, ..SegmentOptions::default() };
    let mut writer = SegmentWriter::create(&fs, root(), STORE, id(2), options).unwrap();
    add(&mut writer, &input(stream(1, 0), 0, b"x"));
    [7, 3, 7].iter().for_each(|short| writer.single(*short));
    let base = crate::sealed::JournalBase {
        journal: 3,
        epoch: crate::Epoch(9),
        upto: crate::Sequence(70),
        chain: 8,
        chain_records: 9,
        segments_upto: 2,
    };
    let inputs = vec![
        crate::sealed::Input::Journal(base),
        crate::sealed::Input::Sealed(id(1)),
        crate::sealed::Input::Part { edit: 11, index: 2, count: 3 },
    ];
    let conflict = crate::Conflict { stream: stream(1, 0), ordinal: 4, lost_lease_epoch: 2 };
    let row = writer.finish(inputs.clone(), vec![conflict.clone()]).unwrap();
    let sealed = view(&fs, &[row]);
    let footer = sealed.segments()[0].footer();
    assert_eq!(footer.inputs().collect::<Vec<_>>(), inputs);
    assert_eq!((sealed.conflicts(), footer.summary().tier, row.tier), (vec![conflict], Tier::Archived, Tier::Archived));
    assert_eq!(footer.singles().collect::<Vec<_>>(), [3, 7]);
    assert!(sealed.is_single(7) && !sealed.is_single(4));
}
