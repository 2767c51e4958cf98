//! Import and export under criterion, of the folder that `$THREADLOG_CORPUS` names or of a generated sample.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use threadlog_benches::files;
use threadlog_benches::place::Place;

fn rollout_files(criterion: &mut Criterion) {
    let place = Place::new(8 << 30).expect("a disk");
    let corpus = files::corpus(&place).expect("rollout files");
    let mut number = 0;
    let mut next = |name: &str| {
        number += 1;
        place.path(&format!("{name}{number}"))
    };
    let mut group = criterion.benchmark_group("rollout files");
    group.bench_function("import", |bencher| {
        bencher.iter_custom(|times| {
            let once = |_| {
                let root = next("store");
                let (_, seconds) = files::import(&corpus, &root).expect("an import");
                std::fs::remove_dir_all(root).expect("the store");
                seconds
            };
            Duration::from_secs_f64((0..times).map(once).sum())
        });
    });
    let root = next("store");
    files::import(&corpus, &root).expect("an import");
    group.bench_function("export", |bencher| {
        bencher.iter_custom(|times| {
            let once = |_| {
                let to = next("export");
                let (_, seconds) = files::export(&root, &to).expect("an export");
                std::fs::remove_dir_all(to).expect("the files");
                seconds
            };
            Duration::from_secs_f64((0..times).map(once).sum())
        });
    });
    group.finish();
}

fn short() -> Criterion {
    Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(1)).measurement_time(Duration::from_secs(1))
}

criterion_group! { name = rollouts; config = short(); targets = rollout_files }
criterion_main!(rollouts);
