//! Receipts for appended records, and waiting for them without blocking.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::error::Result;
use crate::id::Sequence;
use crate::journal::batch::Batch;
use crate::journal::core::{Appended, Core};
use crate::journal::waiters::WaiterId;

/// Receipt for an appended batch: what to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Sequence of the batch's last record.
    pub(crate) sequence: Sequence,
    /// How many writes had failed when it was appended: sequences are given again after a failure.
    pub(crate) generation: u64,
    /// Which engine gave it: sequences and generations begin again with each.
    pub(crate) engine: u64,
}

impl Ticket {
    /// Sequence of the last record this ticket covers.
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }
}

/// Becomes ready when everything its ticket covers is durable.
///
/// Never blocks the thread that polls it: the engine's own thread leads. (With
/// [`Background::Manual`](crate::config::Background::Manual) there is none, and polling leads in place.)
/// Dropping it takes nothing back: the record stays appended.
pub struct Durable {
    core: Arc<Core>,
    ticket: Ticket,
    waiter: Option<WaiterId>,
}

impl Durable {
    pub(crate) fn new(core: Arc<Core>, ticket: Ticket) -> Durable {
        Durable { core, ticket, waiter: None }
    }
}

impl Future for Durable {
    type Output = Result<()>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let this = self.get_mut();
        match this.core.poll_durable(this.ticket, &mut this.waiter, context.waker()) {
            Some(outcome) => {
                this.waiter = None;
                Poll::Ready(outcome)
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for Durable {
    fn drop(&mut self) {
        if let Some(waiter) = self.waiter.take() {
            self.core.forget_waiter(waiter);
        }
    }
}

/// Becomes ready with a ticket once there was room in the arena for the batch.
///
/// Dropped before that, nothing was appended. Records in files of their own are written by whoever polls:
/// see [`Batch::has_large`].
pub struct Append {
    core: Arc<Core>,
    batch: Option<Batch>,
    waiter: Option<WaiterId>,
}

impl Append {
    pub(crate) fn new(core: Arc<Core>, batch: Batch) -> Append {
        Append { core, batch: Some(batch), waiter: None }
    }
}

impl Future for Append {
    type Output = Result<Ticket>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Ticket>> {
        let this = self.get_mut();
        if let Some(waiter) = this.waiter.take() {
            this.core.forget_waiter(waiter);
        }
        let Some(batch) = this.batch.take() else { return Poll::Pending };
        match this.core.try_append(batch) {
            Ok(Appended::Done(ticket)) => Poll::Ready(Ok(ticket)),
            Ok(Appended::Full(batch)) => {
                this.waiter = this.core.wait_for_room(&batch, context.waker());
                this.batch = Some(batch);
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl Drop for Append {
    fn drop(&mut self) {
        if let Some(waiter) = self.waiter.take() {
            self.core.forget_waiter(waiter);
        }
    }
}
