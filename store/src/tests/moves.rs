//! Files that were moved, cut down, continued twice, compressed, or imported by two names.

use std::fs;

use super::*;
use crate::ExportOptions;
use crate::import::Outcome;

const ALL: ExportOptions = ExportOptions { overwrite: false, older_revisions: true };

fn path() -> String {
    format!("sessions/{}", name(A))
}

fn moved_path() -> String {
    format!("archived_sessions/{}", name(A))
}

fn revision(path: &str, number: u64) -> String {
    path.replace(".jsonl", &format!(".r{number}.jsonl"))
}

fn rename(bench: &Bench, from: &str, to: &str) {
    let to = bench.home().join(to);
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::rename(bench.home().join(from), to).unwrap();
}

/// The exported paths, with and without superseded revisions.
fn exported(bench: &Bench, options: &ExportOptions) -> Vec<String> {
    let (report, files) = bench.export(options);
    assert_eq!(report.failed, []);
    files.into_keys().collect()
}

#[test]
pub(super) fn a_file_that_was_rewritten_and_then_moved_does_not_bring_back_what_it_was() {
    let bench = Bench::new();
    bench.put(&path(), rollout(A, 3));
    bench.import();
    bench.put(&path(), rollout(A, 3).replace("message 1", "changed"));
    assert_eq!(outcomes(&bench.import()), [(path(), Outcome::Rewritten)]);
    rename(&bench, &path(), &moved_path());
    assert_eq!(bench.import().moved(), 1);
    bench.assert_round_trip();
    assert_eq!(exported(&bench, &ALL), [moved_path(), revision(&path(), 1)]);
    // What it was comes back where it was: now it is current there again.
    bench.put(&path(), rollout(A, 3));
    assert_eq!(bench.import().count(Outcome::Unchanged), 2);
    bench.assert_round_trip();
}

#[test]
pub(super) fn a_file_that_was_moved_and_rewritten_between_two_imports_is_one_file() {
    let bench = Bench::new();
    bench.put(&path(), rollout(A, 3));
    bench.import();
    rename(&bench, &path(), &moved_path());
    bench.put(&moved_path(), rollout(A, 3).replace("message 1", "changed"));
    let report = bench.import();
    assert_eq!((outcomes(&report), report.moved()), (vec![(moved_path(), Outcome::Rewritten)], 1));
    bench.assert_round_trip();
    assert_eq!(exported(&bench, &ALL), [moved_path(), revision(&path(), 1)]);
    assert_eq!(bench.import().moved(), 0);
}

#[test]
pub(super) fn a_file_that_was_cut_down_is_another_revision_and_the_longer_one_is_kept() {
    let bench = Bench::new();
    bench.put(&path(), rollout(A, 5));
    bench.import();
    for messages in [3, 0] {
        bench.put(&path(), rollout(A, messages));
        assert_eq!(outcomes(&bench.import()), [(path(), Outcome::Shortened)]);
        assert_eq!(outcomes(&bench.import()), [(path(), Outcome::Unchanged)]);
        bench.assert_round_trip();
    }
    bench.put(&path(), "");
    assert_eq!(outcomes(&bench.import()), [(path(), Outcome::Shortened)]);
    bench.assert_round_trip();
    let (_, files) = bench.export(&ALL);
    assert_eq!(files[&revision(&path(), 1)], rollout(A, 5).as_bytes());
    assert_eq!(files[&revision(&path(), 2)], rollout(A, 3).as_bytes());
    // It grows again, first as it was, then otherwise.
    bench.put(&path(), rollout(A, 3));
    bench.import();
    bench.assert_round_trip();
    bench.put(&path(), rollout(A, 3) + &message(9, "another way"));
    assert_eq!(outcomes(&bench.import()), [(path(), Outcome::Grown)]);
    bench.assert_round_trip();
    let (_, files) = bench.export(&ALL);
    assert_eq!(files[&revision(&path(), 1)], rollout(A, 5).as_bytes());
}

#[test]
pub(super) fn a_file_that_was_cut_down_and_moved_keeps_the_longer_one_too() {
    let bench = Bench::new();
    bench.put(&path(), rollout(A, 5));
    bench.import();
    rename(&bench, &path(), &moved_path());
    bench.put(&moved_path(), rollout(A, 2));
    let report = bench.import();
    assert_eq!((outcomes(&report), report.moved()), (vec![(moved_path(), Outcome::Shortened)], 1));
    bench.assert_round_trip();
    assert_eq!(bench.export(&ALL).1[&revision(&path(), 1)], rollout(A, 5).as_bytes());
}

#[test]
pub(super) fn what_became_of_a_second_file_of_a_thread_is_said_as_it_is() {
    let bench = Bench::new();
    bench.put(&path(), rollout(A, 2));
    bench.put(&format!("copy/{}", name(A)), rollout(A, 2));
    bench.import();
    bench.put(&path(), rollout(A, 2) + &message(3, "said here"));
    bench.put(&format!("copy/{}", name(A)), rollout(A, 2) + &message(3, "said there"));
    let report = bench.import();
    let expected = [Outcome::Grown, Outcome::Diverged];
    assert_eq!(report.files.iter().map(|file| file.outcome).collect::<Vec<_>>(), expected);
    bench.assert_round_trip();
    // Never seen before, with a common beginning, and with none.
    bench.put(&format!("third/{}", name(A)), rollout(A, 1) + &message(2, "otherwise"));
    let other = rollout(A, 4).replace("/work", "/elsewhere").replace("message", "other");
    bench.put(&format!("zz/{}", name(A)), other);
    let report = bench.import();
    let expected = [Outcome::Unchanged, Outcome::Unchanged, Outcome::Diverged, Outcome::Another];
    assert_eq!(report.files.iter().map(|file| file.outcome).collect::<Vec<_>>(), expected);
    bench.assert_round_trip();
    assert_eq!(bench.import().count(Outcome::Unchanged), 4);
}

#[test]
pub(super) fn a_file_imported_from_two_folders_of_which_one_holds_the_other_is_one_file() {
    let bench = Bench::new();
    let file = bench.put(&format!("codex/{}", path()), rollout(A, 2));
    let (narrow, wide) = (bench.home().join("codex/sessions"), bench.home().join("codex"));
    for order in [[narrow.clone(), wide.clone()], [wide.clone(), narrow.clone()]] {
        let bench = Bench { disk: SimFs::new(7), folder: tempfile::tempdir_in(bench.folder.path()).unwrap() };
        for folder in order {
            bench.import_paths(&[folder]);
        }
        bench.import_paths(std::slice::from_ref(&file));
        assert_eq!(exported(&bench, &ALL), [path()]);
        // It goes on, is rewritten, and moves, known by either name.
        fs::write(&file, rollout(A, 4)).unwrap();
        bench.import_paths(std::slice::from_ref(&narrow));
        assert_eq!(bench.export(&ALL).1, BTreeMap::from([(path(), rollout(A, 4).into_bytes())]));
        fs::write(&file, rollout(A, 4).replace("message 1", "changed")).unwrap();
        bench.import_paths(std::slice::from_ref(&narrow));
        assert_eq!(exported(&bench, &ExportOptions::default()), [path()]);
        assert_eq!(exported(&bench, &ALL), [path(), revision(&path(), 1)]);
        fs::write(&file, rollout(A, 2)).unwrap();
    }
}

#[test]
pub(super) fn two_files_of_one_relative_path_are_both_exported_and_the_other_name_is_told() {
    let bench = Bench::new();
    let one = bench.put(&format!("one/{}", name(A)), rollout(A, 2));
    let two = bench.put("two/rollout-x.jsonl", rollout(B, 2));
    let two = two.with_file_name(name(A));
    fs::rename(bench.home().join("two/rollout-x.jsonl"), &two).unwrap();
    let folders: Vec<_> = [&one, &two].map(|file| file.parent().unwrap().to_owned()).to_vec();
    bench.import_paths(&folders);
    let (report, _) = bench.export(&ExportOptions::default());
    let renamed: Vec<_> = report.files.iter().filter_map(|file| file.instead_of.as_ref()).collect();
    assert_eq!((report.files.len(), renamed), (2, vec![&crate::path::PathBytes::new(name(A))]));
}

fn packed(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 3).unwrap()
}

#[test]
pub(super) fn a_compressed_rollout_is_the_same_file_as_before() {
    let bench = Bench::new();
    let plain = bench.put(&path(), rollout(A, 2));
    bench.import();
    let compressed = format!("{}.zst", path());
    bench.put(&compressed, packed(&rollout(A, 4)));
    let report = bench.import();
    assert_eq!(report.skipped.len(), 1, "while both are there the plain one counts");
    assert!(report.skipped[0].reason.contains("uncompressed"), "{report:?}");
    fs::remove_file(&plain).unwrap();
    let report = bench.import();
    assert_eq!((outcomes(&report), report.moved()), (vec![(compressed.clone(), Outcome::Grown)], 0));
    assert_eq!((report.files[0].bytes, report.lines_added()), (threadlog_engine::number::wide(rollout(A, 4).len()), 2));
    assert_eq!(outcomes(&bench.import()), [(compressed.clone(), Outcome::Unchanged)]);
    let (exported, files) = bench.export(&ExportOptions::default());
    assert_eq!(exported.failed, []);
    assert_eq!(files, BTreeMap::from([(path(), rollout(A, 4).into_bytes())]));
    // A copy elsewhere is no move: the file is still there, compressed.
    bench.put(&format!("copy/{}", name(A)), rollout(A, 4));
    assert_eq!(bench.import().moved(), 0);
}

#[test]
pub(super) fn a_compressed_rollout_that_is_cut_or_of_another_kind_is_refused_whole() {
    let bench = Bench::new();
    let bytes = packed(&rollout(A, 50));
    bench.put("rollout-cut.jsonl.zst", &bytes[..bytes.len() - 9]);
    bench.put("rollout-text.jsonl.zst", rollout(B, 1));
    bench.put("rollout-old.jsonl.gz", "gz");
    let named = bench.put("named.gz", "gz");
    let report = bench.import_paths(&[bench.home(), named]);
    assert_eq!(report.files, []);
    let reasons: Vec<_> = report.refused.iter().map(|refusal| refusal.reason.as_str()).collect();
    assert_eq!(reasons.len(), 4, "{reasons:?}");
    assert_eq!(reasons.iter().filter(|reason| reason.contains("gunzip")).count(), 2, "{reasons:?}");
    assert_eq!(reasons.iter().filter(|reason| reason.contains("cannot decompress")).count(), 2, "{reasons:?}");
    assert_eq!(bench.open_read().threads().len(), 0);
}

#[test]
pub(super) fn a_compressed_rollout_is_read_in_pieces() {
    let bench = Bench::new();
    let long = rollout(A, 1) + &line(2, "response_item", &format!("{{\"output\":\"{}\"}}", "z".repeat(3 << 20)));
    // Two frames, as a program that appends writes them.
    let whole = [packed(&long), packed(&message(3, "after"))].concat();
    bench.put(&format!("{}.zst", path()), whole);
    assert_eq!(bench.import().lines_added(), 4);
    let (_, files) = bench.export(&ExportOptions::default());
    assert!(files[&path()] == (long + &message(3, "after")).into_bytes());
}
