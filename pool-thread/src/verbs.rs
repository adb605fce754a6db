//! What the pool and its handles both offer, written once.
//!
//! Inherent methods on both, for they win over those of the `Executor` trait and so take jobs
//! that capture.

/// Items that a `map` submits ahead, for each worker.
pub(crate) const AHEAD: usize = 8;

macro_rules! verbs {
    ($executor:ident) => {
        impl<S: 'static> $executor<S> {
            /// Queues `job`; its result comes through the future. A panic fails it.
            ///
            /// # Errors
            ///
            /// [`SubmitError`] with the job: the pool is shut down or broken, or it has no worker
            /// and the system refused it a thread.
            ///
            /// ```
            /// use pool_thread::ThreadPoolExecutor;
            ///
            /// let pool = ThreadPoolExecutor::new(2)?;
            /// let word = String::from("captured");
            /// let length = pool.submit(move || word.len())?;
            /// assert_eq!(length.result()?, 8);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[inline]
            #[track_caller]
            pub fn submit<J>(&self, job: J) -> Result<Future<J::Output>, SubmitError<J>>
            where
                J: Job<Output: Send + 'static> + Send + 'static,
            {
                Made::new(&self.shared, job).submit(&self.shared)
            }

            /// Queues a job that may return an error, which then is the future's failure.
            ///
            /// # Errors
            ///
            /// As [`submit`](Self::submit).
            ///
            /// ```
            /// use pool_thread::ThreadPoolExecutor;
            ///
            /// let pool = ThreadPoolExecutor::new(2)?;
            /// let number = pool.submit_fallible(|| "x1".parse::<i32>())?;
            /// assert!(number.result().unwrap_err().to_string().contains("invalid digit"));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[track_caller]
            pub fn submit_fallible<J, T, E>(&self, job: J) -> Result<Future<T>, SubmitError<J>>
            where
                J: Job<Output = Result<T, E>> + Send + 'static,
                T: Send + 'static,
                E: Into<Box<dyn Error + Send + Sync>>,
            {
                Made::fallible(&self.shared, job).submit(&self.shared)
            }

            /// Queues a job that is lent its worker's state, which the
            /// [`initializer`](crate::Builder::initializer) made.
            ///
            /// # Errors
            ///
            /// As [`submit`](Self::submit).
            ///
            /// ```
            /// use pool_thread::ThreadPoolExecutor;
            /// use std::cell::Cell;
            ///
            /// let pool = ThreadPoolExecutor::builder()
            ///     .max_workers(1)
            ///     .worker_state(|| Cell::new(40))
            ///     .build()?;
            /// let sum = pool.submit_with(|cell| cell.replace(0) + 2)?;
            /// assert_eq!(sum.result()?, 42);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[track_caller]
            pub fn submit_with<F, R>(&self, job: F) -> Result<Future<R>, SubmitError<F>>
            where
                F: FnOnce(&S) -> R + Send + 'static,
                R: Send + 'static,
            {
                let job = WithState::new(job);
                Made::new(&self.shared, job)
                    .submit(&self.shared)
                    .map_err(|error| error.replace_job(WithState::into_inner))
            }

            /// As [`submit_with`](Self::submit_with) for a job that may return an error, which
            /// then is the future's failure.
            ///
            /// # Errors
            ///
            /// As [`submit`](Self::submit).
            #[track_caller]
            pub fn submit_with_fallible<F, T, E>(&self, job: F) -> Result<Future<T>, SubmitError<F>>
            where
                F: FnOnce(&S) -> Result<T, E> + Send + 'static,
                T: Send + 'static,
                E: Into<Box<dyn Error + Send + Sync>>,
            {
                Made::fallible(&self.shared, WithState::new(job))
                    .submit(&self.shared)
                    .map_err(|error| error.replace_job(WithState::into_inner))
            }

            /// Queues a call of `f` with `args`, a tuple: Python's `submit(f, *args)`.
            ///
            /// # Errors
            ///
            /// As [`submit`](Self::submit).
            ///
            /// ```
            /// use pool_thread::ThreadPoolExecutor;
            ///
            /// let pool = ThreadPoolExecutor::new(2)?;
            /// assert_eq!(pool.call(i32::pow, (2, 10))?.result()?, 1024);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[track_caller]
            pub fn call<F, A>(
                &self,
                f: F,
                args: A,
            ) -> Result<Future<F::Output>, SubmitError<Call<F, A>>>
            where
                F: Function<A, Output: Send + 'static> + Send + 'static,
                A: Send + 'static,
            {
                self.submit(Call(f, args))
            }

            /// Queues a call of a function that may return an error, which then is the future's
            /// failure.
            ///
            /// # Errors
            ///
            /// As [`submit`](Self::submit).
            ///
            /// ```
            /// use pool_thread::ThreadPoolExecutor;
            ///
            /// let pool = ThreadPoolExecutor::new(2)?;
            /// let text = pool.call_fallible(std::fs::read_to_string::<&str>, ("/no/such/file",))?;
            /// assert!(text.result().is_err());
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[track_caller]
            pub fn call_fallible<F, A, T, E>(
                &self,
                f: F,
                args: A,
            ) -> Result<Future<T>, SubmitError<Call<F, A>>>
            where
                F: Function<A, Output = Result<T, E>> + Send + 'static,
                A: Send + 'static,
                T: Send + 'static,
                E: Into<Box<dyn Error + Send + Sync>>,
            {
                self.submit_fallible(Call(f, args))
            }

            /// Queues many jobs at once, which is faster than one by one. All of them or none.
            ///
            /// # Errors
            ///
            /// As [`submit`](Self::submit), with all jobs.
            ///
            /// ```
            /// use pool_thread::ThreadPoolExecutor;
            ///
            /// let pool = ThreadPoolExecutor::new(2)?;
            /// let futures = pool.submit_all((0..3).map(|n| move || n * n))?;
            /// let mut squares = Vec::new();
            /// for future in futures {
            ///     squares.push(future.result()?);
            /// }
            /// assert_eq!(squares, [0, 1, 4]);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[track_caller]
            pub fn submit_all<I, J>(
                &self,
                jobs: I,
            ) -> Result<Vec<Future<J::Output>>, SubmitError<Vec<J>>>
            where
                I: IntoIterator<Item = J>,
                J: Job<Output: Send + 'static> + Send + 'static,
            {
                let made = jobs.into_iter().map(|job| Made::new(&self.shared, job));
                offer::submit_all(&self.shared, made)
            }

            /// Calls `f` with each of `items`; the results come in the order of the items, each
            /// as it is there, and a failure belongs to its item.
            ///
            /// A window of items is submitted at the call, one more for each that is yielded:
            /// `items` may be endless. [`map_with`](Self::map_with) has the size of the window, a
            /// time limit, and taking everything at once. Dropping the iterator cancels what has
            /// not started. It does not keep the pool alive.
            ///
            /// ```
            /// use pool_thread::ThreadPoolExecutor;
            ///
            /// let pool = ThreadPoolExecutor::new(2)?;
            /// let squares: Result<Vec<u64>, _> = pool.map(|n| n * n, 1..=4).collect();
            /// assert_eq!(squares?, [1, 4, 9, 16]);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[track_caller]
            pub fn map<F, I, R>(&self, f: F, items: I) -> Map<'static, I::IntoIter, R>
            where
                I: IntoIterator<Item: Send + 'static>,
                F: Fn(I::Item) -> R + Send + Sync + 'static,
                R: Send + 'static,
            {
                self.map_with(MapOptions::new(), f, items)
            }

            /// The same, with options. A `chunksize` is accepted and changes nothing.
            ///
            /// ```
            /// use pool_thread::{MapOptions, ThreadPoolExecutor};
            /// use std::num::NonZeroUsize;
            ///
            /// let pool = ThreadPoolExecutor::new(2)?;
            /// let options = MapOptions::new().buffersize(NonZeroUsize::new(3).unwrap());
            /// let mut doubled = pool.map_with(options, |n| n * 2, 0_u64..);
            /// assert_eq!(doubled.nth(5).unwrap()?, 10);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[track_caller]
            pub fn map_with<F, I, R>(
                &self,
                options: MapOptions,
                f: F,
                items: I,
            ) -> Map<'static, I::IntoIter, R>
            where
                I: IntoIterator<Item: Send + 'static>,
                F: Fn(I::Item) -> R + Send + Sync + 'static,
                R: Send + 'static,
            {
                let shared = self.shared.clone();
                let f = std::sync::Arc::new(f);
                Map::new(options, self.window(), items.into_iter(), move |item| {
                    Made::new(&shared, MapItem(f.clone(), item))
                        .submit(&shared)
                        .map_err(SubmitError::without_job)
                })
            }

            /// As [`map`](Self::map) for a function that may return an error, which then is its
            /// item's.
            ///
            /// ```
            /// use pool_thread::ThreadPoolExecutor;
            ///
            /// let pool = ThreadPoolExecutor::new(2)?;
            /// let numbers = pool.map_fallible(|word: &str| word.parse::<i32>(), ["1", "x", "3"]);
            /// let sum: i32 = numbers.flatten().sum();
            /// assert_eq!(sum, 4);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[track_caller]
            pub fn map_fallible<F, I, T, E>(&self, f: F, items: I) -> Map<'static, I::IntoIter, T>
            where
                I: IntoIterator<Item: Send + 'static>,
                F: Fn(I::Item) -> Result<T, E> + Send + Sync + 'static,
                T: Send + 'static,
                E: Into<Box<dyn Error + Send + Sync>> + 'static,
            {
                self.map_fallible_with(MapOptions::new(), f, items)
            }

            /// The same, with options.
            #[track_caller]
            pub fn map_fallible_with<F, I, T, E>(
                &self,
                options: MapOptions,
                f: F,
                items: I,
            ) -> Map<'static, I::IntoIter, T>
            where
                I: IntoIterator<Item: Send + 'static>,
                F: Fn(I::Item) -> Result<T, E> + Send + Sync + 'static,
                T: Send + 'static,
                E: Into<Box<dyn Error + Send + Sync>> + 'static,
            {
                let shared = self.shared.clone();
                let f = std::sync::Arc::new(f);
                Map::new(options, self.window(), items.into_iter(), move |item| {
                    Made::fallible(&shared, MapItem(f.clone(), item))
                        .submit(&shared)
                        .map_err(SubmitError::without_job)
                })
            }

            /// As [`map`](Self::map) for a function of several arguments and items that are
            /// tuples of them: Python's `starmap`, and with `zip` its `map` over several inputs.
            ///
            /// ```
            /// use pool_thread::ThreadPoolExecutor;
            ///
            /// let pool = ThreadPoolExecutor::new(2)?;
            /// let powers = pool.starmap(i32::pow, [2, 3, 4].into_iter().zip([5, 2, 1, 9]));
            /// let powers: Result<Vec<i32>, _> = powers.collect();
            /// assert_eq!(powers?, [32, 9, 4]);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[track_caller]
            pub fn starmap<F, I>(&self, f: F, items: I) -> Map<'static, I::IntoIter, F::Output>
            where
                I: IntoIterator<Item: Send + 'static>,
                F: Function<I::Item, Output: Send + 'static> + Send + Sync + 'static,
            {
                self.starmap_with(MapOptions::new(), f, items)
            }

            /// The same, with options.
            #[track_caller]
            pub fn starmap_with<F, I>(
                &self,
                options: MapOptions,
                f: F,
                items: I,
            ) -> Map<'static, I::IntoIter, F::Output>
            where
                I: IntoIterator<Item: Send + 'static>,
                F: Function<I::Item, Output: Send + 'static> + Send + Sync + 'static,
            {
                let shared = self.shared.clone();
                let f = std::sync::Arc::new(f);
                Map::new(options, self.window(), items.into_iter(), move |item| {
                    Made::new(&shared, StarItem(f.clone(), item))
                        .submit(&shared)
                        .map_err(SubmitError::without_job)
                })
            }

            /// As [`starmap`](Self::starmap) for a function that may return an error, which then
            /// is its item's.
            ///
            /// ```
            /// use pool_thread::ThreadPoolExecutor;
            ///
            /// fn divide(a: u32, b: u32) -> Result<u32, String> {
            ///     a.checked_div(b).ok_or_else(|| format!("{a} / {b}"))
            /// }
            ///
            /// let pool = ThreadPoolExecutor::new(2)?;
            /// let quotients: Vec<_> = pool.starmap_fallible(divide, [(6, 3), (1, 0)]).collect();
            /// assert_eq!(*quotients[0].as_ref().unwrap(), 2);
            /// assert!(quotients[1].is_err());
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[track_caller]
            pub fn starmap_fallible<F, I, T, E>(
                &self,
                f: F,
                items: I,
            ) -> Map<'static, I::IntoIter, T>
            where
                I: IntoIterator<Item: Send + 'static>,
                F: Function<I::Item, Output = Result<T, E>> + Send + Sync + 'static,
                T: Send + 'static,
                E: Into<Box<dyn Error + Send + Sync>> + 'static,
            {
                let shared = self.shared.clone();
                let f = std::sync::Arc::new(f);
                Map::new(
                    MapOptions::new(),
                    self.window(),
                    items.into_iter(),
                    move |item| {
                        Made::fallible(&shared, StarItem(f.clone(), item))
                            .submit(&shared)
                            .map_err(SubmitError::without_job)
                    },
                )
            }

            /// Calls `f` with each of `items`, waits for all of them, and gives the failures. For
            /// work without results; for a function that returns a `Result`, see
            /// [`for_each_fallible`](Self::for_each_fallible). `f` and the items may borrow. All
            /// items are taken and submitted before the first is waited for: for input without
            /// end there is [`map`](Self::map). As a [`scope`](Self::scope) it has no time limit; a
            /// map [can have one](crate::MapOptions::timeout).
            ///
            /// # Errors
            ///
            /// [`ForEachError`] when some failed or were refused; the others ran all the same.
            ///
            /// ```
            /// use pool_thread::ThreadPoolExecutor;
            /// use std::sync::atomic::{AtomicU32, Ordering};
            ///
            /// let pool = ThreadPoolExecutor::new(2)?;
            /// let sum = AtomicU32::new(0);
            /// pool.for_each(|n| { sum.fetch_add(n, Ordering::Relaxed); }, [1, 2, 3])?;
            /// assert_eq!(sum.into_inner(), 6);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[track_caller]
            pub fn for_each<F, I>(&self, f: F, items: I) -> Result<(), ForEachError>
            where
                I: IntoIterator<Item: Send>,
                F: Fn(I::Item) + Sync,
            {
                let f = &f;
                self.scope(|scope| {
                    let futures: Vec<_> = items
                        .into_iter()
                        .map(|item| scope.submit(move || f(item)))
                        .collect();
                    ForEachError::collect(futures)
                })
            }

            /// As [`for_each`](Self::for_each) for a function that may return an error.
            ///
            /// # Errors
            ///
            /// As [`for_each`](Self::for_each), those that `f` returned included.
            ///
            /// ```
            /// use pool_thread::ThreadPoolExecutor;
            ///
            /// let pool = ThreadPoolExecutor::new(2)?;
            /// let gone = ["/no/such/file", "/nor/this/one"];
            /// let error = pool.for_each_fallible(std::fs::remove_file, gone).unwrap_err();
            /// assert_eq!(error.failures().len(), 2);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[track_caller]
            pub fn for_each_fallible<F, I, E>(&self, f: F, items: I) -> Result<(), ForEachError>
            where
                I: IntoIterator<Item: Send>,
                F: Fn(I::Item) -> Result<(), E> + Sync,
                E: Into<Box<dyn Error + Send + Sync>>,
            {
                let f = &f;
                self.scope(|scope| {
                    let futures: Vec<_> = items
                        .into_iter()
                        .map(|item| scope.submit_fallible(move || f(item)))
                        .collect();
                    ForEachError::collect(futures)
                })
            }

            /// Calls `body` with a scope, through which jobs that borrow can be submitted, and
            /// returns when all of them are done.
            ///
            /// It waits as long as they take, without a limit. When `body` panics, those that
            /// have not started are cancelled, the others are waited for, and the panic goes on.
            ///
            /// # Panics
            ///
            /// When `body` does.
            ///
            /// ```
            /// use pool_thread::ThreadPoolExecutor;
            ///
            /// let pool = ThreadPoolExecutor::new(2)?;
            /// let text = String::from("borrowed by two tasks");
            /// let total = pool.scope(|scope| {
            ///     let words = scope.submit(|| text.split(' ').count())?;
            ///     let bytes = scope.submit(|| text.len())?;
            ///     Ok::<_, Box<dyn std::error::Error>>(words.result()? + bytes.result()?)
            /// })?;
            /// assert_eq!(total, 4 + 21);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn scope<'env, F, R>(&'env self, body: F) -> R
            where
                F: for<'scope> FnOnce(&'scope Scope<'scope, 'env, S>) -> R,
            {
                scope::enter(&self.shared, body, |_| true)
            }

            /// As [`scope`](Self::scope); when `body` returns an error, what has not started is
            /// cancelled too.
            ///
            /// # Errors
            ///
            /// What `body` returned.
            ///
            /// # Panics
            ///
            /// When `body` does.
            ///
            /// ```
            /// use pool_thread::ThreadPoolExecutor;
            ///
            /// let pool = ThreadPoolExecutor::new(1)?;
            /// let numbers = ["1", "x", "3"];
            /// let sum = pool.try_scope(|scope| {
            ///     let mut futures = Vec::new();
            ///     for number in &numbers {
            ///         futures.push(scope.submit_fallible(|| number.parse::<u32>())?);
            ///     }
            ///     let mut sum = 0;
            ///     for future in futures {
            ///         sum += future.result()?;
            ///     }
            ///     Ok::<_, Box<dyn std::error::Error>>(sum)
            /// });
            /// assert!(sum.is_err());
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn try_scope<'env, F, R, E>(&'env self, body: F) -> Result<R, E>
            where
                F: for<'scope> FnOnce(&'scope Scope<'scope, 'env, S>) -> Result<R, E>,
            {
                scope::enter(&self.shared, body, Result::is_ok)
            }

            /// Takes no more tasks, and waits until all that were submitted are done and all
            /// threads have ended. Can be called again and from anywhere.
            ///
            /// In one of the pool's own workers (in a task, a callback, an initializer or the
            /// `Drop` of a thread-local value) it does not wait, for that would be for itself;
            /// [`shutdown_with`](Self::shutdown_with) says so.
            ///
            /// ```
            /// use pool_thread::ThreadPoolExecutor;
            ///
            /// let pool = ThreadPoolExecutor::new(1)?;
            /// let future = pool.submit(|| 5)?;
            /// pool.shutdown();
            /// assert!(future.done());
            /// assert!(pool.submit(|| 6).unwrap_err().is_shutdown());
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn shutdown(&self) {
                // The only error without a time limit: called in a worker, as documented.
                let _ = self.shutdown_with(ShutdownOptions::new());
            }

            /// Takes no more tasks, and what else `options` say.
            ///
            /// With a time limit it waits until all tasks are done and all workers gone, but does
            /// not join their threads, whose last steps may block: `Drop`s of thread-local values.
            /// A later shutdown without a limit, or dropping the pool, joins them.
            ///
            /// # Errors
            ///
            /// [`ShutdownError`] when it is to wait and cannot: time was up, or this is one of
            /// the pool's own workers. The pool is shut down all the same.
            ///
            /// ```
            /// use pool_thread::{ShutdownOptions, ThreadPoolExecutor};
            /// use std::sync::mpsc::channel;
            /// use std::time::Duration;
            ///
            /// let pool = ThreadPoolExecutor::new(1)?;
            /// let (go, gate) = channel::<()>();
            /// let _running = pool.submit(move || gate.recv().is_ok())?;
            /// let short = ShutdownOptions::new().timeout(Duration::from_millis(1));
            /// let late = pool.shutdown_with(short).unwrap_err();
            /// assert_eq!(late.unfinished(), 1);
            /// go.send(())?;
            /// pool.shutdown_with(ShutdownOptions::new())?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn shutdown_with(&self, options: ShutdownOptions) -> Result<(), ShutdownError> {
                self.shared.close(options.get_cancel_futures());
                if options.get_wait() {
                    self.shared.wait(options.get_timeout())
                } else {
                    Ok(())
                }
            }

            /// What the pool is doing.
            #[must_use]
            pub fn stats(&self) -> Stats {
                self.shared.stats()
            }

            fn window(&self) -> usize {
                self.shared.config.max_workers * AHEAD
            }
        }

        impl<S: 'static> Executor for $executor<S> {
            fn submit<J: Portable>(&self, job: J) -> Result<Future<J::Output>, SubmitError<J>> {
                Self::submit(self, job)
            }

            fn submit_fallible<J, T, E>(&self, job: J) -> Result<Future<T>, SubmitError<J>>
            where
                J: Portable + Job<Output = Result<T, E>>,
                T: Send + 'static,
                E: Into<Box<dyn Error + Send + Sync>> + 'static,
            {
                Self::submit_fallible(self, job)
            }

            fn submit_all<I, J>(
                &self,
                jobs: I,
            ) -> Result<Vec<Future<J::Output>>, SubmitError<Vec<J>>>
            where
                I: IntoIterator<Item = J>,
                J: Portable,
            {
                Self::submit_all(self, jobs)
            }

            fn map_window(&self) -> usize {
                self.window()
            }

            fn shutdown(&self) {
                Self::shutdown(self);
            }
        }

        /// The status line: `ThreadPoolExecutor { "pool-0": running, workers 4 (3 busy), queued
        /// 12, done 1000 }`.
        impl<S> fmt::Debug for $executor<S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.shared.stats(), f)
            }
        }
    };
}
pub(crate) use verbs;
