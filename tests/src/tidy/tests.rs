//! Each rule bites: a bad snippet is found, its good twin is not.

use super::source::Source;
use super::*;

fn file(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

/// What one rule says about one file, without the place.
fn said(rule: Rule, path: &str, text: &str) -> Vec<String> {
    rule(&[file(path, text)]).into_iter().map(|finding| finding.what).collect()
}

#[track_caller]
fn bites(rule: Rule, path: &str, text: &str, part: &str) {
    let said = said(rule, path, text);
    assert!(said.iter().any(|what| what.contains(part)), "{part:?} not said of {text:?}; only {said:?}");
}

#[track_caller]
fn passes(rule: Rule, path: &str, text: &str) {
    assert_eq!(said(rule, path, text), Vec::<String>::new(), "of {text:?}");
}

#[test]
fn long_files_and_functions_are_found() {
    let lines = |count: usize| "// one line\n".repeat(count);
    bites(size::check, "engine/src/a.rs", &lines(501), "501 lines");
    passes(size::check, "engine/src/a.rs", &lines(500));
    let function = |count: usize| format!("fn long() {{\n{}}}\n", "    work();\n".repeat(count - 2));
    bites(size::check, "tests/a.rs", &function(71), "fn long has 71 lines");
    passes(size::check, "tests/a.rs", &function(70));
    let method = format!("struct S;\nimpl S {{\n{}}}\ntrait T {{\n{}}}\n", function(71), function(72));
    bites(size::check, "cli/src/a.rs", &method, "fn long has 71 lines");
    bites(size::check, "cli/src/a.rs", &method, "fn long has 72 lines");
}

#[test]
fn notes_to_self_are_found() {
    let note = concat!("// TO", "DO: later");
    bites(words::check, "engine/src/a.rs", note, "finish it");
    bites(words::check, "docs/a.md", concat!("FIX", "ME"), "finish it");
    bites(words::check, "engine/src/a.rs", concat!("fn f() { todo", "!() }"), "finish it");
    passes(words::check, "engine/src/a.rs", concat!("// auTO", "DOor"));
    passes(words::check, "Cargo.lock", note);
}

#[test]
fn workplace_words_are_found() {
    bites(words::check, "tests/a.rs", concat!("\"/wo", "rk/main\""), "one machine");
    bites(words::check, "cli/src/a.rs", concat!("\"/ho", "me/maria/x\""), "one machine");
    passes(words::check, "cli/src/a.rs", concat!("\"/ho", "me/me/project\""));
    passes(words::check, "cli/tests/a.rs", concat!("\"/ho", "me/maria/x\""));
    bites(words::check, "README.md", concat!("see is", "sue #12"), "planned");
    bites(words::check, "README.md", concat!("in Ses", "sion 3"), "planned");
    passes(words::check, "README.md", "a session of 3 hours has no issue");
    bites(words::check, "tests/a.rs", "#[ignore]\nfn slow() {}", "recipe");
    passes(words::check, "tests/a.rs", "#[ignore = \"just soak\"]\nfn slow() {}");
}

#[test]
fn unsafe_is_found_outside_its_file() {
    let code = "fn f() { unsafe { g() } }";
    bites(safety::check, "engine/src/log.rs", code, "unsafe");
    bites(safety::check, "tests/tests/a.rs", "macro_rules! m { () => { unsafe { g() } } }", "unsafe");
    passes(safety::check, "engine/src/fs/mmap.rs", code);
    passes(safety::check, "engine/src/log.rs", "// unsafe\n#![deny(unsafe_code)]\nconst A: &str = \"unsafe\";");
}

#[test]
fn panics_and_silenced_lints_are_found_in_code_that_ships() {
    bites(safety::check, "store/src/a.rs", "fn f() { g().unwrap(); }", ".unwrap()");
    bites(safety::check, "store/src/a.rs", "fn f() { h!(g().expect(\"why\")); }", ".expect()");
    passes(safety::check, "store/src/a.rs", "fn f() { g().unwrap_or(1); }");
    for tests in ["store/src/a_tests.rs", "store/src/a/tests.rs", "store/src/a_tests/b.rs", "store/tests/b.rs"] {
        passes(safety::check, tests, "fn f() { g().unwrap(); }");
    }
    bites(safety::check, "cli/src/a.rs", "#![allow(clippy::indexing_slicing)]", "indexing_slicing");
    bites(safety::check, "cli/src/a.rs", "#[expect(missing_docs, reason = \"lazy\")] pub fn f() {}", "missing_docs");
    passes(safety::check, "cli/src/a.rs", "#[allow(clippy::too_many_arguments)] fn f() {}");
    bites(safety::check, "cli/src/a.rs", "#[allow(clippy::as_conversions)] fn f() {}", "as_conversions");
    passes(safety::check, "cli/src/a.rs", "#[allow(clippy::as_conversions, reason = \"no trait\")] fn f() {}");
}

#[test]
fn tests_inside_a_shipped_file_may_unwrap_and_what_follows_them_may_not() {
    let test = "#[cfg(test)]\nmod tests { fn f() { [1].first().unwrap(); } }\n";
    passes(safety::check, "cli/src/a.rs", test);
    bites(safety::check, "cli/src/a.rs", &format!("{test}fn g() {{ h().unwrap(); }}"), ".unwrap()");
    bites(safety::check, "cli/src/a.rs", "#[cfg(test)]\nmod tests;\nfn g() { h().unwrap(); }", ".unwrap()");
}

#[test]
fn layers_that_know_too_much_are_found() {
    bites(fences::check, "engine/src/log.rs", "use std::fs;", "std::fs");
    bites(fences::check, "engine/src/log.rs", "use std::{io, fs::File};", "std::fs");
    bites(fences::check, "engine/src/log.rs", "fn f() { assert!(std::fs::read(\"a\").is_ok()); }", "std::fs");
    passes(fences::check, "engine/src/fs/os.rs", "use std::fs;");
    passes(fences::check, "engine/src/log.rs", "use std::{io, fmt}; use crate::fs;");
    passes(fences::check, "engine/src/journal/tests.rs", "use std::fs;");
    bites(fences::check, "engine/src/log.rs", "// a line of a Rollout", "rollout");
    passes(fences::check, "engine/src/log.rs", "// rollover to the next segment of a thread");
    bites(fences::check, "engine/src/recover/walk.rs", "use crate::{id::Sequence, fs::Fs};", "crate::fs");
    bites(fences::check, "store/src/view/facts.rs", "fn f() { std::time::SystemTime::now(); }", "std::time");
    passes(fences::check, "store/src/import/mod.rs", "use std::time::SystemTime;");
}

const GOOD_MEMBER: &str = "[package]\nname = \"threadlog\"\n[lints]\nworkspace = true\n[dependencies]\n\
     threadlog-engine.workspace = true\n[dev-dependencies]\nthreadlog = { path = \".\", features = [\"x\"] }\n";

#[test]
fn manifests_that_break_the_layers_are_found() {
    passes(manifests::check, "store/Cargo.toml", GOOD_MEMBER);
    let upward = GOOD_MEMBER.replace("threadlog-engine.", "threadlog-cli.");
    bites(manifests::check, "store/Cargo.toml", &upward, "layer above");
    let in_tests = format!("{GOOD_MEMBER}threadlog-sample.workspace = true\n");
    bites(manifests::check, "store/Cargo.toml", &in_tests, "layer above");
    bites(manifests::check, "store/Cargo.toml", &GOOD_MEMBER.replace("= true", "= false"), "workspace lints");
    let private = GOOD_MEMBER.replace("threadlog-engine.workspace = true", "serde = \"1\"");
    bites(manifests::check, "store/Cargo.toml", &private, "workspace's table");
    let on_windows = format!("{GOOD_MEMBER}[target.'cfg(windows)'.dependencies]\nlibc.workspace = true\n");
    bites(manifests::check, "store/Cargo.toml", &on_windows, "do without libc");
    let parser = GOOD_MEMBER.replace("threadlog-engine.", "serde_json.");
    bites(manifests::check, "engine/Cargo.toml", &parser, "do without serde_json");
}

#[test]
fn shared_dependencies_without_a_reason_or_a_user_are_found() {
    let with = |line: &str| {
        let table = format!("[workspace.dependencies]\nours = {{ path = \"ours\" }}\n{line}\n[profile.dev]\n");
        let user = file("tests/Cargo.toml", "[dependencies]\nzstd.workspace = true\n");
        let findings = manifests::check(&[file("Cargo.toml", &table), user]);
        findings.into_iter().map(|finding| finding.what).collect::<Vec<_>>()
    };
    assert_eq!(with("zstd = \"0.13\" # sealed blocks"), Vec::<String>::new());
    assert!(with("zstd = \"0.13\"")[0].contains("zstd has no reason"));
    assert!(with("zstd = \"0.13\" #")[0].contains("zstd has no reason"));
    assert!(with("lz4 = \"1\" # faster")[0].contains("lz4 is used by no crate"));
}

#[test]
fn documents_that_do_not_exist_are_found() {
    let with = |text: &str| {
        let sources =
            [file("docs/format.md", text), file("README.md", ""), file("engine/src/a.rs", "// format.md 3.4")];
        documents::check(&sources).into_iter().map(|finding| finding.what).collect::<Vec<_>>()
    };
    assert_eq!(with("see ../README.md, [here](format.md#3) and docs/format.md."), Vec::<String>::new());
    assert_eq!(with("see plans.md").len(), 1);
    assert_eq!(with("see engine/format.md").len(), 1);
}

#[test]
fn promises_of_the_readme_that_nobody_checks_are_found() {
    let with = |readme: &str, checks: &str| commands::check(&[file("README.md", readme), file(".ci/run", checks)]);
    let readme = "# x\n```sh\ncargo test --workspace   # all of them\n```\ncargo is not a command here\n";
    assert_eq!(with(readme, "step cargo test --workspace\n"), []);
    assert_eq!(with(readme, "cargo test --workspace --release\n").len(), 1);
    assert_eq!(with("# x\n", "cargo test\n").len(), 1, "a README without commands");
    assert_eq!(commands::check(&[]).len(), 1, "no README");
}

#[test]
fn every_rule_is_on_the_list_and_all_failures_are_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.rs"), concat!("// TO", "DO\nfn f() { unsafe { g() } }\n")).expect("a file");
    let text = check_all(folder.path()).expect_err("three rules broken");
    for part in ["a.rs:1", "a.rs:2", "README.md:0"] {
        assert!(text.contains(part), "{part} not in {text}");
    }
}
