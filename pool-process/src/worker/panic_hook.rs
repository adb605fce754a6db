//! Where a task panicked: only the process's panic hook is told.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::panic;

use crate::wire::{Failure, Location};

/// A panic that the hook has seen.
struct Seen {
    message: Option<String>,
    location: Option<Location>,
    backtrace: Option<String>,
}

thread_local! {
    static LAST: RefCell<Option<Seen>> = const { RefCell::new(None) };
}

/// Installs a hook that notes the panic and then calls the one before. A worker does this before
/// it runs any task.
pub(super) fn install() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        // Only when `RUST_BACKTRACE` asks for it, as everywhere.
        let backtrace = Backtrace::capture();
        let seen = Seen {
            message: text(info.payload()),
            location: info.location().map(|at| Location {
                file: at.file().to_owned(),
                line: at.line(),
                column: at.column(),
            }),
            backtrace: (backtrace.status() == BacktraceStatus::Captured)
                .then(|| crate::wire::shortened(&backtrace.to_string())),
        };
        // A panic while a thread's locals are dropped is no task's.
        let _ = LAST.try_with(|last| *last.borrow_mut() = Some(seen));
        before(info);
    }));
}

/// A caught panic of this thread, as the parent is to learn of it.
pub(crate) fn failure_of(payload: &(dyn Any + Send)) -> Failure {
    let message = text(payload);
    let seen = LAST
        .try_with(|last| last.borrow_mut().take())
        .ok()
        .flatten()
        // One that is only passed on, by `resume_unwind`, calls no hook.
        .filter(|seen| seen.message == message);
    let (location, backtrace) = seen.map_or((None, None), |s| (s.location, s.backtrace));
    Failure::Panicked {
        message,
        location,
        backtrace,
    }
}

fn text(payload: &(dyn Any + Send)) -> Option<String> {
    crate::wire::text_of(payload).map(crate::wire::shortened)
}
