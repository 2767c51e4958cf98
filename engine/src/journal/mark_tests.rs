use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::*;
use crate::fs::sim::SimFs;

const STORE: [u8; 16] = [7; 16];

/// A page of a process that dies after so many stores.
struct Dying {
    page: Arc<dyn SharedPage>,
    left: AtomicU64,
}

impl SharedPage for Dying {
    fn words(&self) -> usize {
        self.page.words()
    }
    fn load(&self, index: usize) -> u64 {
        self.page.load(index)
    }
    fn store(&self, index: usize, value: u64) {
        let left = self.left.load(Ordering::Relaxed);
        if left > 0 {
            self.left.store(left - 1, Ordering::Relaxed);
            self.page.store(index, value);
        }
    }
    fn sync(&self) -> std::io::Result<()> {
        self.page.sync()
    }
}

/// The page of the journal, opened by a process that dies after so many stores, and what it says now.
fn opened(fs: &SimFs, stores: u64) -> (MarkPage, Option<MarkSlot>) {
    let (mut mark, slot) = MarkPage::open(fs, &Places::new(Path::new("/"), 0), STORE).unwrap();
    mark.page = Arc::new(Dying { page: Arc::clone(&mark.page), left: AtomicU64::new(stores) });
    (mark, slot)
}

/// Three writers in a row, of which the last dies at each of its stores: when it opens, when it publishes, when it closes.
#[test]
fn whoever_dies_while_it_writes_a_mark_leaves_what_was_said_last() {
    for (published, stores) in (0..4).flat_map(|published| (0..30).map(move |stores| (published, stores))) {
        let fs = SimFs::new(1);
        fs.create_dir(Path::new("/journals")).unwrap();
        fs.create_dir(Path::new("/journals/000")).unwrap();
        let (one, _) = opened(&fs, u64::MAX);
        (0..published).for_each(|durable| one.publish(Epoch(1), Sequence(durable)));
        let last = Sequence(100);
        one.publish(Epoch(1), last);
        let (two, slot) = opened(&fs, u64::MAX);
        assert_eq!(slot.map(|slot| slot.durable), Some(last));
        two.publish(Epoch(2), last);
        let (three, _) = opened(&fs, stores);
        three.publish(Epoch(3), last);
        three.publish(Epoch(3), last.plus(1));
        three.close(Epoch(3), last.plus(1)).unwrap();
        let (_, slot) = opened(&fs, 0);
        let said = slot.map(|slot| slot.durable);
        assert!(said >= Some(last), "{said:?} after {stores} stores, {published} marks before");
        assert!(stores < 10 || said == Some(last.plus(1)), "{said:?} after {stores} stores");
    }
}
