//! Working for an executor instead of sleeping, in a thread that waits for one of its lent tasks.

use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use crate::handle::{FutureHandle, FutureId};
use crate::lender::{self, Place};
use crate::waker_place::WakerPlace;

/// An executor of tasks that run elsewhere, as a thread may work for it that has nothing to do but
/// to wait for one of them: then the answer need not pass through another thread.
pub trait Driver: Send + Sync {
    /// The calling thread waits for `awaited`, a task that is or was lent to `place`. Works until
    /// it is settled or its time is up, or only for a while, or not at all: the caller goes on to
    /// wait in the ordinary way.
    ///
    /// This is called with no lock held, in a thread of the user's, and must not panic.
    fn drive(&self, place: Place, awaited: &Awaited<'_>);
}

/// What a thread waits for that [drives](Driver) an executor.
#[derive(Clone, Copy)]
pub struct Awaited<'a> {
    future: &'a FutureHandle,
    deadline: Option<Instant>,
}

impl Awaited<'_> {
    /// Which task it is.
    #[must_use]
    pub fn id(&self) -> FutureId {
        self.future.id()
    }

    /// When the caller wants to be back at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether there is nothing to wait for any more.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.future.settled()
    }

    /// Has `waker` woken when the future is settled. `None`: it is. Nothing stays registered when
    /// what is returned is dropped.
    #[must_use]
    pub fn wake(&self, waker: &Waker) -> Option<Registered<'_>> {
        let mut place = WakerPlace::default();
        if place.register(self.future, waker) {
            return None;
        }
        Some(Registered {
            future: self.future,
            place,
        })
    }
}

impl fmt::Debug for Awaited<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Awaited")
            .field("id", &self.id())
            .field("deadline", &self.deadline)
            .finish()
    }
}

/// The registration of a waker.
#[derive(Debug)]
#[must_use = "dropping it takes the waker out"]
pub struct Registered<'a> {
    future: &'a FutureHandle,
    place: WakerPlace,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.place.leave(self.future);
    }
}

/// Works for the executor of a lent task, if it wants that.
pub(crate) fn drive(future: &FutureHandle, deadline: Option<Instant>) {
    if let Some((place, driver)) = lender::driver(future.header()) {
        driver.drive(place, &Awaited { future, deadline });
    }
}

/// Where a task is lent to, and who may be driven there.
pub(crate) type Found = Option<(Place, Arc<dyn Driver>)>;
