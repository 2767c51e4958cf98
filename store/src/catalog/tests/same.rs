use super::*;

/// A store with a checkpoint, and a tail behind it.
pub(super) fn store_with_tail() -> SimFs {
    let disk = SimFs::new(1);
    let store = Store::open_on(Arc::new(disk.clone()), &root(), config()).unwrap();
    let ids = import(&store, 0..40);
    store.seal(&CompactionConfig::default(), &Silent).unwrap();
    let more = import(&store, 40..50);
    store.close().unwrap();
    let mut tagged = MetadataPatch::default();
    tagged.tags.insert("red".to_owned(), true);
    let archive = |id| (id, MetadataPatch::rename("another name"));
    patch(&disk, &[archive(ids[3]), (ids[5], tagged.clone()), (more[2], tagged)]);
    wait(async {
        let store = LocalThreadStore::open_on(Arc::new(disk.clone()), &root(), config().into()).await.unwrap();
        for id in [ids[7], ids[8], more[1]] {
            store.archive_thread(crate::thread_store::ArchiveThreadParams::new(id)).await.unwrap();
        }
        store.delete_thread(crate::thread_store::DeleteThreadParams::new(ids[9])).await.unwrap();
        store.close().await.unwrap();
    });
    disk
}

#[test]
fn answers_are_the_same_with_a_checkpoint_and_without() {
    let disk = store_with_tail();
    let files = catalog_files(&disk);
    let Some((_, Some(CatalogState::Usable { threads: 40, behind }))) = files.first() else { panic!("{files:?}") };
    assert_eq!(*behind, 10 + 5);
    let with = answers(&disk);
    remove_catalog(&disk);
    assert_eq!(answers(&disk), with);
}

#[test]
fn a_checkpoint_continued_is_the_checkpoint_made_anew() {
    let disk = store_with_tail();
    let store = Store::open_on(Arc::new(disk.clone()), &root(), config()).unwrap();
    store.seal(&CompactionConfig::default(), &Silent).unwrap();
    let continued = newest_file(&disk);
    assert_eq!(store.rebuild(&Silent).unwrap(), Some(50));
    let anew = newest_file(&disk);
    let states = |bytes: Vec<u8>| -> Vec<_> {
        let checkpoint = Checkpoint::open(Arc::new(bytes), &store.store_id().unwrap()).unwrap();
        let of = |row: super::super::Row<'_>| (row.key(), row.metadata().unwrap().to_canonical_bytes());
        let rows: Vec<_> = checkpoint.rows(true).unwrap().map(of).collect();
        rows.into_iter().map(|(key, state)| (checkpoint.heads_of(key.thread).unwrap(), key, state)).collect()
    };
    for (continued, anew) in states(continued).into_iter().zip(states(anew)) {
        assert_eq!(continued, anew);
    }
    store.close().unwrap();
}

#[test]
fn two_checkpoints_are_kept() {
    let disk = store_with_tail();
    for _ in 0..3 {
        let store = Store::open_on(Arc::new(disk.clone()), &root(), config()).unwrap();
        let number = 100 + u32::try_from(catalog_files(&disk).len()).unwrap();
        import(&store, number..number + 1);
        store.seal(&CompactionConfig::default(), &Silent).unwrap();
        store.close().unwrap();
    }
    let files = catalog_files(&disk);
    assert_eq!(files.len(), 2, "{files:?}");
}

#[test]
fn what_was_erased_is_in_no_checkpoint() {
    let disk = SimFs::new(1);
    let store = Store::open_on(Arc::new(disk.clone()), &root(), config()).unwrap();
    let ids = import(&store, 0..12);
    store.seal(&CompactionConfig::default(), &Silent).unwrap();
    let has = |disk: &SimFs, what: &str| {
        let entries = disk.read_dir(&root().join("catalog")).unwrap();
        let mut found = entries.iter().map(|entry| read_file(disk, &root().join("catalog").join(&entry.name)).unwrap());
        found.any(|bytes| bytes.windows(what.len()).any(|part| part == what.as_bytes()))
    };
    assert!(has(&disk, "words of 11"));
    store.close().unwrap();
    delete(&disk, ids[11]);
    let store = Store::open_on(Arc::new(disk.clone()), &root(), config()).unwrap();
    store.erase(&CompactionConfig::default(), &Silent).unwrap();
    assert!(!has(&disk, "words of 11") && has(&disk, "words of 10"));
    store.close().unwrap();
}

#[test]
fn a_clock_that_a_checkpoint_has_seen_is_behind_the_next_stamp() {
    let disk = store_with_tail();
    let clock = HybridClock::new(Config::default().clock);
    let checkpoint = Checkpoint::open(Arc::new(newest_file(&disk)), &store_id(&disk)).unwrap();
    assert!(checkpoint.clock() > 0);
    clock.observe(checkpoint.clock());
    assert!(clock.tick() > checkpoint.clock());
}

pub(super) fn newest_file(disk: &SimFs) -> Vec<u8> {
    read_file(disk, &catalog_files(disk)[0].0).unwrap()
}

pub(super) fn store_id(disk: &SimFs) -> [u8; 16] {
    Store::open_read_on(Arc::new(disk.clone()), &root()).unwrap().store_id().unwrap()
}
