//! The same plan gives the same bytes: today, tomorrow, on any machine.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed, as it should")]

use threadlog_sample::{History, Images, Plan, odd};

/// FNV-1a: small enough to be written here, so that the figures below depend on nothing else.
fn fold(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

const START: u64 = 0xcbf2_9ce4_8422_2325;

fn fingerprint(plan: &Plan) -> u64 {
    plan.files().fold(START, |hash, file| {
        let mut bytes = Vec::new();
        file.write_to(&mut bytes).unwrap();
        fold(fold(hash, file.relative_path.as_bytes()), &bytes)
    })
}

fn everything() -> Plan {
    Plan {
        threads: 24,
        items: 60,
        seed: 5,
        legacy_percent: 20,
        images: Some(Images { images: 2, image_bytes: 400, compactions: 3, forks: 2 }),
        history: Some(History { items: 8, bytes: 600 }),
    }
}

/// If this fails without a change to what is generated, the machine matters: find out how. After a wanted change, put
/// the new figures here.
#[test]
fn the_bytes_are_those_of_every_machine() {
    assert_eq!(format!("{:016x}", fingerprint(&everything())), "303aabca475c56ba");
    let odd = odd::all(5).iter().fold(START, |hash, file| fold(fold(hash, file.relative_path.as_bytes()), &file.bytes));
    assert_eq!(format!("{odd:016x}"), "2478a24d4469d83e");
}

#[test]
fn files_do_not_depend_on_each_other() {
    let plan = everything();
    let files: Vec<_> = plan.files().collect();
    let write = |at: usize| {
        let mut bytes = Vec::new();
        files[at].write_to(&mut bytes).unwrap();
        bytes
    };
    let backwards: Vec<Vec<u8>> = (0..files.len()).rev().map(write).collect();
    let forwards: Vec<Vec<u8>> = (0..files.len()).map(write).collect();
    assert!(forwards.iter().eq(backwards.iter().rev()));
}

#[test]
fn another_seed_gives_another_sample() {
    let plan = Plan { threads: 3, items: 30, ..Plan::default() };
    assert_ne!(fingerprint(&plan), fingerprint(&Plan { seed: 2, ..plan.clone() }));
}
