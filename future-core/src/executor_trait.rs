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
    #[track_caller]
    fn submit<J: Portable>(&self, job: J) -> Result<Future<J::Output>, SubmitError<J>>;

    /// Queues a job that may return an error, which then is the future's failure.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit).
    #[track_caller]
    fn submit_fallible<J, T, E>(&self, job: J) -> Result<Future<T>, SubmitError<J>>
    where
        J: Portable + Job<Output = Result<T, E>>,
        T: Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static;

    /// Queues many jobs at once, which is faster than one by one. All of them or none.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit), with all jobs.
    #[track_caller]
    fn submit_all<I, J>(&self, jobs: I) -> Result<Vec<Future<J::Output>>, SubmitError<Vec<J>>>
    where
        I: IntoIterator<Item = J>,
        J: Portable;

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
    #[track_caller]
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

    /// Queues a call of a function that may return an error, which then is the future's failure.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit).
    #[track_caller]
    fn call_fallible<F, A, T, E>(&self, f: F, args: A) -> Result<Future<T>, SubmitError<Call<F, A>>>
    where
        F: Function<A> + Captureless,
        Call<F, A>: Portable + Job<Output = Result<T, E>>,
        T: Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        const { F::CHECK };
        self.submit_fallible(Call(f, args))
    }

    /// Calls `f` with each of `items`; the results come in the order of the items.
    #[track_caller]
    fn map<'a, F, I, R>(&'a self, f: F, items: I) -> Map<'a, I::IntoIter, R>
    where
        I: IntoIterator,
        F: Fn(I::Item) -> R + Captureless,
        Call<F, (I::Item,)>: Portable + Job<Output = R>,
    {
        self.map_with(MapOptions::new(), f, items)
    }

    /// The same, with options.
    #[track_caller]
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
        self.map_jobs(options, move |item| Call(f, (item,)), items)
    }

    /// As [`map`](Self::map) for a function that may return an error, which then is its item's.
    #[track_caller]
    fn map_fallible<'a, F, I, T, E>(&'a self, f: F, items: I) -> Map<'a, I::IntoIter, T>
    where
        I: IntoIterator,
        F: Fn(I::Item) -> Result<T, E> + Captureless,
        Call<F, (I::Item,)>: Portable + Job<Output = Result<T, E>>,
        T: Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        self.map_fallible_with(MapOptions::new(), f, items)
    }

    /// The same, with options.
    #[track_caller]
    fn map_fallible_with<'a, F, I, T, E>(
        &'a self,
        options: MapOptions,
        f: F,
        items: I,
    ) -> Map<'a, I::IntoIter, T>
    where
        I: IntoIterator,
        F: Fn(I::Item) -> Result<T, E> + Captureless,
        Call<F, (I::Item,)>: Portable + Job<Output = Result<T, E>>,
        T: Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        const { F::CHECK };
        self.map_fallible_jobs(options, move |item| Call(f, (item,)), items)
    }

    /// As [`map`](Self::map) for a function of several arguments and items that are tuples of
    /// them: with `zip`, a `map` over several inputs.
    #[track_caller]
    fn starmap<'a, F, I, R>(&'a self, f: F, items: I) -> Map<'a, I::IntoIter, R>
    where
        I: IntoIterator,
        F: Function<I::Item> + Captureless,
        Call<F, I::Item>: Portable + Job<Output = R>,
    {
        self.starmap_with(MapOptions::new(), f, items)
    }

    /// The same, with options.
    #[track_caller]
    fn starmap_with<'a, F, I, R>(
        &'a self,
        options: MapOptions,
        f: F,
        items: I,
    ) -> Map<'a, I::IntoIter, R>
    where
        I: IntoIterator,
        F: Function<I::Item> + Captureless,
        Call<F, I::Item>: Portable + Job<Output = R>,
    {
        const { F::CHECK };
        self.map_jobs(options, move |args| Call(f, args), items)
    }

    /// As [`starmap`](Self::starmap) for a function that may return an error, which then is its
    /// item's.
    #[track_caller]
    fn starmap_fallible<'a, F, I, T, E>(&'a self, f: F, items: I) -> Map<'a, I::IntoIter, T>
    where
        I: IntoIterator,
        F: Function<I::Item> + Captureless,
        Call<F, I::Item>: Portable + Job<Output = Result<T, E>>,
        T: Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        const { F::CHECK };
        self.map_fallible_jobs(MapOptions::new(), move |args| Call(f, args), items)
    }

    /// Calls `f` with each of `items`, waits for all of them, and gives the failures. Items are
    /// taken as there is room for them, as by [`map`](Self::map); when the executor takes no more
    /// tasks, the rest of them is left.
    ///
    /// It waits as long as they take. With a time limit the same is
    /// [`ForEachError::of`] a [`map_with`](Self::map_with) that has [one](MapOptions::timeout).
    ///
    /// # Errors
    ///
    /// [`ForEachError`] when some failed or could not be submitted.
    #[track_caller]
    fn for_each<F, I>(&self, f: F, items: I) -> Result<(), ForEachError>
    where
        I: IntoIterator,
        F: Fn(I::Item) + Captureless,
        Call<F, (I::Item,)>: Portable + Job<Output = ()>,
    {
        ForEachError::of(self.map(f, items))
    }

    /// As [`for_each`](Self::for_each) for a function that may return an error.
    ///
    /// # Errors
    ///
    /// As [`for_each`](Self::for_each), those that `f` returned included.
    #[track_caller]
    fn for_each_fallible<F, I, E>(&self, f: F, items: I) -> Result<(), ForEachError>
    where
        I: IntoIterator,
        F: Fn(I::Item) -> Result<(), E> + Captureless,
        Call<F, (I::Item,)>: Portable + Job<Output = Result<(), E>>,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        ForEachError::of(self.map_fallible(f, items))
    }

    /// Runs the job that `job` makes of each of `items`; the results come in the order of the
    /// items. All `map`s of functions without errors are made of it: for authors of executors, and
    /// for job types of one's own.
    ///
    /// # Panics
    ///
    /// When `job` or `items` does; the iterator too.
    ///
    /// ```
    /// # #[cfg(feature = "serde")]
    /// # mod example {
    /// use future_core::{Executor, Job, MapOptions, TaskError};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Resize { image: String, width: u32 }
    ///
    /// impl Job for Resize {
    ///     type Output = String;
    ///     fn run(self) -> String {
    ///         format!("{} at {}", self.image, self.width)
    ///     }
    /// }
    ///
    /// fn resize<E: Executor>(executor: &E, images: Vec<String>) -> Result<Vec<String>, TaskError> {
    ///     let job = |image| Resize { image, width: 640 };
    ///     executor.map_jobs(MapOptions::new(), job, images).collect()
    /// }
    /// # }
    /// ```
    #[track_caller]
    fn map_jobs<'a, I, J>(
        &'a self,
        options: MapOptions,
        mut job: impl FnMut(I::Item) -> J + Send + 'a,
        items: I,
    ) -> Map<'a, I::IntoIter, J::Output>
    where
        I: IntoIterator,
        J: Portable,
    {
        Map::new(options, self.map_window(), items.into_iter(), move |item| {
            self.submit(job(item)).map_err(SubmitError::without_job)
        })
    }

    /// As [`map_jobs`](Self::map_jobs) for jobs that may return an error, which then is their
    /// item's.
    ///
    /// # Panics
    ///
    /// When `job` or `items` does; the iterator too.
    #[track_caller]
    fn map_fallible_jobs<'a, I, J, T, E>(
        &'a self,
        options: MapOptions,
        mut job: impl FnMut(I::Item) -> J + Send + 'a,
        items: I,
    ) -> Map<'a, I::IntoIter, T>
    where
        I: IntoIterator,
        J: Portable + Job<Output = Result<T, E>>,
        T: Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        Map::new(options, self.map_window(), items.into_iter(), move |item| {
            self.submit_fallible(job(item))
                .map_err(SubmitError::without_job)
        })
    }
}
