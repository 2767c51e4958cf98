use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Stored patches must keep their bytes for ever: control records hold them.
#[test]
fn stored_patches_keep_their_bytes() {
    let patch: MetadataPatch = serde_json::from_str(
        r#"{"name":"ab","memory_mode":"polluted","git":{"branch":null},"tags":{"x":true,"y":false},"pinned":true}"#,
    )
    .unwrap();
    let bytes = postcard::to_allocvec(&patch).unwrap();
    let entries = [
        "06",                          // six entries, by field and key
        "0100 01 02 6162",             // 1 name = "ab"
        "0200 01 08 706f6c6c75746564", // 2 memory mode = "polluted"
        "0400 00",                     // 4 git branch: cleared
        "0c0178 01 00",                // 12 tag "x": added
        "0c0179 00",                   // 12 tag "y": removed
        "0d00 01 00",                  // 13 pinned
    ];
    assert_eq!(hex(&bytes), entries.concat().replace(' ', ""));
    // 14 in the trash: of a thread whose items end at 2, of one that was not looked at; out of it.
    let two = MetadataPatch::trash(true).of(&fold(&[user(1, "a"), user(2, "b")]));
    for (patch, bytes) in [
        (two, "01 0e00 01 08 0200000000000000"),
        (MetadataPatch::trash(true), "01 0e00 01 00"),
        (MetadataPatch::trash(false), "01 0e00 00"),
    ] {
        let stored = postcard::to_allocvec(&patch).unwrap();
        assert_eq!(hex(&stored), bytes.replace(' ', ""));
        assert_eq!(postcard::from_bytes::<MetadataPatch>(&stored).unwrap(), patch);
    }
    let numbers: Vec<u32> = serde_json::from_str::<MetadataPatch>(
        r#"{"name":"n","memory_mode":"disabled","git":{"sha":"s","branch":"b","origin_url":"u"},"cwd":"c","model":"m",
        "model_provider":"p","reasoning_effort":"e","approval_policy":"a","sandbox":"s","tags":{"t":true},"pinned":true}"#,
    )
    .unwrap()
    .entries()
    .into_iter()
    .map(|((field, _), _)| field)
    .collect();
    assert_eq!(numbers, (1..=13).collect::<Vec<_>>());
}

fn rich() -> ThreadMetadata {
    let lines = [
        meta(
            1,
            r#","timestamp":"2026-02-04T20:29:00.000Z","cwd":"/c","source":"cli","git":{"branch":"main"},"memory_mode":"disabled""#,
        ),
        event(2, r#"{"type":"task_started"}"#),
        line(3, "turn_context", r#"{"model":"m","effort":"high"}"#),
        user(4, "hi"),
        event(5, r#"{"type":"token_count","info":{"total_token_usage":{"total_tokens":300}}}"#),
        event(6, r#"{"type":"thread_name_updated","thread_name":"N"}"#),
    ];
    let mut state = patched(fold(&lines), 70_000, r#"{"name":"U","tags":{"t":true}}"#);
    state.apply(MetadataEvent::Created { clock: 5, created: &created(9, None) });
    state.apply(MetadataEvent::Imported { stamp: stamp(6, 1), source: &source("archived_sessions/a", 7) });
    state.apply(MetadataEvent::Archived { stamp: stamp(80_000, 2) });
    state
}

/// If this fails, the encoding changed: raise the version of checkpoints, so that old ones are folded anew.
#[test]
fn checkpoints_keep_their_bytes() {
    let parts = [
        "03 10 019c2a58c0cc7860b9ca7e2dcda03ddb",          // version, thread
        "01 05 09 00",                                     // created at clock 5: time 9, no time in a name
        "01 06 01 07 01",                                  // file of stamp (6, 1): modified at 7, archived
        "02",                                              // two entries that users set
        "0100 01 f0a204 00 01 01 55",                      // name, stamp (70000, 0): "U"
        "0c0174 01 f0a204 00 01 00",                       // tag "t", same stamp: added
        "01 80f104 02 01",                                 // archived, stamp (80000, 2)
        "01 00 01 e09de0d2c233 000000 01022f63", // session of ordinal 0: timestamp, three times nothing, cwd "/c"
        "0000 0103636c69 000000000000",          // two times nothing, source "cli", six times nothing
        "01 00 808080f780cb8ace01 01",           // memory mode of ordinal 0 and its clock: disabled
        "01 00 808080f780cb8ace01 00 01046d61696e 00", // git likewise: only branch "main"
        "00",                                    // no session of another thread
        "00 00",                                 // directory of changed settings, of the first turn
        "01 02 948080f780cb8ace01 016d",         // model of ordinal 2: "m"
        "00",                                    // model provider
        "01 02 948080f780cb8ace01 010468696768", // effort: "high"
        "00 00",                                 // approval, sandbox
        "01 03 026869 00 00 00",                 // words of ordinal 3: "hi"; no image, goal, bare words
        "01 05 b28080f780cb8ace01 014e",         // name of ordinal 5: "N"
        "01 04 a88080f780cb8ace01 ac02",         // tokens of ordinal 4: 300
        "06 06 01 01",                           // items, the ordinal behind the last, turns, user messages
        "01 00 c8a5e0d2c233",                    // first time, of ordinal 0
        "01 d0cce0d2c233 01 b0ade0d2c233 01 80bde0d2c233", // last times: of an item, a turn, a message
        "00",                                    // nothing inherited
    ];
    assert_eq!(hex(&rich().to_canonical_bytes()), parts.concat().replace(' ', ""));
}

#[test]
fn checkpoints_read_back_or_say_why_not() {
    let state = rich();
    let bytes = state.to_canonical_bytes();
    assert_eq!(ThreadMetadata::from_canonical_bytes(&bytes), Ok(state));
    let longer = [&bytes[..], &[0]].concat();
    for damaged in [&bytes[..0], &bytes[..1], &bytes[..bytes.len() - 1], &longer] {
        assert_eq!(ThreadMetadata::from_canonical_bytes(damaged), Err(BadCheckpoint::Content));
    }
    let mut newer = bytes;
    newer[0] = 9;
    assert_eq!(ThreadMetadata::from_canonical_bytes(&newer), Err(BadCheckpoint::Version(9)));
}
