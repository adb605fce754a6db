//! What the pool and its handles both offer, written once: a macro for each kind of verb.

mod contract;
mod ends;
mod maps;
mod tasks;

pub(crate) use contract::contract;
pub(crate) use ends::ends;
pub(crate) use maps::maps;
pub(crate) use tasks::tasks;

macro_rules! verbs {
    ($executor:ident) => {
        crate::verbs::tasks!($executor);
        crate::verbs::maps!($executor);
        crate::verbs::ends!($executor);
        crate::verbs::contract!($executor);
    };
}
pub(crate) use verbs;
