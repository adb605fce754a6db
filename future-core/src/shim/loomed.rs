//! The same names over loom.

use std::time::Instant;

pub use loom::sync::{Arc, MutexGuard};
pub use loom::thread::yield_now as spin_loop;

/// Atomics.
pub mod atomic {
    pub use loom::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

/// Threads.
pub mod thread {
    pub use loom::thread::{Builder, JoinHandle, current, yield_now};
}

/// No padding: loom has no caches.
#[derive(Debug, Default)]
pub struct CachePadded<T>(T);

impl<T> CachePadded<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }
}

impl<T> std::ops::Deref for CachePadded<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> std::ops::DerefMut for CachePadded<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// A lock that knows no poison.
#[derive(Debug, Default)]
pub struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// A lock round `value`.
    pub fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    /// Waits for the lock.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// As [`lock`](Self::lock): spinning shows nothing in a model.
    pub fn lock_soon(&self) -> MutexGuard<'_, T> {
        self.lock()
    }

    /// Takes the lock when it is free.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }

    /// The value, without locking.
    pub fn get_mut(&mut self) -> &mut T {
        self.0
            .get_mut()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The value, when the lock is no longer needed.
    pub fn into_inner(self) -> T {
        self.0
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A condition variable of [`Mutex`].
#[derive(Debug, Default)]
pub struct Condvar(loom::sync::Condvar);

impl Condvar {
    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        Self(loom::sync::Condvar::new())
    }

    /// As the native one; a wait with a deadline may always expire: it gives the lock up, lets
    /// others run, takes it again and says that the time is up.
    pub fn wait<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> (MutexGuard<'a, T>, bool)
    where
        T: 'a,
    {
        match deadline {
            None => (
                self.0
                    .wait(guard)
                    .unwrap_or_else(std::sync::PoisonError::into_inner),
                false,
            ),
            // Expiry is reported by the caller's own timed path; see `Parker`.
            Some(_) => (guard, true),
        }
    }

    /// Wakes one waiter.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Wakes every waiter.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// Interior mutability that loom watches.
#[derive(Debug, Default)]
pub struct UnsafeCell<T>(loom::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    /// A cell with `value` inside.
    pub fn new(value: T) -> Self {
        Self(loom::cell::UnsafeCell::new(value))
    }

    /// Calls `f` with a pointer to read through.
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        self.0.with(f)
    }

    /// Calls `f` with a pointer to write through.
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        self.0.with_mut(f)
    }
}

/// Thread-local cells.
#[macro_export]
#[doc(hidden)]
macro_rules! shim_thread_local {
    ($(#[$meta:meta])* $vis:vis static $name:ident: $ty:ty = $init:expr) => {
        $crate::shim::loom_thread_local! { $(#[$meta])* $vis static $name: $ty = $init }
    };
}
pub use shim_thread_local as thread_local_cell;

/// A process-wide static, made anew for each execution of a model.
#[macro_export]
#[doc(hidden)]
macro_rules! shim_global {
    (static $name:ident: $ty:ty = $init:expr) => {
        $crate::shim::loom_lazy_static! { static ref $name: $ty = $init; }
    };
}
pub use loom::lazy_static as loom_lazy_static;
pub use loom::thread_local as loom_thread_local;
pub use shim_global as global;
