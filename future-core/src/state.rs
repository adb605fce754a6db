//! The state word of a cell. Nothing outside this file touches it.
//!
//! ```text
//!              start                write value            release
//!   PENDING ──────────▶ RUNNING ─────────────▶ FINISHED ─────────────▶ RELEASED
//!    │ │  ▲                │ ▲  (callbacks run)                            ▲
//!    │ │  │ unlend         │ └─────────────────────────┐                   │
//!    │ │  └────────────┐   └───────────────────────────┼───────────────────┘
//!    │ │ lend          │          release, when there  │are no callbacks
//!    │ └───────────▶ LENT ─────────────────────────────┘
//!    │ cancel          │ cancel, when it is revoked    start_lent
//!    ▼                 │
//!   CANCELLED ◀────────┘
//! ```
//!
//! LENT is the phase of a task that was sent to another process: it is not known here whether it
//! was begun there. Whoever has to know holds LOCKED and asks the job (`lender.rs`).
//!
//! Who may touch what:
//!
//! | phase | slot | link |
//! |---|---|---|
//! | PENDING | holds the job; nobody, until `start` or `cancel` wins; of a job that can be lent, which is never started while pending, the holder of LOCKED | the holder of LOCKED |
//! | LENT | holds the job, which the holder of LOCKED may ask | the holder of LOCKED |
//! | RUNNING | the thread that won `start` | the holder of LOCKED |
//! | FINISHED | holds the outcome; the same thread, its callbacks included | the holder of LOCKED |
//! | RELEASED | holds the outcome; the owner (`Future`), until TAKEN | the thread that released |
//! | CANCELLED | holds the job, until the thread that cancelled has dropped it | the thread that cancelled |
//!
//! The rules, cited elsewhere by number:
//!
//! 1. The phase moves only along the arrows; `done()` is FINISHED or later, *settled* is
//!    RELEASED or CANCELLED.
//! 2. `link` is read and written only under LOCKED while the cell is not settled, and belongs to
//!    the settling thread afterwards. SIDE says that it is in use, CALLBACK that a callback is
//!    registered.
//! 3. UNWANTED is set by an owner that leaves before the cell is settled: the outcome is then
//!    dropped by the completing thread, before it releases.
//! 4. Every pointer to the cell counts one REF; the one who takes the last frees the cell, and
//!    by then the slot is empty.
//! 5. The step to RELEASED fails when SIDE, LOCKED or UNWANTED appeared meanwhile, so whatever
//!    was registered or left before it is seen by the completing thread.
//! 6. No step leaves LENT while somebody else holds LOCKED, nor PENDING but by `start`, so the
//!    job stays where it is while it is asked, and what it answers holds until LOCKED is given
//!    up. Only the holder of the task starts one that can be lent.

use std::fmt;

use crate::shim::atomic::{AtomicUsize, Ordering};
use crate::shim::thread::yield_now;

const PHASE: usize = 0b111;
const PENDING: usize = 0;
const LENT: usize = 1;
const RUNNING: usize = 2;
const FINISHED: usize = 3;
const RELEASED: usize = 4;
const CANCELLED: usize = 5;
/// The outcome is a failure.
const FAILED: usize = 1 << 3;
/// Somebody edits `link`.
const LOCKED: usize = 1 << 4;
/// `link` is in use.
const SIDE: usize = 1 << 5;
/// The owner left before the cell was settled.
const UNWANTED: usize = 1 << 6;
/// The outcome was moved out while the owner lives on.
const TAKEN: usize = 1 << 7;
/// Among what `link` holds is a callback.
const CALLBACK: usize = 1 << 8;
/// One reference.
const REF: usize = 1 << 9;
/// More references than any program has; counting on would end in a use after free.
const REF_LIMIT: usize = usize::MAX / 2;

/// What a future is doing, as its users see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Not started; it can be cancelled.
    Pending,
    /// Being run.
    Running,
    /// Cancelled before it started.
    Cancelled,
    /// Run to its end: there is a value or a failure.
    Finished,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Cancelled => "cancelled",
            Self::Finished => "finished",
        })
    }
}

/// One reading of the word.
#[derive(Clone, Copy)]
pub(crate) struct Snapshot(usize);

impl Snapshot {
    /// Of a lent cell, as if it were not begun: see [`crate::lender`].
    pub(crate) fn state(self) -> State {
        match self.0 & PHASE {
            PENDING | LENT => State::Pending,
            RUNNING => State::Running,
            CANCELLED => State::Cancelled,
            _ => State::Finished,
        }
    }

    #[inline]
    pub(crate) fn is_pending(self) -> bool {
        self.0 & PHASE == PENDING
    }

    pub(crate) fn is_lent(self) -> bool {
        self.0 & PHASE == LENT
    }

    pub(crate) fn is_running(self) -> bool {
        self.0 & PHASE == RUNNING
    }

    /// FINISHED: the outcome is there and callbacks run.
    #[inline]
    pub(crate) fn is_telling(self) -> bool {
        self.0 & PHASE == FINISHED
    }

    #[inline]
    pub(crate) fn is_released(self) -> bool {
        self.0 & PHASE == RELEASED
    }

    #[inline]
    pub(crate) fn is_cancelled(self) -> bool {
        self.0 & PHASE == CANCELLED
    }

    /// RELEASED or CANCELLED: waiters may go.
    #[inline]
    pub(crate) fn is_settled(self) -> bool {
        self.0 & PHASE >= RELEASED
    }

    #[inline]
    pub(crate) fn is_done(self) -> bool {
        self.0 & PHASE >= FINISHED
    }

    #[inline]
    pub(crate) fn is_failed(self) -> bool {
        self.0 & FAILED != 0
    }

    #[inline]
    pub(crate) fn is_taken(self) -> bool {
        self.0 & TAKEN != 0
    }

    #[inline]
    pub(crate) fn is_unwanted(self) -> bool {
        self.0 & UNWANTED != 0
    }

    #[inline]
    pub(crate) fn has_side(self) -> bool {
        self.0 & SIDE != 0
    }

    #[inline]
    pub(crate) fn has_callbacks(self) -> bool {
        self.0 & CALLBACK != 0
    }

    /// Nothing stands between this reading and the step to RELEASED but the outcome itself.
    #[inline]
    pub(crate) fn is_plain(self) -> bool {
        self.0 & (SIDE | LOCKED) == 0
    }

    #[inline]
    fn refs(self) -> usize {
        self.0 / REF
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = [
            "pending",
            "lent",
            "running",
            "finished",
            "released",
            "cancelled",
        ];
        write!(f, "{}", phase.get(self.0 & PHASE).unwrap_or(&"?"))?;
        for (bit, name) in [
            (FAILED, "failed"),
            (LOCKED, "locked"),
            (SIDE, "side"),
            (CALLBACK, "callback"),
            (UNWANTED, "unwanted"),
            (TAKEN, "taken"),
        ] {
            if self.0 & bit != 0 {
                write!(f, " {name}")?;
            }
        }
        write!(f, " refs={}", self.refs())
    }
}

/// What the thread that cancelled a cell has to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Cancel {
    /// It is cancelled by this call and nobody was registered: drop the job.
    Won,
    /// The same, and `link` is in use and LOCKED for this thread: take it, then unlock.
    WonLocked,
    /// It was cancelled before.
    Already,
    /// It runs or has run.
    Lost,
    /// It is lent: only its job can tell.
    Lent,
}

/// What is left to do after a reference was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Left {
    /// Others hold the cell.
    Shared,
    /// It was the last one: free the cell.
    Last,
}

/// The word itself.
#[derive(Debug)]
pub(crate) struct Word(AtomicUsize);

impl Word {
    /// PENDING with `refs` references.
    #[inline]
    pub(crate) fn new(refs: usize) -> Self {
        Self(AtomicUsize::new(refs * REF))
    }

    #[inline]
    pub(crate) fn read(&self) -> Snapshot {
        // ORDERING: Acquire pairs with the Release of `release`, `settle_locked` and `cancel`:
        // who sees a cell settled sees its outcome.
        Snapshot(self.0.load(Ordering::Acquire))
    }

    /// A first guess for an exchange, which checks it.
    #[inline]
    fn guess(&self) -> usize {
        // ORDERING: the exchange synchronises.
        #[cfg(not(cf_loom))]
        return self.0.load(Ordering::Relaxed);
        // A model would try every old value that a load may still see; the exchange would refuse
        // each of them and nothing would be learnt. This reads the newest.
        #[cfg(cf_loom)]
        return self.0.fetch_add(0, Ordering::Relaxed);
    }

    /// PENDING → RUNNING. True for the one caller that wins; it owns the slot.
    #[inline]
    pub(crate) fn start(&self) -> bool {
        let mut now = self.guess();
        while now & PHASE == PENDING {
            // ORDERING: Acquire: the job was written before the cell was shared. Nothing is
            // published by starting, so no Release.
            match self.0.compare_exchange_weak(
                now,
                now + RUNNING,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(seen) => now = seen,
            }
        }
        false
    }

    /// PENDING → CANCELLED.
    pub(crate) fn cancel(&self) -> Cancel {
        let mut now = self.guess();
        loop {
            match now & PHASE {
                PENDING => {}
                LENT => return Cancel::Lent,
                CANCELLED => return Cancel::Already,
                _ => return Cancel::Lost,
            }
            if now & LOCKED != 0 {
                yield_now();
                now = self.guess();
                continue;
            }
            let (next, won) = if now & SIDE == 0 {
                (now + CANCELLED, Cancel::Won)
            } else {
                (now + CANCELLED + LOCKED, Cancel::WonLocked)
            };
            // ORDERING: Acquire: the job is dropped next, and `link` was written under the
            // lock. Release: who sees the cancellation sees what the canceller did before.
            match self
                .0
                .compare_exchange_weak(now, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return won,
                Err(seen) => now = seen,
            }
        }
    }

    /// PENDING → LENT for the holder of LOCKED, who has written the job's place, and gives LOCKED
    /// up.
    pub(crate) fn unlock_lent(&self) {
        self.unlock_as(PHASE | LOCKED, LENT, 0);
    }

    /// LENT → RUNNING. True for the one caller that wins; it owns the slot.
    pub(crate) fn start_lent(&self) -> bool {
        let mut now = self.guess();
        while now & PHASE == LENT {
            if now & LOCKED != 0 {
                yield_now();
                now = self.guess();
                continue;
            }
            // ORDERING: Acquire: the job was asked under LOCKED before, and is taken out next.
            match self.0.compare_exchange_weak(
                now,
                now - LENT + RUNNING,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(seen) => now = seen,
            }
        }
        false
    }

    /// LENT → PENDING for the holder of LOCKED, which gives LOCKED up.
    pub(crate) fn unlock_unlent(&self) {
        self.unlock_as(PHASE | LOCKED, PENDING, 0);
    }

    /// LENT → CANCELLED for the holder of LOCKED, which gives LOCKED up unless `link` is in use.
    pub(crate) fn cancel_locked(&self, seen: Snapshot) -> Cancel {
        // `link` is in use or not as it was when LOCKED was taken (rule 2).
        if seen.has_side() {
            self.unlock_as(PHASE, CANCELLED, 0);
            Cancel::WonLocked
        } else {
            self.unlock_as(PHASE | LOCKED, CANCELLED, 0);
            Cancel::Won
        }
    }

    /// RUNNING → RELEASED in one step, giving `refs` references up. `Err` when rule 5 forbids
    /// it; nothing has changed then.
    #[inline]
    pub(crate) fn release(&self, seen: Snapshot, failed: bool, refs: usize) -> Result<Left, ()> {
        debug_assert!(seen.is_plain());
        let flag = if failed { FAILED } else { 0 };
        let next = (seen.0 & !PHASE | RELEASED | flag) - refs * REF;
        // ORDERING: Release publishes the outcome to whoever reads the phase. Acquire: when
        // this was the last reference, the cell is freed next and all others' use of it must
        // come before.
        match self
            .0
            .compare_exchange(seen.0, next, Ordering::AcqRel, Ordering::Relaxed)
        {
            Ok(_) if seen.refs() == refs => Ok(Left::Last),
            Ok(_) => Ok(Left::Shared),
            Err(_) => Err(()),
        }
    }

    /// Takes LOCKED; what the word was then.
    pub(crate) fn lock(&self) -> Snapshot {
        let mut now = self.guess();
        loop {
            if now & LOCKED != 0 {
                // Held for a few instructions; a holder that lost its processor needs ours.
                yield_now();
                now = self.guess();
                continue;
            }
            // ORDERING: Acquire pairs with the Release of the unlocking steps: `link` as the
            // last holder left it.
            match self.0.compare_exchange_weak(
                now,
                now | LOCKED,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Snapshot(now),
                Err(seen) => now = seen,
            }
        }
    }

    /// Gives LOCKED up and says whether `link` is in use, adding `refs` references.
    pub(crate) fn unlock(&self, side: bool, refs: usize) {
        self.unlock_as(LOCKED | SIDE, if side { SIDE } else { 0 }, refs);
    }

    /// Gives LOCKED up; `link` is in use, and holds a callback.
    pub(crate) fn unlock_with_callback(&self) {
        self.unlock_as(LOCKED, SIDE | CALLBACK, 0);
    }

    /// RUNNING → FINISHED, when it is not yet, for the completing thread, which has taken the
    /// callbacks and gives LOCKED up.
    pub(crate) fn unlock_finished(&self, failed: bool, side: bool) {
        let side = if side { SIDE } else { 0 };
        let failed = if failed { FAILED } else { 0 };
        self.unlock_as(
            PHASE | LOCKED | SIDE | CALLBACK,
            FINISHED | failed | side,
            0,
        );
    }

    fn unlock_as(&self, clear: usize, set: usize, refs: usize) {
        let mut now = self.guess();
        loop {
            let next = (now & !clear | set) + refs * REF;
            // ORDERING: Release publishes `link` to the next holder, and the outcome to who
            // sees `done()`.
            match self
                .0
                .compare_exchange_weak(now, next, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(seen) => now = seen,
            }
        }
    }

    /// RUNNING or FINISHED → RELEASED for the holder of LOCKED, which gives LOCKED, SIDE and
    /// `refs` references up with it. `Err` and still LOCKED when the owner left and the outcome
    /// was not `dropped`.
    pub(crate) fn settle_locked(
        &self,
        failed: bool,
        dropped: bool,
        refs: usize,
    ) -> Result<Left, ()> {
        let flag = if failed { FAILED } else { 0 };
        let mut now = self.guess();
        loop {
            if !dropped && now & UNWANTED != 0 {
                return Err(());
            }
            let next = (now & !(PHASE | LOCKED | SIDE) | RELEASED | flag) - refs * REF;
            // ORDERING: as `release`.
            match self
                .0
                .compare_exchange_weak(now, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) if Snapshot(now).refs() == refs => return Ok(Left::Last),
                Ok(_) => return Ok(Left::Shared),
                Err(seen) => now = seen,
            }
        }
    }

    /// The owner leaves. `Err` when the cell is settled: the outcome is then the owner's to
    /// drop, and its reference is still counted.
    pub(crate) fn leave(&self) -> Result<Left, Snapshot> {
        // ORDERING: Acquire: a settled cell's outcome is the caller's to drop.
        let mut now = self.0.load(Ordering::Acquire);
        loop {
            let seen = Snapshot(now);
            if seen.is_settled() {
                return Err(seen);
            }
            // ORDERING: Release: the owner's use of the cell comes before its freeing. Acquire
            // on failure: see `read`.
            match self.0.compare_exchange_weak(
                now,
                (now | UNWANTED) - REF,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) if seen.refs() == 1 => return Ok(Left::Last),
                Ok(_) => return Ok(Left::Shared),
                Err(other) => now = other,
            }
        }
    }

    /// The outcome was moved out and the owner lives on.
    pub(crate) fn mark_taken(&self) {
        // ORDERING: only the owner reads the bit.
        self.0.fetch_or(TAKEN, Ordering::Relaxed);
    }

    /// One more reference.
    pub(crate) fn add_ref(&self) {
        // ORDERING: a reference is made from a reference; nothing is published by it.
        let before = self.0.fetch_add(REF, Ordering::Relaxed);
        if before > REF_LIMIT {
            // As `Arc` does: wrapping round would free a cell that is in use.
            std::process::abort();
        }
    }

    /// Gives a reference up.
    #[inline]
    pub(crate) fn drop_ref(&self) -> Left {
        // ORDERING: Acquire pairs with the Release below of every other holder, so reading a
        // count of one means that nobody else will touch the cell: no write is needed.
        if Snapshot(self.0.load(Ordering::Acquire)).refs() == 1 {
            return Left::Last;
        }
        // ORDERING: Release: this holder's use of the cell comes before its freeing.
        let before = self.0.fetch_sub(REF, Ordering::Release);
        if Snapshot(before).refs() != 1 {
            return Left::Shared;
        }
        // ORDERING: Acquire pairs with the Release of all other holders. A load and not a fence,
        // which ThreadSanitizer does not see.
        self.0.load(Ordering::Acquire);
        Left::Last
    }
}

#[cfg(all(test, not(cf_loom)))]
mod tests;
