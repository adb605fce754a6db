//! Jobs that the pool makes of its users' functions.

use std::any::type_name;
use std::sync::Arc;

use future_core::{Function, Job};

/// One item of a `map`.
pub(crate) struct MapItem<F, T>(pub(crate) Arc<F>, pub(crate) T);

impl<F, T, R> Job for MapItem<F, T>
where
    F: Fn(T) -> R,
{
    type Output = R;

    #[inline]
    fn run(self) -> R {
        (self.0)(self.1)
    }

    fn name() -> &'static str {
        type_name::<F>()
    }
}

/// One item of a `starmap`.
pub(crate) struct StarItem<F, A>(pub(crate) Arc<F>, pub(crate) A);

impl<F, A> Job for StarItem<F, A>
where
    F: Function<A>,
{
    type Output = F::Output;

    #[inline]
    fn run(self) -> F::Output {
        self.0.apply(self.1)
    }

    fn name() -> &'static str {
        type_name::<F>()
    }
}
