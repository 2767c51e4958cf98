//! Files into a store: new, grown, rewritten, moved, copied, diverged, and again.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::import::Outcome;
use crate::item::Oddity;
use crate::{ExportOptions, Silent};
use threadlog_engine::{Batch, NewRecord};

fn path() -> String {
    format!("sessions/2026/02/04/{}", name(A))
}

#[test]
pub(super) fn a_folder_comes_out_as_it_went_in_and_a_second_import_adds_nothing() {
    let bench = Bench::new();
    bench.put(&path(), rollout(A, 5));
    bench.put(&format!("archived_sessions/{}", name(B)), rollout(B, 3));
    let first = bench.import();
    assert_eq!(first.count(Outcome::New), 2);
    assert_eq!((first.threads(), first.lines_added()), (2, 10));
    assert_eq!((first.bytes(), first.bytes_added()), (first.bytes(), first.bytes()));
    bench.assert_round_trip();

    let before = bench.open_read().log().streams();
    let second = bench.import();
    assert_eq!(second.count(Outcome::Unchanged), 2);
    assert_eq!((second.lines_added(), second.bytes_added()), (0, 0));
    assert_eq!(bench.open_read().log().streams(), before, "not a record more");
}

#[test]
pub(super) fn what_a_file_gained_is_added() {
    let bench = Bench::new();
    bench.put(&path(), rollout(A, 5));
    bench.import();
    bench.put(&path(), rollout(A, 8));
    let report = bench.import();
    assert_eq!(outcomes(&report), [(path(), Outcome::Grown)]);
    assert_eq!(report.lines_added(), 3);
    bench.assert_round_trip();
    let thread = bench.open_read().thread(A.parse().unwrap()).unwrap();
    assert_eq!((thread.others.len(), thread.current.facts.totals().lines), (0, 9));
}

#[test]
pub(super) fn a_half_written_line_is_completed_by_the_next_import() {
    let bench = Bench::new();
    let whole = rollout(A, 3);
    for cut in [whole.len() - 40, whole.len() - 20, whole.len() - 1, whole.len()] {
        bench.put(&path(), &whole[..cut]);
        bench.import();
        bench.assert_round_trip();
    }
    let store = bench.open_read();
    let thread = store.thread(A.parse().unwrap()).unwrap();
    let totals = thread.current.facts.totals();
    assert_eq!((totals.lines, totals.records), (4, 7), "four pieces of the last line");
    assert!(totals.odd.is_empty());
    let items: Vec<_> = store.items(thread.current.key).map(Result::unwrap).collect();
    assert_eq!(items.iter().map(|item| item.ordinal).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert!(items.iter().all(|item| item.item.oddities().is_empty()));
    let last_two: Vec<_> = store.tail(thread.current.key, 2).map(Result::unwrap).collect();
    assert_eq!(last_two, items[2..]);
    assert_eq!(store.tail(thread.current.key, 0).count(), 0);
    assert_eq!(store.tail(thread.current.key, 99).count(), 4);
}

#[test]
pub(super) fn a_rewritten_file_is_a_second_revision_and_nothing_is_overwritten() {
    let bench = Bench::new();
    let first = rollout(A, 5);
    let second = first.replace("message 3", "message X");
    let file = bench.put(&path(), &first);
    let first_time = modified(&file);
    bench.import();
    bench.put(&path(), &second);
    assert_eq!(outcomes(&bench.import()), [(path(), Outcome::Rewritten)]);
    assert_eq!(outcomes(&bench.import()), [(path(), Outcome::Unchanged)]);
    bench.assert_round_trip();

    let all = ExportOptions { older_revisions: true, ..ExportOptions::default() };
    let (_, files) = bench.export(&all);
    assert_eq!(files.len(), 2);
    assert_eq!(files[&path()], second.as_bytes());
    assert_eq!(files[&path().replace(".jsonl", ".r1.jsonl")], first.as_bytes());

    // Put back as it was: the first revision is the current one again, and no third is made.
    let file = bench.put(&path(), &first);
    fs::OpenOptions::new().append(true).open(&file).unwrap().set_modified(first_time).unwrap();
    assert_eq!(outcomes(&bench.import()), [(path(), Outcome::Unchanged)]);
    bench.assert_round_trip();
    let store = bench.open_read();
    let thread = store.thread(A.parse().unwrap()).unwrap();
    assert_eq!((thread.current.number, thread.others.len()), (1, 1));
    assert_eq!(store.resolve(A).unwrap(), thread.current.key);
    assert_eq!(store.resolve(&format!("{}~2", &A[..6])).unwrap(), thread.others[0].key);
    assert!(store.resolve(&format!("{A}~3")).is_err() && store.resolve(&format!("{A}~0")).is_err());
}

/// As a live thread does it.
fn append_live(store: &crate::Store, key: crate::ThreadKey, ordinal: u64, line: &str) {
    let mut payload = Vec::new();
    crate::event::encode_line(&crate::item::parse(line.as_bytes()), false, &mut payload);
    let stream = key.stream(crate::event::ITEMS);
    let (ordinal, codec) = (Some(ordinal), crate::event::CODEC);
    let mut batch = Batch::new();
    batch.push(NewRecord { stream, ordinal, lease_epoch: 1, clock: 1, codec, payload: &payload }).unwrap();
    let engine = store.engine().unwrap();
    engine.sync(engine.append(batch).unwrap()).unwrap();
}

#[test]
pub(super) fn a_thread_continued_in_both_places_keeps_both() {
    let bench = Bench::new();
    bench.put(&path(), rollout(A, 2));
    bench.import();
    let store = bench.open();
    append_live(&store, store.resolve(A).unwrap(), 3, &message(3, "said here"));
    store.close().unwrap();

    bench.put(&path(), rollout(A, 2) + &message(3, "said there"));
    assert_eq!(outcomes(&bench.import()), [(path(), Outcome::Diverged)]);
    bench.assert_round_trip();
    let thread = bench.open_read().thread(A.parse().unwrap()).unwrap();
    assert_eq!(thread.others[0].facts.totals().live_records, 1);
    assert_eq!(thread.others[0].facts.totals().lines, 4);
}

/// Appends to a thread while its file is being imported.
struct Intruder<'a> {
    store: &'a crate::Store,
    key: crate::ThreadKey,
    done: AtomicBool,
}

impl crate::Progress for Intruder<'_> {
    fn planned(&self, _files: u64, _bytes: u64) {}
    fn file_done(&self) {}
    fn advanced(&self, _bytes: u64) {
        if !self.done.swap(true, Ordering::Relaxed) {
            append_live(self.store, self.key, 3, &message(3, "said here"));
        }
    }
}

#[test]
pub(super) fn a_thread_that_is_being_written_is_left_for_the_next_import() {
    let bench = Bench::new();
    bench.put(&format!("1/{}", name(A)), rollout(A, 2));
    bench.import();
    bench.put(&format!("1/{}", name(A)), rollout(A, 3));
    bench.put(&format!("2/{}", name(B)), rollout(B, 3));
    let store = bench.open();
    let intruder = Intruder { store: &store, key: store.resolve(A).unwrap(), done: AtomicBool::new(false) };
    let report = store.import(&[bench.home()], &one_job(), &intruder).unwrap();
    assert_eq!((report.count(Outcome::New), report.refused.len()), (1, 1));
    assert!(report.refused[0].reason.contains("ordinal"), "{}", report.refused[0].reason);
    let report = store.import(&[bench.home()], &one_job(), &Silent).unwrap();
    assert_eq!(report.count(Outcome::Diverged), 1);
    drop(store);
    bench.assert_round_trip();
}

#[test]
pub(super) fn a_thread_that_went_on_here_is_exported_with_what_was_said_here() {
    let bench = Bench::new();
    bench.put(&path(), rollout(A, 2));
    bench.import();
    let store = bench.open();
    append_live(&store, store.resolve(A).unwrap(), 3, &message(3, "said here"));
    store.close().unwrap();
    assert_eq!(bench.import().count(Outcome::Unchanged), 1, "the file holds the beginning");
    let (report, files) = bench.export(&ExportOptions::default());
    assert!(report.failed.is_empty() && report.files[0].complete);
    let whole = rollout(A, 2) + &message(3, "said here");
    assert_eq!(files[&path()], whole.as_bytes());
    // It went on elsewhere with that, and comes back.
    bench.put(&path(), whole + &message(4, "said there"));
    assert_eq!(bench.import().count(Outcome::Grown), 1);
    bench.assert_round_trip();
}

#[test]
pub(super) fn a_moved_file_leaves_its_old_name_and_a_copied_one_keeps_both() {
    let bench = Bench::new();
    let old = bench.put(&path(), rollout(A, 2));
    bench.import();
    assert!(!metadata(&bench).archived());
    let new = format!("archived_sessions/{}", name(A));
    bench.put(&new, "");
    fs::rename(&old, bench.home().join(&new)).unwrap();
    let report = bench.import();
    assert_eq!(outcomes(&report), [(new.clone(), Outcome::Unchanged)]);
    assert_eq!(report.files[0].moved_from.as_ref().unwrap().to_string(), path());
    assert_eq!((report.moved(), bench.import().moved()), (1, 0));
    bench.assert_round_trip();
    assert!(metadata(&bench).archived());

    bench.put(&format!("copies/{}", name(A)), rollout(A, 2));
    bench.import();
    bench.assert_round_trip();
    assert_eq!(bench.open_read().threads().len(), 1);

    // A copy that is gone was not moved to where the other one has always been.
    fs::remove_dir_all(bench.home().join("copies")).unwrap();
    assert_eq!(bench.import().moved(), 0);
}

#[test]
pub(super) fn an_older_copy_is_part_of_what_is_there() {
    let bench = Bench::new();
    bench.put(&path(), rollout(A, 6));
    bench.import();
    let whole = rollout(A, 6);
    bench.put(&format!("backup/{}", name(A)), &whole[..whole.len() - 100]);
    let report = bench.import();
    assert_eq!((report.count(Outcome::Unchanged), report.lines_added()), (2, 0));
    bench.assert_round_trip();
    assert_eq!(bench.import().count(Outcome::Unchanged), 2);
    // It grows on its own now.
    bench.put(&format!("backup/{}", name(A)), &whole[..whole.len() - 50]);
    assert_eq!(bench.import().count(Outcome::Unchanged), 2);
    bench.assert_round_trip();
}

#[test]
pub(super) fn the_shorter_of_two_copies_may_come_first() {
    let bench = Bench::new();
    bench.put(&format!("a/{}", name(A)), rollout(A, 2));
    bench.put(&format!("b/{}", name(A)), rollout(A, 4));
    bench.put(&format!("c/{}", name(A)), rollout(A, 1));
    let report = bench.import();
    let expected = [Outcome::New, Outcome::Grown, Outcome::Unchanged];
    assert_eq!(report.files.iter().map(|file| file.outcome).collect::<Vec<_>>(), expected);
    bench.assert_round_trip();
    assert_eq!(bench.import().count(Outcome::Unchanged), 3);
}

#[test]
pub(super) fn several_files_of_one_thread_are_not_revisions_of_each_other() {
    let bench = Bench::new();
    let segment = |rollout: &str| format!("sessions/rollout-2026-10-05T21-29-45-{A}_{rollout}.jsonl");
    let other = "11111111-1f70-49ba-9104-83619ec703e0";
    bench.put(&path(), rollout(A, 2));
    bench.put(&segment(B), rollout(A, 3).replace("message", "other"));
    bench.put(&segment(other), rollout(A, 4).replace("message", "third"));
    let report = bench.import();
    assert_eq!((report.count(Outcome::New), report.threads()), (3, 1));
    bench.assert_round_trip();
    bench.put(&segment(B), rollout(A, 5).replace("message", "other"));
    assert_eq!(bench.import().count(Outcome::Grown), 1);
    bench.assert_round_trip();
    assert_eq!(bench.open_read().threads()[0].others.len(), 2);
}

#[test]
pub(super) fn files_say_who_they_are_by_content_then_name_then_path() {
    let bench = Bench::new();
    bench.put("rollout-1.jsonl", rollout(A, 1));
    bench.put(&name(B), message(1, "no meta"));
    bench.put("rollout-nameless.jsonl", message(1, "nobody"));
    let old = format!(
        "{{\"id\":\"{}\",\"timestamp\":\"2025-08-23T16:11:15.454Z\",\"instructions\":null}}\n",
        B.replace('0', "1")
    );
    bench.put("rollout-old.jsonl", &old);
    bench.import();
    bench.assert_round_trip();
    let ids: Vec<_> = bench.open_read().threads().iter().map(|thread| thread.thread.to_string()).collect();
    assert_eq!(ids.len(), 4);
    assert!(ids.contains(&A.to_owned()) && ids.contains(&B.to_owned()) && ids.contains(&B.replace('0', "1")));
    // The one named by its path is itself again at the next import.
    assert_eq!(bench.import().count(Outcome::Unchanged), 4);
}

#[test]
pub(super) fn a_file_that_learns_its_thread_late_stays_with_what_is_stored() {
    let bench = Bench::new();
    let whole = message(1, "first") + &rollout(A, 1);
    bench.put("rollout-x.jsonl", &whole[..whole.find("session_meta").unwrap()]);
    bench.import();
    bench.put("rollout-x.jsonl", &whole);
    assert_eq!(bench.import().count(Outcome::Grown), 1);
    bench.assert_round_trip();
}

#[test]
pub(super) fn an_empty_file_says_nothing_about_what_comes_into_it_later() {
    let bench = Bench::new();
    bench.put("rollout-x.jsonl", "");
    bench.import();
    bench.put("rollout-x.jsonl", rollout(A, 1));
    let report = bench.import();
    assert_eq!((report.count(Outcome::New), report.files[0].thread.to_string().as_str()), (1, A));
}

#[test]
pub(super) fn another_thread_under_the_same_path_is_another_thread() {
    let bench = Bench::new();
    bench.put("rollout-x.jsonl", rollout(A, 1));
    bench.import();
    bench.put("rollout-x.jsonl", rollout(B, 1));
    assert_eq!(bench.import().count(Outcome::New), 1);
    let (report, files) = bench.export(&ExportOptions::default());
    assert_eq!(report.failed, []);
    assert_eq!(files["rollout-x.jsonl"], rollout(B, 1).as_bytes());
    assert_eq!(files[&format!("rollout-x.{A}.jsonl")], rollout(A, 1).as_bytes());
}

#[test]
pub(super) fn an_empty_file_is_a_thread_without_items() {
    let bench = Bench::new();
    bench.put(&name(A), "");
    assert_eq!(bench.import().count(Outcome::New), 1);
    bench.assert_round_trip();
    let store = bench.open_read();
    let current = &store.threads()[0].current;
    assert_eq!(current.facts.totals().lines, 0);
    let metadata = store.metadata(current.key);
    assert!(metadata.created_ms() <= metadata.updated_ms(), "{:?}", (metadata.created_ms(), metadata.updated_ms()));
    bench.put(&name(A), rollout(A, 1));
    assert_eq!(bench.import().count(Outcome::Grown), 1);
    bench.assert_round_trip();
}

#[test]
pub(super) fn odd_lines_are_kept_and_counted() {
    let bench = Bench::new();
    let good = message(1, "x");
    let half = good.trim_end();
    let mut odd = Vec::new();
    odd.extend(b"\xEF\xBB\xBF");
    odd.extend(meta(A).bytes());
    odd.extend(format!("{half}{half}\n").bytes());
    odd.extend(format!("{half}\r\n").bytes());
    odd.extend([&[0; 4096][..], good.as_bytes()].concat());
    odd.extend(b"{\"a\":\"\xff\xfe\"}\n\n[1,2]\nnot json\n{\"record_type\":\"state\"}\n");
    odd.extend(&half.as_bytes()[..30]);
    bench.put(&name(A), &odd);
    let report = bench.import();
    bench.assert_round_trip();
    let counted = report.odd();
    for oddity in Oddity::ALL.into_iter().filter(|&oddity| oddity != Oddity::OtherForm) {
        assert_eq!(counted.get(oddity), 1, "{}", oddity.name());
    }
    assert_eq!(counted, bench.open_read().threads()[0].current.facts.totals().odd);
    assert_eq!(metadata(&bench).cwd(), Some("/work"), "behind a byte-order mark");
}

#[test]
pub(super) fn a_line_of_50_megabytes_is_a_line_like_any_other() {
    let bench = Bench::new();
    let long = line(1, "response_item", &format!("{{\"output\":\"{}\"}}", "x".repeat(50 << 20)));
    bench.put(&name(A), meta(A) + &long + &message(2, "after"));
    assert_eq!(bench.import().lines_added(), 3);
    bench.assert_round_trip();
    assert_eq!(bench.import().count(Outcome::Unchanged), 1);
}

#[test]
pub(super) fn what_cannot_be_imported_is_named_and_stops_nothing() {
    let bench = Bench::new();
    bench.put(&name(A), rollout(A, 1));
    bench.put("history.jsonl", "{\"session_id\":\"x\",\"ts\":1,\"text\":\"y\"}\n");
    bench.put("notes.txt", "n");
    std::os::unix::fs::symlink("nowhere", bench.home().join("rollout-dangling.jsonl")).unwrap();
    std::os::unix::fs::symlink(".", bench.home().join("loop")).unwrap();
    std::os::unix::fs::symlink("..", bench.home().join("loop-above")).unwrap();
    fs::create_dir(bench.home().join("rollout-folder.jsonl")).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(bench.home().join("rollout-socket.jsonl")).unwrap();
    let report = bench.import_paths(&[bench.home(), bench.home().join("missing")]);
    drop(socket);
    assert_eq!(report.count(Outcome::New), 1);
    let names = |list: &[crate::progress::Refusal]| {
        list.iter().map(|r| String::from_utf8_lossy(r.path.file_name()).into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&report.refused), ["rollout-dangling.jsonl", "rollout-socket.jsonl", "missing"]);
    assert_eq!(names(&report.skipped), ["loop", "loop-above", "history.jsonl"]);
    assert!(report.skipped[..2].iter().all(|skipped| skipped.reason.contains("link back")), "{:?}", report.skipped);
}

#[test]
pub(super) fn a_file_named_by_the_user_is_taken_whatever_its_name() {
    let bench = Bench::new();
    let path = bench.put("history.txt", "one\ntwo\n");
    let report = bench.import_paths(&[path.clone(), path]);
    assert_eq!(outcomes(&report), [("history.txt".to_owned(), Outcome::New)], "once");
    bench.assert_round_trip();
}

#[test]
pub(super) fn links_to_files_and_folders_are_followed() {
    let bench = Bench::new();
    bench.put(&path(), rollout(A, 1));
    fs::create_dir(bench.folder.path().join("elsewhere")).unwrap();
    fs::write(bench.folder.path().join("elsewhere").join(name(B)), rollout(B, 2)).unwrap();
    std::os::unix::fs::symlink("../elsewhere", bench.home().join("linked")).unwrap();
    let report = bench.import();
    assert_eq!(report.count(Outcome::New), 2);
    assert_eq!(report.files[0].path.to_string(), format!("linked/{}", name(B)));
}

#[test]
pub(super) fn a_touched_file_keeps_its_bytes_and_gets_its_new_time() {
    let bench = Bench::new();
    let file = bench.put(&path(), rollout(A, 1));
    bench.import();
    let time = std::time::UNIX_EPOCH + std::time::Duration::new(1_600_000_000, 123_456_789);
    fs::OpenOptions::new().append(true).open(&file).unwrap().set_modified(time).unwrap();
    assert_eq!(bench.import().lines_added(), 0);
    bench.assert_round_trip();
}

#[test]
pub(super) fn many_threads_at_once_give_what_one_at_a_time_gives() {
    let bench = Bench::new();
    for number in 0..40u64 {
        let id = format!("{number:08x}-1f70-49ba-9104-83619ec703e0");
        bench.put(&format!("a/{}", name(&id)), rollout(&id, number));
        bench.put(&format!("b/{}", name(&id)), rollout(&id, number * 2 % 41));
    }
    let store = bench.open();
    let options = crate::ImportOptions { jobs: 4, ..one_job() };
    let report = store.import(&[bench.home()], &options, &Silent).unwrap();
    store.close().unwrap();
    assert_eq!((report.files.len(), report.threads()), (80, 40));
    assert!(report.files.is_sorted_by_key(|file| file.path.clone()));
    bench.assert_round_trip();
    assert_eq!(report, {
        let other = Bench::new();
        other.import_paths(&[bench.home()])
    });
}
