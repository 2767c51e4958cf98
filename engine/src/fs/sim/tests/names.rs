//! Names: what a crash may leave of a directory.

use super::*;

#[test]
fn a_synced_file_without_a_synced_name_may_be_gone() {
    let fs = SimFs::new(1);
    let file = create(&fs, "/a");
    write_all_at(&*file, &block(b'x'), 0).unwrap();
    file.sync_data().unwrap();
    assert_eq!(name_outcomes(&fs), set(&["", "/a"]));
    fs.sync_dir(path("/")).unwrap();
    assert_eq!(outcomes(&fs, "/a"), set(&["x"]));
}

#[test]
fn a_synced_name_says_nothing_about_content() {
    let fs = SimFs::new(1);
    write_all_at(&*create(&fs, "/a"), &block(b'x'), 0).unwrap();
    fs.sync_dir(path("/")).unwrap();
    assert_eq!(outcomes(&fs, "/a"), set(&["", ".", "x"]));
}

#[test]
fn each_pending_name_is_kept_or_lost_on_its_own() {
    let fs = SimFs::new(1);
    create(&fs, "/a");
    create(&fs, "/b");
    fs.sync_dir(path("/")).unwrap();
    create(&fs, "/c");
    fs.remove_file(path("/a")).unwrap();
    let all = ["/a /b", "/b", "/a /b /c", "/b /c"];
    assert_eq!(name_outcomes(&fs), set(&all));
    assert_eq!(paths(&fs), "/b /c");
}

#[test]
fn a_rename_is_atomic() {
    let fs = SimFs::new(1);
    durable(&fs, "/current", &block(b'o'));
    durable(&fs, "/new", &block(b'n'));
    fs.rename(path("/new"), path("/current")).unwrap();
    assert_eq!((paths(&fs), letters(&content(&fs, "/current"))), ("/current".into(), "n".into()));
    let left: BTreeSet<(String, String)> =
        each_crash(&fs).map(|left| (paths(&left), letters(&content(&left, "/current")))).collect();
    let expected = [("/current /new", "o"), ("/current", "n")];
    assert_eq!(left, expected.map(|(names, bytes)| (names.to_owned(), bytes.to_owned())).into());
}

#[test]
fn what_follows_from_a_lost_operation_is_moot() {
    let fs = SimFs::new(1);
    create(&fs, "/tmp");
    fs.rename(path("/tmp"), path("/final")).unwrap();
    assert_eq!(name_outcomes(&fs), set(&["", "/tmp", "/final"]));
    fs.remove_file(path("/final")).unwrap();
    assert_eq!(name_outcomes(&fs), set(&["", "/tmp", "/final"]));
}

#[test]
fn a_name_made_again_can_be_the_old_file_or_the_new_one() {
    let fs = SimFs::new(1);
    durable(&fs, "/a", &block(b'o'));
    fs.remove_file(path("/a")).unwrap();
    let file = create(&fs, "/a");
    write_all_at(&*file, &block(b'n'), 0).unwrap();
    file.sync_data().unwrap();
    let left: BTreeSet<String> =
        each_crash(&fs).map(|left| left.read_raw(path("/a")).map_or("-".to_owned(), |bytes| letters(&bytes))).collect();
    assert_eq!(left, set(&["o", "-", "n"]));
}

#[test]
fn a_directory_sync_covers_that_directory_only() {
    let fs = SimFs::new(1);
    fs.create_dir(path("/d")).unwrap();
    create(&fs, "/d/a");
    fs.sync_dir(path("/d")).unwrap();
    assert_eq!(name_outcomes(&fs), set(&["", "/d/a"]));
    fs.create_dir(path("/d/e")).unwrap();
    fs.sync_dir(path("/")).unwrap();
    create(&fs, "/d/b");
    let kept: Vec<bool> =
        each_crash(&fs).map(|left| left.read_dir(path("/d")).unwrap().iter().any(|entry| entry.name == "e")).collect();
    assert!(kept.contains(&true) && kept.contains(&false));
    assert_eq!(name_outcomes(&fs), set(&["/d/a", "/d/a /d/b"]));
}

#[test]
fn a_removed_file_comes_back_with_its_content_until_the_directory_is_synced() {
    let fs = SimFs::new(1);
    durable(&fs, "/a", &block(b'x'));
    fs.remove_file(path("/a")).unwrap();
    assert_eq!(content(&fs.snapshot().crash(&Choice::LoseAll), "/a"), block(b'x'));
    fs.sync_dir(path("/")).unwrap();
    assert_eq!(name_outcomes(&fs), set(&[""]));
}

#[test]
fn a_failed_directory_sync_leaves_limbo() {
    let fs = SimFs::new(1);
    create(&fs, "/a");
    fs.fail_kind(CallKind::SyncDir, 1, Fault::FailedSync);
    assert_eq!(errno(fs.sync_dir(path("/"))), Some(EIO));
    fs.sync_dir(path("/")).unwrap();
    assert_eq!(name_outcomes(&fs), set(&["", "/a"]));
    create(&fs, "/b");
    fs.sync_dir(path("/")).unwrap();
    assert_eq!(name_outcomes(&fs), set(&["/b", "/a /b"]));
    // What builds on the undecided name decides it.
    fs.rename(path("/a"), path("/c")).unwrap();
    fs.sync_dir(path("/")).unwrap();
    assert_eq!(name_outcomes(&fs), set(&["/b /c"]));
}

#[test]
fn undecided_operations_that_share_names_are_decided_together() {
    let fs = SimFs::new(1);
    durable(&fs, "/a", b"");
    fs.rename(path("/a"), path("/b")).unwrap();
    fs.fail_kind(CallKind::SyncDir, 2, Fault::FailedSync);
    assert!(fs.sync_dir(path("/")).is_err());
    fs.remove_file(path("/b")).unwrap();
    fs.sync_dir(path("/")).unwrap();
    // Were only the removal decided, the rename could bring /b back.
    assert_eq!(name_outcomes(&fs), set(&[""]));
}

#[test]
fn a_lying_directory_sync_makes_nothing_durable() {
    let fs = SimFs::new(1);
    create(&fs, "/a");
    fs.fail_kind(CallKind::SyncDir, 1, Fault::LyingSync);
    fs.sync_dir(path("/")).unwrap();
    assert_eq!(name_outcomes(&fs), set(&["", "/a"]));
    fs.sync_dir(path("/")).unwrap();
    assert_eq!(name_outcomes(&fs), set(&["/a"]));
}

#[test]
fn an_open_file_outlives_its_name() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &block(b'x'));
    fs.remove_file(path("/a")).unwrap();
    fs.sync_dir(path("/")).unwrap();
    write_all_at(&*file, &block(b'y'), 0).unwrap();
    let mut bytes = block(0);
    assert_eq!(file.read_at(&mut bytes, 0).unwrap(), BLOCK);
    assert_eq!(bytes, block(b'y'));
    file.sync_data().unwrap();
    assert_eq!(name_outcomes(&fs), set(&[""]));
}

/// What a name stands for after each crash: the letters of its content.
fn held(fs: &SimFs, names: &[&str]) -> BTreeSet<String> {
    let show = |left: &SimFs, name: &str| left.read_raw(path(name)).map_or("-".to_owned(), |bytes| letters(&bytes));
    each_crash(fs).map(|left| names.iter().map(|name| show(&left, name)).collect::<String>()).collect()
}

#[test]
fn a_file_that_nobody_removed_keeps_a_name() {
    let fs = SimFs::new(1);
    durable(&fs, "/a", &block(b'1'));
    durable(&fs, "/x", &block(b'2'));
    fs.rename(path("/a"), path("/b")).unwrap();
    // Takes the name that the rename gave up.
    fs.rename(path("/x"), path("/a")).unwrap();
    assert_eq!(held(&fs, &["/a", "/b", "/x"]), set(&["1-2", "-12", "21-"]));

    let fs = SimFs::new(1);
    durable(&fs, "/a", &block(b'1'));
    fs.rename(path("/a"), path("/b")).unwrap();
    let file = create(&fs, "/a");
    write_all_at(&*file, &block(b'2'), 0).unwrap();
    file.sync_data().unwrap();
    assert_eq!(held(&fs, &["/a", "/b", "/c"]), set(&["1--", "-1-", "21-"]));
    // Neither does what happens to the second file happen to the first.
    fs.rename(path("/a"), path("/c")).unwrap();
    assert_eq!(held(&fs, &["/a", "/b", "/c"]), set(&["1--", "-1-", "21-", "-12"]));
    fs.rename(path("/c"), path("/a")).unwrap();
    fs.remove_file(path("/a")).unwrap();
    assert_eq!(held(&fs, &["/a", "/b", "/c"]), set(&["1--", "-1-", "21-", "-12"]));
}

#[test]
fn syncing_another_directory_forgets_nothing() {
    let fs = SimFs::new(1);
    fs.create_dir(path("/d")).unwrap();
    fs.sync_dir(path("/")).unwrap();
    durable(&fs, "/d/a", &block(b'x'));
    fs.remove_file(path("/d/a")).unwrap();
    fs.sync_dir(path("/")).unwrap();
    assert_eq!(content(&fs.crash(&Choice::LoseAll), "/d/a"), block(b'x'));
}
