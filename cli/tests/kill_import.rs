//! An import that is killed (SIGKILL) at a random moment, run again, exported and compared: identical.
//!
//! The moment is a size of the growing store, drawn from a seed, so it is as random on a slow machine as on a fast
//! one. Three kills here; `just kill-import` does more of them on more files. `THREADLOG_KILLS`, `THREADLOG_KILL_THREADS`
//! and `THREADLOG_KILL_SEED` say how many, on how many files, and from which seed.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use common::{Machine, of_type, text, tree};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SIGKILL: i32 = 9;
/// Kills of one store before it is let through.
const IN_A_ROW: u32 = 3;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |value| value.parse().expect(name))
}

/// Length of all files of a store that somebody may be writing to.
fn stored_bytes(store: &Path) -> u64 {
    let files = walkdir::WalkDir::new(store).into_iter().flatten().filter_map(|entry| entry.metadata().ok());
    files.filter(std::fs::Metadata::is_file).map(|metadata| metadata.len()).sum()
}

/// Imports the files, and kills that when the store has so many bytes.
fn import_until(machine: &Machine, bytes: u64) -> ExitStatus {
    let mut import = machine.command(&["import", "files"]);
    let mut child = import.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if stored_bytes(&machine.store()) >= bytes {
            child.kill().unwrap();
            return child.wait().unwrap();
        }
    }
}

/// What must hold after however many kills.
fn assert_whole(machine: &Machine) {
    machine.run(&["import", "files"]).must_be(0);
    let out = machine.path("out");
    machine.run(&["export", "--to", text(&out)]).must_be(0);
    let (files, exported) = (tree(&machine.path("files")), tree(&out));
    assert!(files.keys().eq(exported.keys()), "other files");
    for (path, file) in &files {
        assert!(exported[path] == *file, "{} differs", path.display());
    }
    let (_, again) = machine.json(&["import", "files"]);
    let summary = &of_type(&again, "summary")[0];
    assert_eq!((&summary["unchanged"], &summary["lines_added"]), (&summary["files"], &0.into()), "{summary}");
    let (_, stats) = machine.json(&["stats"]);
    let summary = &of_type(&stats, "summary")[0];
    assert_eq!(summary["revisions"], summary["threads"], "a killed import left a second revision: {summary}");
    std::fs::remove_dir_all(out).unwrap();
}

#[test]
fn an_import_that_is_killed_and_run_again_loses_and_repeats_nothing() {
    let (kills, threads) = (setting("THREADLOG_KILLS", 3), setting("THREADLOG_KILL_THREADS", 60));
    let seed = setting("THREADLOG_KILL_SEED", 1);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let machine = Machine::new();
    let sample = ["gen", "--threads", &threads.to_string(), "--seed", &seed.to_string(), "--to", "files"];
    machine.run(&sample).must_be(0);
    assert_whole(&machine);
    let whole = stored_bytes(&machine.store());
    let (mut done, mut attempts) = (0, 0);
    while done < kills {
        std::fs::remove_dir_all(machine.store()).unwrap();
        for _ in 0..random.random_range(1..=IN_A_ROW) {
            attempts += 1;
            assert!(attempts <= 20 * kills, "only {done} of {attempts} imports could be killed in time");
            let moment = random.random_range(1..=whole);
            let status = import_until(&machine, moment);
            if status.signal() != Some(SIGKILL) {
                assert!(status.success(), "{status}");
                break;
            }
            done += 1;
            println!("kill {done}: at {moment} of {whole} bytes, seed {seed}");
            // Killed before there was a store, it is not there.
            let code = machine.run(&["verify"]).code;
            assert!(code == 0 || (code == 5 && !machine.store().join("FORMAT").exists()), "verify says {code}");
        }
        assert_whole(&machine);
    }
}
