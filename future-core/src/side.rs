//! Side nodes: callbacks, wakers and further watchers of a cell, in a list that hangs on its
//! `link`.
//!
//! `link` is null, or the first of a chain of [`Side`] nodes. The chain ends in null or, marked
//! with the low bit, in the first watcher, which needs no node: its list entry is the cell.
//! All of it is edited under LOCKED (state.rs, rule 2); nothing is allocated, freed or called
//! while it is held.

#![allow(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{NonNull, null_mut};
use std::task::Waker;

use crate::cell::{Header, forget_panic};
use crate::watch::{Entry, Watch};

/// A callback that knows its future's type.
pub(crate) type Callback = Box<dyn FnOnce(NonNull<Header>) + Send>;

pub(crate) enum Kind {
    Callback(Callback),
    Waker(Waker),
    Watch(NonNull<Watch>),
}

/// One registration.
pub(crate) struct Side {
    next: *mut (),
    prev: *mut Side,
    /// The watcher's name for the cell.
    pub(crate) token: u32,
    kind: Kind,
}

impl Side {
    pub(crate) fn new(kind: Kind, token: u32) -> NonNull<Side> {
        NonNull::from(Box::leak(Box::new(Side {
            next: null_mut(),
            prev: null_mut(),
            token,
            kind,
        })))
    }

    pub(crate) fn next(&self) -> *mut () {
        self.next
    }

    pub(crate) fn set_next(&mut self, next: *mut ()) {
        self.next = next;
    }
}

const DIRECT: usize = 1;

fn direct(watch: NonNull<Watch>) -> *mut () {
    watch.as_ptr().cast::<()>().map_addr(|a| a | DIRECT)
}

fn as_direct(link: *mut ()) -> Option<NonNull<Watch>> {
    if link.addr() & DIRECT == 0 {
        return None;
    }
    NonNull::new(link.map_addr(|a| a & !DIRECT).cast())
}

fn as_side(link: *mut ()) -> Option<NonNull<Side>> {
    if link.addr() & DIRECT == 0 {
        NonNull::new(link.cast())
    } else {
        None
    }
}

fn get(header: &Header) -> *mut () {
    // SAFETY: under LOCKED, or after settling by its thread (rule 2).
    header.link.with(|link| unsafe { *link })
}

fn set(header: &Header, to: *mut ()) {
    // SAFETY: as above.
    header.link.with_mut(|link| unsafe { *link = to });
}

/// Whether anything is registered. Under LOCKED.
pub(crate) fn in_use(header: &Header) -> bool {
    !get(header).is_null()
}

/// Registers `node`. Under LOCKED.
pub(crate) fn push(header: &Header, node: NonNull<Side>) {
    let first = get(header);
    // SAFETY: `node` is not in any list yet; the chain's nodes are live while registered.
    unsafe {
        (*node.as_ptr()).next = first;
        if let Some(first) = as_side(first) {
            (*first.as_ptr()).prev = node.as_ptr();
        }
    }
    set(header, node.as_ptr().cast());
}

/// Registers `watch` without a node, when nothing else is registered. Under LOCKED.
pub(crate) fn push_direct(header: &Header, watch: NonNull<Watch>, token: u32) -> bool {
    if in_use(header) {
        return false;
    }
    // SAFETY: rule 2.
    header.token.with_mut(|t| unsafe { *t = token });
    set(header, direct(watch));
    true
}

/// Takes `node` out. Under LOCKED; the node is the caller's again.
pub(crate) fn remove(header: &Header, node: NonNull<Side>) {
    // SAFETY: `node` is in this cell's chain, whose nodes are live.
    unsafe {
        let Side { next, prev, .. } = *node.as_ptr();
        if let Some(next) = as_side(next) {
            (*next.as_ptr()).prev = prev;
        }
        if prev.is_null() {
            set(header, next);
        } else {
            (*prev).next = next;
        }
        (*node.as_ptr()).next = null_mut();
        (*node.as_ptr()).prev = null_mut();
    }
}

/// Takes the direct watcher out. Under LOCKED.
pub(crate) fn remove_direct(header: &Header) {
    let mut last: *mut Side = null_mut();
    let mut at = get(header);
    while let Some(node) = as_side(at) {
        last = node.as_ptr();
        // SAFETY: the chain's nodes are live.
        at = unsafe { (*last).next };
    }
    debug_assert!(as_direct(at).is_some());
    if last.is_null() {
        set(header, null_mut());
    } else {
        // SAFETY: as above.
        unsafe { (*last).next = null_mut() };
    }
}

/// Whether a waker is registered that would wake the same task. Under LOCKED.
///
/// Calls `Waker::will_wake`, which compares two pointers and is no code of the user's.
pub(crate) fn has_waker(header: &Header, waker: &Waker) -> bool {
    any(
        header,
        |kind| matches!(kind, Kind::Waker(w) if w.will_wake(waker)),
    )
}

fn any(header: &Header, wanted: impl Fn(&Kind) -> bool) -> bool {
    let mut at = get(header);
    while let Some(node) = as_side(at) {
        // SAFETY: the chain's nodes are live under LOCKED.
        let node = unsafe { node.as_ref() };
        if wanted(&node.kind) {
            return true;
        }
        at = node.next;
    }
    false
}

/// Takes out what `wanted` picks, chained by `next` in the order of registration. Under LOCKED.
fn pick(header: &Header, wanted: impl Fn(&Kind) -> bool) -> *mut Side {
    let mut picked: *mut Side = null_mut();
    let mut at = get(header);
    while let Some(node) = as_side(at) {
        // SAFETY: the chain's nodes are live; a removed one is ours.
        unsafe {
            at = (*node.as_ptr()).next;
            if wanted(&(*node.as_ptr()).kind) {
                remove(header, node);
                (*node.as_ptr()).next = picked.cast();
                picked = node.as_ptr();
            }
        }
    }
    picked
}

/// Callbacks taken out of a cell, first registered first.
pub(crate) struct Callbacks(*mut Side);

impl Callbacks {
    pub(crate) const NONE: Self = Self(null_mut());

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_null()
    }
}

/// A callback that was never registered.
pub(crate) fn only(node: NonNull<Side>) -> Callbacks {
    Callbacks(node.as_ptr())
}

/// Takes the callbacks out. Under LOCKED.
pub(crate) fn take_callbacks(header: &Header) -> Callbacks {
    Callbacks(pick(header, |kind| matches!(kind, Kind::Callback(_))))
}

/// Takes the wakers out, for an owner that leaves. Under LOCKED; free them with [`free`].
pub(crate) fn take_wakers(header: &Header) -> *mut Side {
    pick(header, |kind| matches!(kind, Kind::Waker(_)))
}

/// Frees nodes chained by `next`, dropping what they hold.
pub(crate) fn free(mut nodes: *mut Side) {
    while let Some(node) = NonNull::new(nodes) {
        // SAFETY: taken out of the chain, so ours, and made by `Box`.
        let node = unsafe { Box::from_raw(node.as_ptr()) };
        nodes = node.next.cast();
        forget_panic(catch_unwind(AssertUnwindSafe(move || drop(node))));
    }
}

/// Takes everything out. Under LOCKED.
pub(crate) fn take_all(header: &Header) -> *mut () {
    let link = get(header);
    set(header, null_mut());
    link
}

/// Undoes [`take_all`]. Under LOCKED since then.
pub(crate) fn put_back(header: &Header, link: *mut ()) {
    set(header, link);
}

/// Calls callbacks one by one. A panic of one ends there; the panic hook has reported it.
///
/// # Safety
/// `cell` is live during the call and the callbacks were registered on it.
pub(crate) unsafe fn run_callbacks(cell: NonNull<Header>, callbacks: Callbacks) {
    if callbacks.is_empty() {
        return;
    }
    let mut at = callbacks.0;
    while let Some(node) = NonNull::new(at) {
        // SAFETY: taken out of the chain, so ours, and made by `Box`.
        let node = unsafe { Box::from_raw(node.as_ptr()) };
        at = node.next.cast();
        if let Kind::Callback(callback) = node.kind {
            forget_panic(catch_unwind(AssertUnwindSafe(|| callback(cell))));
        }
    }
}

/// Releases the watchers and wakers of a settled cell; gives back the callbacks.
pub(crate) fn release(cell: NonNull<Header>, link: *mut ()) -> Callbacks {
    let mut callbacks: *mut Side = null_mut();
    let mut wakers: *mut Side = null_mut();
    let mut at = link;
    while let Some(node) = as_side(at) {
        // SAFETY: the chain is this thread's alone since `take_all`.
        unsafe {
            let raw = node.as_ptr();
            at = (*raw).next;
            match (*raw).kind {
                Kind::Callback(_) => {
                    (*raw).next = callbacks.cast();
                    callbacks = raw;
                }
                Kind::Waker(_) => {
                    (*raw).next = wakers.cast();
                    wakers = raw;
                }
                Kind::Watch(watch) => Watch::push(watch, Entry::Side(node)),
            }
        }
    }
    if let Some(watch) = as_direct(at) {
        // SAFETY: a registered watch lives until it has popped its entry.
        unsafe { Watch::push(watch, Entry::Cell(cell)) };
    }
    let mut at = wakers;
    while let Some(node) = NonNull::new(at) {
        // SAFETY: ours, and made by `Box`.
        let node = unsafe { Box::from_raw(node.as_ptr()) };
        at = node.next.cast();
        if let Kind::Waker(waker) = node.kind {
            forget_panic(catch_unwind(AssertUnwindSafe(move || waker.wake())));
        }
    }
    Callbacks(callbacks)
}
