//! Hot segments give way to sealed ones: what is read, appended and recovered stays the same.

use std::path::Path;
use std::sync::Arc;

use super::{ROOT, append, append_synced, config, count, open, payload, reader, record, segment_files, stream};
use crate::fs::Fs;
use crate::fs::sim::{Choice, SimFs};
use crate::number::wide;
use crate::sealed::{Input, Manifest, RecordRef, SealedId, SegmentOptions, SegmentWriter, prepare};
use crate::{Batch, Config, Engine, Error, ReadLog, Record, Result};

fn several(fs: &SimFs) -> Result<Engine> {
    let config = Config { journals_max: 3, ..config(&Arc::default()) };
    Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config)
}

/// Seals what can be of a journal, in the order of steps that the crate above keeps; says how many records that were.
fn seal(fs: &SimFs, engine: &Engine, journal: u32) -> Result<u64> {
    let (root, store) = (Path::new(ROOT), engine.store_id());
    prepare(fs, root, store)?;
    let Some(mut source) = engine.sealable(journal, u64::MAX)? else { return Ok(0) };
    let mut records: Vec<Record> = Vec::new();
    source.read(&mut |record| {
        records.push(record);
        Ok(())
    })?;
    assert_eq!(wide(records.len()), source.records());
    records.sort_by_key(|record| (record.stream, record.ordinal));
    let mut manifest = Manifest::read(fs, root, store)?;
    let base = source.base();
    if !records.is_empty() {
        let id = SealedId { number: manifest.next_number, salt: 77 + manifest.next_number };
        // What a crash left under this name.
        let _ = fs.remove_file(&id.path(root));
        let mut writer = SegmentWriter::create(fs, root, store, id, SegmentOptions::default())?;
        for Record { stream, ordinal, lease_epoch, clock, codec, payload } in &records {
            let (stream, ordinal, lease_epoch, clock, codec) = (*stream, *ordinal, *lease_epoch, *clock, *codec);
            let journal = u8::try_from(journal).unwrap();
            writer.record(&RecordRef { stream, ordinal, journal, lease_epoch, clock, codec, payload }, &[])?;
        }
        manifest.segments.push(writer.finish(vec![Input::Journal(base)], source.conflicts().to_vec())?);
        manifest.next_number += 1;
    }
    manifest.generation += 1;
    manifest.journals.retain(|other| other.journal != journal);
    manifest.journals.push(base);
    manifest.replace(fs, root, store)?;
    engine.renew_sealed()?;
    source.remove()?;
    Ok(wide(records.len()))
}

fn seal_all(fs: &SimFs, engine: &Engine) -> Result<u64> {
    engine.end_segment()?;
    seal(fs, engine, engine.journal())
}

#[test]
fn sealed_records_are_read_as_before_by_everybody() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    let early = reader(&fs);
    (0..100).for_each(|ordinal| append_synced(&engine, 1, ordinal).unwrap());
    early.refresh().unwrap();
    let other_process = early.clone();
    assert_eq!(count(&early, 1), 100);
    let before = segment_files(&fs).len();
    let sealed = seal(&fs, &engine, 0).unwrap();
    assert!(sealed > 50 && sealed < 100, "all but the segment that is written: {sealed}");
    assert_eq!(segment_files(&fs).len(), 1, "of {before}");
    let late = reader(&fs);
    let logs: [&dyn ReadLog; 4] = [&engine, &early, &late, &other_process];
    for log in logs {
        assert_eq!(count(log, 1), 100);
        assert_eq!(log.read(&stream(1), 40..60).count(), 20);
        let head = log.head(&stream(1)).unwrap();
        assert_eq!((head.next_ordinal, head.durable_ordinal, head.lease_epoch), (100, 100, 1));
        assert!(log.damage().is_empty() && log.conflicts().is_empty());
        assert_eq!(log.streams().len(), 1);
        assert_eq!(log.streams()[0].records, 100);
    }
    (100..140).for_each(|ordinal| append_synced(&engine, 1, ordinal).unwrap());
    assert_eq!((count(&engine, 1), count(&reader(&fs), 1)), (140, 140));
    early.refresh().unwrap();
    assert_eq!(count(&early, 1), 140, "a follower goes on");
}

#[test]
fn a_journal_goes_on_behind_what_was_sealed() {
    let fs = SimFs::new(1);
    let mut next = 0;
    for life in 0..6 {
        let engine = open(&fs).unwrap();
        for _ in 0..30 {
            append_synced(&engine, 1, next).unwrap();
            next += 1;
        }
        match append(&engine, 1, next + 1) {
            Err(Error::WrongOrdinal { actual, .. }) => assert_eq!(actual, next),
            other => panic!("{other:?}"),
        }
        if life % 2 == 0 {
            assert!(seal_all(&fs, &engine).unwrap() > 0);
            assert_eq!(segment_files(&fs).len(), 0);
            append_synced(&engine, 2, life / 2).unwrap();
        }
        engine.close().unwrap();
        assert_eq!((count(&reader(&fs), 1), count(&reader(&fs), 2)), (next, life / 2 + 1));
        assert!(reader(&fs).damage().is_empty());
    }
    let engine = open(&fs).unwrap();
    seal_all(&fs, &engine).unwrap();
    engine.close().unwrap();
    assert_eq!(segment_files(&fs).len(), 0, "nothing hot is left");
    let engine = open(&fs).unwrap();
    append_synced(&engine, 1, next).unwrap();
    assert_eq!(count(&engine, 1), next + 1);
}

#[test]
fn a_stale_lease_is_refused_by_what_is_sealed() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    let text = payload(1, 0, 100);
    let mut batch = Batch::new();
    batch.push(crate::NewRecord { lease_epoch: 5, ..record(1, 0, &text) }).unwrap();
    engine.sync(engine.append(batch).unwrap()).unwrap();
    seal_all(&fs, &engine).unwrap();
    match append(&engine, 1, 1) {
        Err(Error::StaleLease { actual, .. }) => assert_eq!(actual, 5),
        other => panic!("{other:?}"),
    }
}

#[test]
fn large_records_are_sealed_and_their_files_go() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    let large = payload(1, 0, 3 << 20);
    let mut batch = Batch::new();
    batch.push(record(1, 0, &large)).unwrap();
    engine.sync(engine.append(batch).unwrap()).unwrap();
    let before = reader(&fs);
    seal_all(&fs, &engine).unwrap();
    assert!(fs.read_dir(&Path::new(ROOT).join("large")).unwrap().is_empty());
    assert_eq!((count(&engine, 1), count(&before, 1), count(&reader(&fs), 1)), (1, 1, 1));
}

#[test]
fn other_writers_journals_are_sealed_while_they_write_and_after_they_died() {
    let fs = SimFs::new(1);
    let (a, neighbour) = (several(&fs).unwrap(), fs.process());
    let b = several(&neighbour).unwrap();
    for ordinal in 0..60 {
        append_synced(&a, 1, ordinal).unwrap();
        append_synced(&b, 2, ordinal).unwrap();
    }
    assert!(seal(&fs, &a, b.journal()).unwrap() > 20);
    assert_eq!(count(&b, 2), 60, "its writer finds out when it looks for a file that is gone");
    for ordinal in 60..80 {
        append_synced(&b, 2, ordinal).unwrap();
    }
    neighbour.kill_process();
    drop(b);
    assert!(seal(&fs, &a, 1).unwrap() > 20);
    assert!(fs.read_dir(&Path::new(ROOT).join("journals/001")).unwrap().iter().all(|e| !e.name.ends_with(".hot")));
    assert_eq!((count(&a, 1), count(&a, 2)), (60, 80));
    let b = several(&fs).unwrap();
    assert_eq!(b.journal(), 1);
    append_synced(&b, 2, 80).unwrap();
    a.refresh().unwrap();
    assert_eq!((count(&a, 2), count(&b, 2), count(&reader(&fs), 2)), (81, 81, 81));
}

#[test]
fn what_others_sealed_and_nobody_had_seen_is_news() {
    let fs = SimFs::new(1);
    let (a, b) = (several(&fs).unwrap(), several(&fs).unwrap());
    append_synced(&b, 2, 0).unwrap();
    seal_all(&fs, &b).unwrap();
    assert!(a.has_news());
    assert_eq!(a.refresh().unwrap().streams().collect::<Vec<_>>(), [&stream(2)]);
    assert_eq!(count(&a, 2), 1);
    assert!(!a.has_news());
    let looking = reader(&fs);
    append_synced(&b, 2, 1).unwrap();
    seal_all(&fs, &b).unwrap();
    assert!(looking.has_news());
    assert_eq!(looking.refresh().unwrap().streams().collect::<Vec<_>>(), [&stream(2)]);
    assert_eq!(count(&looking, 2), 2);
}

/// A worker, a reader in search of a file that is gone: who looks at MANIFEST for something else must not keep the news.
#[test]
fn what_a_look_at_the_manifest_brought_is_told_by_the_next_refresh() {
    let fs = SimFs::new(1);
    let (a, b) = (several(&fs).unwrap(), several(&fs).unwrap());
    append_synced(&b, 2, 0).unwrap();
    seal_all(&fs, &b).unwrap();
    a.renew_sealed().unwrap();
    assert!(a.has_news());
    assert_eq!(a.refresh().unwrap().streams().collect::<Vec<_>>(), [&stream(2)]);
    assert!(!a.has_news());
    assert!(a.refresh().unwrap().is_empty());
}

/// Each call of appending, sealing and appending again is cut off by the power, in several ways.
#[test]
fn no_crash_at_any_call_loses_a_record_or_makes_one_twice() {
    let story = |fs: &SimFs, acknowledged: &mut u64| -> Result<()> {
        let engine = several(fs)?;
        for round in 0..3 {
            for _ in 0..12 {
                append_synced(&engine, 1, *acknowledged)?;
                *acknowledged += 1;
            }
            if round == 1 {
                seal_all(fs, &engine)?
            } else {
                seal(fs, &engine, 0)?
            };
        }
        append_synced(&engine, 1, *acknowledged)?;
        *acknowledged += 1;
        engine.close()
    };
    let whole = SimFs::new(1);
    let mut all = 0;
    story(&whole, &mut all).unwrap();
    assert_eq!(all, 37);
    let calls = whole.calls();
    for at in 0..calls {
        let fs = SimFs::new(1);
        fs.freeze_after(at);
        let mut acknowledged = 0;
        let _ = story(&fs, &mut acknowledged);
        let space = fs.crash_points();
        for choice in [Choice::LoseAll, Choice::KeepAll].into_iter().chain(space.choices(6, at)) {
            let left = fs.crash(&choice);
            if acknowledged == 0 && reader_of(&left).is_none() {
                continue;
            }
            let seen = count(&reader(&left), 1);
            assert!(
                seen == acknowledged || seen == acknowledged + 1,
                "call {at}, {choice:?}: {seen} of {acknowledged}"
            );
            let engine = several(&left).unwrap();
            assert!(engine.damage().is_empty(), "call {at}, {choice:?}: {:?}", engine.damage());
            let next = count(&engine, 1);
            assert!(
                next == acknowledged || next == acknowledged + 1,
                "call {at}, {choice:?}: {next} of {acknowledged}"
            );
            append_synced(&engine, 1, next).unwrap();
            seal_all(&left, &engine).unwrap();
            append_synced(&engine, 1, next + 1).unwrap();
            engine.close().unwrap();
            assert_eq!(count(&reader(&left), 1), next + 2, "call {at}, {choice:?}");
            assert!(reader(&left).damage().is_empty());
        }
    }
}

fn reader_of(fs: &SimFs) -> Option<crate::Reader> {
    crate::Reader::open(Arc::new(fs.clone()), Path::new(ROOT)).ok()
}
