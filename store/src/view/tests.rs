use proptest::prelude::*;
use threadlog_engine::number::wide;

use super::*;
use crate::event::{Body, Control, Created, Event, ItemRecord, Origin, Place, Source};
use crate::item::{Oddity, parse};
use crate::path::PathBytes;

const META: &str = r#"{"timestamp":"2026-02-04T20:29:45.576Z","type":"session_meta","payload":{"id":"A","timestamp":"2026-02-04T20:29:45.000Z","cwd":"/meta","originator":"o","source":"cli"}}"#;
const OTHER_META: &str = r#"{"timestamp":"2026-02-04T20:29:46.000Z","type":"session_meta","payload":{"id":"B","cwd":"/other","originator":"p","git":{"branch":"x"}}}"#;
const TURN: &str =
    r#"{"timestamp":"2026-02-04T20:29:47.000Z","type":"turn_context","payload":{"cwd":"/turn","model":"m1"}}"#;
const TURN_2: &str =
    r#"{"timestamp":"2026-02-04T20:29:48.000Z","type":"turn_context","payload":{"cwd":"/turn2","model":"m2"}}"#;
const USER: &str = r#"{"timestamp":"2026-02-04T20:29:49.000Z","type":"event_msg","payload":{"type":"user_message","message":"first words"}}"#;
const USER_2: &str = r#"{"timestamp":"2026-02-04T20:29:50.000Z","type":"event_msg","payload":{"type":"user_message","message":"second words"}}"#;
const EMPTY_USER: &str =
    r#"{"timestamp":"2026-02-04T20:29:49.000Z","type":"event_msg","payload":{"type":"user_message","message":" "}}"#;
const API_USER: &str = r#"{"timestamp":"2026-02-04T20:29:48.500Z","type":"response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"not an event"}]}}"#;
const BARE_META: &str =
    r#"{"id":"C","timestamp":"2025-08-23T16:11:15.454Z","instructions":null,"git":{"branch":"main"}}"#;
const BARE_CONTEXT: &str =
    r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"<environment_context>"}]}"#;
const BARE_USER: &str = r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"old words"}]}"#;
const SPACED: &str = r#"{"timestamp": "2026-02-04T20:29:51.000Z","type":"turn_context","payload":{"model":"m3"}}"#;

/// An event as its owner: an ordinal, and the bytes of a piece of a file (and whether it continues a line), or a control record.
#[derive(Clone, Debug)]
enum Fact {
    Piece(u64, Vec<u8>, bool),
    Control(u64, Control),
}

fn apply(facts: &mut ThreadFacts, fact: &Fact) {
    match fact {
        Fact::Control(clock, control) => {
            facts.apply(&Event { ordinal: *clock, clock: *clock, lease_epoch: 0, body: Body::Control(control.clone()) })
        }
        Fact::Piece(ordinal, bytes, continues) => {
            let line = match *continues {
                true => crate::item::Line::Verbatim(bytes, crate::item::Oddities::default().with(Oddity::HalfLine)),
                false => parse(bytes),
            };
            let body = Body::Item(ItemRecord::from_line(&line, *continues));
            facts.apply(&Event { ordinal: *ordinal, clock: 0, lease_epoch: 0, body });
        }
    }
}

fn fold(facts: &[Fact]) -> ThreadFacts {
    facts.iter().fold(ThreadFacts::default(), |mut state, fact| {
        apply(&mut state, fact);
        state
    })
}

fn lines(lines: &[&str]) -> Vec<Fact> {
    (0..).zip(lines).map(|(ordinal, line)| Fact::Piece(ordinal, format!("{line}\n").into_bytes(), false)).collect()
}

fn place(path: &str) -> Place {
    Place { root: PathBytes::new(&b"/home"[..]), path: PathBytes::new(path) }
}

fn source(path: &str, bytes: u64, replaces: Option<&str>) -> Control {
    Control::Source(Source {
        place: place(path),
        modified_ns: 1_700_000_000_123_456_789,
        bytes,
        blake3: [0; 32],
        records: 0,
        lines: 0,
        replaces: replaces.map(place),
    })
}

#[test]
fn totals_are_sums_and_extremes() {
    let all = [META, OTHER_META, TURN, API_USER, EMPTY_USER, USER, TURN_2, USER_2];
    let facts = fold(&lines(&all));
    let totals = facts.totals();
    assert_eq!((totals.lines, totals.records, totals.odd.is_empty()), (8, 8, true));
    assert_eq!(totals.bytes, all.iter().map(|line| wide(line.len()) + 1).sum::<u64>());
    assert_eq!(totals.first_time().unwrap().to_string(), "2026-02-04T20:29:45.576Z");
    assert_eq!(totals.last_time().unwrap().to_string(), "2026-02-04T20:29:50.000Z");
    assert_eq!(facts.last_active(), totals.last_time());
}

#[test]
fn where_no_item_tells_its_time_the_file_does_and_then_the_creation() {
    let mut all = lines(&[BARE_META, BARE_CONTEXT, BARE_USER, BARE_META]);
    let facts = fold(&all);
    assert_eq!(facts.totals().odd.get(Oddity::NoEnvelope), 4);
    assert_eq!(facts.last_active(), None, "what the lines call a time is none of theirs");
    let created = Created { at_ms: 5, id_text: None, rollout: None, origin: Origin::Native };
    all.push(Fact::Control(8, Control::Created(created)));
    assert_eq!(fold(&all).last_active().unwrap().ms(), 5);
    all.push(Fact::Control(9, source("a", 1, None)));
    assert_eq!(fold(&all).last_active().unwrap().to_string(), "2023-11-14T22:13:20.123Z");
    all.extend(lines(&[SPACED]).into_iter().map(|fact| match fact {
        Fact::Piece(_, bytes, continues) => Fact::Piece(4, bytes, continues),
        fact => fact,
    }));
    assert_eq!(
        fold(&all).last_active().unwrap().to_string(),
        "2026-02-04T20:29:51.000Z",
        "an envelope in another form"
    );
}

#[test]
fn a_line_in_pieces_counts_once_and_has_its_time() {
    let meta = format!("{META}\n");
    let (front, back) = meta.split_at(100);
    let pieces = [
        Fact::Piece(0, b"{\"record_type\":\"state\"}\n".to_vec(), false),
        Fact::Piece(1, front.as_bytes().to_vec(), false),
        Fact::Piece(2, back.as_bytes()[..20].to_vec(), true),
        Fact::Piece(3, back.as_bytes()[20..].to_vec(), true),
    ];
    let half = fold(&pieces[..3]);
    assert_eq!((half.totals().lines, half.totals().odd.get(Oddity::HalfLine)), (2, 1));
    assert_eq!(half.totals().first_time(), None);
    let whole = fold(&pieces);
    assert_eq!((whole.totals().lines, whole.totals().odd.get(Oddity::HalfLine)), (2, 0));
    assert_eq!(whole.totals().records, 4);
    assert_eq!(whole.totals().first_time().unwrap().to_string(), "2026-02-04T20:29:45.576Z");
}

#[test]
fn sources_are_by_name_and_the_latest_counts() {
    let created = Created { at_ms: 5, id_text: None, rollout: None, origin: Origin::Native };
    let events = [
        Fact::Control(1, Control::Created(created)),
        Fact::Control(2, source("sessions/a", 10, None)),
        Fact::Control(3, source("sessions/a", 20, None)),
        Fact::Control(4, source("copy/a", 20, None)),
        Fact::Control(5, source("archived_sessions/a", 20, Some("sessions/a"))),
    ];
    let life = fold(&events[..4]).life;
    assert_eq!(
        life.sources().map(|(_, s)| (s.place.path.to_string(), s.bytes)).collect::<Vec<_>>(),
        [("copy/a".to_owned(), 20), ("sessions/a".to_owned(), 20)]
    );
    let life = fold(&events).life;
    assert_eq!(life.latest_source().map(|source| &source.place), Some(&place("archived_sessions/a")));
    assert_eq!(life.source(&place("sessions/a")), None, "it moved");
    assert_eq!((life.clock(), life.created_clock()), (5, 1));
    // It came back.
    let back = [&events[..], &[Fact::Control(6, source("sessions/a", 20, Some("archived_sessions/a")))]].concat();
    assert_eq!(fold(&back).life.latest_source().map(|source| &source.place), Some(&place("sessions/a")));
}

fn any_fact() -> impl Strategy<Value = Vec<Fact>> {
    let line = prop::sample::select(vec![
        META,
        OTHER_META,
        TURN,
        TURN_2,
        USER,
        USER_2,
        EMPTY_USER,
        API_USER,
        BARE_META,
        BARE_CONTEXT,
        BARE_USER,
        SPACED,
        "",
        "x",
    ]);
    let cuts = proptest::collection::vec(any::<prop::sample::Index>(), 0..4);
    // Now and then a record claims to continue a line that has ended, or none.
    let stray = proptest::bool::weighted(0.2);
    let lines = proptest::collection::vec((line, cuts, stray), 0..8);
    let sources = proptest::collection::vec((0..3u8, proptest::option::of(0..3u8)), 0..6);
    (lines, sources, any::<bool>()).prop_map(|(lines, sources, cut_end)| {
        let mut facts = Vec::new();
        let last = lines.len().saturating_sub(1);
        for (number, (line, cuts, stray)) in lines.into_iter().enumerate() {
            let end = if cut_end && number == last { "" } else { "\n" };
            let text = format!("{line}{end}").into_bytes();
            if text.is_empty() {
                continue;
            }
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len())).filter(|&cut| cut > 0).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            cuts.dedup();
            for pair in cuts.windows(2) {
                facts.push(Fact::Piece(wide(facts.len()), text[pair[0]..pair[1]].to_vec(), pair[0] > 0 || stray));
            }
        }
        for (clock, (path, replaces)) in (100..).zip(sources) {
            let replaces = replaces.map(|old| old.to_string());
            facts.push(Fact::Control(clock, source(&path.to_string(), clock, replaces.as_deref())));
        }
        facts
    })
}

proptest! {
    #[test]
    fn any_order_of_events_gives_the_same_bytes(
        (facts, shuffled) in any_fact().prop_flat_map(|facts| (Just(facts.clone()), Just(facts).prop_shuffle()))
    ) {
        let encode = |facts: &[Fact]| postcard::to_allocvec(&fold(facts)).unwrap();
        prop_assert_eq!(encode(&facts), encode(&shuffled));
        prop_assert_eq!(fold(&facts).totals(), fold(&shuffled).totals());
    }

    #[test]
    fn a_checkpoint_anywhere_changes_nothing(facts in any_fact(), at in any::<prop::sample::Index>()) {
        let (front, back) = facts.split_at(if facts.is_empty() { 0 } else { at.index(facts.len()) });
        let checkpoint = postcard::to_allocvec(&fold(front)).unwrap();
        let mut resumed: ThreadFacts = postcard::from_bytes(&checkpoint).unwrap();
        back.iter().for_each(|fact| apply(&mut resumed, fact));
        prop_assert_eq!(resumed, fold(&facts));
    }
}
