//! The end of a task.

use future_core::executor::Task;
use future_core::{FutureId, TaskError};

use crate::receive::{self, Answer};
use crate::turns::Deliver;

/// How a task of a process pool ends.
#[derive(Debug)]
pub(crate) enum Delivery {
    /// A worker has answered.
    Answer(Task, Answer),
    /// There will be no answer.
    Fail(Task, TaskError),
    /// The pool closes without running it.
    Cancel(Task),
}

impl Deliver for Delivery {
    fn carry_out(self) {
        match self {
            Self::Answer(task, answer) => {
                receive::complete(task, answer);
            }
            Self::Fail(task, error) => {
                task.fail(error);
            }
            Self::Cancel(task) => {
                task.cancel();
            }
        }
    }

    /// One with callbacks is not: those may take longer than that thread wants to wait.
    fn is_for(&self, id: FutureId) -> bool {
        let (Self::Answer(task, _) | Self::Fail(task, _) | Self::Cancel(task)) = self;
        task.id() == id && !task.has_callbacks()
    }

    fn rest() {
        receive::give_buffer_back();
    }
}
