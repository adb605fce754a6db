//! Finds waits that can never end.
//!
//! A thread that runs a task and is about to sleep without a time limit registers here: the
//! cells it runs (they cannot complete before it wakes) and the cells it waits for. Under one
//! lock that makes an AND-OR graph:
//!
//! * a thread that waits for *all* of a set goes on when every cell of it can complete, one that
//!   waits for *any* when one can;
//! * a running cell can complete when its thread can go on; threads that are not registered can;
//! * a pending cell can complete when its pool has a worker that is not registered, or may
//!   start one, or has a registered one that can go on;
//! * a cell without a pool that nobody registered for (a `Promise`) is outside: it can.
//!
//! What can go on is the least fixed point. A thread that registers and cannot go on closes a
//! cycle and gets [`Deadlock`]; when it cannot give way, for it leaves a scope, another of the
//! cycle does. The only other event that takes ways to complete away is a refused thread, which
//! makes a pool smaller; then all are looked at again. Every other event adds ways. (E. Chandy,
//! J. Misra, L. Haas, "Distributed Deadlock Detection", 1983, call this the OR and AND models;
//! here one lock makes it a central search.)

#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::ptr::NonNull;

use crate::cell::Header;
use crate::context;
use crate::error::{Deadlock, short_name};
use crate::handle::FutureHandle;
use crate::shim::{Mutex, global};
use crate::watch::Notifier;

global!(static GRAPH: Mutex<Graph> = Mutex::new(Graph::new()));

/// What a thread waits for.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    /// One cell.
    One(NonNull<Header>),
    /// All of these.
    All(NonNull<[NonNull<Header>]>),
    /// Any of these; empty places do not count.
    Any(NonNull<[Option<NonNull<Header>>]>),
}

struct Pool {
    capacity: usize,
    blocked: usize,
}

struct Blocked {
    pool: u32,
    cells: Vec<usize>,
    name: fn() -> &'static str,
    wanted: Wanted,
    bell: Notifier,
    /// Whether this wait may end with an error.
    refusable: bool,
    victim: Option<Deadlock>,
}

struct Graph {
    pools: Vec<Option<Pool>>,
    free_pools: Vec<u32>,
    blocked: BTreeMap<usize, Blocked>,
    next: usize,
    running_on: BTreeMap<usize, usize>,
}

// SAFETY: the cells in `wanted` are kept alive by the threads that registered them, which sleep
// until they have taken their entry out under the same lock; only state words are read.
unsafe impl Send for Graph {}

/// Registers a pool with at most `capacity` workers; its number, which is never 0.
pub(crate) fn add_pool(capacity: usize) -> u32 {
    let mut graph = GRAPH.lock();
    let pool = Some(Pool {
        capacity,
        blocked: 0,
    });
    if let Some(free) = graph.free_pools.pop() {
        graph.pools[free as usize - 1] = pool;
        free
    } else {
        graph.pools.push(pool);
        u32::try_from(graph.pools.len()).expect("fewer than 2^32 pools live at once")
    }
}

/// The pool has, until further notice, at most `capacity` workers.
pub(crate) fn set_capacity(pool: u32, capacity: usize) {
    let mut graph = GRAPH.lock();
    if let Some(Some(pool)) = graph.pools.get_mut(pool as usize - 1) {
        let fewer = capacity < pool.capacity;
        pool.capacity = capacity;
        if fewer {
            graph.give_way_where_stuck();
        }
    }
}

/// Whether no worker of `pool` would be left to start a task, were this one, another of its
/// workers, to sleep.
pub(crate) fn is_last_of(pool: u32) -> bool {
    let mut graph = GRAPH.lock();
    graph
        .pool(pool)
        .is_some_and(|pool| pool.blocked + 1 >= pool.capacity)
}

/// Forgets a pool; nothing of it is pending any more.
pub(crate) fn remove_pool(pool: u32) {
    let mut graph = GRAPH.lock();
    graph.pools[pool as usize - 1] = None;
    graph.free_pools.push(pool);
}

/// An entry in the graph, for as long as its thread sleeps.
pub(crate) struct Entry(usize);

/// Registers this thread, which is about to sleep until `wanted` is there. `None` when nobody
/// can be waiting for it.
///
/// # Errors
///
/// When it could never wake. A wait that is not `refusable` has another thread of the cycle
/// woken with the error instead.
pub(crate) fn enter(
    wanted: Wanted,
    bell: &Notifier,
    refusable: bool,
) -> Result<Option<Entry>, Deadlock> {
    let mut cells = Vec::new();
    let mut name: Option<fn() -> &'static str> = None;
    context::each_frame(|cell, its_name| {
        cells.push(cell.addr());
        name.get_or_insert(its_name);
    });
    let Some(name) = name else { return Ok(None) };
    let mut graph = GRAPH.lock();
    let me = graph.next;
    graph.next += 1;
    graph.add(
        me,
        Blocked {
            pool: context::pool(),
            cells,
            name,
            wanted,
            bell: bell.clone(),
            refusable,
            victim: None,
        },
    );
    let Some(stuck) = graph.stuck(me) else {
        return Ok(Some(Entry(me)));
    };
    if refusable {
        let error = graph.describe(me, &stuck);
        graph.remove(me);
        return Err(error);
    }
    // Somebody else in the cycle has to give way, and not one that merely waits for it; when
    // nobody can, this wait is as its caller made it.
    let helps = |at: &usize| {
        graph.blocked[at].refusable && graph.stuck_without(&[*at]).binary_search(&me).is_err()
    };
    match stuck.iter().copied().find(helps) {
        Some(other) => graph.give_way(other, &stuck),
        // One is not enough.
        None => graph.give_way_where_stuck(),
    }
    Ok(Some(Entry(me)))
}

impl Entry {
    /// The thread is awake again.
    ///
    /// # Errors
    ///
    /// When it was chosen to give way.
    pub(crate) fn leave(self) -> Result<(), Deadlock> {
        let entry = GRAPH.lock().remove(self.0);
        entry.victim.map_or(Ok(()), Err)
    }
}

impl Graph {
    const fn new() -> Self {
        Self {
            pools: Vec::new(),
            free_pools: Vec::new(),
            blocked: BTreeMap::new(),
            next: 0,
            running_on: BTreeMap::new(),
        }
    }

    fn pool(&mut self, pool: u32) -> Option<&mut Pool> {
        self.pools
            .get_mut((pool as usize).checked_sub(1)?)?
            .as_mut()
    }

    fn add(&mut self, at: usize, entry: Blocked) {
        for cell in &entry.cells {
            self.running_on.insert(*cell, at);
        }
        if let Some(pool) = self.pool(entry.pool) {
            pool.blocked += 1;
        }
        self.blocked.insert(at, entry);
    }

    fn remove(&mut self, at: usize) -> Blocked {
        let entry = self
            .blocked
            .remove(&at)
            .expect("each entry is removed once");
        for cell in &entry.cells {
            self.running_on.remove(cell);
        }
        if let Some(pool) = self.pool(entry.pool) {
            pool.blocked -= 1;
        }
        entry
    }

    /// The threads that cannot go on, when `me` is one of them.
    fn stuck(&self, me: usize) -> Option<Vec<usize>> {
        // Whether it can go on with the help of unregistered threads alone: nearly always.
        if self.can_go_on(me, &|_| true) {
            return None;
        }
        let stuck = self.stuck_without(&[]);
        stuck.binary_search(&me).is_ok().then_some(stuck)
    }

    /// The threads that cannot go on although those of `gone` do, in order.
    fn stuck_without(&self, gone: &[usize]) -> Vec<usize> {
        let mut stuck: Vec<usize> = self
            .blocked
            .iter()
            // One that was told to give way will go on.
            .filter(|(at, entry)| entry.victim.is_none() && !gone.contains(at))
            .map(|(at, _)| *at)
            .collect();
        loop {
            let now = stuck.clone();
            stuck.retain(|at| !self.can_go_on(*at, &|t| now.binary_search(&t).is_ok()));
            if stuck.len() == now.len() {
                return stuck;
            }
        }
    }

    /// Wakes `other` with the error.
    fn give_way(&mut self, other: usize, stuck: &[usize]) {
        let error = self.describe(other, stuck);
        if let Some(entry) = self.blocked.get_mut(&other) {
            entry.victim = Some(error);
            entry.bell.unpark();
        }
    }

    /// Has waits give way until all others can go on, or none is left that can give way.
    fn give_way_where_stuck(&mut self) {
        loop {
            let stuck = self.stuck_without(&[]);
            let Some(other) = stuck.iter().copied().find(|at| self.blocked[at].refusable) else {
                return;
            };
            self.give_way(other, &stuck);
        }
    }

    fn can_go_on(&self, at: usize, stuck: &dyn Fn(usize) -> bool) -> bool {
        // SAFETY: see `unsafe impl Send`; the slices are the sleeping thread's own.
        unsafe {
            match self.blocked[&at].wanted {
                Wanted::One(cell) => self.can_complete(cell.as_ref(), stuck),
                Wanted::All(cells) => cells
                    .as_ref()
                    .iter()
                    .all(|cell| self.can_complete(cell.as_ref(), stuck)),
                Wanted::Any(cells) => cells
                    .as_ref()
                    .iter()
                    .flatten()
                    .any(|cell| self.can_complete(cell.as_ref(), stuck)),
            }
        }
    }

    fn can_complete(&self, cell: &Header, stuck: &dyn Fn(usize) -> bool) -> bool {
        let seen = cell.word.read();
        if seen.is_settled() {
            return true;
        }
        if let Some(thread) = self.running_on.get(&std::ptr::from_ref(cell).addr()) {
            return !stuck(*thread);
        }
        if !seen.is_pending() {
            return true;
        }
        let Some(Some(pool)) = (cell.pool as usize)
            .checked_sub(1)
            .and_then(|at| self.pools.get(at))
        else {
            return true;
        };
        pool.blocked < pool.capacity
            || self
                .blocked
                .iter()
                .any(|(at, entry)| entry.pool == cell.pool && !stuck(*at))
    }

    /// Who waits for whom, starting with `me`.
    fn describe(&self, me: usize, stuck: &[usize]) -> Deadlock {
        let mut text = String::new();
        let mut seen: Vec<usize> = Vec::new();
        let mut at = me;
        loop {
            let entry = &self.blocked[&at];
            // The innermost of its frames is the task that waits.
            let own = entry.cells.first().copied().unwrap_or_default();
            let name = short_name((entry.name)());
            text.push_str(&format!("task `{name}` ({own:#x})"));
            if seen.contains(&at) {
                break;
            }
            seen.push(at);
            let Some((cell, next)) = self.blocks(at, stuck) else {
                text.push_str(" waits for a task that no worker is free to start");
                break;
            };
            let addr = std::ptr::from_ref(cell).addr();
            match next {
                Some(next) if next != at => {
                    text.push_str(" waits for ");
                    at = next;
                }
                Some(_) if addr == own => {
                    text.push_str(" waits for itself");
                    break;
                }
                // Further down its own stack, or queued.
                _ => {
                    text.push_str(&format!(" waits for task `{}` ({addr:#x})", cell.name()));
                    text.push_str(match next {
                        Some(_) => ", which waits for it",
                        None => ", which no worker is free to start",
                    });
                    break;
                }
            }
        }
        Deadlock::new(text)
    }

    /// A cell that keeps `at` asleep, and the thread that runs it.
    fn blocks(&self, at: usize, stuck: &[usize]) -> Option<(&Header, Option<usize>)> {
        let is_stuck = |t: usize| stuck.contains(&t) || t == at;
        let stays = |cell: &&Header| !self.can_complete(cell, &is_stuck);
        // SAFETY: as in `can_go_on`.
        let cell = unsafe {
            match self.blocked[&at].wanted {
                Wanted::One(cell) => Some(cell.as_ref()).filter(stays),
                Wanted::All(cells) => cells.as_ref().iter().map(|c| c.as_ref()).find(stays),
                Wanted::Any(cells) => {
                    let cells = cells.as_ref().iter().flatten();
                    cells.map(|c| c.as_ref()).find(stays)
                }
            }
        }?;
        let thread = self.running_on.get(&std::ptr::from_ref(cell).addr());
        Some((cell, thread.copied()))
    }
}

/// The cells of those handles that are still waited for, for [`Wanted::All`].
pub(crate) fn cells_of(handles: &[&FutureHandle]) -> Vec<NonNull<Header>> {
    handles
        .iter()
        .filter(|handle| !handle.settled())
        .map(|handle| handle.cell())
        .collect()
}
