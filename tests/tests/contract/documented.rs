//! docs/contract.md names tests that exist, and counts them right.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// How many stores each case runs against: see `cases!`.
const STORES: usize = 3;

/// File → the names of its functions that are tests, in the folder `name` of `tests/tests/`.
fn functions(name: &str) -> BTreeMap<String, Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let listed = text.split_once("\ncases! {").map(|(_, cases)| {
                cases.split_whitespace().take_while(|word| *word != "}").map(str::to_owned).collect::<Vec<_>>()
            });
            let tests = || {
                let test = text.split("#[test]").skip(1).filter_map(|part| part.split_once("fn "));
                test.filter_map(|(_, rest)| rest.split_once('(')).map(|(name, _)| name.to_owned()).collect()
            };
            (path.file_stem().unwrap().to_string_lossy().into_owned(), listed.unwrap_or_else(tests))
        })
        .collect()
}

#[test]
fn every_test_that_the_contract_names_is_there() {
    let (contract, local) = (functions("contract"), functions("local_store"));
    let document = include_str!("../../../docs/contract.md");
    let mut named = 0;
    for quoted in document.split('`').skip(1).step_by(2) {
        let (tests, quoted) = match quoted.strip_prefix("local: ") {
            Some(quoted) => (&local, quoted),
            None => (&contract, quoted),
        };
        let (file, case) = quoted.split_once("::").unwrap_or((quoted, "…"));
        let in_table = local.contains_key(file) || contract.contains_key(file);
        if !in_table && !quoted.contains("::") {
            continue;
        }
        if case == "case" && file == "file" {
            continue; // how they are named
        }
        let (start, open) = case.strip_suffix('…').map_or((case, false), |start| (start, true));
        let fits = |name: &String| if open { name.starts_with(start) } else { name == start };
        // The last table is about the local store alone.
        let found = [tests, &local].iter().any(|tests| tests.get(file).is_some_and(|names| names.iter().any(fits)));
        assert!(found, "docs/contract.md names {quoted}, and there is no such test");
        named += 1;
    }
    assert!(named > 80, "{named}: the document is no longer read");
}

#[test]
fn the_number_of_cases_is_the_documented_one() {
    // The macro's own file, and this one, are no cases.
    let files =
        functions("contract").into_iter().filter(|(file, _)| !["documented", "fixture"].contains(&file.as_str()));
    let cases: usize = files.map(|(_, cases)| cases.len()).sum();
    let said = format!("({cases} cases, each against");
    let tests = format!("{} tests)", cases * STORES);
    let document = include_str!("../../../docs/contract.md").replace('\n', " ");
    assert!(document.contains(&said) && document.contains(&tests), "there are {said} … {tests}");
}
