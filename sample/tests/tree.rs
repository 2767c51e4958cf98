//! A sample on disk.

use std::fs;

use threadlog_sample::{Plan, write_tree};

fn plan() -> Plan {
    Plan { threads: 7, items: 20, ..Plan::default() }
}

#[test]
fn a_tree_has_the_files_of_the_plan() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("new");
    let mut seen = Vec::new();
    let totals = write_tree(&plan(), &root, |progress| seen.push(*progress)).unwrap();
    assert_eq!(seen.len(), 7);
    assert_eq!(seen.last(), Some(&totals));
    assert!(seen.windows(2).all(|pair| pair[0].files + 1 == pair[1].files && pair[0].bytes < pair[1].bytes));
    assert_eq!((totals.files, totals.files_total), (7, 7));
    let mut bytes_found = 0;
    for file in plan().files() {
        let mut wanted = Vec::new();
        let written = file.write_to(&mut wanted).unwrap();
        let path = root.join(&file.relative_path);
        assert_eq!(fs::read(&path).unwrap(), wanted);
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(metadata.modified().unwrap(), written.modified);
        assert!(written.modified > file.created);
        bytes_found += metadata.len();
    }
    assert_eq!(totals.bytes, bytes_found);
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("new");
    write_tree(&plan(), &root, |_| {}).unwrap();
    let file = root.join(&plan().files().next().unwrap().relative_path);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(file.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let first = plan().files().next().unwrap();
    let path = folder.path().join(&first.relative_path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "precious").unwrap();
    let error = write_tree(&plan(), folder.path(), |_| {}).unwrap_err();
    assert_eq!(error.path, path);
    assert_eq!(error.source.kind(), std::io::ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("cannot create") && error.to_string().contains("rollout-"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}
