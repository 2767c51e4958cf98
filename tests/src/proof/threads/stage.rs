//! A deterministic executor: futures are polled by hand, one after another, in an order drawn from dice.
//!
//! The stores hand work that reads to blocking threads of the runtime. Here there is one such thread, and nobody is polled
//! while it works: so a run is the same each time, and a future that nobody will ever wake is told apart from a slow one.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};

use crate::proof::invariants::{Checked, I9, Violation};
use crate::proof::random::Dice;

/// Where futures are played.
pub struct Stage {
    runtime: tokio::runtime::Runtime,
}

/// A future to play.
pub struct Part<'a, T> {
    /// What it does.
    pub future: Pin<Box<dyn Future<Output = T> + 'a>>,
    /// It is dropped if it is not done after so many polls; at least one.
    pub polls_max: usize,
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl Default for Stage {
    fn default() -> Stage {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        Stage { runtime: builder.max_blocking_threads(1).build().expect("a runtime without drivers needs nothing") }
    }
}

impl Stage {
    /// Plays one future to its end.
    ///
    /// # Errors
    /// If it is never woken.
    pub fn alone<T>(&self, future: impl Future<Output = T>) -> Checked<T> {
        let part = Part { future: Box::pin(future), polls_max: usize::MAX };
        let mut played = self.play(vec![part], &mut Dice::new(0))?;
        played.pop().flatten().ok_or_else(|| Violation::new(I9, "a call that was not dropped gave no answer"))
    }

    /// Plays all of them: each is polled once, in their order, and then whoever was woken, in an order drawn from `dice`.
    /// Those that were dropped have no answer.
    ///
    /// # Errors
    /// If nobody is woken, and some are not done.
    pub fn play<T>(&self, parts: Vec<Part<'_, T>>, dice: &mut Dice) -> Checked<Vec<Option<T>>> {
        let _entered = self.runtime.enter();
        let mut actors: Vec<Actor<'_, T>> = parts.into_iter().map(Actor::new).collect();
        let mut answers: Vec<Option<T>> = Vec::new();
        for actor in &mut actors {
            answers.push(self.poll(actor));
        }
        loop {
            let waiting = || actors.iter().enumerate().filter(|(_, actor)| actor.part.is_some());
            let awake: Vec<usize> = waiting().filter(|(_, actor)| actor.is_awake()).map(|(at, _)| at).collect();
            if awake.is_empty() && waiting().next().is_none() {
                return Ok(answers);
            }
            if awake.is_empty() {
                return Err(Violation::new(I9, format!("{} calls wait, and nobody wakes them", waiting().count())));
            }
            let next = awake[dice.below(awake.len() as u64) as usize];
            answers[next] = self.poll(&mut actors[next]);
        }
    }

    fn poll<T>(&self, actor: &mut Actor<'_, T>) -> Option<T> {
        let part = actor.part.as_mut()?;
        actor.flag.0.store(false, Ordering::Release);
        let waker = Waker::from(Arc::clone(&actor.flag));
        part.polls_max = part.polls_max.saturating_sub(1);
        let polled = part.future.as_mut().poll(&mut Context::from_waker(&waker));
        let dropped = part.polls_max == 0;
        match polled {
            Poll::Ready(answer) => {
                actor.part = None;
                Some(answer)
            }
            Poll::Pending => {
                if dropped {
                    actor.part = None;
                }
                self.settle();
                None
            }
        }
    }

    /// Waits until the blocking thread has done all it was given.
    pub fn settle(&self) {
        let (done, wait) = mpsc::channel();
        self.runtime.spawn_blocking(move || {
            let _ = done.send(());
        });
        wait.recv().expect("the thread takes one piece of work after another");
    }
}

struct Actor<'a, T> {
    part: Option<Part<'a, T>>,
    flag: Arc<Flag>,
}

impl<'a, T> Actor<'a, T> {
    fn new(part: Part<'a, T>) -> Actor<'a, T> {
        Actor { part: Some(part), flag: Arc::new(Flag(AtomicBool::new(false))) }
    }

    fn is_awake(&self) -> bool {
        self.flag.0.load(Ordering::Acquire)
    }
}
