//! A conversation whose program is killed with SIGKILL at random moments, and resumed each time: what was acknowledged is
//! there, exactly, and nothing else.
//!
//! Acknowledged is what was told before a turn's end that was stored, and before a flush that the agent asked for.
//! `just kill-run` kills more often.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::time::{Duration, Instant};

use common::talk::{Talk, agent, turn};
use common::{Machine, of_type};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

/// Items that the program may have stored and not told when it was killed: those of a turn's beginning and a few more.
const UNTOLD_MAX: usize = 12;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |value| value.parse().expect(name))
}

/// What one life of the program told.
#[derive(Default)]
struct Told {
    id: Option<String>,
    items: Vec<Value>,
    /// How many of these were acknowledged.
    sure: usize,
    turns: u64,
}

impl Told {
    fn take(&mut self, record: &Value) {
        match record["type"].as_str().unwrap() {
            "thread" => self.id = record["id"].as_str().map(str::to_owned),
            "item" => self.items.push(record["line"].clone()),
            "turn_complete" if record["stored"] == true => {
                self.sure = self.items.len();
                self.turns += 1;
            }
            "shown" if record["payload"]["type"] == "flushed" => {
                // What was told before the agent asked; the tool's output comes behind.
                self.sure = self.items.len();
            }
            "turn_aborted" | "refused" | "storing" | "error" => panic!("{record}"),
            _ => {}
        }
    }
}

/// The lines of the thread, once somebody has gone on with it: until then a reader believes only what the killed program
/// itself knew to be durable.
fn stored(machine: &Machine, id: &str) -> Option<Vec<Value>> {
    let resumed = machine.run(&["run", "--exec", "nobody", "--resume", id]);
    assert!(resumed.code == 0 || resumed.code == 5, "{resumed:?}");
    let (code, records) = machine.json(&["show", id]);
    // Killed before anything of the thread was stored, it is not there; before the store was made, there is none.
    (code != 5).then(|| {
        assert_eq!(code, 0, "{:?}", records.last());
        of_type(&records, "item").iter().map(|record| record["line"].clone()).collect()
    })
}

/// Talks until the time is over, then kills.
fn talk(machine: &Machine, agent: &[String; 2], resume: Option<&str>, time: Duration, numbers: &mut u64) -> Told {
    let mut options = Vec::new();
    if let Some(id) = resume {
        options.extend(["--resume", id]);
    }
    let mut talk = Talk::start(machine, agent, &options, &["--pause", "0.001"]);
    let mut told = Told::default();
    let mut next = |talk: &mut Talk| {
        *numbers += 1;
        talk.say(&turn(&format!("number {numbers}")));
    };
    let until = Instant::now() + time;
    next(&mut talk);
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        let Some(record) = talk.next(left) else { break };
        told.take(&record);
        if record["type"] == "turn_complete" {
            next(&mut talk);
        }
    }
    talk.kill();
    while let Some(record) = talk.next(Duration::from_secs(10)) {
        told.take(&record);
    }
    told
}

#[test]
fn a_killed_conversation_keeps_exactly_what_was_acknowledged() {
    let Some(agent) = agent() else { return };
    let (kills, seed) = (setting("THREADLOG_RUN_KILLS", 4), setting("THREADLOG_RUN_KILL_SEED", 1));
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let machine = Machine::new();
    let (mut id, mut before, mut numbers, mut turns, mut unsure) = (None::<String>, Vec::new(), 0, 0, 0);
    for kill in 1..=kills {
        let time = Duration::from_millis(random.random_range(20..600));
        let told = talk(&machine, &agent, id.as_deref(), time, &mut numbers);
        let here = id.clone().or_else(|| told.id.clone());
        let now = here.as_deref().and_then(|id| stored(&machine, id));
        let Some(now) = now else {
            assert!(before.is_empty() && told.sure == 0, "kill {kill}: the thread is gone, seed {seed}");
            continue;
        };
        // The first line of a new thread is the store's own and is told by nobody.
        let start = if before.is_empty() { 1 } else { before.len() };
        assert_eq!(now[..before.len()], before, "kill {kill}: what was there before has changed, seed {seed}");
        let new = &now[start..];
        assert!(new.len() >= told.sure, "kill {kill}: {} of {} acknowledged, seed {seed}", new.len(), told.sure);
        let both = new.len().min(told.items.len());
        assert_eq!(new[..both], told.items[..both], "kill {kill}: other items than were told, seed {seed}");
        assert!(new.len() - both <= UNTOLD_MAX, "kill {kill}: {} items nobody told of", new.len() - both);
        turns += told.turns;
        unsure += new.len() - told.sure;
        (id, before) = (here, now);
    }
    let Some(id) = id else { panic!("killed each time before anything was stored") };
    let said: Vec<&str> = before.iter().filter_map(|line| line["payload"]["message"].as_str()).collect();
    let numbered = |text: &&&str| text.starts_with("number ");
    let mut once: Vec<&&str> = said.iter().filter(numbered).collect();
    once.dedup();
    assert_eq!(once.len(), said.iter().filter(numbered).count(), "something is there twice");
    let last = Talk::start(&machine, &agent, &["--resume", &id], &[]);
    assert_eq!(last.end(), Some(0));
    machine.run(&["verify"]).must_be(0);
    println!(
        "{kills} kills, seed {seed}: {turns} turns acknowledged, {} items in the end, {unsure} of them stored and not \
         acknowledged when a kill came",
        before.len()
    );
}
