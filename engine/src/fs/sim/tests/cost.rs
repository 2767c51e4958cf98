//! What a crash state costs. Not a check: `cargo test --release -p threadlog-engine crash_state_costs
//! -- --ignored --nocapture` prints it.

use std::hint::black_box;
use std::time::Instant;

use super::*;

#[test]
#[ignore = "prints times: just costs"]
fn crash_state_costs() {
    let fs = SimFs::new(1);
    fs.create_dir(path("/store")).unwrap();
    fs.create_dir(path("/store/journals")).unwrap();
    fs.sync_dir(path("/")).unwrap();
    fs.sync_dir(path("/store")).unwrap();
    for name in ["/store/FORMAT", "/store/journals/LOCK", "/store/journals/mark"] {
        durable(&fs, name, &block(b'f'));
    }
    let file = durable(&fs, "/store/journals/1.hot", &[b'a'; 16 * BLOCK]);
    durable(&fs, "/store/journals/2.hot", &[0; 16 * BLOCK]);
    create(&fs, "/store/journals/3.hot");
    for group in 0..8 {
        write_all_at(&*file, &[b'x'; 5000], group * 8192).unwrap();
    }
    println!(
        "{} points, 2^{} states, {} blocks",
        fs.crash_points().points(),
        fs.crash_points().bits(),
        fs.used_blocks()
    );
    let time = |what: &str, rounds: u32, run: &dyn Fn(u64)| {
        let start = Instant::now();
        (0..u64::from(rounds)).for_each(run);
        println!("{what}: {:.2} µs", start.elapsed().as_secs_f64() * 1e6 / f64::from(rounds));
    };
    time("crash", 100_000, &|seed| drop(black_box(fs.crash(&Choice::Sample(seed)))));
    let left = fs.crash(&Choice::Sample(0));
    time("hash", 100_000, &|_| {
        black_box(left.durable_hash());
    });
    time("crash, hash, read all, write and sync a block", 20_000, &|seed| {
        let left = fs.crash(&Choice::Sample(seed));
        black_box(left.durable_hash());
        left.paths().iter().for_each(|name| drop(black_box(read_file(&left, name))));
        let file = open(&left, "/store/journals/2.hot");
        write_all_at(&*file, &block(1), 0).unwrap();
        file.sync_data().unwrap();
    });
    let file = create(&left, "/w");
    let bytes = block(7);
    time("write one block and sync", 100_000, &|_| {
        write_all_at(&*file, &bytes, 0).unwrap();
        file.sync_data().unwrap();
    });
}
