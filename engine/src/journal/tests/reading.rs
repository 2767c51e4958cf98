use super::*;
use crate::verify;

#[test]
fn ranges_and_tails_are_served_exactly() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    for ordinal in 0..40 {
        append_synced(&engine, 1, ordinal).unwrap();
    }
    let ordinals = |records: crate::Records| records.map(|record| record.unwrap().ordinal).collect::<Vec<_>>();
    assert_eq!(ordinals(engine.read(&stream(1), 5..9)), [5, 6, 7, 8]);
    assert_eq!(ordinals(engine.tail(&stream(1), 3)), [37, 38, 39]);
    assert_eq!(ordinals(engine.tail(&stream(1), 1000)).len(), 40);
    assert_eq!(ordinals(engine.read(&stream(1), 40..50)), []);
    assert_eq!(ordinals(engine.read(&stream(9), 0..50)), []);
    assert_eq!(engine.streams().len(), 1);
}

#[test]
fn a_reader_sees_durable_records_beside_the_writer_and_takes_no_lock() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    let before = fs.calls_of(crate::fs::sim::CallKind::Lock);
    let reader_now = reader(&fs);
    assert_eq!(fs.calls_of(crate::fs::sim::CallKind::Lock), before);
    append_synced(&engine, 1, 1).unwrap();
    assert_eq!(count(&reader_now, 1), 1);
    assert_eq!(count(&reader(&fs), 1), 2);
}

#[test]
fn records_above_a_mebibyte_stand_in_files_of_their_own() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    let big = payload(1, 1, 3 << 20);
    append_synced(&engine, 1, 0).unwrap();
    let mut batch = Batch::new();
    batch.push(record(1, 1, &big)).unwrap();
    assert!(batch.has_large());
    engine.sync(engine.append(batch).unwrap()).unwrap();
    let small = payload(1, 2, 32);
    let mut batch = Batch::new();
    batch.push(record(1, 2, &small)).unwrap();
    engine.sync(engine.append(batch).unwrap()).unwrap();
    assert_eq!(count(&engine, 1), 3);
    let left = fs.crash(&Choice::LoseAll);
    assert_eq!(count(&reader(&left), 1), 3);
    let large = |log: &dyn ReadLog| {
        log.read(&stream(1), 0..3).large_only().map(|record| record.map(|it| it.ordinal).ok()).collect::<Vec<_>>()
    };
    assert_eq!(large(&reader(&left)), [Some(1)], "one of 32 bytes stands in the log itself");
    let report = verify(Arc::new(left.clone()), Path::new(ROOT), &mut |_| {}).unwrap();
    assert!(report.is_sound());
    assert_eq!((report.records, report.payload_bytes), (3, 1000 + 32 + (3 << 20)));
    // Its damage costs it alone.
    let file = left.paths().into_iter().find(|path| path.to_string_lossy().ends_with(".rec")).unwrap();
    left.flip_bit(&file, 1 << 20, 0).unwrap();
    assert_eq!(large(&reader(&left)), [None]);
    let report = verify(Arc::new(left), Path::new(ROOT), &mut |_| {}).unwrap();
    assert_eq!(report.lost.iter().map(|lost| (lost.stream, lost.ordinal)).collect::<Vec<_>>(), [(stream(1), 1)]);
}

#[test]
fn a_large_file_whose_record_never_came_is_removed_at_the_next_opening() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    let big = payload(1, 1, 2 << 20);
    let mut batch = Batch::new();
    batch.push(record(1, 1, &big)).unwrap();
    engine.append(batch).unwrap();
    let large = |fs: &SimFs| fs.paths().iter().filter(|path| path.to_string_lossy().ends_with(".rec")).count();
    assert_eq!(large(&fs), 1);
    let fs = fs.kill();
    open(&fs).unwrap();
    assert_eq!(large(&fs), 0);
}

#[test]
fn verify_names_exactly_the_record_whose_payload_is_damaged() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    for ordinal in 0..6 {
        append_synced(&engine, 1, ordinal).unwrap();
    }
    engine.close().unwrap();
    let (path, _) = segment_files(&fs).pop().unwrap();
    fs.flip_bit(&path, 4 * 4096 + 64 + 64 + 500, 0).unwrap();
    let report = verify(Arc::new(fs.clone()), Path::new(ROOT), &mut |_| {}).unwrap();
    assert!(!report.is_sound());
    assert_eq!(report.lost.iter().map(|lost| lost.ordinal).collect::<Vec<_>>(), [3]);
    assert_eq!(report.records, 5);
    assert!(report.lost[0].error.to_string().contains("salvage"), "{}", report.lost[0].error);
}

#[test]
fn salvage_reads_intact_frames_of_a_group_whose_header_is_damaged() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    for ordinal in 0..4 {
        append_synced(&engine, 1, ordinal).unwrap();
    }
    engine.close().unwrap();
    let (path, _) = segment_files(&fs).pop().unwrap();
    fs.flip_bit(&path, 2 * 4096 + 20, 5).unwrap();
    let strict: Vec<_> = reader(&fs).read(&stream(1), 0..u64::MAX).filter_map(Result::ok).map(|r| r.ordinal).collect();
    assert_eq!(strict, [0, 2, 3]);
    let lenient = Reader::open_lenient(Arc::new(fs.clone()), Path::new(ROOT)).unwrap();
    assert_eq!(count(&lenient, 1), 4);
    // Without FORMAT nothing can be opened but for salvage.
    let format = Path::new(ROOT).join("FORMAT");
    fs.truncate(&format, 3).unwrap();
    assert!(Reader::open(Arc::new(fs.clone()), Path::new(ROOT)).is_err());
    assert_eq!(count(&Reader::open_lenient(Arc::new(fs.clone()), Path::new(ROOT)).unwrap(), 1), 4);
}

#[test]
fn salvage_hands_over_all_that_is_intact_and_names_the_rest() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    for ordinal in 0..4 {
        append_synced(&engine, 1, ordinal).unwrap();
    }
    append_synced(&engine, 2, 0).unwrap();
    engine.close().unwrap();
    let (path, _) = segment_files(&fs).pop().unwrap();
    fs.flip_bit(&path, 2 * 4096 + 64 + 64 + 500, 0).unwrap();
    let mut saved = Vec::new();
    let mut each = |record: crate::Record| saved.push((record.stream, record.ordinal));
    let report = crate::salvage(Arc::new(fs.clone()), Path::new(ROOT), &mut each).unwrap();
    assert_eq!(saved, [(stream(1), 0), (stream(1), 2), (stream(1), 3), (stream(2), 0)]);
    assert_eq!((report.records, report.lost.len(), report.damage.len()), (4, 1, 1));
    assert_eq!((report.lost[0].stream, report.lost[0].ordinal), (stream(1), 1));
}

/// What the group's checksum covers is not read again for one record, so the index must tell when a header rots later.
#[test]
fn a_frame_header_that_rots_after_the_opening_is_never_believed() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    let right: Vec<_> = engine.read(&stream(1), 0..1).map(Result::unwrap).collect();
    let (path, _) = segment_files(&fs).pop().unwrap();
    let mut told = 0;
    for (byte, bit) in (4096 + 64..4096 + 128).flat_map(|byte| (0..8).map(move |bit| (byte, bit))) {
        fs.flip_bit(&path, byte, bit).unwrap();
        match engine.read(&stream(1), 0..1).next().unwrap() {
            Ok(record) => assert_eq!(record, right[0], "byte {byte}, bit {bit}"),
            Err(error) => {
                assert!(matches!(error, crate::Error::Corrupt { .. }), "{error}");
                told += 1;
            }
        }
        fs.flip_bit(&path, byte, bit).unwrap();
    }
    // All but the five bytes and the seven flags that mean nothing.
    assert_eq!(told, 64 * 8 - 5 * 8 - 7);
}
