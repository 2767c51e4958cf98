//! Threads of which nothing is stored.

use threadlog::metadata::{MemoryMode, MetadataPatch};
use threadlog::thread_store::{Absence, ForkPosition};
use threadlog_session::{EventMsg, ForkParams, NewThread, Op, ResumeParams, Script, StartParams};

use crate::cases;
use crate::fixture::{Fixture, is_absent, is_invalid, texts_seen, until, until_turn_ends};

async fn ephemeral(fixture: &Fixture) -> NewThread {
    let mut params = StartParams::default();
    params.ephemeral = true;
    fixture.start(params).await
}

async fn an_ephemeral_thread_works_and_leaves_nothing(mut fixture: Fixture) {
    let new = ephemeral(&fixture).await;
    fixture.say(&new.thread, "one").await;
    fixture.say(&new.thread, "two").await;
    assert_eq!(texts_seen(&fixture.agent.turns()[1].history), ["one", "re one"], "it remembers");
    assert!(new.thread.live().is_none() && new.thread.is_ephemeral());
    assert!(new.thread.flush().await.is_ok());
    assert!(fixture.listed().await.is_empty());
    assert!(is_absent(&fixture.read(new.thread_id).await, Absence::Unknown));
    new.thread.shutdown().await.unwrap();
    fixture.restart().await;
    assert!(fixture.listed().await.is_empty());
    assert!(fixture.manager.resume(ResumeParams::new(new.thread_id)).await.is_err());
}

async fn what_only_a_stored_thread_can_do_is_refused_with_the_reason(fixture: Fixture) {
    let new = ephemeral(&fixture).await;
    fixture.say(&new.thread, "one").await;
    let refused = [
        Op::Rollback { num_turns: 1 },
        Op::SetName { name: Some("a name".to_owned()) },
        Op::SetMemoryMode { mode: MemoryMode::Disabled },
    ];
    for op in refused {
        let name = op.name();
        let id = new.thread.submit(op).await.unwrap();
        let event = until(&new.thread, |event| event.submission == Some(id)).await.pop().unwrap();
        let EventMsg::Error { message } = event.msg else { panic!("{event:?}") };
        assert!(message.starts_with(name) && message.contains("ephemeral"), "{message}");
    }
    let patch = MetadataPatch::rename("a name");
    let updated = fixture.manager.update_metadata(new.thread_id, patch, false).await;
    assert!(is_invalid(&updated), "{updated:?}");
    assert!(is_invalid(&new.thread.metadata().await));
}

async fn an_ephemeral_thread_compacts_interrupts_and_takes_items(fixture: Fixture) {
    let new = ephemeral(&fixture).await;
    fixture.say(&new.thread, "one").await;
    fixture.agent.add(Script::new().compacted("in short", None));
    let turn = new.thread.submit(Op::Compact).await.unwrap();
    until_turn_ends(&new.thread, turn).await;
    fixture.agent.add(Script::new().wait_for(Default::default()));
    let turn = new.thread.submit(Op::user("two")).await.unwrap();
    fixture.begun(3).await;
    new.thread.submit(Op::Interrupt).await.unwrap();
    until_turn_ends(&new.thread, turn).await;
    let note = serde_json::json!({"type": "message", "role": "developer", "content": []});
    assert!(new.thread.inject_items(vec![threadlog::live::NewItem::response(&note).unwrap()]).await.unwrap());
    fixture.say(&new.thread, "three").await;
    let seen = texts_seen(&fixture.agent.turns().last().unwrap().history);
    assert_eq!(seen[..2], ["one", "in short"], "{seen:?}");
}

async fn an_ephemeral_fork_of_a_stored_thread_is_cut_like_any_other(fixture: Fixture) {
    let source = fixture.with_turns(&["one", "two"]).await;
    let ids = fixture.listed().await;
    let positions = [
        ForkPosition::Interrupted,
        ForkPosition::BeforeUserMessage(1),
        ForkPosition::AtOrdinal(6),
        ForkPosition::AtOrdinal(0),
    ];
    for position in positions {
        let stored = fixture.manager.fork(ForkParams::new(source.thread_id).at(position.clone())).await.unwrap();
        let fork = ForkParams::new(source.thread_id).at(position.clone()).ephemeral();
        let fork = fixture.manager.fork(fork).await.unwrap();
        assert_eq!(fork.session_configured.context_items, stored.session_configured.context_items, "{position:?}");
        fixture.say(&fork.thread, "its").await;
        let seen = texts_seen(&fixture.agent.turns().last().unwrap().history);
        assert_eq!(seen, fixture.seen(stored.thread_id).await, "{position:?}");
        assert!(is_absent(&fixture.read(fork.thread_id).await, Absence::Unknown));
        assert!(fork.thread.rollout_path().is_none());
    }
    assert_eq!(fixture.listed().await.len(), ids.len() + 4, "the stored ones only");
    let wrong =
        fixture.manager.fork(ForkParams::new(source.thread_id).at(ForkPosition::AtOrdinal(999)).ephemeral()).await;
    assert!(is_invalid(&wrong), "{wrong:?}");
}

async fn a_fork_of_an_ephemeral_thread_has_copies(fixture: Fixture) {
    let source = ephemeral(&fixture).await;
    fixture.say(&source.thread, "one").await;
    let stored = fixture.manager.fork(ForkParams::new(source.thread_id)).await.unwrap();
    assert_eq!(fixture.seen(stored.thread_id).await, ["one", "re one"]);
    let another = fixture.manager.fork(ForkParams::new(source.thread_id).ephemeral()).await.unwrap();
    fixture.say(&another.thread, "two").await;
    fixture.say(&stored.thread, "three").await;
    assert_eq!(fixture.seen(stored.thread_id).await, ["one", "re one", "three", "re three"]);
    assert_eq!(fixture.listed().await, [stored.thread_id]);
}

cases! {
    an_ephemeral_thread_works_and_leaves_nothing
    what_only_a_stored_thread_can_do_is_refused_with_the_reason
    an_ephemeral_thread_compacts_interrupts_and_takes_items
    an_ephemeral_fork_of_a_stored_thread_is_cut_like_any_other
    a_fork_of_an_ephemeral_thread_has_copies
}
