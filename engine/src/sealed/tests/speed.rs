//! What reading costs, counted: calls and bytes, not time.

use super::*;
use crate::fs::sim::CallKind;

fn long_stream(fs: &SimFs) -> std::sync::Arc<Sealed> {
    let inputs: Vec<Input> = (0..400).map(|ordinal| input(stream(1, 0), ordinal, &text(ordinal, 1000))).collect();
    let row = write(fs, 2, &inputs, SegmentOptions { block_bytes: 32 << 10, ..SegmentOptions::default() });
    view(fs, &[row])
}

#[test]
fn reading_in_order_reads_each_block_once_forward_and_backward() {
    let fs = disk();
    let sealed = long_stream(&fs);
    let blocks = sealed.blocks();
    assert!(blocks > 10);
    let places = sealed.find(&stream(1, 0), 0, usize::MAX);
    let count = |places: &mut dyn Iterator<Item = &crate::sealed::Place>| {
        let mut cache = SealedCache::new();
        let before = fs.calls_of(CallKind::Read);
        places.for_each(|place| assert_eq!(cache.record(&sealed, place).unwrap().ordinal, place.ordinal));
        fs.calls_of(CallKind::Read) - before
    };
    assert_eq!(count(&mut places.iter()), blocks);
    assert_eq!(count(&mut places.iter().rev()), blocks);
    assert!(count(&mut places[places.len() - 30..].iter()) <= 2, "the end of a long stream is one or two blocks");
}

#[test]
fn finding_a_record_reads_nothing() {
    let fs = disk();
    let sealed = long_stream(&fs);
    let before = fs.calls();
    assert_eq!(sealed.find(&stream(1, 0), 300, 50).len(), 50);
    assert!(sealed.head(&stream(1, 0)).is_some() && sealed.head(&stream(9, 0)).is_none());
    assert_eq!((sealed.streams().len(), sealed.channels(&[1; 16], stream(1, 0).incarnation)), (1, vec![0]));
    assert_eq!(fs.calls(), before);
}

#[test]
fn a_block_that_somebody_else_decompressed_is_not_read_again() {
    let fs = disk();
    let sealed = long_stream(&fs);
    let place = &sealed.find(&stream(1, 0), 0, 1)[0];
    let block = place.segment.records(place.block, &mut crate::sealed::Decoder::new()).unwrap();
    let mut cache = SealedCache::new();
    cache.offer(place.segment.id(), place.block, std::sync::Arc::new(block));
    let before = fs.calls_of(CallKind::Read);
    assert!(cache.has(place) && cache.record(&sealed, place).is_ok());
    assert_eq!(fs.calls_of(CallKind::Read), before);
}

#[test]
fn records_cost_few_bytes_beside_their_payloads() {
    let fs = disk();
    let inputs: Vec<Input> = (0..4000).map(|ordinal| input(stream(1, 0), ordinal, b"")).collect();
    let row = write(&fs, 2, &inputs, SegmentOptions::default());
    assert!(row.footer_offset < 4000 * 2, "{} bytes for 4 000 records", row.footer_offset);
}
