//! What a running thread does.

/// What a thread does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ThreadStatus {
    /// It waits for somebody to say something.
    Idle,
    /// A turn runs.
    Running {
        /// Its id.
        turn_id: String,
    },
    /// It was told to end, and stores what it accepted.
    Ending,
    /// It has ended; everything it accepted is stored, unless it was discarded.
    Stopped,
    /// Nothing drives it any more: its runtime was shut down, or a fault below unwound it. The store still has what it
    /// accepted.
    Failed,
}

impl ThreadStatus {
    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, ThreadStatus::Stopped | ThreadStatus::Failed)
    }
}
