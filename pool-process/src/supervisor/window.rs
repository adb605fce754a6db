//! How many tasks a worker is sent ahead.

/// One that runs, one that is there when it ends.
const SMALLEST: u32 = 2;
/// Tasks shorter than this, in nanoseconds, deserve more.
const SHORT: u64 = 50_000;
/// Tasks longer than this, in nanoseconds, make a window small at once.
const LONG: u64 = 1_000_000;
/// Tasks of at least this length, in nanoseconds, are worth moving to another worker.
pub(super) const MOVED: u64 = 100_000;

/// A worker's window, which adapts to the time that its tasks take: it doubles while they are
/// short, and goes back by halves, or at once.
#[derive(Debug)]
pub(super) struct Window {
    size: u32,
    max: u32,
    /// When the last answers came, or when it was first sent something.
    mark: u64,
    answers: u32,
    /// Whether the window has held tasks back since.
    full: bool,
    mean: Option<u64>,
}

impl Window {
    pub(super) fn new(max: u32) -> Self {
        let max = max.max(1);
        Self {
            size: SMALLEST.min(max),
            max,
            mark: 0,
            answers: 0,
            full: false,
            mean: None,
        }
    }

    pub(super) fn size(&self) -> u32 {
        self.size
    }

    /// A task was sent; `before` were there.
    pub(super) fn sent(&mut self, now: u64, before: u32) {
        if before == 0 {
            self.mark = now;
            self.answers = 0;
        }
        self.full |= before + 1 >= self.size;
    }

    pub(super) fn answered(&mut self) {
        self.answers += 1;
    }

    /// All answers at hand have been counted.
    pub(super) fn settle(&mut self, now: u64) {
        if self.answers == 0 {
            return;
        }
        let mean = now.saturating_sub(self.mark) / u64::from(self.answers);
        self.mean = Some(mean);
        if mean >= LONG {
            self.size = SMALLEST.min(self.max);
        } else if mean >= SHORT {
            self.size = (self.size / 2).max(SMALLEST).min(self.max);
        } else if self.full {
            self.size = (self.size * 2).min(self.max);
        }
        self.mark = now;
        self.answers = 0;
        self.full = false;
    }

    /// From when on its tasks are worth moving elsewhere: now, if they are long or nothing is known
    /// of them; else when it has been still for a while.
    pub(super) fn movable_at(&self) -> u64 {
        match self.mean {
            Some(mean) if mean < MOVED => self.mark.saturating_add(MOVED),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A window after `rounds` rounds in which it is filled and each task takes `each`.
    fn after(max: u32, rounds: u32, each: u64) -> Window {
        let mut window = Window::new(max);
        run(&mut window, &mut 0, rounds, each);
        window
    }

    fn run(window: &mut Window, now: &mut u64, rounds: u32, each: u64) {
        for _ in 0..rounds {
            for before in 0..window.size() {
                window.sent(*now, before);
            }
            for _ in 0..window.size() {
                window.answered();
            }
            *now += each * u64::from(window.size());
            window.settle(*now);
        }
    }

    #[test]
    fn short_tasks_double_it_up_to_its_bound() {
        assert_eq!(after(1024, 1, 1_000).size(), 4);
        assert_eq!(after(1024, 3, 1_000).size(), 16);
        assert_eq!(after(1024, 30, 1_000).size(), 1024);
        assert_eq!(after(24, 30, 1_000).size(), 24);
        assert_eq!(after(1, 30, 1_000).size(), 1);
    }

    #[test]
    fn tasks_of_a_millisecond_have_one_waiting() {
        assert_eq!(after(1024, 30, 1_000_000).size(), 2);
    }

    #[test]
    fn it_shrinks_by_halves_or_at_once() {
        let mut now = 0;
        let mut window = Window::new(1024);
        run(&mut window, &mut now, 8, 1_000);
        assert_eq!(window.size(), 512);
        run(&mut window, &mut now, 1, 60_000);
        assert_eq!(window.size(), 256);
        run(&mut window, &mut now, 1, 2_000_000);
        assert_eq!(window.size(), 2);
    }

    #[test]
    fn it_does_not_grow_unless_it_was_full() {
        let mut window = Window::new(1024);
        for time in 0..100 {
            window.sent(time, 0);
            window.answered();
            window.settle(time);
        }
        assert_eq!(window.size(), 2);
    }

    #[test]
    fn long_and_unknown_tasks_may_be_moved_at_once_and_short_ones_when_it_is_still() {
        assert_eq!(Window::new(8).movable_at(), 0);
        assert_eq!(after(8, 1, 1_000_000).movable_at(), 0);
        let window = after(8, 1, 1_000);
        assert_eq!(window.movable_at(), 2_000 + MOVED);
    }
}
