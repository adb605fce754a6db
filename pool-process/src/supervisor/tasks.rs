//! The tasks, and the lists they are on.
//!
//! A slab. Each task is on one list at a time, the queue's or that of the worker it was sent to,
//! through links in its entry: to take one out of the middle costs as little as from the front.

use std::ops::{Index, IndexMut};

use super::ids::Key;

const NIL: u32 = u32::MAX;
/// So many entries are kept when the last task is gone.
const KEPT: usize = 1 << 16;

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Queued,
    /// At the worker in this slot.
    At(u32),
}

/// Whether a task is to be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doomed {
    No,
    Killed,
    Deadline,
}

#[derive(Debug)]
pub(super) struct Entry<T> {
    /// Its number among all tasks ever submitted.
    seq: u64,
    task: Option<T>,
    /// How long it may run.
    pub(super) limit: Option<u64>,
    /// When it started; of use only when `started`.
    pub(super) started_at: u64,
    prev: u32,
    next: u32,
    /// How often it was started at workers that died.
    pub(super) crashes: u32,
    pub(super) place: Place,
    /// It is known to have started where it is.
    pub(super) started: bool,
    /// It was asked back from where it is, and the reply has not come.
    pub(super) revoking: bool,
    /// A later task is before it on its worker's list.
    pub(super) late: bool,
    pub(super) doomed: Doomed,
}

impl<T> Entry<T> {
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// Whether to ask for it back makes sense.
    pub(super) fn revocable(&self) -> bool {
        !self.started && !self.revoking
    }
}

/// A list of tasks.
#[derive(Debug)]
pub(super) struct List {
    head: u32,
    tail: u32,
    len: u32,
}

impl List {
    pub(super) const fn new() -> Self {
        Self {
            head: NIL,
            tail: NIL,
            len: 0,
        }
    }

    pub(super) fn len(&self) -> u32 {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn first(&self) -> Option<u32> {
        (self.head != NIL).then_some(self.head)
    }

    pub(super) fn last(&self) -> Option<u32> {
        (self.tail != NIL).then_some(self.tail)
    }
}

/// All tasks that have not been given back.
#[derive(Debug)]
pub(super) struct Tasks<T> {
    entries: Vec<Entry<T>>,
    free: u32,
    len: usize,
    /// How many of them have a limit.
    limited: usize,
    next_seq: u64,
}

impl<T> Tasks<T> {
    pub(super) const fn new() -> Self {
        Self {
            entries: Vec::new(),
            free: NIL,
            len: 0,
            limited: 0,
            next_seq: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many of them may run for a limited time only.
    pub(super) fn limited(&self) -> usize {
        self.limited
    }

    /// Puts a task in, on no list yet.
    pub(super) fn insert(&mut self, task: T, limit: Option<u64>) -> u32 {
        let entry = Entry {
            seq: self.next_seq,
            task: Some(task),
            limit,
            started_at: 0,
            prev: NIL,
            next: NIL,
            crashes: 0,
            place: Place::Queued,
            started: false,
            revoking: false,
            late: false,
            doomed: Doomed::No,
        };
        self.next_seq += 1;
        self.len += 1;
        self.limited += usize::from(limit.is_some());
        if self.free == NIL {
            // Memory ends before the indices do: an entry has more than 16 bytes.
            self.entries.push(entry);
            (self.entries.len() - 1) as u32
        } else {
            let index = self.free;
            self.free = self[index].next;
            self[index] = entry;
            index
        }
    }

    /// Gives the task back that is on no list any more.
    pub(super) fn remove(&mut self, index: u32) -> Option<T> {
        let free = self.free;
        let entry = &mut self[index];
        let task = entry.task.take()?;
        entry.next = free;
        self.limited -= usize::from(entry.limit.is_some());
        self.free = index;
        self.len -= 1;
        if self.len == 0 && self.entries.len() > KEPT {
            // Keys hold a number that is used once, so the entries need not be remembered.
            self.entries.clear();
            self.entries.shrink_to(KEPT);
            self.free = NIL;
        }
        Some(task)
    }

    /// Where the task is kept, if it is still here.
    pub(super) fn find(&self, key: Key) -> Option<u32> {
        let entry = self.entries.get(key.index as usize)?;
        (entry.seq == key.seq && entry.task.is_some()).then_some(key.index)
    }

    pub(super) fn key(&self, index: u32) -> Key {
        Key {
            seq: self[index].seq,
            index,
        }
    }

    pub(super) fn task(&self, key: Key) -> Option<&T> {
        self[self.find(key)?].task.as_ref()
    }

    pub(super) fn task_mut(&mut self, key: Key) -> Option<&mut T> {
        let index = self.find(key)?;
        self[index].task.as_mut()
    }

    pub(super) fn next(&self, index: u32) -> Option<u32> {
        let next = self[index].next;
        (next != NIL).then_some(next)
    }

    pub(super) fn prev(&self, index: u32) -> Option<u32> {
        let prev = self[index].prev;
        (prev != NIL).then_some(prev)
    }

    pub(super) fn push_back(&mut self, list: &mut List, index: u32) {
        let tail = list.tail;
        self.link(list, tail, index, NIL);
    }

    /// Puts a task where its number belongs. Meant for those that come back: they belong near the
    /// front, and are best put in last one first.
    pub(super) fn insert_sorted(&mut self, list: &mut List, index: u32) {
        let seq = self[index].seq;
        let (mut prev, mut next) = (NIL, list.head);
        while next != NIL && self[next].seq < seq {
            (prev, next) = (next, self[next].next);
        }
        self.link(list, prev, index, next);
    }

    fn link(&mut self, list: &mut List, prev: u32, index: u32, next: u32) {
        self[index].prev = prev;
        self[index].next = next;
        match prev {
            NIL => list.head = index,
            _ => self[prev].next = index,
        }
        match next {
            NIL => list.tail = index,
            _ => self[next].prev = index,
        }
        list.len += 1;
    }

    pub(super) fn unlink(&mut self, list: &mut List, index: u32) {
        let (prev, next) = (self[index].prev, self[index].next);
        match prev {
            NIL => list.head = next,
            _ => self[prev].next = next,
        }
        match next {
            NIL => list.tail = prev,
            _ => self[next].prev = prev,
        }
        list.len -= 1;
    }
}

impl<T> Index<u32> for Tasks<T> {
    type Output = Entry<T>;

    fn index(&self, index: u32) -> &Entry<T> {
        &self.entries[index as usize]
    }
}

impl<T> IndexMut<u32> for Tasks<T> {
    fn index_mut(&mut self, index: u32) -> &mut Entry<T> {
        &mut self.entries[index as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(tasks: &Tasks<u32>, list: &List) -> Vec<u32> {
        let mut seen = Vec::new();
        let mut at = list.first();
        while let Some(index) = at {
            seen.extend(tasks.task(tasks.key(index)));
            at = tasks.next(index);
        }
        assert_eq!(seen.len() as u32, list.len());
        let mut back = Vec::new();
        let mut at = list.last();
        while let Some(index) = at {
            back.extend(tasks.task(tasks.key(index)));
            at = tasks.prev(index);
        }
        back.reverse();
        assert_eq!(seen, back, "the links agree both ways");
        seen
    }

    #[test]
    fn a_list_keeps_its_order_and_takes_back_what_left_it() {
        let mut tasks = Tasks::new();
        let mut list = List::new();
        let all: Vec<u32> = (0..5).map(|n| tasks.insert(n, None)).collect();
        for &index in &all {
            tasks.push_back(&mut list, index);
        }
        for index in [all[3], all[0], all[4]] {
            tasks.unlink(&mut list, index);
        }
        assert_eq!(order(&tasks, &list), [1, 2]);
        for index in [all[4], all[0], all[3]] {
            tasks.insert_sorted(&mut list, index);
        }
        assert_eq!(order(&tasks, &list), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_key_names_its_task_only() {
        let mut tasks = Tasks::new();
        let first = tasks.insert("first", None);
        let key = tasks.key(first);
        assert_eq!(tasks.task(key), Some(&"first"));
        assert_eq!(tasks.remove(first), Some("first"));
        assert_eq!(tasks.remove(first), None);
        let second = tasks.insert("second", None);
        assert_eq!(second, first, "the entry is used again");
        assert_eq!(tasks.task(key), None);
        assert_eq!(tasks.task(tasks.key(second)), Some(&"second"));
    }

    #[test]
    fn a_large_slab_is_given_back_when_it_is_empty() {
        let mut tasks = Tasks::new();
        let all: Vec<u32> = (0..KEPT as u32 + 1)
            .map(|n| tasks.insert(n, None))
            .collect();
        let key = tasks.key(all[7]);
        for index in all {
            assert_eq!(tasks.remove(index), Some(index));
        }
        assert_eq!(tasks.len(), 0);
        assert!(tasks.entries.capacity() <= KEPT);
        assert_eq!(tasks.task(key), None);
        assert_eq!(tasks.insert(9, None), 0);
    }
}
