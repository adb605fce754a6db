//! Where panics happen, for those who asked to know.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::panic;
use std::sync::Once;

use crate::error::PanicLocation;

/// A panic that the hook has seen.
pub(crate) struct Seen {
    text: Option<String>,
    location: PanicLocation,
}

impl Seen {
    /// Where it happened, when it is the panic with this text: one that is only passed on, by
    /// `resume_unwind`, calls no hook and finds an older one here.
    pub(crate) fn location_of(self, text: Option<&str>) -> Option<PanicLocation> {
        (self.text.as_deref() == text).then_some(self.location)
    }
}

thread_local! {
    static LAST: RefCell<Option<Seen>> = const { RefCell::new(None) };
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
            let seen = info.location().map(|at| Seen {
                text: text_of(info.payload()).map(str::to_owned),
                location: PanicLocation {
                    file: at.file().to_owned(),
                    line: at.line(),
                    column: at.column(),
                    backtrace: (backtrace.status() == BacktraceStatus::Captured)
                        .then(|| backtrace.to_string().into()),
                },
            });
            // A panic while a thread's locals are being dropped is not a task's.
            let _ = LAST.try_with(|last| *last.borrow_mut() = seen);
            before(info);
        }));
    });
}

/// A panic's message, when it has one.
pub(crate) fn text_of(payload: &(dyn Any + Send)) -> Option<&str> {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

/// This thread's last panic, when the hook is installed.
pub(crate) fn take_last() -> Option<Seen> {
    LAST.try_with(|last| last.borrow_mut().take())
        .ok()
        .flatten()
}
