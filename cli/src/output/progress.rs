//! How far long work is: on a terminal only, and never beside JSON.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::interrupt;

/// A bar on standard error, or nothing. Counts bytes, and names files as they are done.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    files: AtomicU64,
    files_total: AtomicU64,
}

const TEMPLATE: &str =
    "{prefix} {msg} {wide_bar} {decimal_bytes} of {decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left";

impl Progress {
    /// A bar for `what`; hidden for programs, and (by indicatif) where standard error is no terminal.
    pub fn new(what: &'static str, json: bool) -> Progress {
        interrupt::listen();
        let target = if json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(10) };
        // The target comes last: whatever is set on a visible bar draws it.
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::hidden().with_style(style).with_prefix(what);
        bar.set_draw_target(target);
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress { bar, files: AtomicU64::new(0), files_total: AtomicU64::new(0) }
    }

    /// How much there is.
    pub fn total(&self, files: u64, bytes: u64) {
        self.files_total.store(files, Ordering::Relaxed);
        self.bar.set_length(bytes);
    }

    /// So many more bytes are done.
    pub fn bytes(&self, more: u64) {
        self.bar.inc(more);
    }

    /// One more file is done.
    pub fn file(&self) {
        let done = self.files.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        self.bar.set_message(format!("{done} of {} files", self.files_total.load(Ordering::Relaxed)));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A bar that counts things, under the same rules.
#[derive(Debug)]
pub struct Steps(ProgressBar);

impl Steps {
    /// A bar for `what`, counting `things`.
    pub fn new(what: &'static str, things: &'static str, json: bool) -> Steps {
        let target = if json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(10) };
        let template = format!("{{prefix}} {{wide_bar}} {{pos}} of {{len}} {things}, {{eta}} left");
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::hidden().with_style(style).with_prefix(what);
        bar.set_draw_target(target);
        Steps(bar)
    }

    /// So many are done, of so many.
    pub fn at(&self, done: u64, of: u64) {
        self.0.set_length(of);
        self.0.set_position(done);
    }

    /// Does something to standard output while the bar is out of the way.
    pub fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        self.0.suspend(work)
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl threadlog::Progress for Progress {
    fn planned(&self, files: u64, bytes: u64) {
        self.total(files, bytes);
    }

    fn advanced(&self, bytes: u64) {
        self.bytes(bytes);
    }

    fn file_done(&self) {
        self.file();
    }

    fn stop(&self) -> bool {
        interrupt::asked()
    }
}
