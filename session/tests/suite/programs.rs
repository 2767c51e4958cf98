//! Agents that are programs.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use threadlog::memory::InMemoryThreadStore;
use threadlog_session::{
    AbortReason, Event, EventMsg, NewThread, Op, ProcessAgent, ProcessConfig, StartParams, ThreadManager, UserInput,
};

use crate::fixture::{sorts, until, until_turn_ends};

/// A thread whose agent is this script of the shell.
async fn thread(script: &str, change: impl FnOnce(&mut ProcessConfig)) -> (ThreadManager, NewThread) {
    let mut config = ProcessConfig::new("sh");
    config.args = vec!["-c".into(), script.into()];
    change(&mut config);
    let manager = ThreadManager::new(Arc::new(InMemoryThreadStore::new()), Arc::new(ProcessAgent::new(config)));
    let new = manager.start(StartParams::default()).await.unwrap();
    (manager, new)
}

async fn say(new: &NewThread, text: &str) -> Vec<Event> {
    let turn = new.thread.submit(Op::user(text)).await.unwrap();
    until_turn_ends(&new.thread, turn).await
}

#[track_caller]
fn failed(events: &[Event]) -> &str {
    match &events.last().unwrap().msg {
        EventMsg::TurnAborted { reason: AbortReason::Failed(message), .. } => message,
        other => panic!("{other:?}"),
    }
}

fn shown(events: &[Event]) -> Vec<Value> {
    let json = |event: &Event| match &event.msg {
        EventMsg::Shown(json) => Some(serde_json::from_slice(json).unwrap()),
        _ => None,
    };
    events.iter().filter_map(json).collect()
}

fn run<F: Future<Output = ()>>(case: F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(30), case).await.expect("the case hangs") });
}

/// Whether a process of this id is there and is no zombie.
fn lives(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

async fn until_gone(pid: &str) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while lives(pid) {
        assert!(Instant::now() < deadline, "process {pid} still runs");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn a_program_is_told_the_turn_and_its_items_are_stored() {
    run(async {
        let script = r#"read -r turn
            printf '%s\n' "{\"type\":\"show\",\"payload\":$turn}"
            echo '{"type":"message","text":"hello"}'
            echo '{"type":"tokens","total":12,"output":5}'
            echo '{"type":"item","kind":"response_item","payload":{"type":"reasoning","summary":[],"n":1.50}}'
            echo '{"type":"flush","request":7}'
            read -r flushed
            printf '%s\n' "{\"type\":\"show\",\"payload\":$flushed}"
            echo '{"type":"turn_complete"}'"#;
        let (manager, new) = thread(script, |_| {}).await;
        say(&new, "one").await;
        let events = say(&new, "two").await;
        let EventMsg::TurnComplete { last_agent_message, .. } = &events.last().unwrap().msg else {
            panic!("{events:?}")
        };
        assert_eq!(last_agent_message.as_deref(), Some("hello"));
        let shown = shown(&events);
        let turn = &shown[0];
        assert_eq!((&turn["type"], &turn["protocol"], &turn["kind"]), (&"turn".into(), &1.into(), &"user".into()));
        assert_eq!(turn["input"][0]["text"], "two");
        assert_eq!(turn["history"].as_array().unwrap().len(), 3, "{turn}");
        assert_eq!(turn["history"][0]["payload"]["content"][0]["text"], "one");
        assert_eq!(turn["tokens"]["total"], 12);
        assert_eq!(shown[1], serde_json::json!({"type": "flushed", "request": 7}));
        let params = threadlog::thread_store::LoadHistoryParams::new(new.thread_id);
        let items = manager.store().load_history(params).await.unwrap().items;
        let first =
            ["session_meta", "task_started", "turn_context", "user", "user_message", "assistant", "agent_message"];
        assert_eq!(sorts(&items)[..7], first);
        let exact = items.iter().any(|item| {
            matches!(item, threadlog::RolloutItem::Enveloped { payload, .. } if payload.ends_with(br#""n":1.50}"#))
        });
        assert!(exact, "payloads byte for byte");
    });
}

#[test]
fn whatever_a_program_does_wrong_is_said_and_the_thread_goes_on() {
    run(async {
        let wrong = [
            ("exit 3", "ended without saying that the turn is complete (exit code 3)"),
            ("kill -9 $$", "killed by signal 9"),
            ("exec 1>&-; sleep 100", "it closed its output and still runs"),
            ("echo hello", "a line that is not of the protocol"),
            (r#"echo '{"type":"never_heard_of"}'"#, "never_heard_of"),
            (r#"echo '{"type":"turn_failed","message":"no model"}'"#, "no model"),
            (r#"echo '{"type":"item","kind":"session_meta","payload":{}}'"#, "the session's to say"),
            ("echo one >&2; echo two >&2; exit 1", "its last words: one / two"),
            ("printf 'x\\377\\n'", "a line that is not of the protocol"),
            ("head -c 100000 /dev/zero; echo", "a line that is not of the protocol"),
            ("sleep 1000 & exit 7", "(exit code 7)"),
        ];
        for (script, words) in wrong {
            let (_manager, new) = thread(script, |config| config.exit_grace = Duration::from_millis(300)).await;
            for _ in 0..2 {
                let events = say(&new, "hello").await;
                assert!(failed(&events).contains(words), "{script}: {}", failed(&events));
            }
        }
        let (_manager, new) = thread("", |config| config.program = "/no/such/program".into()).await;
        assert!(failed(&say(&new, "hello").await).contains("cannot start \"/no/such/program\""));
    });
}

#[test]
fn lines_are_bounded() {
    run(async {
        let script = "head -c 3000000 /dev/zero | tr '\\0' x";
        let (_manager, new) = thread(script, |config| config.line_bytes_max = 1 << 20).await;
        let events = say(&new, "hello").await;
        assert!(failed(&events).contains("a line of more than 1048576 bytes"), "{}", failed(&events));
    });
}

#[test]
fn a_program_may_write_much_before_it_reads_and_complain_meanwhile() {
    run(async {
        let script = r#"i=0
            while [ $i -lt 3000 ]; do
                echo "complaint $i: a text that is long enough to fill a pipe that nobody reads" >&2
                echo '{"type":"item","kind":"response_item","payload":{"type":"reasoning","summary":[]}}'
                i=$((i+1))
            done
            cat > /dev/null &
            echo '{"type":"turn_complete"}'"#;
        let (_manager, new) = thread(script, |_| {}).await;
        let input = vec![UserInput::Text { text: "x".repeat(1 << 20) }];
        let turn = new.thread.submit(Op::UserTurn { input, settings: Default::default() }).await.unwrap();
        let events = until_turn_ends(&new.thread, turn).await;
        assert!(matches!(events.last().unwrap().msg, EventMsg::TurnComplete { .. }), "{:?}", events.last());
        assert!(shown(&events).len() > 100);
    });
}

#[test]
fn an_interrupt_kills_the_program_and_everything_that_it_started() {
    run(async {
        let script = r#"sleep 1000 & echo "{\"type\":\"show\",\"payload\":[$$,$!]}"; wait"#;
        let (_manager, new) = thread(script, |_| {}).await;
        let turn = new.thread.submit(Op::user("one")).await.unwrap();
        let events = until(&new.thread, |event| matches!(event.msg, EventMsg::Shown(_))).await;
        let pids = shown(&events).pop().unwrap();
        new.thread.submit(Op::Interrupt).await.unwrap();
        until_turn_ends(&new.thread, turn).await;
        for pid in pids.as_array().unwrap() {
            until_gone(&pid.to_string()).await;
        }
    });
}

#[test]
fn what_a_program_leaves_behind_ends_with_its_turn() {
    run(async {
        let script = r#"sleep 1000 & echo "{\"type\":\"show\",\"payload\":[$$,$!]}"; echo '{"type":"turn_complete"}'"#;
        let (_manager, new) = thread(script, |_| {}).await;
        let events = say(&new, "one").await;
        assert!(matches!(events.last().unwrap().msg, EventMsg::TurnComplete { .. }), "{:?}", events.last());
        for pid in shown(&events)[0].as_array().unwrap() {
            until_gone(&pid.to_string()).await;
            assert!(!Path::new(&format!("/proc/{pid}")).exists() || !lives(&pid.to_string()), "reaped");
        }
        // The shell that a test starts is not in that group.
        assert!(Command::new("true").status().unwrap().signal().is_none());
    });
}

#[test]
fn a_program_that_does_not_end_after_its_last_word_is_killed() {
    run(async {
        let script = r#"echo "{\"type\":\"show\",\"payload\":[$$]}"; echo '{"type":"turn_complete"}'; sleep 1000"#;
        let (_manager, new) = thread(script, |config| config.exit_grace = Duration::from_millis(100)).await;
        let events = say(&new, "one").await;
        let pid = shown(&events)[0][0].to_string();
        assert!(matches!(events.last().unwrap().msg, EventMsg::TurnComplete { .. }));
        until_gone(&pid).await;
    });
}

#[test]
fn a_program_is_started_in_the_turns_directory_and_a_missing_one_is_named() {
    run(async {
        let (_manager, new) =
            thread(r#"echo "{\"type\":\"message\",\"text\":\"$PWD\"}"; echo '{"type":"turn_complete"}'"#, |_| {}).await;
        for (cwd, words) in [("/", "/"), ("/no/such/folder", "there is no such folder")] {
            let mut settings = threadlog_session::TurnSettings::default();
            settings.cwd = Some(cwd.to_owned());
            let input = vec![UserInput::Text { text: "where?".to_owned() }];
            let turn = new.thread.submit(Op::UserTurn { input, settings }).await.unwrap();
            let events = until_turn_ends(&new.thread, turn).await;
            match &events.last().unwrap().msg {
                EventMsg::TurnComplete { last_agent_message, .. } => {
                    assert_eq!(last_agent_message.as_deref(), Some(words))
                }
                _ => assert!(failed(&events).contains(words) && failed(&events).contains(cwd), "{}", failed(&events)),
            }
        }
    });
}

#[test]
fn answers_that_nobody_reads_are_bounded_and_the_program_is_told() {
    run(async {
        let flushes =
            "i=0; while [ $i -lt 8000 ]; do echo \"{\\\"type\\\":\\\"flush\\\",\\\"request\\\":$i}\"; i=$((i+1)); done";
        let (_manager, new) = thread(&format!("{flushes}; cat >/dev/null"), |_| {}).await;
        let events = say(&new, "one").await;
        assert!(failed(&events).contains("does not read the answers to its flushes"), "{}", failed(&events));
        let script = format!("exec 0<&-; {flushes}; echo '{{\"type\":\"turn_complete\"}}'");
        let (_manager, new) = thread(&script, |_| {}).await;
        let events = say(&new, "one").await;
        assert!(matches!(events.last().unwrap().msg, EventMsg::TurnComplete { .. }), "{:?}", events.last());
    });
}

#[test]
fn a_program_may_complain_while_it_ends() {
    run(async {
        let script =
            r#"echo '{"type":"turn_complete"}'; while read -r line; do :; done; echo bye >&2 && echo again >&2"#;
        let (_manager, new) = thread(script, |_| {}).await;
        let shown = shown(&say(&new, "one").await);
        let texts: Vec<_> = shown.iter().filter_map(|shown| shown["text"].as_str()).collect();
        assert_eq!(texts, ["bye", "again"]);
    });
}

#[test]
fn no_program_is_left_unreaped() {
    run(async {
        let scripts =
            ["exit 1", r#"echo '{"type":"turn_complete"}'"#, "echo garbage; sleep 1000", "exec 1>&-; sleep 1000"];
        for script in scripts {
            let script = format!("echo \"{{\\\"type\\\":\\\"show\\\",\\\"payload\\\":[$$]}}\"; {script}");
            let (_manager, new) = thread(&script, |config| config.exit_grace = Duration::from_millis(50)).await;
            let pid = shown(&say(&new, "one").await)[0][0].to_string();
            assert!(!Path::new(&format!("/proc/{pid}")).exists(), "{script}: reaped when its turn's end is told");
        }
    });
}
