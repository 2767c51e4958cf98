//! The fixtures have exactly what they say.

#![allow(clippy::unwrap_used, clippy::as_conversions, reason = "a test that panics has failed, as it should")]

use serde_json::Value;
use threadlog_sample::{History, Images, Plan};

fn write(plan: &Plan) -> Vec<Vec<u8>> {
    plan.files()
        .map(|file| {
            let mut bytes = Vec::new();
            file.write_to(&mut bytes).unwrap();
            bytes
        })
        .collect()
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    bytes.split_inclusive(|&byte| byte == b'\n').map(|line| serde_json::from_slice(line).unwrap()).collect()
}

fn none() -> Plan {
    Plan { threads: 0, ..Plan::default() }
}

#[test]
fn a_history_is_exact_and_compresses_as_it_should() {
    for (seed, items, bytes) in [(1, 2_000, 1_024), (2, 2_000, 1_024), (3, 500, 4_096), (4, 900, 2_048), (5, 50, 400)] {
        let files = write(&Plan { seed, history: Some(History { items, bytes }), ..none() });
        assert_eq!(files.len(), 1);
        let file = &files[0];
        let sizes: Vec<usize> = file.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::len).collect();
        assert_eq!(sizes, vec![bytes as usize; items as usize]);
        assert_eq!(lines(file)[0]["type"], "session_meta");
        if bytes > 400 {
            let packed: usize = file.chunks(64 << 10).map(|block| zstd::bulk::compress(block, 3).unwrap().len()).sum();
            let ratio = file.len() as f64 / packed as f64;
            println!("{items} x {bytes}: {ratio:.2}");
            assert!((3.5..=5.0).contains(&ratio), "{items} x {bytes}: {ratio:.2}");
        }
    }
}

#[test]
fn images_are_copied_by_compactions_and_forks() {
    let images = Images { images: 5, image_bytes: 1_000, compactions: 12, forks: 4 };
    let files = write(&Plan { images: Some(images), ..none() });
    assert_eq!(files.len(), 5);
    let copies = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap().matches("data:image/png;base64,").count();
    assert_eq!(copies(&files[0]), 5 + 12 * 5);
    let source = lines(&files[0]);
    let compacted: Vec<&Value> = source.iter().filter(|line| line["type"] == "compacted").collect();
    assert_eq!(compacted.len(), 12);
    let mut distinct: Vec<&str> = compacted
        .iter()
        .flat_map(|line| line["payload"]["replacement_history"].as_array().unwrap())
        .filter_map(|item| item["content"][1]["image_url"].as_str())
        .collect();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 5);
    assert!(distinct.iter().all(|image| image.len().abs_diff(1_000) < 4));
    for fork in &files[1..] {
        assert_eq!(copies(fork), 5);
        let fork = lines(fork);
        assert_eq!(fork[0]["payload"]["forked_from_id"], source[0]["payload"]["id"]);
        assert_eq!(fork[2]["payload"], compacted[11]["payload"]);
        assert!(fork[0]["timestamp"].as_str() > source.last().unwrap()["timestamp"].as_str());
    }
}

#[test]
fn fixtures_come_after_the_threads() {
    let plan = Plan {
        threads: 3,
        items: 10,
        images: Some(Images { images: 1, image_bytes: 100, compactions: 1, forks: 1 }),
        history: Some(History { items: 2, bytes: 500 }),
        ..Plan::default()
    };
    let files: Vec<_> = plan.files().collect();
    assert_eq!((files.len(), plan.files().len()), (6, 6));
    let mut paths: Vec<&str> = files.iter().map(|file| file.relative_path.as_str()).collect();
    paths.dedup();
    assert_eq!(paths.len(), 6);
}
