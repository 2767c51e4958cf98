//! The end of a run: some threads lose their driver, the disk breaks, all are told to end; then everything is mended.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use threadlog::ThreadId;
use threadlog::local::LocalThreadStore;
use threadlog_engine::fs::sim::{CallKind, Fault, SimFs};
use threadlog_session::{EventMsg, Op, ResumeParams, ThreadManager, ThreadStatus};
use threadlog_tests::proof::random::Dice;

use crate::World;
use crate::agent::{Talker, said};
use crate::manners::Manners;
use crate::model::{Line, outcome};
use crate::player::Player;
use crate::stage::{Order, Stage};

/// How many threads lose their driver, and how many have something to store when the disk breaks.
const BROKEN: usize = 3;
const BUSY: usize = 10;
/// Syncs that fail from the break on: more than anybody asks for.
const BROKEN_SYNCS: u64 = 1000;

/// Ends everything, and says what the players heard in all.
pub async fn finale(world: &World, disk: &SimFs, store: &LocalThreadStore, mut players: Vec<Player>) -> u64 {
    let order = world.order;
    // What waits from before is stored first: the disk works again.
    for player in &mut players {
        player.thread.flush().await.unwrap();
        player.read_on();
    }
    let broken = lose_drivers(world, &mut players).await;
    for call in 1..=BROKEN_SYNCS {
        disk.fail_kind(CallKind::Sync, disk.calls_of(CallKind::Sync) + call, Fault::FailedSync);
    }
    let rest = players.iter_mut().filter(|player| !broken.contains(&player.thread.id()));
    for player in rest.take(BUSY) {
        player.leave_a_turn().await;
    }
    let before: BTreeSet<ThreadId> = world.manager.list().into_iter().collect();
    let report = world.manager.shutdown_all(Duration::from_secs(3)).await;
    let set = |ids: &[ThreadId]| {
        assert!(ids.is_sorted_by_key(ToString::to_string), "{ids:?}");
        ids.iter().copied().collect::<BTreeSet<_>>()
    };
    let (completed, failed, late) = (set(&report.completed), set(&report.submit_failed), set(&report.timed_out));
    assert_eq!(completed.len() + failed.len() + late.len(), before.len(), "each once: {report:?}");
    assert_eq!(&(&completed | &failed) | &late, before);
    assert_eq!(failed, broken, "those that nothing drives");
    assert_eq!(world.manager.list().into_iter().collect::<BTreeSet<_>>(), &failed | &late, "the others are forgotten");
    players.iter_mut().for_each(Player::read_on);
    for id in &late {
        let failing = world.known.lock().0[id].manners.is_failing();
        assert!(failing || order == Order::AsItComes, "{id} could have ended");
    }
    assert!(!late.is_empty(), "something could not be stored");
    // The disk works again: they go on ending by themselves.
    disk.clear_faults();
    world.stage.broken.lock().clear();
    order.call(store.reopen()).await.unwrap();
    let report = world.manager.shutdown_all(Duration::from_secs(60)).await;
    assert_eq!((set(&report.completed), set(&report.submit_failed)), (late, failed.clone()));
    assert!(report.timed_out.is_empty());
    let mut heard = DefaultHasher::new();
    for player in &mut players {
        player.end().await;
        let id = player.thread.id();
        if failed.contains(&id) {
            // What nothing drives any more is stored by whoever resumes it.
            let again = world.manager.resume(ResumeParams::new(id)).await.unwrap();
            world.known.lock().0.get_mut(&id).unwrap().manners = Manners::default();
            player.thread = again.thread;
            player.thread.submit(Op::Shutdown).await.unwrap();
            player.end().await;
        }
        world.known.lock().0.get_mut(&id).unwrap().hold();
        player.heard().hash(&mut heard);
    }
    assert!(world.manager.list().is_empty());
    heard.finish()
}

/// Some threads meet a fault below in the middle of a turn.
async fn lose_drivers(world: &World, players: &mut [Player]) -> BTreeSet<ThreadId> {
    let mut broken = BTreeSet::new();
    for player in players.iter_mut().rev().filter(|player| !player.thread.is_ephemeral()).take(BROKEN) {
        let id = player.thread.id();
        world.known.lock().0.get_mut(&id).unwrap().manners.doomed = true;
        world.stage.broken.lock().insert(id);
        broken.insert(id);
        player.leave_a_turn().await;
        let mut status = player.thread.status();
        status.wait_for(ThreadStatus::is_over).await.unwrap();
        assert_eq!(*status.borrow(), ThreadStatus::Failed);
    }
    broken
}

/// After a power cut: one of the threads is gone on with, by another process.
pub async fn go_on(left: &LocalThreadStore, order: Order, acknowledged: &[(ThreadId, Vec<Line>)], dice: &mut Dice) {
    if acknowledged.is_empty() {
        return;
    }
    let (id, lines) = &acknowledged[dice.below(acknowledged.len() as u64) as usize];
    let stage = Arc::new(Stage::new(left.clone(), order, dice.below(1 << 32)));
    let manager = ThreadManager::new(stage, Arc::new(Talker::default()));
    let thread = manager.resume(ResumeParams::new(*id)).await.unwrap().thread;
    let turn = thread.submit(Op::user("say after the cut: s")).await.unwrap();
    loop {
        let event = thread.next_event().await.unwrap();
        match event.msg {
            EventMsg::TurnComplete { stored, .. } if event.submission == Some(turn) => {
                assert!(stored);
                break;
            }
            EventMsg::TurnAborted { .. } | EventMsg::PersistenceFailed { .. } => panic!("{id}: {event:?}"),
            _ => {}
        }
    }
    let context = thread.live().unwrap().load_model_context().await.unwrap();
    let now = said(&context.items);
    // More may be there than was acknowledged, rollbacks too; what came last is what was said last.
    assert_eq!(now.last().map(String::as_str), Some("say after the cut: s"));
    let history = thread.live().unwrap().load_history().await.unwrap().items;
    if history.len() == lines.len() + 7 {
        assert_eq!(now[..now.len() - 1], outcome(lines).said, "{id}");
    }
    thread.shutdown().await.unwrap();
}
