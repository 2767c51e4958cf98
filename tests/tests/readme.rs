//! The README's embedding example is one of the store's, word for word.

use std::path::Path;

#[test]
fn the_readme_shows_an_example_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace's root");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).expect(path);
    let (readme, example) = (read("README.md"), read("store/examples/hello.rs"));
    let shown = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let (_, code) = example.split_once("\n\n").expect("a line of what it is, then the code");
    assert_eq!(shown, code);
}
