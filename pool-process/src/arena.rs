//! Where large payloads go: places in shared memory that are used again and again, since fresh
//! memory costs more than the copy.
//!
//! Each direction has its own, with one writer, who alone knows how large each place is. The
//! reader learns with each payload where it lies.

use crate::linux_memory::{Memory, file_size_limit};
use crate::wire::{PLACES, Placed};

/// The first place keeps this much memory, in bytes, when it is free, every other one [`KEPT`]: a
/// payload of 64 MiB and what is round it.
const KEPT_FIRST: u64 = 80 << 20;
const KEPT: u64 = 1 << 20;

/// The writer's side of one direction.
#[derive(Debug)]
pub(crate) struct Arena {
    places: Vec<Place>,
    /// Where the next place begins.
    end: u64,
    /// No place may end beyond.
    limit: u64,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    at: u64,
    capacity: u64,
}

impl Arena {
    /// One whose places lie from `at` to `limit`.
    pub(crate) fn new(at: u64, limit: u64) -> Self {
        Self {
            places: Vec::new(),
            end: at,
            limit: limit.min(file_size_limit()),
        }
    }

    /// Writes a payload into a free place. `None` when there is none, or no memory: then it goes
    /// the ordinary way.
    pub(crate) fn write(
        &mut self,
        memory: &Memory,
        payload: &[u8],
        is_free: impl Fn(usize) -> bool,
    ) -> Option<Placed> {
        let place = self.find(payload.len() as u64, is_free)?;
        let at = self.places[place].at;
        // It may have been lowered, and the system would end this process for trying.
        if at + payload.len() as u64 > file_size_limit() {
            return None;
        }
        memory.write(payload, at).ok()?;
        Some(Placed {
            place: place as u16,
            at,
            len: payload.len() as u64,
        })
    }

    fn find(&mut self, len: u64, is_free: impl Fn(usize) -> bool) -> Option<usize> {
        let mut free = (0..self.places.len()).filter(|&i| is_free(i));
        let first = free.clone().next();
        if let Some(fitting) = free.find(|&i| self.places[i].capacity >= len) {
            return Some(fitting);
        }
        // A place that grows moves, and doubles at least: addresses do not run out.
        let capacity = len.checked_next_power_of_two()?;
        let end = self.end.checked_add(capacity)?;
        if end > self.limit {
            return None;
        }
        let place = Place {
            at: self.end,
            capacity,
        };
        let index = match first {
            Some(index) => {
                self.places[index] = place;
                index
            }
            None if self.places.len() < PLACES => {
                self.places.push(place);
                self.places.len() - 1
            }
            None => return None,
        };
        self.end = end;
        Some(index)
    }
}

/// Whoever frees a place gives back its memory, if that is much.
pub(crate) fn release(memory: &Memory, placed: Placed) {
    let kept = if placed.place == 0 { KEPT_FIRST } else { KEPT };
    if placed.len > kept {
        memory.give_back(placed.at, placed.len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux_memory::{OUTPUTS_AT, TASKS_AT};

    #[test]
    fn places_are_used_again_and_grow() {
        let memory = Memory::create().unwrap();
        let mut arena = Arena::new(TASKS_AT, OUTPUTS_AT);
        let first = arena.write(&memory, &[1; 1000], |_| true).unwrap();
        assert_eq!((first.place, first.at), (0, TASKS_AT));
        let again = arena.write(&memory, &[2; 1024], |_| true).unwrap();
        assert_eq!((again.place, again.at), (0, TASKS_AT));
        let second = arena.write(&memory, &[3; 10], |i| i != 0).unwrap();
        assert_eq!((second.place, second.at), (1, TASKS_AT + 1024));
        let grown = arena.write(&memory, &[4; 5000], |_| true).unwrap();
        assert_eq!((grown.place, grown.at), (0, TASKS_AT + 1024 + 16));
        let mut read = Vec::new();
        memory.read(grown.at, grown.len, &mut read).unwrap();
        assert_eq!(read, [4; 5000]);
    }

    #[test]
    fn a_full_arena_says_so() {
        let memory = Memory::create().unwrap();
        let mut arena = Arena::new(TASKS_AT, TASKS_AT + 1024);
        assert!(arena.write(&memory, &[1; 1025], |_| true).is_none());
        assert!(arena.write(&memory, &[1; 1024], |_| true).is_some());
        assert!(arena.write(&memory, &[1; 1], |_| false).is_none());
        let mut arena = Arena::new(TASKS_AT, OUTPUTS_AT);
        for place in 0..PLACES {
            let placed = arena.write(&memory, &[1], |_| false).unwrap();
            assert_eq!(usize::from(placed.place), place);
        }
        assert!(arena.write(&memory, &[1], |_| false).is_none());
    }

    #[test]
    fn only_much_memory_is_given_back() {
        let memory = Memory::create().unwrap();
        let held = || rustix::fs::fstat(&memory).unwrap().st_blocks;
        let mut arena = Arena::new(TASKS_AT, OUTPUTS_AT);
        let payload = vec![1; 2 << 20];
        let first = arena.write(&memory, &payload, |_| false).unwrap();
        release(&memory, first);
        assert!(held() >= 4096);
        let second = arena.write(&memory, &payload, |_| false).unwrap();
        assert!(held() >= 8192);
        release(&memory, second);
        assert!(held() < 8192);
    }
}
