use super::same::{newest_file, store_id, store_with_tail};
use super::*;

/// All that a checkpoint says; `None` if any of it does not read.
fn content(bytes: Vec<u8>, store: &[u8; 16]) -> Option<Vec<String>> {
    let checkpoint = Checkpoint::open(Arc::new(bytes), store).ok()?;
    checkpoint.verify_all().ok()?;
    let rows: Vec<_> = checkpoint.rows(true).ok()?.collect();
    rows.iter().map(|row| Some(format!("{} {:?}", row.key(), row.metadata().ok()?))).collect()
}

#[test]
fn every_flipped_bit_and_every_cut_is_noticed() {
    let disk = SimFs::new(1);
    let store = Store::open_on(Arc::new(disk.clone()), &root(), config()).unwrap();
    import(&store, 0..2);
    store.seal(&CompactionConfig::default(), &Silent).unwrap();
    store.close().unwrap();
    let (bytes, store) = (newest_file(&disk), store_id(&disk));
    assert!(content(bytes.clone(), &store).is_some());
    for bit in 0..bytes.len() * 8 {
        let mut harmed = bytes.clone();
        harmed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(content(harmed, &store), None, "bit {bit}");
    }
    for length in 0..bytes.len() {
        assert_eq!(content(bytes[..length].to_vec(), &store), None, "cut at {length}");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert_eq!(content(longer, &store), None);
}

#[test]
fn each_harm_to_the_newest_file_gives_the_same_answers_and_is_named() {
    let disk = store_with_tail();
    let wanted = answers(&disk);
    let (path, bytes) = (catalog_files(&disk)[0].0.clone(), newest_file(&disk));
    let with = |at: usize, value: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = value;
        bytes
    };
    let half = bytes.len() / 2;
    let harms: [(&str, Vec<u8>, &str); 6] = [
        ("rotten", with(half, bytes[half] ^ 1), "checksum"),
        ("cut", bytes[..half].to_vec(), "length"),
        ("empty", Vec::new(), "ends before"),
        ("no checkpoint", with(0, b'x'), "no catalog"),
        ("newer", with(8, 99), "of version 867"),
        ("foreign", foreign(), "another store"),
    ];
    for (name, harmed, said) in harms {
        overwrite(&disk, &path, &harmed);
        assert_eq!(answers(&disk), wanted, "{name}");
        let files = catalog_files(&disk);
        let Some((_, Some(CatalogState::Unused(why)))) = files.first() else { panic!("{name}: {files:?}") };
        assert!(why.contains(said), "{name}: {why}");
    }
}

/// A checkpoint of another store.
fn foreign() -> Vec<u8> {
    let disk = SimFs::new(2);
    let store = Store::open_on(Arc::new(disk.clone()), &root(), config()).unwrap();
    import(&store, 0..3);
    store.seal(&CompactionConfig::default(), &Silent).unwrap();
    store.close().unwrap();
    newest_file(&disk)
}

#[test]
fn an_older_checkpoint_beside_a_newer_log_gives_the_same_answers() {
    let disk = SimFs::new(1);
    let store = Store::open_on(Arc::new(disk.clone()), &root(), config()).unwrap();
    import(&store, 0..20);
    store.seal(&CompactionConfig::default(), &Silent).unwrap();
    let (path, old) = (catalog_files(&disk)[0].0.clone(), newest_file(&disk));
    import(&store, 20..30);
    store.compact(true, &CompactionConfig::default(), &Silent).unwrap();
    store.close().unwrap();
    let wanted = answers(&disk);
    remove_catalog(&disk);
    assert_eq!(answers(&disk), wanted);
    let file = disk.open(&path, OpenMode::CreateNew).unwrap();
    write_all_at(&*file, &old, 0).unwrap();
    assert_eq!(answers(&disk), wanted);
    let files = catalog_files(&disk);
    assert!(matches!(files[0].1, Some(CatalogState::Usable { threads: 20, behind: 10 })), "{files:?}");
}
