//! Where panics happen, for those who asked to know.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::panic;
use std::sync::Once;

use crate::error::PanicLocation;

thread_local! {
    static LAST: RefCell<Option<PanicLocation>> = const { RefCell::new(None) };
}

static INSTALL: Once = Once::new();

/// Makes [`TaskPanicked`](crate::TaskPanicked) tell where the panic happened, with a backtrace
/// when `RUST_BACKTRACE` asks for one.
///
/// A panic's place is known to the process's panic hook only. This installs one that notes it
/// and then calls the hook that was there before. Without this call the library never touches
/// the panic hook. Later calls do nothing.
///
/// ```
/// future_core::install_panic_hook();
/// ```
pub fn install_panic_hook() {
    INSTALL.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let backtrace = Backtrace::capture();
            let location = info.location().map(|at| PanicLocation {
                file: at.file().to_owned(),
                line: at.line(),
                column: at.column(),
                backtrace: (backtrace.status() == BacktraceStatus::Captured)
                    .then(|| backtrace.to_string().into()),
            });
            // A panic while a thread's locals are being dropped is not a task's.
            let _ = LAST.try_with(|last| *last.borrow_mut() = location);
            before(info);
        }));
    });
}

/// The place of this thread's last panic, when the hook is installed.
pub(crate) fn take_location() -> Option<PanicLocation> {
    LAST.try_with(|last| last.borrow_mut().take())
        .ok()
        .flatten()
}
