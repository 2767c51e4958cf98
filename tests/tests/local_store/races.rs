//! Deleting, forking and importing one thread, and emptying the trash, at the same time.

use std::time::Instant;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use threadlog_tests::proof::interleave::race::every_interleaving;
use threadlog_tests::proof::races::{Act, every_order_of, play, play_both_held};
use threadlog_tests::setting;

#[test]
fn two_of_delete_fork_and_import_in_every_order_of_their_steps() {
    let mut orders = 0;
    for delete in [Act::Delete, Act::DeleteAll] {
        for other in [Act::Fork, Act::Import] {
            orders += every_order_of(delete, other) + every_order_of(other, delete);
        }
    }
    orders += every_order_of(Act::Fork, Act::Import) + every_order_of(Act::Import, Act::Fork);
    println!("{orders} orders of two processes");
}

/// Every interleaving of some acts (or so many runs), told.
fn interleave(acts: &[Act]) {
    let began = Instant::now();
    let (counts, all) = every_interleaving(acts, setting("THREADLOG_RUNS", u64::MAX));
    let told = if all { "all" } else { "NOT ALL" };
    println!("{acts:?}: {told} of them: {counts}, {:.1} s", began.elapsed().as_secs_f64());
}

#[test]
fn two_of_delete_fork_and_import_in_every_interleaving() {
    for acts in
        [[Act::Delete, Act::Fork], [Act::DeleteAll, Act::Fork], [Act::Delete, Act::Import], [Act::Fork, Act::Import]]
    {
        interleave(&acts);
    }
}

#[test]
fn emptying_the_trash_and_one_other_in_every_interleaving() {
    for other in [Act::Restore, Act::Fork, Act::Import] {
        interleave(&[Act::Empty, other]);
    }
}

/// Too long for every day.
#[test]
#[ignore = "longer than 9 minutes: `just races`"]
fn three_in_every_interleaving() {
    interleave(&[Act::Delete, Act::Fork, Act::Import]);
}

#[test]
fn the_trash_is_emptied_beside_who_takes_a_thread_out_of_it_in_every_order_of_their_steps() {
    let mut orders = 0;
    for other in [Act::Restore, Act::Fork, Act::Import] {
        orders += every_order_of(Act::Empty, other) + every_order_of(other, Act::Empty);
    }
    println!("{orders} orders of two processes");
}

#[test]
fn two_at_once_are_both_held_and_the_first_goes_on_first() {
    let mut random = ChaCha8Rng::seed_from_u64(setting("THREADLOG_SEED", 1));
    let orders = setting("THREADLOG_ORDERS", 200);
    let (of_thread, of_trash) = ([Act::Delete, Act::DeleteAll, Act::Fork, Act::Import], [Act::Empty, Act::Restore]);
    for _ in 0..orders {
        let act = of_thread[random.random_range(0..4)];
        let other = match act {
            Act::Delete | Act::DeleteAll => [Act::Fork, Act::Import][random.random_range(0..2)],
            _ => [Act::Delete, Act::DeleteAll, of_trash[0]][random.random_range(0..3)],
        };
        let (act, other) = if random.random_range(0..5) == 0 { (of_trash[0], of_trash[1]) } else { (act, other) };
        let acts = if random.random() { [act, other] } else { [other, act] };
        play_both_held(acts, [random.random_range(0..60), random.random_range(0..60)]);
    }
    println!("{orders} orders of two processes, both held");
}

#[test]
fn three_of_delete_fork_import_and_the_trash_at_once() {
    let mut random = ChaCha8Rng::seed_from_u64(setting("THREADLOG_SEED", 1));
    let orders = setting("THREADLOG_ORDERS", 200);
    for round in 0..orders {
        let all = match round % 4 {
            0 => [Act::Delete, Act::Fork, Act::Import],
            1 => [Act::DeleteAll, Act::Fork, Act::Import],
            2 => [Act::Empty, Act::Restore, Act::Import],
            _ => [Act::Empty, Act::Restore, Act::Fork],
        };
        let first = random.random_range(0..3);
        let second = (first + random.random_range(1..3)) % 3;
        let acts = [all[first], all[second], all[3 - first - second]];
        play(&acts, &[random.random_range(0..60), random.random_range(0..60)]);
    }
    println!("{orders} orders of three processes");
}
