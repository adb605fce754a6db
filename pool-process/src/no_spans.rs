//! In place of `spans.rs` without the feature `tracing`: tasks have no spans, and nothing is kept or
//! sent for them.

use future_core::Future;
use future_core::executor::Task;

use crate::entry::{Code, EntryError, EntryId};
use crate::receive::{AtWorker, Receiver};

#[derive(Clone, Copy)]
pub(crate) struct Origin;

impl Origin {
    pub(crate) fn here() -> Self {
        Self
    }

    pub(crate) fn if_wanted(self, _wanted: bool) -> Self {
        self
    }
}

pub(crate) struct TaskSpan;

impl TaskSpan {
    pub(crate) fn open(_task: &'static str, _origin: Origin) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "as with spans")]
    pub(crate) fn entry<C: Code>(&self) -> Result<EntryId, EntryError> {
        EntryId::of_code::<C>()
    }

    #[expect(clippy::unused_self, reason = "as with spans")]
    pub(crate) fn begin(&self, _payload: &mut Vec<u8>) {}

    #[expect(clippy::unused_self, reason = "as with spans")]
    pub(crate) fn task<R: Receiver>(self, receiver: R) -> (Task, Future<R::Output>) {
        Task::new_lendable(AtWorker(receiver))
    }
}
