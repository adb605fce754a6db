//! The real thing: std atomics and threads, parking_lot locks.

use std::time::Instant;

pub use crossbeam_utils::CachePadded;
pub use parking_lot::MutexGuard;
pub use std::hint::spin_loop;
pub use std::sync::Arc;

/// Atomics.
pub mod atomic {
    pub use std::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

/// Threads.
pub mod thread {
    pub use std::thread::{Builder, JoinHandle, current, yield_now};
}

/// A lock that knows no poison.
#[derive(Debug, Default)]
pub struct Mutex<T>(parking_lot::Mutex<T>);

impl<T> Mutex<T> {
    /// A lock round `value`.
    pub const fn new(value: T) -> Self {
        Self(parking_lot::Mutex::new(value))
    }

    /// Waits for the lock.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock()
    }

    /// The same for a lock that is held for a few instructions at a time: spins for some
    /// microseconds before it sleeps, for to sleep and be woken costs both sides more.
    #[inline]
    pub fn lock_soon(&self) -> MutexGuard<'_, T> {
        match self.0.try_lock() {
            Some(guard) => guard,
            None => self.lock_spinning(),
        }
    }

    /// Takes the lock when it is free.
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock()
    }

    #[cold]
    fn lock_spinning(&self) -> MutexGuard<'_, T> {
        const LOOKS: u32 = 400;
        for _ in 0..LOOKS {
            spin_loop();
            if let Some(guard) = self.0.try_lock() {
                return guard;
            }
        }
        self.0.lock()
    }

    /// The value, without locking.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }

    /// The value, when the lock is no longer needed.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

/// A condition variable of [`Mutex`].
#[derive(Debug, Default)]
pub struct Condvar(parking_lot::Condvar);

impl Condvar {
    /// A new one.
    #[must_use]
    pub const fn new() -> Self {
        Self(parking_lot::Condvar::new())
    }

    /// Gives the lock up, waits for a notification or for `deadline`, and takes it again. The
    /// second part is true when the time was up. May wake without a reason.
    pub fn wait<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> (MutexGuard<'a, T>, bool) {
        let expired = match deadline {
            None => {
                self.0.wait(&mut guard);
                false
            }
            Some(at) => self.0.wait_until(&mut guard, at).timed_out(),
        };
        (guard, expired)
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

/// Interior mutability whose every access is a closure, so that loom can watch it.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    /// A cell with `value` inside.
    #[inline]
    pub const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    /// Calls `f` with a pointer to read through.
    #[inline]
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    /// Calls `f` with a pointer to write through.
    #[inline]
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// Thread-local cells that need no lazy initialisation.
#[macro_export]
#[doc(hidden)]
macro_rules! shim_thread_local {
    ($(#[$meta:meta])* $vis:vis static $name:ident: $ty:ty = $init:expr) => {
        ::std::thread_local! { $(#[$meta])* $vis static $name: $ty = const { $init } }
    };
}
pub use shim_thread_local as thread_local_cell;

/// A process-wide static, made anew for each execution of a model.
#[macro_export]
#[doc(hidden)]
macro_rules! shim_global {
    (static $name:ident: $ty:ty = $init:expr) => {
        static $name: $ty = $init;
    };
}
pub use shim_global as global;
