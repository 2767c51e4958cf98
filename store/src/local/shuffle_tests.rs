//! What users say of a thread, spread over journals: in whatever order and company it arrives, it adds up to the same bytes.

use std::path::Path;

use proptest::prelude::*;
use threadlog_engine::fs::sim::SimFs;
use threadlog_engine::{Background, Batch, Config, Engine, NewRecord, Reader};

use super::*;
use crate::event::{CODEC, Control, Created, Origin, Place, Source};
use crate::item::{RolloutItem, Timestamp};
use crate::live::NewItem;
use crate::local::queue::Content;
use crate::local::sending::{encode, push_control};
use crate::metadata::MetadataPatch;
use crate::path::PathBytes;

/// Processes, each with a journal.
const JOURNALS: usize = 3;

/// One word about a thread, when it was said, and in which journal.
#[derive(Clone, Debug)]
struct Said {
    clock: u64,
    journal: usize,
    control: Control,
}

fn any_control() -> impl Strategy<Value = Control> {
    let patch = |patch: MetadataPatch| Control::Patched(Box::new(patch));
    let tag = |(tag, on): (&str, bool)| {
        let mut patch = MetadataPatch::default();
        patch.tags.insert(tag.to_owned(), on);
        patch
    };
    let pin = |on| {
        let mut patch = MetadataPatch::default();
        patch.pinned = Some(on);
        patch
    };
    let moved = |folder: &str| {
        let mut patch = MetadataPatch::default();
        patch.cwd = Some(Some(folder.to_owned()));
        patch
    };
    let word = || prop::sample::select(vec!["a", "b", "c"]);
    prop_oneof![
        4 => word().prop_map(move |name| patch(MetadataPatch::rename(name))),
        3 => (word(), any::<bool>()).prop_map(move |said| patch(tag(said))),
        2 => any::<bool>().prop_map(move |on| patch(pin(on))),
        2 => any::<bool>().prop_map(|on| if on { Control::Archived } else { Control::Unarchived }),
        2 => word().prop_map(move |folder| patch(moved(folder))),
        2 => any::<bool>().prop_map(move |on| patch(MetadataPatch::trash(on))),
        1 => word().prop_map(|file| Control::Source(Source {
            place: Place { root: PathBytes::new(&b"/home"[..]), path: PathBytes::new(file) },
            modified_ns: 1,
            bytes: 1,
            blake3: [0; 32],
            records: 0,
            lines: 0,
            replaces: None,
        })),
    ]
}

/// A thread's words; with the flag it is deleted at some moment.
fn any_story() -> impl Strategy<Value = Vec<Said>> {
    let words = proptest::collection::vec((any_control(), 0..JOURNALS), 1..14);
    (words, proptest::bool::weighted(0.2), any::<prop::sample::Index>()).prop_map(|(words, deleted, when)| {
        let created = Control::Created(Created { at_ms: 5, id_text: None, rollout: None, origin: Origin::Native });
        let mut controls = vec![(created, 0)];
        controls.extend(words);
        if deleted {
            controls.insert(1 + when.index(controls.len()), (Control::Deleted, when.index(JOURNALS)));
        }
        let said = |(clock, (control, journal))| Said { clock, journal, control };
        (1_000_u64..).zip(controls).map(said).collect()
    })
}

fn key() -> ThreadKey {
    ThreadKey { thread: ThreadId::from_uuid(uuid::Uuid::from_u128(7)), incarnation: 1 }
}

fn config(journals_max: u32) -> Config {
    Config { background: Background::Manual, prepare_spares: false, journals_max, ..Config::default() }
}

fn items(engine: &Engine) {
    let mut batch = Batch::new();
    for (ordinal, text) in (0..).zip(["one", "two"]) {
        let event = NewItem::event(&serde_json::json!({"type": "user_message", "message": text})).unwrap();
        let item: RolloutItem = event.stamped(Timestamp::from_ms(ordinal).unwrap());
        let mut payload = Vec::new();
        encode(&Content::Item(item), &mut payload);
        let (stream, lease_epoch) = (key().stream(ITEMS), 1);
        let ordinal = Some(ordinal);
        batch.push(NewRecord { stream, ordinal, lease_epoch, clock: 900, codec: CODEC, payload: &payload }).unwrap();
    }
    engine.sync(engine.append(batch).unwrap()).unwrap();
}

/// What a store's bytes add up to: whether it is a thread, and what it shows.
fn bytes(folded: &Folded) -> (bool, Vec<u8>) {
    (folded.exists(), if folded.exists() { folded.metadata.to_canonical_bytes() } else { Vec::new() })
}

/// All of it in the order in which it was said, by one process.
fn in_order(story: &[Said]) -> (bool, Vec<u8>) {
    let engine = Engine::open(Arc::new(SimFs::new(1)), Path::new("/store"), config(1)).unwrap();
    items(&engine);
    for said in story {
        let mut batch = Batch::new();
        // The journal is part of when something was said.
        let place = (key(), u32::try_from(said.journal).unwrap());
        push_control(&mut batch, place, None, said.clock, &said.control).unwrap();
        engine.sync(engine.append(batch).unwrap()).unwrap();
    }
    let clock = HybridClock::new(config(1).clock);
    bytes(&fold::anew(&engine, &clock, key()))
}

/// In the order given, so many at once, each by its process; one process looks on all the while, a reader comes at the end.
fn spread(story: &[Said], groups: &[usize], looker: usize) -> [(bool, Vec<u8>); 2] {
    let fs = SimFs::new(1);
    let open = |_| {
        Engine::open(Arc::new(fs.process()), Path::new("/store"), config(u32::try_from(JOURNALS).unwrap())).unwrap()
    };
    let engines: Vec<Engine> = (0..JOURNALS).map(open).collect();
    items(&engines[0]);
    let entry = Entry::new(key());
    let clock = HybridClock::new(config(1).clock);
    let (mut rest, mut groups) = (story, groups.iter().cycle());
    while !rest.is_empty() {
        let (group, later) = rest.split_at((*groups.next().unwrap()).min(rest.len()));
        rest = later;
        for engine in &engines {
            let mut batch = Batch::new();
            for said in group.iter().filter(|said| engines[said.journal].journal() == engine.journal()) {
                push_control(&mut batch, (key(), engine.journal()), None, said.clock, &said.control).unwrap();
            }
            engine.sync(engine.append(batch).unwrap()).unwrap();
        }
        engines[looker].refresh().unwrap();
        entry.touch();
        drop(entry.look(&engines[looker], &clock));
    }
    let reader = Reader::open(Arc::new(fs.process()), Path::new("/store")).unwrap();
    let anew = fold::anew(&reader, &clock, key());
    [bytes(&entry.look(&engines[looker], &clock).0), bytes(&anew)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn words_spread_over_journals_add_up_to_the_same_bytes(
        (story, shuffled) in any_story().prop_flat_map(|story| (Just(story.clone()), Just(story).prop_shuffle())),
        groups in proptest::collection::vec(1..6_usize, 4),
        looker in 0..JOURNALS,
    ) {
        let wanted = in_order(&story);
        for found in spread(&shuffled, &groups, looker) {
            prop_assert_eq!(&found, &wanted);
        }
    }
}
