//! Locks, atomics and threads of the group commit: the real ones, or with the feature `model` those of a scheduler that
//! tries every order of steps it can.

#[cfg(not(feature = "model"))]
mod real {
    pub(crate) use parking_lot::{Mutex, RwLock};
    pub(crate) use std::sync::atomic;
    pub(crate) use std::thread::{JoinHandle, Thread, current, park, park_timeout, yield_now};

    /// Starts a thread.
    pub(crate) fn spawn(name: &str, work: Box<dyn FnOnce() + Send>) -> std::io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name(name.to_owned()).spawn(work)
    }
}

#[cfg(feature = "model")]
mod model {
    use std::sync::PoisonError;
    use std::time::Duration;

    pub(crate) use shuttle::sync::atomic;
    pub(crate) use shuttle::thread::{JoinHandle, Thread, current, park, yield_now};

    /// As `parking_lot::Mutex`.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Mutex<T> {
            Mutex(shuttle::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> shuttle::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn try_lock(&self) -> Option<shuttle::sync::MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }
    }

    /// As `parking_lot::RwLock`.
    #[derive(Debug, Default)]
    pub(crate) struct RwLock<T>(shuttle::sync::RwLock<T>);

    impl<T> RwLock<T> {
        pub(crate) fn new(value: T) -> RwLock<T> {
            RwLock(shuttle::sync::RwLock::new(value))
        }

        pub(crate) fn read(&self) -> shuttle::sync::RwLockReadGuard<'_, T> {
            self.0.read().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn write(&self) -> shuttle::sync::RwLockWriteGuard<'_, T> {
            self.0.write().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// Time may pass between any two steps, so any wait may be over at once.
    pub(crate) fn park_timeout(_: Duration) {
        yield_now();
    }

    /// Starts a thread.
    pub(crate) fn spawn(name: &str, work: Box<dyn FnOnce() + Send>) -> std::io::Result<JoinHandle<()>> {
        shuttle::thread::Builder::new().name(name.to_owned()).spawn(work)
    }
}

#[cfg(feature = "model")]
pub(crate) use model::*;
#[cfg(not(feature = "model"))]
pub(crate) use real::*;
