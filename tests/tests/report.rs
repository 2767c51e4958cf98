//! docs/report.md names lines of the source with what stands there; it must still stand there.

use std::path::Path;

/// Places written as `` `path:line` `code` ``.
fn places(text: &str) -> Vec<(&str, usize, &str)> {
    let quoted: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    quoted
        .windows(2)
        .filter_map(|pair| {
            let (path, line) = pair[0].rsplit_once(':')?;
            Some((path, line.parse().ok()?, pair[1]))
        })
        .collect()
}

#[test]
fn the_report_names_the_lines_that_it_means() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace's root");
    let report = std::fs::read_to_string(root.join("docs/report.md")).expect("docs/report.md");
    let places = places(&report);
    assert!(places.len() >= 2, "the report names where data becomes durable and where that is acknowledged");
    for (path, line, code) in places {
        let source = std::fs::read_to_string(root.join(path)).expect("a file that the report names");
        let found = source.lines().nth(line - 1).unwrap_or_default();
        let now = source.lines().position(|line| line.contains(code)).map(|at| at + 1);
        assert!(found.contains(code), "{path}:{line} is `{}`; `{code}` stands in line {now:?}", found.trim());
    }
}
