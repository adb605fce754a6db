//! Models of the memory that cells are cut from.
#![cfg(cf_loom)]
#![allow(unsafe_code)]

use std::alloc::Layout;
use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex};

use future_core::parts::{class_of, give_back, take};
use future_core::shim::model::{Model, Reached};
use loom::cell::UnsafeCell;
use loom::thread;

/// What loom watches in place of each block: whoever has a block writes to its watch.
#[derive(Clone, Default)]
struct Watches(Arc<Mutex<HashMap<usize, Watch>>>);

/// Written to by whoever has the block.
struct Held(UnsafeCell<u32>);

// SAFETY: loom fails the model when two accesses are not ordered.
unsafe impl Sync for Held {}

#[derive(Clone)]
struct Watch {
    cell: Arc<Held>,
    /// How often the block was handed out.
    taken: u32,
}

/// A block in somebody's hands.
struct Block {
    at: NonNull<u8>,
    watch: Watch,
}

// SAFETY: a block belongs to whoever holds it.
unsafe impl Send for Block {}

impl Watches {
    /// Takes a block; its watch says how often it was taken.
    fn take(&self) -> Block {
        let class = class_of(Layout::new::<[u64; 5]>()).unwrap();
        let at = take(class);
        let watch = {
            let mut all = self.0.lock().unwrap();
            let watch = all.entry(at.addr().get()).or_insert_with(|| Watch {
                cell: Arc::new(Held(UnsafeCell::new(0))),
                taken: 0,
            });
            watch.taken += 1;
            watch.clone()
        };
        // SAFETY: loom fails the model when another thread's use is not ordered before this.
        watch.cell.0.with_mut(|held| unsafe {
            assert_eq!(*held, 0, "a block was handed out twice");
            *held = 1;
        });
        Block { at, watch }
    }
}

impl Block {
    fn give_back(self) {
        // SAFETY: see `take`.
        self.watch.cell.0.with_mut(|held| unsafe { *held = 0 });
        // SAFETY: the block is this thread's, which uses it no more.
        unsafe { give_back(self.at) };
    }
}

// P6
#[test]
fn a_block_has_one_holder_and_no_slab_is_lost() {
    static AGAIN: Reached = Reached::new("a block was used again");
    static FRESH: Reached = Reached::new("the first slab was not free yet");
    Model::new(
        "a_block_has_one_holder_and_no_slab_is_lost",
        "blocks of one slab that two threads give back are handed out again only after that, and \
         every slab is freed",
        2,
    )
    .check(|| {
        let watches = Watches::default();
        let (mine, theirs) = (watches.take(), watches.take());
        let other = thread::spawn({
            let watches = watches.clone();
            move || {
                theirs.give_back();
                // A slab of its own, left half cut.
                watches.take().give_back();
            }
        });
        mine.give_back();
        for _ in 0..2 {
            let block = watches.take();
            if block.watch.taken > 1 {
                AGAIN.mark();
            } else {
                FRESH.mark();
            }
            block.give_back();
        }
        other.join().unwrap();
    });
    AGAIN.assert();
    FRESH.assert();
}

// P6
#[test]
fn a_slab_that_its_thread_left_is_freed_by_the_last_holder() {
    static LATE: Reached = Reached::new("the holder gave back after the thread had ended");
    Model::new(
        "a_slab_that_its_thread_left_is_freed_by_the_last_holder",
        "a thread that ends with a half-cut slab leaves it to those who hold blocks of it",
        2,
    )
    .check(|| {
        let watches = Watches::default();
        let other = thread::spawn({
            let watches = watches.clone();
            move || watches.take()
        });
        let theirs = other.join().unwrap();
        LATE.mark();
        theirs.give_back();
        watches.take().give_back();
    });
    LATE.assert();
}
