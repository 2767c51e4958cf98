//! Files out of a store: never outside the target, never over something else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use super::*;
use crate::event::{CODEC, Control, Created, Origin, Place, Source, control_channel};
use crate::export::Exported;
use crate::path::PathBytes;
use crate::{ExportOptions, Selected, Silent, Store, ThreadKey};
use threadlog_engine::{Batch, NewRecord};

/// Adds a life whose control records say anything.
fn plant(store: &Store, key: ThreadKey, controls: &[Control]) {
    let mut batch = Batch::new();
    for (clock, control) in (1..).zip(controls) {
        let mut payload = Vec::new();
        control.encode(&mut payload);
        let stream = key.stream(control_channel(0));
        batch
            .push(NewRecord { stream, ordinal: None, lease_epoch: 0, clock, codec: CODEC, payload: &payload })
            .unwrap();
    }
    let engine = store.engine().unwrap();
    engine.sync(engine.append(batch).unwrap()).unwrap();
}

fn empty_source(path: &[u8]) -> Control {
    let place = Place { root: PathBytes::new(&b"/"[..]), path: PathBytes::new(path) };
    let blake3 = *blake3::hash(b"").as_bytes();
    Control::Source(Source { place, modified_ns: 0, bytes: 0, blake3, records: 0, lines: 0, replaces: None })
}

fn key(number: u128) -> ThreadKey {
    ThreadKey { thread: crate::ThreadId::from_uuid(uuid::Uuid::from_u128(number)), incarnation: 5 }
}

#[test]
fn a_stored_path_never_leads_out_of_the_target() {
    let bench = Bench::new();
    let store = bench.open();
    let outside = bench.folder.path().join("outside.jsonl");
    let absolute = outside.to_str().unwrap().as_bytes().to_vec();
    let paths: [&[u8]; 6] = [b"../outside.jsonl", &absolute, b"a/../../outside.jsonl", b"", b"a//b", b"fine.jsonl"];
    for (number, path) in (1..).zip(paths) {
        plant(&store, key(number), &[empty_source(path)]);
    }
    let to = bench.folder.path().join("to");
    let report = store.export(None, &to, &ExportOptions::default(), &Silent);
    assert_eq!((report.files.len(), report.failed.len()), (1, 5), "{report:?}");
    assert!(!outside.exists());
    assert_eq!(tree(bench.folder.path()).into_keys().collect::<Vec<_>>(), ["to/fine.jsonl"]);
}

#[test]
fn what_comes_out_is_checked_against_what_went_in() {
    let bench = Bench::new();
    let store = bench.open();
    let Control::Source(empty) = empty_source(b"a.jsonl") else { panic!("not a source") };
    plant(&store, key(1), &[Control::Source(Source { blake3: [7; 32], ..empty.clone() })]);
    let place = Place { path: PathBytes::new(&b"b.jsonl"[..]), ..empty.place.clone() };
    plant(&store, key(2), &[Control::Source(Source { bytes: 1, place, ..empty })]);
    let to = bench.folder.path().join("to");
    let report = store.export(None, &to, &ExportOptions::default(), &Silent);
    assert_eq!((report.files.len(), report.failed.len()), (0, 2));
    assert!(report.failed.iter().all(|failed| failed.reason.contains("no longer gives the bytes")), "{report:?}");
    assert_eq!(tree(&to).len(), 0, "nothing is left behind");
    drop(store);
    let report = Store::verify_on(Arc::new(bench.disk.clone()), root(), &Silent).unwrap();
    assert_eq!(report.faults.iter().map(|fault| fault.files.len()).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn a_file_that_is_there_is_left_or_reported_but_not_overwritten() {
    let bench = Bench::new();
    bench.put(&name(A), rollout(A, 2));
    bench.put(&name(B), rollout(B, 2));
    bench.import();
    let store = bench.open_read();
    let to = bench.folder.path().join("to");
    let export = |options: ExportOptions| store.export(None, &to, &options, &Silent);
    assert_eq!(export(ExportOptions::default()).count(Exported::Written), 2);
    assert_eq!(export(ExportOptions::default()).count(Exported::Identical), 2);

    fs::write(to.join(name(A)), "mine").unwrap();
    let report = export(ExportOptions::default());
    assert_eq!((report.count(Exported::Identical), report.failed.len()), (1, 1));
    assert!(report.failed[0].reason.contains("not overwritten"), "{}", report.failed[0].reason);
    assert_eq!(fs::read(to.join(name(A))).unwrap(), b"mine");

    let report = export(ExportOptions { overwrite: true, ..ExportOptions::default() });
    assert_eq!((report.count(Exported::Replaced), report.failed.len()), (1, 0));
    assert_same_files(&bench.home(), &to);
}

#[test]
fn exported_files_are_the_owners_only() {
    let bench = Bench::new();
    bench.put(&format!("deep/er/{}", name(A)), rollout(A, 2));
    bench.import();
    let to = bench.folder.path().join("to");
    let report = bench.open_read().export(None, &to, &ExportOptions::default(), &Silent);
    assert_eq!(report.failed, []);
    let mode = |path: &str| fs::metadata(to.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("deep"), mode("deep/er"), mode(&format!("deep/er/{}", name(A)))), (0o700, 0o700, 0o600));
}

#[test]
fn single_threads_and_single_lives_can_be_chosen() {
    let bench = Bench::new();
    bench.put(&name(A), rollout(A, 2));
    bench.put(&name(B), rollout(B, 2));
    bench.import();
    bench.put(&name(A), rollout(A, 2).replace("message 1", "changed"));
    bench.import();
    let store = bench.open_read();
    let export = |text: &str| {
        let to = tempfile::tempdir_in(bench.folder.path()).unwrap();
        let selected = store.select(text).unwrap();
        let report = store.export(Some(&[selected]), to.path(), &ExportOptions::default(), &Silent);
        assert_eq!(report.failed, []);
        (selected, tree(to.path()))
    };
    let (selected, files) = export(&B[..4]);
    assert_eq!(selected, Selected::Thread(B.parse().unwrap()));
    assert_eq!(files.into_keys().collect::<Vec<_>>(), [name(B)]);
    let (_, files) = export(A);
    assert!(String::from_utf8_lossy(&files[&name(A)]).contains("changed"));
    let (_, files) = export(&format!("{A}~1"));
    assert_eq!(files[&name(A)], rollout(A, 2).as_bytes());
}

#[test]
fn ids_are_found_by_their_beginning() {
    let bench = Bench::new();
    let near = A.replace("019c2a58-c0cc", "019c2a58-c0cd");
    bench.put(&name(A), rollout(A, 1));
    bench.put(&name(&near), rollout(&near, 1));
    bench.import();
    let store = bench.open_read();
    assert_eq!(store.resolve("019C2A58-C0CC").unwrap().thread.to_string(), A);
    let ambiguous = store.resolve("019c2a58").unwrap_err();
    assert!(matches!(&ambiguous, crate::Error::Ambiguous { candidates, .. } if candidates.len() == 2));
    assert!(ambiguous.to_string().contains(A), "{ambiguous}");
    for nothing in ["ffff", "019c2a58-c0cc~9", &name(B)] {
        assert!(matches!(store.resolve(nothing), Err(crate::Error::NotFound { .. })), "{nothing}");
    }
    for senseless in ["", " ", "~1", "019c2a58-c0cc~x"] {
        assert!(matches!(store.resolve(senseless), Err(crate::Error::BadId { .. })), "{senseless}");
    }
    let file = name(A);
    for other in [A.replace('-', ""), A.replace('-', "")[..12].to_owned(), file.clone(), format!("a/b/{file}.zst~1")] {
        assert_eq!(store.resolve(&other).unwrap().thread.to_string(), A, "{other}");
    }
}

#[test]
fn a_thread_made_here_gets_the_name_that_codex_would_give() {
    let bench = Bench::new();
    let store = bench.open();
    let created = Created { at_ms: 1_770_236_985_576, id_text: None, rollout: None, origin: Origin::Native };
    plant(&store, key(1), &[Control::Created(created)]);
    plant(&store, key(2), &[]);
    let to = bench.folder.path().join("to");
    let report = store.export(None, &to, &ExportOptions::default(), &Silent);
    assert_eq!(report.failed, []);
    let expected = "sessions/2026/02/04/rollout-2026-02-04T20-29-45-00000000-0000-0000-0000-000000000001.jsonl";
    assert_eq!(tree(&to).into_keys().collect::<Vec<_>>(), [expected]);
}

#[test]
fn one_path_below_two_folders_keeps_both_contents() {
    let bench = Bench::new();
    let one = bench.put(&format!("one/{}", name(A)), rollout(A, 2));
    let two = bench.put(&format!("two/{}", name(A)), rollout(A, 4));
    let three = bench.put(&format!("three/{}", name(A)), rollout(A, 4).replace("message 1", "other"));
    let folders: Vec<_> = [&one, &two, &three].map(|file| file.parent().unwrap().to_owned()).to_vec();
    bench.import_paths(&folders);
    let (report, files) = bench.export(&ExportOptions::default());
    assert_eq!(report.failed, []);
    assert_eq!(files.len(), 2);
    assert_eq!(files[&name(A)], rollout(A, 4).replace("message 1", "other").as_bytes(), "the last one imported");
    assert_eq!(files[&name(A).replace(".jsonl", ".r1.jsonl")], rollout(A, 4).as_bytes(), "the longer of the others");
}

#[test]
fn a_target_that_cannot_be_written_is_reported() {
    let bench = Bench::new();
    bench.put(&format!("deep/{}", name(A)), rollout(A, 2));
    bench.import();
    let to = bench.folder.path().join("to");
    fs::create_dir(&to).unwrap();
    fs::write(to.join("deep"), "a file where a folder should be").unwrap();
    let report = bench.open_read().export(None, &to, &ExportOptions::default(), &Silent);
    assert_eq!((report.files.len(), report.failed.len()), (0, 1));
}

#[test]
fn what_is_no_regular_file_is_refused_and_nothing_waits_for_it() {
    let bench = Bench::new();
    bench.put(&name(A), rollout(A, 2));
    bench.put(&name(B), rollout(B, 2));
    bench.import();
    let to = bench.folder.path().join("to");
    fs::create_dir(&to).unwrap();
    let made = std::process::Command::new("mkfifo").arg(to.join(name(A))).status().unwrap();
    assert!(made.success());
    fs::create_dir(to.join(name(B))).unwrap();
    for overwrite in [false, true] {
        let options = ExportOptions { overwrite, ..ExportOptions::default() };
        let report = bench.open_read().export(None, &to, &options, &Silent);
        assert_eq!((report.files.len(), report.failed.len(), report.damaged), (0, 2, 0));
        assert!(report.failed.iter().all(|failed| failed.reason.contains("no regular file")), "{report:?}");
    }
}

#[test]
fn nothing_is_written_through_a_link() {
    let bench = Bench::new();
    let deep = format!("deep/er/{}", name(A));
    bench.put(&deep, rollout(A, 2));
    bench.put(&name(B), rollout(B, 2));
    bench.import();
    let (to, outside) = (bench.folder.path().join("to"), bench.folder.path().join("outside"));
    fs::create_dir_all(to.join("deep")).unwrap();
    fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, to.join("deep/er")).unwrap();
    // The very bytes, so that only the time would be set.
    fs::write(outside.join("mine"), rollout(B, 2)).unwrap();
    let time = modified(&outside.join("mine"));
    std::os::unix::fs::symlink(outside.join("mine"), to.join(name(B))).unwrap();
    for overwrite in [false, true] {
        let options = ExportOptions { overwrite, ..ExportOptions::default() };
        let report = bench.open_read().export(None, &to, &options, &Silent);
        assert_eq!((report.files.len(), report.failed.len()), (0, 2), "{report:?}");
        assert!(report.failed.iter().any(|failed| failed.reason.contains("symbolic link")), "{report:?}");
        assert_eq!(tree(&outside).into_keys().collect::<Vec<_>>(), ["mine"]);
        assert_eq!(modified(&outside.join("mine")), time);
    }
    // The target itself may be one: the user named it.
    std::os::unix::fs::symlink(&outside, bench.folder.path().join("link")).unwrap();
    let report = bench.open_read().export(None, &bench.folder.path().join("link"), &ExportOptions::default(), &Silent);
    assert_eq!((report.files.len(), report.failed.len()), (2, 0), "{report:?}");
}
