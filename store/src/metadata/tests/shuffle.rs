//! Any order and any grouping of the same events gives the same bytes.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;

/// An event that owns what it is made of.
#[derive(Clone, Debug)]
enum Fact {
    Item(u64, String),
    Created(u64, u64),
    Imported(Stamp, Source),
    Patched(Stamp, MetadataPatch),
    Archived(Stamp, bool),
}

fn take(state: &mut ThreadMetadata, fact: &Fact) {
    match fact {
        Fact::Item(ordinal, line) => apply(state, *ordinal, line),
        Fact::Created(clock, at_ms) => {
            state.apply(MetadataEvent::Created { clock: *clock, created: &created(*at_ms, None) });
        }
        Fact::Imported(stamp, source) => state.apply(MetadataEvent::Imported { stamp: *stamp, source }),
        Fact::Patched(stamp, patch) => state.apply(MetadataEvent::Patched { stamp: *stamp, patch }),
        Fact::Archived(stamp, true) => state.apply(MetadataEvent::Archived { stamp: *stamp }),
        Fact::Archived(stamp, false) => state.apply(MetadataEvent::Unarchived { stamp: *stamp }),
    }
}

fn fold_facts(facts: &[Fact]) -> ThreadMetadata {
    facts.iter().fold(ThreadMetadata::new(thread()), |mut state, fact| {
        take(&mut state, fact);
        state
    })
}

/// A line of every sort that says something, in few variants, so that they meet.
fn any_line() -> impl Strategy<Value = String> {
    let word = || prop::sample::select(vec!["a", "b", "c", ""]);
    let id = prop::sample::select(vec![THREAD, SOURCE, "odd"]);
    let meta = (id, word(), prop::sample::select(vec!["", "disabled", "polluted"]), word()).prop_map(
        |(id, cwd, mode, branch)| {
            let git = if branch.is_empty() { "null".to_owned() } else { format!(r#"{{"branch":"{branch}"}}"#) };
            (
                "session_meta",
                format!(r#"{{"id":"{id}","cwd":"{cwd}","memory_mode":"{mode}","git":{git},"agent_path":"{cwd}"}}"#),
            )
        },
    );
    let turn = (word(), word(), word()).prop_map(|(cwd, model, effort)| {
        (
            "turn_context",
            format!(r#"{{"cwd":"{cwd}","model":"{model}","effort":"{effort}","approval_policy":"{cwd}"}}"#),
        )
    });
    let settings = (word(), word(), word()).prop_map(|(cwd, model, effort)| {
        let settings = format!(
            r#"{{"cwd":"{cwd}","model":"{model}","model_provider_id":"{effort}","reasoning_effort":"{effort}"}}"#
        );
        ("event_msg", format!(r#"{{"type":"thread_settings_applied","thread_settings":{settings}}}"#))
    });
    let texts = |format: fn(&str) -> String| word().prop_map(move |word| ("event_msg", format(word)));
    let events = prop_oneof![
        texts(|word| format!(r#"{{"type":"user_message","message":"{word}","images":["x"]}}"#)),
        texts(|word| format!(r#"{{"type":"thread_name_updated","thread_name":"{word}"}}"#)),
        texts(|word| format!(r#"{{"type":"thread_goal_updated","goal":{{"objective":"{word}"}}}}"#)),
        texts(|word| format!(
            r#"{{"type":"item_completed","item":{{"type":"UserMessage","content":[{{"text":"{word}"}}]}}}}"#
        )),
        Just(("event_msg", r#"{"type":"task_started"}"#.to_owned())),
        (0..3u8).prop_map(|n| (
            "event_msg",
            format!(r#"{{"type":"token_count","info":{{"total_token_usage":{{"total_tokens":{n}}}}}}}"#)
        )),
        Just(("response_item", "{}".to_owned())),
    ];
    let enveloped = (0..20u64, prop_oneof![meta, turn, settings, events])
        .prop_map(|(second, (kind, payload))| line(second, kind, &payload));
    let bare = prop::sample::select(vec![
        format!("{{\"id\":\"{THREAD}\",\"timestamp\":\"2025-08-23T16:11:15.454Z\"}}\n"),
        "{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"text\":\"bare\"}]}\n".to_owned(),
        "{\"timestamp\": \"2026-02-04T20:29:30.000Z\",\"type\":\"turn_context\",\"payload\":{\"model\":\"odd\"}}\r\n"
            .to_owned(),
        "not json\n".to_owned(),
    ]);
    prop_oneof![6 => enveloped, 1 => bare]
}

fn any_stamp() -> impl Strategy<Value = Stamp> {
    // Few, so that stamps meet; equal ones too, which must not happen and must not matter.
    (0..3u64, 0..3u32).prop_map(|(clock, journal)| stamp(super::clock(clock), journal))
}

fn any_patch() -> impl Strategy<Value = MetadataPatch> {
    let words = prop::sample::select(vec!["\"a\"", "\"b\"", "\"c\"", "null"]);
    let field = prop::sample::select(vec![
        "name",
        "cwd",
        "model",
        "sandbox",
        "git.branch",
        "git.sha",
        "tags.x",
        "tags.y",
        "pinned",
        "trashed",
    ]);
    proptest::collection::btree_map(field, words, 1..4).prop_map(|fields| {
        let mut patch = MetadataPatch::default();
        for (field, word) in fields {
            let on = word != "null";
            if field == "trashed" {
                // Having seen one item, or two, or nobody knows how many.
                let seen = ["\"a\"", "\"b\""].iter().position(|known| *known == word);
                let seen = seen.map(|last| fold(&vec![user(1, "x"); last + 1]));
                let patch_of = |state: &ThreadMetadata| MetadataPatch::trash(on).of(state);
                patch.merge(seen.as_ref().map_or_else(|| MetadataPatch::trash(on), patch_of));
                continue;
            }
            let json = match field.split_once('.') {
                None if field == "pinned" => format!(r#"{{"pinned":{on}}}"#),
                None => format!(r#"{{"{field}":{word}}}"#),
                Some(("tags", tag)) => format!(r#"{{"tags":{{"{tag}":{on}}}}}"#),
                Some((outer, inner)) => format!(r#"{{"{outer}":{{"{inner}":{word}}}}}"#),
            };
            patch.merge(serde_json::from_str(&json).unwrap());
        }
        patch
    })
}

fn any_facts() -> impl Strategy<Value = Vec<Fact>> {
    let place = prop::sample::select(vec!["sessions/a", "archived_sessions/a"]);
    let control = prop_oneof![
        4 => (any_stamp(), any_patch()).prop_map(|(stamp, patch)| Fact::Patched(stamp, patch)),
        2 => (any_stamp(), any::<bool>()).prop_map(|(stamp, archived)| Fact::Archived(stamp, archived)),
        1 => (any_stamp(), place, 0..3i64).prop_map(|(stamp, place, ms)| Fact::Imported(stamp, source(place, ms))),
    ];
    let began = proptest::collection::btree_map(0..4u64, 0..3u64, 0..3);
    let parts = (proptest::collection::vec(any_line(), 0..12), proptest::collection::vec(control, 0..16), began);
    parts.prop_map(|(lines, controls, began)| {
        let items = (0..).zip(lines).map(|(ordinal, line)| Fact::Item(ordinal, line));
        let began = began.into_iter().map(|(clock, at_ms)| Fact::Created(clock, at_ms));
        items.chain(controls).chain(began).collect()
    })
}

/// Facts in order and shuffled, and for each of the latter the part that it belongs to.
fn any_shuffle() -> impl Strategy<Value = (Vec<Fact>, Vec<(Fact, usize)>)> {
    any_facts().prop_flat_map(|facts| {
        let parts = proptest::collection::vec(0..4usize, facts.len());
        let parted = parts.prop_map({
            let facts = facts.clone();
            move |parts| facts.iter().cloned().zip(parts).collect::<Vec<_>>()
        });
        (Just(facts), parted.prop_shuffle())
    })
}

/// Folds each part by itself and joins the results, either one after another or in pairs.
fn fold_parted(parted: &[(Fact, usize)], pairs: bool) -> ThreadMetadata {
    let part = |number| {
        let facts: Vec<Fact> =
            parted.iter().filter(|(_, part)| *part == number).map(|(fact, _)| fact.clone()).collect();
        fold_facts(&facts)
    };
    let join = |mut left: ThreadMetadata, right| {
        left.join(right);
        left
    };
    match pairs {
        false => join(join(join(part(3), part(1)), part(0)), part(2)),
        true => join(join(part(0), part(1)), join(part(2), part(3))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_order_and_grouping_gives_the_same_bytes((facts, parted) in any_shuffle()) {
        let bytes = fold_facts(&facts).to_canonical_bytes();
        let shuffled: Vec<Fact> = parted.iter().map(|(fact, _)| fact.clone()).collect();
        prop_assert_eq!(&bytes, &fold_facts(&shuffled).to_canonical_bytes(), "order");
        prop_assert_eq!(&bytes, &fold_parted(&parted, false).to_canonical_bytes(), "grouping, one after another");
        prop_assert_eq!(&bytes, &fold_parted(&parted, true).to_canonical_bytes(), "grouping, in pairs");
    }

    #[test]
    fn a_checkpoint_anywhere_changes_nothing(facts in any_facts(), at in any::<prop::sample::Index>()) {
        let (front, back) = facts.split_at(if facts.is_empty() { 0 } else { at.index(facts.len()) });
        let mut resumed = ThreadMetadata::from_canonical_bytes(&fold_facts(front).to_canonical_bytes()).unwrap();
        back.iter().for_each(|fact| take(&mut resumed, fact));
        prop_assert_eq!(resumed.to_canonical_bytes(), fold_facts(&facts).to_canonical_bytes());
    }
}

/// The shuffles above prove something only if their events contend. So: of every sort, many cases have
/// two events that a fold without ordinals and stamps would order by arrival.
#[test]
fn the_shuffled_events_contend() {
    let mut runner = TestRunner::deterministic();
    let mut contended = [0; 4];
    for _ in 0..200 {
        let (facts, parted) = any_shuffle().new_tree(&mut runner).unwrap().current();
        let shuffled: Vec<Fact> = parted.into_iter().map(|(fact, _)| fact).collect();
        let last = |of: fn(&Fact) -> Option<String>| {
            let last = |facts: &[Fact]| facts.iter().rev().find_map(of);
            usize::from(last(&facts) != last(&shuffled))
        };
        let name = |fact: &Fact| match fact {
            Fact::Patched(_, patch) => patch.name.as_ref().map(|name| format!("{name:?}")),
            _ => None,
        };
        let line = |fact: &Fact| match fact {
            Fact::Item(_, line) => Some(line.clone()),
            _ => None,
        };
        let archived = |fact: &Fact| match fact {
            Fact::Archived(_, archived) => Some(archived.to_string()),
            _ => None,
        };
        contended[0] += last(name);
        contended[1] += last(line);
        contended[2] += last(archived);
        contended[3] += usize::from(same_clock(&facts));
    }
    assert!(contended.iter().all(|cases| *cases >= 10), "{contended:?}");
}

/// Whether two journals name the thread differently at the same clock.
fn same_clock(facts: &[Fact]) -> bool {
    let names: Vec<_> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Patched(stamp, patch) => patch.name.clone().map(|name| (stamp, name)),
            _ => None,
        })
        .collect();
    names.iter().any(|(a, x)| names.iter().any(|(b, y)| a.clock == b.clock && a.journal != b.journal && x != y))
}
