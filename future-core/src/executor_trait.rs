//! The contract of every executor.

use std::error::Error;

use crate::error::SubmitError;
use crate::map::{ForEachError, Map, MapOptions};
use crate::{Call, Captureless, Function, Future, Job, Portable};

/// What threads, processes and clusters have in common: one function over `E: Executor` runs on
/// all of them, and the choice is one line.
///
/// Jobs that may run in another process are asked for ([`Portable`]); a thread pool's own
/// methods of the same names also take closures that capture.
///
/// ```
/// # #[cfg(feature = "serde")]
/// use future_core::Executor;
///
/// fn square(n: u64) -> u64 {
///     n * n
/// }
///
/// # #[cfg(feature = "serde")]
/// fn main_job<E: Executor>(executor: &E) -> Result<u64, Box<dyn std::error::Error>> {
///     let one = executor.call(square, (5,))?;
///     let mut sum = one.result()?;
///     for squared in executor.map(square, [1, 2, 3]) {
///         sum += squared?;
///     }
///     Ok(sum)
/// }
/// ```
pub trait Executor: Sync {
    /// Queues `job`; its result comes through the future.
    ///
    /// # Errors
    ///
    /// [`SubmitError`], with the job, when the executor takes no tasks.
    fn submit<J: Portable>(&self, job: J) -> Result<Future<J::Output>, SubmitError<J>>;

    /// Queues a job that may return an error, which then is the future's failure.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit).
    fn submit_fallible<J, T, E>(&self, job: J) -> Result<Future<T>, SubmitError<J>>
    where
        J: Portable + Job<Output = Result<T, E>>,
        T: Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static;

    /// How many items a `map` submits ahead when it is not told.
    fn map_window(&self) -> usize;

    /// Takes no more tasks and waits until all are done.
    fn shutdown(&self);

    /// Queues a call of `f` with `args`, a tuple.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit).
    #[expect(clippy::type_complexity, reason = "the contract, written out")]
    fn call<F, A>(
        &self,
        f: F,
        args: A,
    ) -> Result<Future<<Call<F, A> as Job>::Output>, SubmitError<Call<F, A>>>
    where
        F: Function<A> + Captureless,
        Call<F, A>: Portable,
    {
        const { F::CHECK };
        self.submit(Call(f, args))
    }

    /// Calls `f` with each of `items`; the results come in the order of the items.
    fn map<'a, F, I, R>(&'a self, f: F, items: I) -> Map<'a, I::IntoIter, R>
    where
        I: IntoIterator,
        F: Fn(I::Item) -> R + Captureless,
        Call<F, (I::Item,)>: Portable + Job<Output = R>,
    {
        self.map_with(MapOptions::new(), f, items)
    }

    /// The same, with options.
    fn map_with<'a, F, I, R>(
        &'a self,
        options: MapOptions,
        f: F,
        items: I,
    ) -> Map<'a, I::IntoIter, R>
    where
        I: IntoIterator,
        F: Fn(I::Item) -> R + Captureless,
        Call<F, (I::Item,)>: Portable + Job<Output = R>,
    {
        const { F::CHECK };
        Map::new(options, self.map_window(), items.into_iter(), move |item| {
            self.submit(Call(f, (item,)))
                .map_err(SubmitError::without_job)
        })
    }

    /// Calls `f` with each of `items`, waits for all, and gives the failures.
    ///
    /// # Errors
    ///
    /// [`ForEachError`] when some failed or could not be submitted.
    fn for_each<F, I>(&self, f: F, items: I) -> Result<(), ForEachError>
    where
        I: IntoIterator,
        F: Fn(I::Item) + Captureless,
        Call<F, (I::Item,)>: Portable + Job<Output = ()>,
    {
        const { F::CHECK };
        let futures: Vec<_> = items
            .into_iter()
            .map(|item| {
                self.submit(Call(f, (item,)))
                    .map_err(SubmitError::without_job)
            })
            .collect();
        ForEachError::collect(futures)
    }
}
