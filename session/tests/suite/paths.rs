//! What needs a thread's own file, where there is one and where there is none.

use std::path::PathBuf;

use threadlog_session::agent::TurnRefusal;
use threadlog_session::{EventMsg, Op, ResumeParams, StartParams, TurnHandle};

use crate::cases;
use crate::fixture::{Calls, Fixture, Where, is_invalid, until_turn_ends};
use crate::stores::path_of;

fn has_paths(fixture: &Fixture) -> bool {
    fixture.kind == Where::WithPaths
}

async fn the_path_is_known_from_the_start_where_there_is_one(fixture: Fixture) {
    let new = fixture.started().await;
    let path = has_paths(&fixture).then(|| path_of(new.thread_id));
    assert_eq!((new.thread.rollout_path(), new.thread.config().rollout_path), (path.clone(), path.clone()));
    match new.thread.require_rollout_path("review") {
        Ok(found) => assert_eq!(Some(found), path),
        Err(error) => {
            assert!(error.is_unsupported() && path.is_none(), "{error:?}");
            assert!(error.to_string().starts_with("review of thread"), "{error}");
        }
    }
    fixture.say(&new.thread, "nothing else changes").await;
}

async fn a_thread_is_resumed_only_from_its_own_file(fixture: Fixture) {
    let new = fixture.with_turns(&["one"]).await;
    let resume = async |path: PathBuf| {
        let mut params = ResumeParams::new(new.thread_id);
        params.rollout_path = Some(path);
        fixture.manager.resume(params).await
    };
    // Running, and then cold.
    for _ in 0..2 {
        let other = resume("/files/another.jsonl".into()).await;
        let own = resume(path_of(new.thread_id)).await;
        if has_paths(&fixture) {
            assert!(is_invalid(&other), "{other:?}");
            drop(own.unwrap());
        } else {
            for refused in [other, own] {
                let error = refused.unwrap_err();
                assert!(error.is_unsupported() && error.to_string().starts_with("resume of thread"), "{error}");
            }
        }
        fixture.manager.shutdown_all(std::time::Duration::from_secs(10)).await;
    }
    let again = fixture.manager.resume(ResumeParams::new(new.thread_id)).await.unwrap();
    fixture.say(&again.thread, "without a path it works everywhere").await;
}

async fn an_agent_gets_the_transcripts_path_or_is_told_what_needs_it(fixture: Fixture) {
    for ephemeral in [false, true] {
        let path = has_paths(&fixture) && !ephemeral;
        let mut params = StartParams::default();
        params.ephemeral = ephemeral;
        params.agent = Some(std::sync::Arc::new(Calls(move |_, handle: TurnHandle| async move {
            match handle.transcript_path("hook").await {
                Ok(found) if path && found == path_of(handle.thread_id()) => Ok(()),
                Err(TurnRefusal::Store(error)) if !path && error.to_string().starts_with("hook of thread") => Ok(()),
                other => Err(format!("{other:?}").into()),
            }
        })));
        let new = fixture.start(params).await;
        let turn = new.thread.submit(Op::user("one")).await.unwrap();
        let events = until_turn_ends(&new.thread, turn).await;
        assert!(matches!(events.last().unwrap().msg, EventMsg::TurnComplete { .. }), "{events:?}");
        assert_eq!(new.thread.require_rollout_path("hook").is_ok(), path);
    }
}

cases! {
    the_path_is_known_from_the_start_where_there_is_one
    a_thread_is_resumed_only_from_its_own_file
    an_agent_gets_the_transcripts_path_or_is_told_what_needs_it
}
