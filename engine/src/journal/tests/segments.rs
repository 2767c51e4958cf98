use super::*;

#[test]
fn groups_roll_over_to_prepared_spares() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    for ordinal in 0..60 {
        append_synced(&engine, 1, ordinal).unwrap();
        engine.prepare_spare().unwrap();
    }
    let stats = engine.stats();
    assert!(stats.segments >= 8, "{stats:?}");
    assert_eq!(stats.growing_segments, 1);
    assert_eq!(count(&engine, 1), 60);
    engine.close().unwrap();
    assert_eq!(count(&reader(&fs), 1), 60);
}

#[test]
fn without_a_spare_the_file_grows() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    for ordinal in 0..60 {
        append_synced(&engine, 1, ordinal).unwrap();
    }
    let stats = engine.stats();
    assert_eq!(stats.segments, stats.growing_segments);
    assert!(stats.segments >= 8, "{stats:?}");
    assert_eq!(count(&engine, 1), 60);
}

#[test]
fn a_group_larger_than_a_segment_still_finds_room() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    engine.prepare_spare().unwrap();
    let big = payload(1, 1, 200 << 10);
    let mut batch = Batch::new();
    batch.push(record(1, 1, &big)).unwrap();
    engine.sync(engine.append(batch).unwrap()).unwrap();
    append_synced(&engine, 1, 2).unwrap();
    engine.close().unwrap();
    assert_eq!(count(&reader(&fs), 1), 3);
}

#[test]
fn a_clean_close_keeps_no_spare_and_no_unused_zeros() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    engine.prepare_spare().unwrap();
    append_synced(&engine, 1, 1).unwrap();
    engine.prepare_spare().unwrap();
    engine.close().unwrap();
    let files = segment_files(&fs);
    assert_eq!(files.len(), 2);
    // Header and one group; header, one group and the witness.
    assert_eq!(files.iter().map(|(_, bytes)| bytes / 4096).collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn segments_left_unsynced_at_a_rollover_are_synced_before_anything_is_acknowledged() {
    let fs = SimFs::new(1);
    let clock = Arc::new(HandClock::default());
    let engine = Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config(&clock)).unwrap();
    for ordinal in 0..20 {
        append(&engine, 1, ordinal).unwrap();
        clock.forward(15);
        assert!(engine.tick());
    }
    assert_eq!(engine.stats().syncs, 0);
    assert!(engine.stats().segments >= 3);
    engine.sync(engine.barrier()).unwrap();
    let left = fs.crash(&Choice::LoseAll);
    assert_eq!(count(&reader(&left), 1), 20);
}
