//! Asked to stop (Ctrl-C, or `kill`): the first time work ends in order, the second time at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::exit::Exit;

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on a signal is a request that [`asked`] tells of. Only for commands that ask: others end at once, as by default.
pub fn listen() {
    ASKED.get_or_init(|| {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds nothing asked yet. Where a signal cannot be listened to it ends the
            // program, as it would anyway.
            let _ = flag::register_conditional_shutdown(signal, Exit::Stopped.number().into(), Arc::clone(&asked));
            let _ = flag::register(signal, Arc::clone(&asked));
        }
        asked
    });
}

/// Whether somebody asked to stop.
pub fn asked() -> bool {
    ASKED.get().is_some_and(|asked| asked.load(Ordering::Relaxed))
}
