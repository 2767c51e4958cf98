//! File systems whose locks or syncs cannot be trusted.

use std::path::Path;
use std::sync::Arc;

use super::{HandClock, ROOT, append_synced, config, count, open, reader};
use crate::fs::sim::SimFs;
use crate::fs::{Fs, Trust};
use crate::{Config, Engine, Error};

fn doubtful() -> Trust {
    Trust::Doubtful("nfs".into())
}

fn refusal(opened: crate::Result<Engine>) -> (String, String) {
    match opened {
        Err(error @ Error::Untrusted { .. }) => {
            let text = error.to_string();
            let Error::Untrusted { kind, .. } = error else { panic!("{error}") };
            (kind, text)
        }
        other => panic!("{:?}", other.map(|engine| engine.journal())),
    }
}

#[test]
fn no_store_is_made_where_locks_or_syncs_cannot_be_trusted() {
    let fs = SimFs::new(1);
    fs.set_trust(doubtful());
    for journals_max in [1, 3] {
        let config = Config { journals_max, ..config(&Arc::<HandClock>::default()) };
        let (kind, text) = refusal(Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config));
        assert_eq!(kind, "nfs");
        assert!(text.contains(ROOT) && text.contains("nfs") && text.contains("allow_untrusted"), "{text}");
    }
    assert!(fs.read_dir(Path::new(ROOT)).is_err(), "not even a folder");
}

#[test]
fn a_store_that_came_to_lie_there_is_read_and_written_only_if_asked_for() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    engine.close().unwrap();
    fs.set_trust(doubtful());
    refusal(open(&fs));
    assert_eq!(count(&reader(&fs), 1), 1, "readers take no lock and sync nothing");
    let config = Config { allow_untrusted: true, ..config(&Arc::<HandClock>::default()) };
    let engine = Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config).unwrap();
    append_synced(&engine, 1, 1).unwrap();
    engine.close().unwrap();
    assert_eq!(count(&reader(&fs), 1), 2);
}
