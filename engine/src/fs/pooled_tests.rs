use super::*;
use crate::fs::read_exact_at;

fn files(folder: &Path, count: u64) -> Vec<PooledFile> {
    let make = |number: u64| {
        let path = folder.join(format!("{number}"));
        std::fs::write(&path, number.to_le_bytes()).unwrap();
        PooledFile::open(&path).unwrap()
    };
    (0..count).map(make).collect()
}

fn content(file: &PooledFile) -> io::Result<u64> {
    let mut bytes = [0; 8];
    read_exact_at(file, &mut bytes, 0)?;
    Ok(u64::from_le_bytes(bytes))
}

/// One test, because the pool is the process's.
#[test]
fn more_files_than_descriptors_are_read_and_no_more_are_open_than_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path(), OPEN_MAX + 100);
    for _ in 0..2 {
        for (number, file) in (0..).zip(&files) {
            assert_eq!((content(file).unwrap(), file.len().unwrap()), (number, 8));
            assert!(POOL.lock().open.len() <= open_max());
        }
    }
    // The last ones are open, and read without their names; the first one's descriptor is gone, and its name too.
    let (first, last) = (&files[0], &files[files.len() - 1]);
    for file in [first, last] {
        std::fs::remove_file(&file.path).unwrap();
    }
    assert_eq!(content(last).unwrap(), OPEN_MAX + 99);
    assert_eq!(content(first).unwrap_err().kind(), io::ErrorKind::NotFound);
    assert_eq!(first.write_at(b"no", 0).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    assert_eq!(last.set_len(0).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    let numbers: Vec<u64> = files.iter().map(|file| file.number).collect();
    drop(files);
    let pool = POOL.lock();
    assert!(numbers.iter().all(|number| !pool.open.contains_key(number)), "closed with the file");
}

#[test]
fn what_was_used_longest_ago_is_closed_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, b"x").unwrap();
    let file = || Arc::new(OsFile(std::fs::File::open(&path).unwrap()));
    let mut pool = Pool::default();
    for number in 0..3 {
        assert!(pool.put(number, file(), 3).is_none());
    }
    assert!(pool.get(0).is_some());
    assert!(pool.put(3, file(), 3).is_some());
    assert!(pool.get(1).is_none() && pool.get(0).is_some() && pool.get(2).is_some() && pool.get(3).is_some());
}
