//! The walk from the end beside the plain definition, which replays a thread from its beginning.

use proptest::prelude::*;

use super::*;
use crate::context::build;
use crate::context::fact::{Fact, Role};

/// The ordinals that the model sees, by replaying: each marker cuts what is there at that moment.
fn replay(items: &[RolloutItem]) -> Vec<u64> {
    // What was taken back is gone; that something was is not.
    let gone = item("back:0");
    let mut there: Vec<(u64, &RolloutItem)> = Vec::new();
    for (ordinal, item) in (0..).zip(items) {
        match Fact::of(ordinal, item) {
            Fact::RolledBack(count) => {
                roll_back(&mut there, count);
                there.push((ordinal, &gone));
            }
            _ => there.push((ordinal, item)),
        }
    }
    let mut seen = Vec::new();
    for (ordinal, item) in there {
        match Fact::of(ordinal, item) {
            Fact::Seen(..) => seen.push(ordinal),
            Fact::Compacted(compacted) => {
                assert!(build::is_base(&compacted));
                seen = vec![ordinal];
            }
            _ => {}
        }
    }
    seen
}

fn roll_back(there: &mut Vec<(u64, &RolloutItem)>, count: u64) {
    let found: Vec<Turn> = turns(there.iter().copied()).into_iter().filter(|turn| turn.user).collect();
    let Some(first) = found.first() else { return };
    if count == 0 {
        return;
    }
    let place = found.len().saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
    let begins = |(ordinal, item): &(u64, &RolloutItem)| matches!(Fact::of(*ordinal, item), Fact::Seen(_, Role::User));
    if found[place].ordinals == first.ordinals {
        let message = there.iter().position(|one| one.0 >= first.ordinals.start && begins(one)).unwrap();
        return there.truncate(message);
    }
    let mut cut = there.iter().position(|one| one.0 == found[place].ordinals.start).unwrap();
    let introduces = |(ordinal, item): &(u64, &RolloutItem)| {
        matches!(Fact::of(*ordinal, item), Fact::Seen(_, Role::Context) | Fact::Settings(_) | Fact::Tokens(_))
    };
    while cut > 0 && introduces(&there[cut - 1]) {
        cut -= 1;
    }
    there.truncate(cut);
}

/// Stretches of threads as agents write them: turns with marks and without, compactions, markers.
fn stretch() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("start:a settings:a user:x answer:y tokens:5 end:a"),
        Just("start:a developer:rules user:x answer:y end:a"),
        Just("start:a user:x answer:y user:also answer:z end:a"),
        Just("start:a settings:a user:x condensed settings:a answer:y end:a"),
        Just("start:a user:x answer:half"),
        Just("start:s answer:shell end:s"),
        Just("start:c condensed end:c"),
        Just("user:x answer:y"),
        Just("place user:x answer:y"),
        Just("back:1"),
        Just("back:1"),
        Just("back:2"),
    ]
}

proptest! {
    #[test]
    fn the_walk_from_the_end_sees_what_a_replay_sees(stretches in proptest::collection::vec(stretch(), 0..14)) {
        let words = stretches.join(" ");
        let items = thread(&words);
        let context = context_of(&items);
        let walked: Vec<u64> = context.items.iter().map(|item| item.ordinal).collect();
        prop_assert_eq!(walked, replay(&items), "{}", words);
        let mut whole = ContextScan::new(Expected::default());
        for (ordinal, item) in backwards(&items) {
            whole.take(ordinal, item);
        }
        let whole = whole.finish();
        prop_assert_eq!(&whole.items, &context.items, "older items change nothing: {}", words);
        prop_assert_eq!(&whole.reference, &context.reference, "{}", words);
        prop_assert_eq!(&whole.previous_turn, &context.previous_turn, "{}", words);
        prop_assert_eq!(&whole.tokens, &context.tokens, "{}", words);
        prop_assert_eq!(&whole.open_turn, &context.open_turn, "{}", words);
    }
}
