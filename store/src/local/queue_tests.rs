use proptest::prelude::*;
use threadlog_engine::fs::sim::SimFs;
use threadlog_engine::{Background, Config, Engine};

use super::*;

/// Tickets can only be had from an engine; what they say does not matter here.
fn ticket() -> Ticket {
    let config = Config { background: Background::Manual, ..Config::default() };
    Engine::open(std::sync::Arc::new(SimFs::new(1)), std::path::Path::new("/store"), config).unwrap().barrier()
}

fn item(number: u64) -> RolloutItem {
    RolloutItem::from_line(format!("{number}\n").into())
}

fn pending(number: u64) -> Pending {
    Pending { content: Content::Item(item(number)), clock: number }
}

fn head(next_ordinal: u64, durable_ordinal: u64, lease_epoch: u64) -> Option<Head> {
    Some(Head { next_ordinal, durable_ordinal, lease_epoch })
}

#[test]
fn a_new_thread_is_idle_until_it_is_wanted_or_has_items() {
    let ticket = ticket();
    let mut queue = Queue::of_new(pending(0), 1);
    assert!(queue.is_idle() && !queue.flows());
    assert_eq!(queue.step(queue.target(), 1), Step::Settled);
    let mut other = Queue::of_new(pending(0), 1);
    other.want();
    assert!(!other.is_idle() && other.flows());
    assert_eq!(other.step(other.target(), 1), Step::Send);

    queue.accept(vec![item(1)], || 7);
    assert!(!queue.is_idle() && !queue.flows());
    assert_eq!(queue.target(), 2);
    let (first, records) = queue.unsent(usize::MAX);
    assert_eq!((first, records.len()), (0, 2));
    queue.sent(2, ticket);
    assert!(queue.flows());
    assert_eq!(queue.step(2, 1), Step::Wait { ticket, end: 2 });
    queue.settle(2);
    assert!(queue.is_idle());
    assert_eq!(queue.step(2, 1), Step::Settled);
}

#[test]
fn only_what_was_sent_can_be_settled() {
    let mut queue = Queue::of_stored(5, false, 1);
    queue.accept(vec![item(5), item(6)], || 0);
    queue.sent(1, ticket());
    queue.settle(7);
    assert_eq!(queue.unsent(usize::MAX), (6, vec![Pending { content: Content::Item(item(6)), clock: 0 }]));
}

#[test]
fn records_are_sent_in_pieces_of_bounded_size_but_always_one() {
    let mut queue = Queue::of_stored(0, false, 1);
    queue.accept((0..10).map(item).collect(), || 0);
    let each = pending(0).bytes();
    assert_eq!(queue.unsent(3 * each).1.len(), 3);
    assert_eq!(queue.unsent(0).1.len(), 1);
}

#[test]
fn a_line_cut_short_is_ended_before_the_first_item_and_only_then() {
    let mut queue = Queue::of_stored(4, true, 1);
    assert!(queue.is_idle(), "resuming alone writes nothing");
    queue.accept(vec![], || 0);
    assert!(queue.is_idle());
    queue.accept(vec![item(1)], || 0);
    queue.accept(vec![item(2)], || 0);
    let contents: Vec<Content> = queue.unsent(usize::MAX).1.into_iter().map(|pending| pending.content).collect();
    assert_eq!(contents, [Content::LineEnd, Content::Item(item(1)), Content::Item(item(2))]);
}

#[test]
fn a_predecessors_late_records_push_the_queue_behind_them() {
    let mut queue = Queue::of_stored(4, true, 1);
    queue.accept(vec![item(1)], || 0);
    queue.sent(2, ticket());
    queue.distrust();
    assert_eq!(queue.step(queue.target(), 1), Step::Compare);
    queue.compare(head(6, 6, 2), 3, ticket(), 1).unwrap();
    let (first, records) = queue.unsent(usize::MAX);
    assert_eq!((first, records.len()), (6, 1), "the line was ended by the predecessor");
}

#[test]
fn a_successor_or_a_shorter_log_is_told() {
    let mut queue = Queue::of_stored(4, false, 1);
    assert_eq!(queue.compare(head(5, 5, 4), 3, ticket(), 2), Err(Misfit::TakenOver));
    assert_eq!(queue.compare(head(3, 3, 2), 3, ticket(), 2), Err(Misfit::Shorter));
    assert_eq!(queue.compare(None, 3, ticket(), 2), Err(Misfit::Shorter));
}

#[test]
fn room_is_counted_but_never_refused_to_an_empty_queue() {
    let mut queue = Queue::of_new(pending(0), 1);
    assert!(queue.has_room(1 << 30, 100));
    queue.accept(vec![item(1)], || 0);
    let held = pending(0).bytes() + pending(1).bytes();
    assert!(queue.has_room(10, held + 10) && !queue.has_room(11, held + 10));
    queue.sent(2, ticket());
    queue.settle(2);
    assert!(queue.has_room(1 << 30, 100));
}

#[test]
fn an_ended_queue_takes_nothing_back() {
    let mut queue = Queue::of_stored(0, false, 1);
    queue.accept(vec![item(1)], || 0);
    queue.end();
    queue.sent(1, ticket());
    assert!(queue.ended() && queue.is_idle());
    assert_eq!(queue.unsent(usize::MAX).1, []);
}

/// What can happen to a queue and to the log under it.
#[derive(Clone, Copy, Debug)]
enum Event {
    Accept(u8),
    Send(u8),
    /// The disk has everything; somebody who waited says so.
    Sync,
    /// The disk has everything; nobody waited.
    SyncUnseen,
    /// What was not durable is taken back.
    FailedWrite,
    /// Nobody knows what of it is on disk: this many records are. The engine is opened again.
    FailedSync(u8),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..4u8).prop_map(Event::Accept),
        4 => (0..200u8).prop_map(Event::Send),
        2 => Just(Event::Sync),
        1 => Just(Event::SyncUnseen),
        1 => Just(Event::FailedWrite),
        1 => (0..5u8).prop_map(Event::FailedSync),
    ]
}

/// A stream as the engine keeps it.
#[derive(Default)]
struct Log {
    records: Vec<Pending>,
    durable: usize,
    opening: u64,
}

const EPOCH: u64 = 2;

impl Log {
    fn head(&self) -> Option<Head> {
        let (next, durable) = (wide(self.records.len()), wide(self.durable));
        if next == 0 { None } else { head(next, durable, EPOCH) }
    }

    /// One round of what a writer does; gives up where a call would end with an error.
    fn advance(&mut self, queue: &mut Queue, target: u64, bytes: usize, ticket: Ticket) -> bool {
        match queue.step(target, self.opening) {
            Step::Settled => false,
            Step::Compare => {
                queue.compare(self.head(), EPOCH, ticket, self.opening).unwrap();
                true
            }
            Step::Send => {
                let (first, records) = queue.unsent(bytes);
                if first == wide(self.records.len()) {
                    queue.sent(records.len(), ticket);
                    self.records.extend(records);
                } else {
                    queue.distrust(); // the engine refuses another ordinal than the next
                }
                true
            }
            Step::Wait { end, .. } => {
                // A failed write fails those who wait; then the ticket would not come true.
                if end > wide(self.records.len()) {
                    queue.distrust();
                } else {
                    self.durable = self.records.len();
                    queue.settle(end);
                }
                true
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_fails_each_item_is_stored_once_and_in_order(events in prop::collection::vec(event(), 0..60)) {
        let ticket = ticket();
        let mut queue = Queue::of_new(pending(0), 1);
        let mut log = Log { opening: 1, ..Log::default() };
        let mut accepted = 1;
        let mut kept = Vec::new();
        for event in events {
            match event {
                Event::Accept(count) => {
                    let items = (accepted..accepted + u64::from(count)).map(item).collect();
                    let mut clock = accepted;
                    queue.accept(items, || { clock += 1; clock - 1 });
                    accepted += u64::from(count);
                }
                Event::Send(bytes) => {
                    if !matches!(queue.step(queue.target(), log.opening), Step::Wait { .. }) {
                        let target = queue.target();
                        log.advance(&mut queue, target, usize::from(bytes), ticket);
                    }
                }
                Event::Sync => {
                    let target = queue.target();
                    for _ in 0..1000 {
                        if !log.advance(&mut queue, target, 100, ticket) { break; }
                    }
                    prop_assert_eq!(queue.step(target, log.opening), Step::Settled);
                }
                Event::SyncUnseen => log.durable = log.records.len(),
                Event::FailedWrite => log.records.truncate(log.durable),
                Event::FailedSync(survivors) => {
                    let most = log.records.len().min(log.durable + usize::from(survivors));
                    log.records.truncate(most);
                    log.durable = most;
                    log.opening += 1;
                }
            }
            // What is durable never changes again.
            prop_assert!(log.records[..log.durable].starts_with(&kept));
            kept = log.records[..log.durable].to_vec();
        }
        let target = queue.target();
        for _ in 0..1000 {
            if !log.advance(&mut queue, target, 100, ticket) { break; }
        }
        if accepted > 1 || log.durable > 0 {
            let expected: Vec<Pending> = (0..accepted).map(pending).collect();
            prop_assert_eq!(&log.records, &expected);
            prop_assert_eq!(log.durable, expected.len());
        }
        prop_assert!(queue.is_idle());
    }
}
