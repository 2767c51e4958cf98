//! The committed seeds are what the writers' code makes today, and no target minds them.

use std::path::Path;

#[test]
fn seeds_are_current_and_hold() {
    for (target, name, bytes) in threadlog_fuzz::seeds::all() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target).join(name);
        let committed = std::fs::read(&path).expect("a seed: `just fuzz-seeds` makes it");
        assert!(committed == bytes, "{} is out of date: `just fuzz-seeds` makes it anew", path.display());
        match target {
            "groups" => threadlog_fuzz::groups::run(&bytes),
            "segments" => threadlog_fuzz::segments::run(&bytes),
            "structures" => threadlog_fuzz::structures::run(&bytes),
            "operations" => threadlog_fuzz::operations::run(&bytes),
            "records" => threadlog_fuzz::records::run(&bytes),
            "lines" => threadlog_fuzz::lines::run(&bytes),
            "sealed_manifest" => threadlog_fuzz::sealed::manifest(&bytes),
            "sealed_footer" => threadlog_fuzz::sealed::footer(&bytes),
            "records_block" => threadlog_fuzz::sealed::records_block(&bytes),
            "values_block" => threadlog_fuzz::sealed::values_block(&bytes),
            "sealed_file" => threadlog_fuzz::sealed::file(&bytes),
            "bundle" => threadlog_fuzz::bundle::bundle(&bytes),
            "catalog" => threadlog_fuzz::catalog::catalog(&bytes),
            other => panic!("{other} is no target"),
        }
    }
}

/// Else the target would look at nothing but checksums.
#[test]
fn the_seed_of_catalogs_is_read_whole() {
    let mut found = Vec::new();
    let bytes = threadlog_fuzz::catalog::sound(&threadlog_fuzz::catalog::seed(), &[0; 16]);
    threadlog::catalog::entries(&bytes, None, &mut |entry| found.push((entry.kind, entry.problem)));
    assert_eq!(found, [("catalog", None), ("thread", None)]);
}

/// Else the target would look at nothing but hashes.
#[test]
fn the_seed_of_bundles_gets_into_a_store() {
    let directory = tempfile::tempdir().expect("room for a file");
    let file = directory.path().join("seed.threadlog");
    std::fs::write(&file, threadlog_fuzz::bundle::around(&threadlog_fuzz::bundle::seed())).expect("room for a file");
    let contents = threadlog::bundle::verify(&file, &threadlog::Silent).expect("a bundle");
    assert_eq!(contents.lives.iter().map(|row| row.records).collect::<Vec<_>>(), [4, 2]);
}
