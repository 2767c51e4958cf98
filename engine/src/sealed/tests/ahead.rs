//! Blocks that a second thread decompresses before they are asked for.

use super::*;
use crate::Error;
use crate::fs::sim::CallKind;
use crate::sealed::ahead::Ahead;

const RECORDS: u64 = 400;

fn long_stream(fs: &SimFs, number: u64) -> SegmentRow {
    let inputs: Vec<Input> = (0..RECORDS).map(|ordinal| input(stream(1, 0), ordinal, &text(ordinal, 1000))).collect();
    write(fs, number, &inputs, SegmentOptions { block_bytes: 16 << 10, ..SegmentOptions::default() })
}

/// Reads ordinals in this order, as a reader does; and whether a second thread ran at some time, and at the end.
fn read_ahead(sealed: &Sealed, ordinals: impl Iterator<Item = u64>) -> (Vec<crate::Result<Record>>, bool, bool) {
    let (mut ahead, mut cache, mut ran) = (Ahead::default(), SealedCache::new(), false);
    let mut records = Vec::new();
    for ordinal in ordinals {
        let places = sealed.find(&stream(1, 0), ordinal, 1);
        ahead.enter(sealed, &places[0], RECORDS, &mut cache);
        ran |= ahead.is_running();
        records.push(cache.record(sealed, &places[0]));
    }
    let runs = ahead.is_running();
    (records, ran, runs)
}

fn expect_all(records: &[crate::Result<Record>]) {
    for (ordinal, record) in (0..).zip(records) {
        assert_eq!(record.as_ref().unwrap(), &input(stream(1, 0), ordinal, &text(ordinal, 1000)).record);
    }
}

#[test]
fn a_long_read_forward_is_read_ahead_each_block_once_and_the_thread_ends_with_the_last_block() {
    let fs = disk();
    let row = long_stream(&fs, 2);
    let sealed = view(&fs, &[row]);
    for _ in 0..20 {
        let before = fs.calls_of(CallKind::Read);
        let (records, ran, runs) = read_ahead(&sealed, 0..RECORDS);
        expect_all(&records);
        assert!(ran && !runs);
        assert_eq!(fs.calls_of(CallKind::Read) - before, sealed.blocks(), "no block is read twice");
    }
}

#[test]
fn short_reads_backward_reads_and_leaps_start_no_thread() {
    let fs = disk();
    let sealed = view(&fs, &[long_stream(&fs, 2)]);
    let (_, ran, _) = read_ahead(&sealed, RECORDS - 40..RECORDS);
    assert!(!ran, "a tail of two or three blocks");
    let (_, ran, _) = read_ahead(&sealed, (0..RECORDS).rev());
    assert!(!ran, "backwards");
    let (_, ran, _) = read_ahead(&sealed, (0..RECORDS).step_by(37));
    assert!(!ran, "leaps");
}

#[test]
fn a_reader_that_stops_early_has_read_few_blocks_more_than_it_needed() {
    let fs = disk();
    let sealed = view(&fs, &[long_stream(&fs, 2)]);
    let before = fs.calls_of(CallKind::Read);
    let (records, ran, runs) = read_ahead(&sealed, 0..40);
    assert_eq!((records.len(), ran, runs), (40, true, true));
    assert!(fs.calls_of(CallKind::Read) - before <= 3 + 5, "{}", fs.calls_of(CallKind::Read) - before);
}

#[test]
fn a_damaged_block_costs_its_records_and_is_met_there() {
    let fs = disk();
    let row = long_stream(&fs, 2);
    let sealed = view(&fs, &[row]);
    for damaged in [0, 1, 2, 5, u32::try_from(sealed.blocks()).unwrap() - 1] {
        let block = sealed.segments()[0].footer().block(damaged).unwrap();
        let path = row.id.path(root());
        let file = fs.open(&path, OpenMode::Write).unwrap();
        let sound = crate::fs::read_file(&fs, &path).unwrap();
        let at = block.offset + 60;
        write_all_at(&*file, &[!sound[usize::try_from(at).unwrap()]], at).unwrap();
        let (records, ..) = read_ahead(&sealed, 0..RECORDS);
        let hurt = sealed.segments()[0].records_in(damaged)[0].1.clone();
        for (ordinal, record) in (0..).zip(&records) {
            match record {
                Ok(_) => assert!(!hurt.contains(&ordinal)),
                Err(Error::Corrupt { what, .. }) => {
                    assert!(hurt.contains(&ordinal) && what.contains(&format!("record {ordinal} ")), "{what}");
                }
                Err(other) => panic!("{other}"),
            }
        }
        write_all_at(&*file, &sound, 0).unwrap();
    }
}

#[test]
fn a_stream_over_several_segments_is_read_ahead_across_them() {
    let fs = disk();
    let rows: Vec<SegmentRow> = (0..4)
        .map(|part| {
            let inputs: Vec<Input> = (part * 100..part * 100 + 100)
                .map(|ordinal| input(stream(1, 0), ordinal, &text(ordinal, 1000)))
                .collect();
            // Numbers fall while ordinals rise: the order is that of ordinals.
            write(&fs, 9 - part, &inputs, SegmentOptions { block_bytes: 16 << 10, ..SegmentOptions::default() })
        })
        .collect();
    let sealed = view(&fs, &rows);
    let before = fs.calls_of(CallKind::Read);
    let (records, ran, _) = read_ahead(&sealed, 0..RECORDS);
    expect_all(&records);
    assert!(ran);
    assert_eq!(fs.calls_of(CallKind::Read) - before, sealed.blocks());
}

#[test]
fn a_block_too_long_to_be_read_ahead_is_left_to_the_reader() {
    let fs = disk();
    let payload = |ordinal| text(ordinal, if ordinal % 50 == 7 { 5 << 20 } else { 1000 });
    let inputs: Vec<Input> = (0..RECORDS).map(|ordinal| input(stream(1, 0), ordinal, &payload(ordinal))).collect();
    let row = write(&fs, 2, &inputs, SegmentOptions { block_bytes: 4 << 10, ..SegmentOptions::default() });
    let sealed = view(&fs, &[row]);
    let before = fs.calls_of(CallKind::Read);
    let (records, ran, _) = read_ahead(&sealed, 0..RECORDS);
    assert!(ran && records.iter().zip(&inputs).all(|(record, input)| record.as_ref().unwrap() == &input.record));
    assert_eq!(fs.calls_of(CallKind::Read) - before, sealed.blocks());
}

#[test]
fn streams_that_two_segments_have_by_turns_are_read_without() {
    let fs = disk();
    // Both have every record: places come for each of the two, and no order of blocks holds.
    let sealed = view(&fs, &[long_stream(&fs, 2), long_stream(&fs, 3)]);
    let (mut ahead, mut cache) = (Ahead::default(), SealedCache::new());
    for place in sealed.find(&stream(1, 0), 0, usize::MAX) {
        ahead.enter(&sealed, &place, RECORDS, &mut cache);
        let record = cache.record(&sealed, &place).unwrap();
        assert_eq!(record, input(stream(1, 0), place.ordinal, &text(place.ordinal, 1000)).record);
    }
    assert!(!ahead.is_running());
}
