use std::sync::atomic::AtomicUsize;

use super::*;

#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn wakers(count: usize) -> (Vec<Arc<Counter>>, Vec<Waker>) {
    let counters: Vec<Arc<Counter>> = (0..count).map(|_| Arc::default()).collect();
    let wakers = counters.iter().map(|counter| Waker::from(Arc::clone(counter))).collect();
    (counters, wakers)
}

fn woken(counters: &[Arc<Counter>]) -> Vec<usize> {
    counters.iter().map(|counter| counter.0.load(Ordering::SeqCst)).collect()
}

#[test]
fn exactly_those_are_taken_whose_sequence_is_durable() {
    let (counters, wakers) = wakers(4);
    let mut waiters = Waiters::default();
    for (sequence, waker) in [3, 5, 5, 6].into_iter().zip(wakers) {
        waiters.add(Sequence(sequence), waker, false);
    }
    let mut taken = Vec::new();
    waiters.take_upto(Sequence(2), &mut taken);
    assert!(taken.is_empty());
    waiters.take_upto(Sequence(5), &mut taken);
    taken.drain(..).for_each(Waker::wake);
    assert_eq!(woken(&counters), [1, 1, 1, 0]);
    assert!(!waiters.is_empty());
    waiters.take_all(&mut taken);
    taken.drain(..).for_each(Waker::wake);
    assert_eq!(woken(&counters), [1, 1, 1, 1]);
    assert!(waiters.is_empty());
}

#[test]
fn who_left_leads_nothing_and_is_woken_by_nobody() {
    let (counters, wakers) = wakers(3);
    let mut waiters = Waiters::default();
    let [task, first, second] = [(1, false), (2, true), (3, true)]
        .map(|(at, can_lead)| waiters.add(Sequence(at), wakers[usize::try_from(at).unwrap() - 1].clone(), can_lead));
    waiters.leader().unwrap().wake();
    assert_eq!(woken(&counters), [0, 1, 0], "a task cannot lead");
    assert!(waiters.remove(first).unwrap().will_wake(&wakers[1]));
    assert!(waiters.remove(first).is_none());
    waiters.leader().unwrap().wake();
    assert_eq!(woken(&counters), [0, 1, 1]);
    assert!(waiters.renew(task, wakers[2].clone()).unwrap().will_wake(&wakers[0]));
    assert!(waiters.renew(first, wakers[2].clone()).is_err());
    waiters.remove(second);
    assert!(waiters.leader().is_none());
    let mut taken = Vec::new();
    waiters.take_all(&mut taken);
    assert_eq!(taken.len(), 1);
}
