//! MANIFEST and the files it names: replaced, lost, made anew.

use super::*;
use crate::error::Error;
use crate::fs::sim::{CallKind, Choice, EIO, Fault};
use crate::fs::{Fs, OpenMode};
use crate::sealed::{
    DictionaryId, DictionaryRow, Input as From, JournalBase, Tier, manifest_path, sealed_files, write_dictionary,
};
use crate::{Epoch, Sequence};

fn manifest() -> Manifest {
    let base = |journal| JournalBase {
        journal,
        epoch: Epoch(4),
        upto: Sequence(100 + u64::from(journal)),
        chain: 0xfeed,
        chain_records: 0xfade,
        segments_upto: 3,
    };
    let row = |number| SegmentRow {
        id: id(number),
        bytes: 1000,
        footer_offset: 700,
        footer_checksum: 5,
        tier: if number == 2 { Tier::Normal } else { Tier::Archived },
    };
    Manifest {
        generation: 9,
        next_number: 12,
        journals: vec![base(0), base(7)],
        segments: vec![row(2), row(5), row(6)],
        dictionaries: vec![DictionaryRow { id: DictionaryId(3), bytes: 99, checksum: 1 }],
    }
}

#[test]
fn every_flipped_bit_and_every_cut_of_a_manifest_is_seen() {
    let manifest = manifest();
    let bytes = manifest.encode(&STORE);
    assert_eq!(Manifest::decode(&bytes, &STORE), Ok(manifest));
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1 << bit;
            assert!(Manifest::decode(&bytes, &STORE).is_err(), "{at}");
        }
        assert!(Manifest::decode(&bytes[..at], &STORE).is_err(), "{at}");
    }
    assert!(Manifest::decode(&[bytes.as_slice(), &[0]].concat(), &STORE).is_err());
    assert!(Manifest::decode(&bytes, b"some other store").is_err());
}

#[test]
fn a_store_that_was_never_sealed_has_an_empty_manifest() {
    let fs = bare_disk();
    let empty = Manifest::read(&fs, root(), STORE).unwrap();
    assert_eq!((empty.generation, empty.next_number, empty.segments.len()), (0, 1, 0));
    assert!(Sealed::load(&fs, root(), STORE, None, OnDamage::Refuse).unwrap().streams().is_empty());
    let made = prepare(&fs, root(), STORE).unwrap();
    assert_eq!(made.generation, 1);
    assert_eq!(prepare(&fs, root(), STORE).unwrap(), made, "the second time nothing is to be done");
    let after = fs.crash(&Choice::LoseAll);
    assert_eq!(Manifest::read(&after, root(), STORE).unwrap(), made);
    assert!(after.read_dir(&root().join("sealed")).is_ok() && after.read_dir(&root().join("dictionaries")).is_ok());
}

#[test]
fn a_manifest_is_the_old_or_the_new_one_wherever_replacing_it_stops() {
    let fs = disk();
    let old = Manifest::read(&fs, root(), STORE).unwrap();
    let new = manifest();
    for calls in 0.. {
        let disk = fs.crash(&Choice::KeepAll);
        disk.freeze_after(calls);
        let done = new.replace(&disk, root(), STORE).is_ok();
        for choice in [Choice::KeepAll, Choice::LoseAll] {
            let after = disk.crash(&choice);
            let found = Manifest::read(&after, root(), STORE).unwrap();
            assert!(found == new || (found == old && !done), "stopped after {calls} calls");
        }
        if done {
            assert!(calls > 4, "{calls}");
            return;
        }
    }
}

#[test]
fn a_segment_is_whole_and_named_or_nobody_knows_it_wherever_writing_it_stops() {
    let fs = disk();
    let inputs = [input(stream(1, 0), 0, b"hello")];
    for calls in 0.. {
        let disk = fs.crash(&Choice::KeepAll);
        disk.freeze_after(calls);
        let written = (|| {
            let mut writer = SegmentWriter::create(&disk, root(), STORE, id(2), SegmentOptions::default())?;
            let Record { stream, ordinal, lease_epoch, clock, codec, ref payload } = inputs[0].record;
            writer.record(&RecordRef { stream, ordinal, journal: 0, lease_epoch, clock, codec, payload }, &[])?;
            writer.finish(Vec::new(), Vec::new())
        })();
        let after = disk.crash(&Choice::LoseAll);
        if let Ok(row) = written {
            let sealed = view(&after, &[row]);
            assert_eq!(read(&sealed, &stream(1, 0))[0].as_ref().unwrap(), &inputs[0].record);
            return;
        }
    }
}

#[test]
fn a_failing_call_is_an_error_and_leaves_no_file() {
    for (kind, number) in
        [(CallKind::Write, 1), (CallKind::Write, 3), (CallKind::Write, 5), (CallKind::Sync, 1), (CallKind::SyncDir, 1)]
    {
        let fs = disk().crash(&Choice::KeepAll);
        fs.fail_kind(kind, number, Fault::Error(EIO));
        let written = (|| {
            let mut writer = SegmentWriter::create(&fs, root(), STORE, id(2), SegmentOptions::default())?;
            let payload = b"hello";
            let stream = stream(1, 0);
            let record = RecordRef { stream, ordinal: 0, journal: 0, lease_epoch: 1, clock: 1, codec: 0, payload };
            writer.record(&record, &[])?;
            writer.finish(Vec::new(), Vec::new())
        })();
        assert!(matches!(written, Err(Error::Io { .. })), "{kind:?} {number}");
        assert_eq!(sealed_files(&fs, root()).unwrap(), [], "{kind:?} {number}");
    }
}

#[test]
fn a_view_outlives_the_names_of_its_files_and_shares_what_stays() {
    let fs = disk();
    let one = write(&fs, 2, &[input(stream(1, 0), 0, b"one")], SegmentOptions::default());
    let two = write(&fs, 3, &[input(stream(2, 0), 0, b"two")], SegmentOptions::default());
    let before = view(&fs, &[one, two]);
    let mut manifest = before.manifest().clone();
    manifest.generation += 1;
    manifest.segments = vec![two];
    manifest.replace(&fs, root(), STORE).unwrap();
    fs.remove_file(&one.id.path(root())).unwrap();
    let after = Sealed::load(&fs, root(), STORE, Some(&before), OnDamage::Refuse).unwrap();
    assert!(std::sync::Arc::ptr_eq(&after.segments()[0], &before.segments()[1]));
    assert_eq!(read(&before, &stream(1, 0))[0].as_ref().unwrap().payload, b"one");
    assert!(after.head(&stream(1, 0)).is_none() && after.head(&stream(2, 0)).is_some());
    // A name that MANIFEST still has is missed.
    fs.remove_file(&two.id.path(root())).unwrap();
    let error = Sealed::load(&fs, root(), STORE, None, OnDamage::Refuse).map(|_| ()).unwrap_err();
    assert!(matches!(&error, Error::Corrupt { what, .. } if what.contains("missing")), "{error}");
}

#[test]
fn a_lost_manifest_is_told_and_made_anew_from_what_segments_replace() {
    let fs = disk();
    let base = |upto, segments_upto| {
        From::Journal(JournalBase {
            journal: 0,
            epoch: Epoch(1),
            upto: Sequence(upto),
            chain: 7,
            chain_records: 7,
            segments_upto,
        })
    };
    let segment = |number: u64, name: u8, inputs: Vec<From>| {
        let mut writer = SegmentWriter::create(&fs, root(), STORE, id(number), SegmentOptions::default()).unwrap();
        add(&mut writer, &input(stream(name, 0), 0, &[name; 100]));
        writer.finish(inputs, Vec::new()).unwrap()
    };
    let dictionary = write_dictionary(&fs, root(), STORE, &dictionary(4)).unwrap();
    let _first = segment(2, 1, vec![base(10, 1)]);
    let second = segment(3, 2, vec![base(20, 2)]);
    let merged = segment(5, 1, vec![base(10, 1), From::Sealed(id(2))]);
    // An edit of two parts of which only one was written: it says nothing of what it replaces.
    let part = segment(6, 3, vec![From::Part { edit: 1, index: 0, count: 0 }, From::Sealed(id(3)), base(30, 3)]);
    // And one that is whole.
    let whole = [
        segment(7, 4, vec![From::Part { edit: 2, index: 0, count: 0 }]),
        segment(8, 5, vec![From::Part { edit: 2, index: 1, count: 2 }, base(25, 2)]),
    ];
    fs.remove_file(&manifest_path(root())).unwrap();
    let error = Manifest::read(&fs, root(), STORE).unwrap_err();
    assert!(matches!(&error, Error::Corrupt { what, .. } if what.contains("missing")), "{error}");

    let rebuilt = Manifest::rebuild(&fs, root(), STORE).unwrap();
    assert!(rebuilt.damage.is_empty(), "{:?}", rebuilt.damage);
    let manifest = rebuilt.manifest;
    assert_eq!(manifest.segments, [second, merged, part, whole[0], whole[1]]);
    assert_eq!((manifest.dictionaries.as_slice(), manifest.next_number), ([dictionary].as_slice(), 9));
    assert_eq!(manifest.journals.iter().map(|base| (base.upto.0, base.segments_upto)).collect::<Vec<_>>(), [(25, 2)]);
    manifest.replace(&fs, root(), STORE).unwrap();
    let sealed = Sealed::load(&fs, root(), STORE, None, OnDamage::Refuse).unwrap();
    assert_eq!(sealed.streams().len(), 5);

    // A segment whose footer is gone lives too.
    let file = fs.open(&second.id.path(root()), OpenMode::Write).unwrap();
    file.write_at(b"rot", second.footer_offset + 70).unwrap();
    let rebuilt = Manifest::rebuild(&fs, root(), STORE).unwrap();
    assert_eq!((rebuilt.damage.len(), rebuilt.manifest.segments.len()), (1, 5));
    rebuilt.manifest.replace(&fs, root(), STORE).unwrap();
    assert!(Sealed::load(&fs, root(), STORE, None, OnDamage::Refuse).is_err());
    let sealed = Sealed::load(&fs, root(), STORE, None, OnDamage::Recover).unwrap();
    assert_eq!(read(&sealed, &stream(2, 0))[0].as_ref().unwrap().payload, [2; 100]);
}

#[test]
fn names_are_read_as_they_are_written() {
    use crate::sealed::SealedId;
    let name = SealedId { number: 0x2a, salt: 0x0123_4567_89ab_cdef };
    assert_eq!(name.to_string(), "0000002a-0123456789abcdef.seal");
    assert_eq!(DictionaryId(0x2b).to_string(), "0000002b.dict");
    for odd in
        ["", ".seal", "2a-0123456789abcdef.seal", "0000002A-0123456789abcdef.seal", "0000002a-0123456789abcdef.hot"]
    {
        assert_eq!(SealedId::parse(odd), None, "{odd}");
    }
    for odd in ["", ".dict", "2b.dict", "+000002b.dict", "00000000.dict", "0000002B.dict"] {
        assert_eq!(DictionaryId::parse(odd), None, "{odd}");
    }
    assert_eq!(SealedId::parse(&name.to_string()), Some(name));
    assert_eq!(DictionaryId::parse("0000002b.dict"), Some(DictionaryId(0x2b)));
}
