//! The house rules hold in this repository.

use std::path::Path;

#[test]
fn the_house_rules_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace's root");
    if let Err(findings) = threadlog_tests::tidy::check_all(root) {
        panic!("{findings}");
    }
}
