//! Memory for cells: a few dozen of one size to each call of the allocator.
//!
//! ```text
//!   Slab   left 4 | size class 2 | capacity 2 | pad 8
//!   block  slab 8 | the cell …                       one after the other, `stride` bytes each
//! ```
//!
//! A thread cuts its blocks from a slab of its own, one after the other, with no atomic operation.
//! Any thread gives a block back by counting it off in the slab's `left`; whoever counts the last
//! one off has the slab, keeps it as a spare or frees it. Consecutive blocks of the same slab
//! are counted off together, since results are mostly taken in the order of their tasks: so each
//! thread may hold one slab for as long as it gives no block of another one back.
//!
//! What it costs is that one cell that stays keeps its slab. So slabs are small ([`MOST`] cells,
//! 4 KiB at most), a thread's first ones are smaller still, and cells that are not small have
//! an allocation of their own.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::ptr::{NonNull, null_mut};

use crate::shim::atomic::{AtomicU32, Ordering};
use crate::shim::thread_local_cell;

/// Cells of a thread's first slab; each later one has twice as many.
const FIRST: u16 = if cfg!(cf_loom) { 2 } else { 4 };

/// Cells of a slab, at most.
const MOST: u16 = if cfg!(cf_loom) { 2 } else { 32 };

/// Strides are multiples of this, and so every block's cell is aligned to it.
const GRAIN: usize = 16;

/// The longest stride.
const LONGEST: usize = 128;

const CLASSES: usize = LONGEST / GRAIN;

/// Before the first block.
#[repr(C, align(16))]
struct Slab {
    /// Blocks that are not given back, those not yet cut included.
    left: AtomicU32,
    class: u16,
    capacity: u16,
    #[cfg(cf_loom)]
    leak_watch: loom::alloc::Track<()>,
}

/// What stands before each cell.
type Owner = NonNull<Slab>;

/// Bytes before the first block.
const HEAD: usize = size_of::<Slab>();

#[cfg(not(cf_loom))]
const _: () = assert!(HEAD == GRAIN);

/// The size class of cells of this layout; `None` when they are not small.
#[must_use]
pub const fn class_of(cell: Layout) -> Option<usize> {
    let stride = (size_of::<Owner>() + cell.size()).next_multiple_of(GRAIN);
    // A block's owner fills half a grain, so that the cell is aligned to no more than a pointer.
    if cell.align() > align_of::<Owner>() || stride > LONGEST {
        None
    } else {
        Some(stride / GRAIN - 1)
    }
}

/// Bytes of a block of this class.
pub(crate) const fn stride(class: usize) -> usize {
    (class + 1) * GRAIN
}

fn layout(class: usize, capacity: u16) -> Layout {
    let bytes = HEAD + stride(class) * usize::from(capacity);
    Layout::from_size_align(bytes, align_of::<Slab>()).expect("a slab is small")
}

/// A thread's slab of one size class.
struct Cut {
    /// The next block, and the end of the slab.
    next: Cell<*mut u8>,
    end: Cell<*mut u8>,
    /// A whole slab that nobody uses.
    spare: Cell<*mut Slab>,
    /// Cells of the next new slab.
    grow: Cell<u16>,
}

/// What a thread keeps.
struct Local {
    cuts: [Cut; CLASSES],
    /// Blocks of this slab were given back and are not counted off yet: so many.
    given: Cell<*mut Slab>,
    count: Cell<u32>,
}

thread_local_cell!(static LOCAL: Local = Local::new());

impl Local {
    const fn new() -> Self {
        Self {
            cuts: [const { Cut::new() }; CLASSES],
            given: Cell::new(null_mut()),
            count: Cell::new(0),
        }
    }

    /// Counts off what was given back.
    #[inline]
    fn settle(&self) {
        if let Some(slab) = NonNull::new(self.given.replace(null_mut())) {
            let count = self.count.replace(0);
            // SAFETY: these blocks were this thread's to give back.
            if unsafe { count_off(slab, count) } {
                self.keep(slab);
            }
        }
    }

    /// Keeps a slab that nobody uses, or frees it.
    fn keep(&self, slab: NonNull<Slab>) {
        // SAFETY: nobody else knows the slab any more.
        let (class, capacity) = unsafe { (slab.as_ref().class, slab.as_ref().capacity) };
        let spare = &self.cuts[usize::from(class)].spare;
        // A small one would have to be followed by another soon.
        if spare.get().is_null() && capacity == MOST {
            spare.set(slab.as_ptr());
        } else {
            // SAFETY: as above.
            unsafe { free(slab) };
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.settle();
        for (class, cut) in self.cuts.iter().enumerate() {
            cut.abandon(class);
            if let Some(spare) = NonNull::new(cut.spare.get()) {
                // SAFETY: a spare is nobody else's.
                unsafe { free(spare) };
            }
        }
    }
}

impl Cut {
    const fn new() -> Self {
        Self {
            next: Cell::new(null_mut()),
            end: Cell::new(null_mut()),
            spare: Cell::new(null_mut()),
            grow: Cell::new(FIRST),
        }
    }

    /// A block for a cell.
    #[inline]
    fn block(&self, class: usize) -> Option<NonNull<u8>> {
        let at = self.next.get();
        if at == self.end.get() {
            return None;
        }
        // SAFETY: the blocks from `next` to `end` are this thread's, and whole.
        unsafe {
            self.next.set(at.add(stride(class)));
            Some(NonNull::new_unchecked(at.add(size_of::<Owner>())))
        }
    }

    /// Goes on to another slab, the old one being used up.
    #[cold]
    fn refill(&self, class: usize) {
        let slab = match NonNull::new(self.spare.replace(null_mut())) {
            Some(slab) => slab,
            None => {
                let capacity = self.grow.get();
                self.grow.set((capacity * 2).min(MOST));
                new_slab(class, capacity)
            }
        };
        // SAFETY: the slab is this thread's alone, and its blocks lie behind its head.
        unsafe {
            let capacity = slab.as_ref().capacity;
            // ORDERING: whoever counts a block off was given the cell in it by other means.
            slab.as_ref().left.store(capacity.into(), Ordering::Relaxed);
            let first = slab.add(1).cast::<u8>().as_ptr();
            self.next.set(first);
            self.end
                .set(first.add(stride(class) * usize::from(capacity)));
        }
    }

    /// Gives back what was never cut.
    fn abandon(&self, class: usize) {
        let at = self.next.replace(null_mut());
        let left = self.end.replace(null_mut()).addr() - at.addr();
        if left == 0 {
            return;
        }
        let blocks = u32::try_from(left / stride(class)).expect("a slab is small");
        // SAFETY: each block that may be cut has its owner written before it.
        unsafe {
            let slab = at.cast::<Owner>().read();
            if count_off(slab, blocks) {
                free(slab);
            }
        }
    }
}

/// A slab whose blocks all name it.
fn new_slab(class: usize, capacity: u16) -> NonNull<Slab> {
    let layout = layout(class, capacity);
    // SAFETY: the layout is not empty; the head and the owners lie inside it.
    unsafe {
        let Some(slab) = NonNull::new(alloc(layout).cast::<Slab>()) else {
            handle_alloc_error(layout);
        };
        slab.write(Slab {
            left: AtomicU32::new(0),
            class: class as u16,
            capacity,
            #[cfg(cf_loom)]
            leak_watch: loom::alloc::Track::new(()),
        });
        let first = slab.add(1).cast::<u8>();
        for block in 0..usize::from(capacity) {
            first.add(block * stride(class)).cast::<Owner>().write(slab);
        }
        slab
    }
}

/// Counts blocks off; true when they were the last, and the slab is the caller's.
///
/// # Safety
///
/// The blocks are the caller's, and not used again.
unsafe fn count_off(slab: NonNull<Slab>, blocks: u32) -> bool {
    // SAFETY: the slab lives until its last block is counted off.
    let left = unsafe { &slab.as_ref().left };
    // ORDERING: Release: this thread's use of the blocks comes before their reuse. Acquire: the
    // last one sees the others' use.
    left.fetch_sub(blocks, Ordering::AcqRel) == blocks
}

/// # Safety
///
/// Nobody uses the slab or a block of it.
#[cold]
unsafe fn free(slab: NonNull<Slab>) {
    // SAFETY: the caller's promise; made by `new_slab` with this layout.
    unsafe {
        let layout = layout(slab.as_ref().class.into(), slab.as_ref().capacity);
        slab.drop_in_place();
        dealloc(slab.cast().as_ptr(), layout);
    }
}

/// Memory for a cell of size class `class`, aligned to a pointer.
///
/// # Panics
///
/// When [`class_of`] gave no such class.
#[must_use]
#[inline]
pub fn take(class: usize) -> NonNull<u8> {
    LOCAL
        .try_with(|local| {
            let cut = &local.cuts[class];
            cut.block(class).unwrap_or_else(|| {
                local.settle();
                cut.refill(class);
                cut.block(class).expect("a new slab has blocks")
            })
        })
        .unwrap_or_else(|_| take_without_thread(class))
}

/// This thread is about to end: a slab for one cell.
#[cold]
fn take_without_thread(class: usize) -> NonNull<u8> {
    let cut = Cut::new();
    cut.grow.set(1);
    cut.refill(class);
    cut.block(class).expect("a new slab has blocks")
}

/// Gives the memory of a cell back.
///
/// # Safety
///
/// It came from [`take`], and nobody uses it any more.
#[inline]
pub unsafe fn give_back(cell: NonNull<u8>) {
    // SAFETY: the owner stands before the cell.
    let slab = unsafe { cell.sub(size_of::<Owner>()).cast::<Owner>().read() };
    let given = LOCAL.try_with(|local| {
        if local.given.get() == slab.as_ptr() {
            local.count.set(local.count.get() + 1);
        } else {
            local.settle();
            local.given.set(slab.as_ptr());
            local.count.set(1);
        }
    });
    // SAFETY: the caller's promise.
    if given.is_err() && unsafe { count_off(slab, 1) } {
        // SAFETY: the slab is this thread's alone.
        unsafe { free(slab) };
    }
}
