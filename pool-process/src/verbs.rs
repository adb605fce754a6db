//! What the pool and its handles both offer, written once.

macro_rules! verbs {
    ($executor:ident) => {
        impl $executor {
            /// Queues `job`; its result comes through the future. A panic fails it, and so does
            /// the death of its worker.
            ///
            /// The job is serialised here, in the calling thread; a job that cannot be is its
            /// future's failure ([`TaskError::Portable`](crate::TaskError::Portable)).
            ///
            /// # Errors
            ///
            /// [`SubmitError`] with the job: the pool is shut down or broken.
            ///
            /// ```
            /// use pool_process::{Job, ProcessPoolExecutor};
            /// use serde::{Deserialize, Serialize};
            ///
            /// #[derive(Serialize, Deserialize)]
            /// struct Count { letter: char, text: String }
            ///
            /// impl Job for Count {
            ///     type Output = usize;
            ///     fn run(self) -> usize {
            ///         self.text.matches(self.letter).count()
            ///     }
            /// }
            ///
            /// let pool = ProcessPoolExecutor::new(2)?;
            /// let count = pool.submit(Count { letter: 'o', text: "so it goes".into() })?;
            /// assert_eq!(count.result()?, 2);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn submit<J: Portable>(&self, job: J) -> Result<Future<J::Output>, SubmitError<J>> {
                self.submit_with(TaskOptions::new(), job)
            }

            /// The same, with options.
            ///
            /// # Errors
            ///
            /// As [`submit`](Self::submit).
            pub fn submit_with<J: Portable>(
                &self,
                options: TaskOptions,
                job: J,
            ) -> Result<Future<J::Output>, SubmitError<J>> {
                self.shared
                    .submit(job, Receive::<J>::new(), options.deadline)
            }

            /// Queues a job that may return an error, which then is the future's failure. The
            /// error travels, so it can be serialised, or is a
            /// [`RemoteError`](crate::RemoteError).
            ///
            /// # Errors
            ///
            /// As [`submit`](Self::submit).
            pub fn submit_fallible<J, T, E>(&self, job: J) -> Result<Future<T>, SubmitError<J>>
            where
                J: Portable + Job<Output = Result<T, E>>,
                T: Send + 'static,
                E: Into<Box<dyn Error + Send + Sync>> + 'static,
            {
                self.submit_fallible_with(TaskOptions::new(), job)
            }

            /// The same, with options.
            ///
            /// # Errors
            ///
            /// As [`submit`](Self::submit).
            pub fn submit_fallible_with<J, T, E>(
                &self,
                options: TaskOptions,
                job: J,
            ) -> Result<Future<T>, SubmitError<J>>
            where
                J: Portable + Job<Output = Result<T, E>>,
                T: Send + 'static,
                E: Into<Box<dyn Error + Send + Sync>> + 'static,
            {
                self.shared
                    .submit(job, ReceiveFallible::<J>::new(), options.deadline)
            }

            /// Queues a call of `f` with `args`, a tuple: Python's `submit(f, *args)`. `f` is a
            /// function, or a closure without captures.
            ///
            /// # Errors
            ///
            /// As [`submit`](Self::submit).
            ///
            /// ```
            /// use pool_process::ProcessPoolExecutor;
            ///
            /// let pool = ProcessPoolExecutor::new(2)?;
            /// assert_eq!(pool.call(i32::pow, (2, 10))?.result()?, 1024);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn call<F, A>(
                &self,
                f: F,
                args: A,
            ) -> Result<Future<<Call<F, A> as Job>::Output>, SubmitError<Call<F, A>>>
            where
                F: Function<A> + Captureless,
                Call<F, A>: Portable,
            {
                self.call_with(TaskOptions::new(), f, args)
            }

            /// The same, with options.
            ///
            /// # Errors
            ///
            /// As [`submit`](Self::submit).
            pub fn call_with<F, A>(
                &self,
                options: TaskOptions,
                f: F,
                args: A,
            ) -> Result<Future<<Call<F, A> as Job>::Output>, SubmitError<Call<F, A>>>
            where
                F: Function<A> + Captureless,
                Call<F, A>: Portable,
            {
                const { F::CHECK };
                self.submit_with(options, Call(f, args))
            }

            /// Queues a call of a function that may return an error, which then is the future's
            /// failure.
            ///
            /// # Errors
            ///
            /// As [`submit`](Self::submit).
            ///
            /// ```
            /// use pool_process::{ProcessPoolExecutor, RemoteError};
            ///
            /// fn parse(text: String) -> Result<u32, RemoteError> {
            ///     Ok(text.parse()?)
            /// }
            ///
            /// let pool = ProcessPoolExecutor::new(2)?;
            /// assert_eq!(pool.call_fallible(parse, ("7".to_owned(),))?.result()?, 7);
            /// let error = pool.call_fallible(parse, ("x".to_owned(),))?.result().unwrap_err();
            /// assert!(error.to_string().contains("invalid digit"));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn call_fallible<F, A, T, E>(
                &self,
                f: F,
                args: A,
            ) -> Result<Future<T>, SubmitError<Call<F, A>>>
            where
                F: Function<A> + Captureless,
                Call<F, A>: Portable + Job<Output = Result<T, E>>,
                T: Send + 'static,
                E: Into<Box<dyn Error + Send + Sync>> + 'static,
            {
                self.call_fallible_with(TaskOptions::new(), f, args)
            }

            /// The same, with options.
            ///
            /// # Errors
            ///
            /// As [`submit`](Self::submit).
            pub fn call_fallible_with<F, A, T, E>(
                &self,
                options: TaskOptions,
                f: F,
                args: A,
            ) -> Result<Future<T>, SubmitError<Call<F, A>>>
            where
                F: Function<A> + Captureless,
                Call<F, A>: Portable + Job<Output = Result<T, E>>,
                T: Send + 'static,
                E: Into<Box<dyn Error + Send + Sync>> + 'static,
            {
                const { F::CHECK };
                self.submit_fallible_with(options, Call(f, args))
            }

            /// Calls `f` with each of `items`; the results come in the order of the items, and a
            /// failure belongs to its item.
            ///
            /// Items that take microseconds travel several at a time, so many that a worker is busy
            /// with them for some tenths of a millisecond;
            /// [`MapOptions::chunksize`](crate::MapOptions::chunksize) chooses. When a worker dies,
            /// all items of its chunk share its fate.
            ///
            /// ```
            /// use pool_process::ProcessPoolExecutor;
            ///
            /// let pool = ProcessPoolExecutor::new(2)?;
            /// let squares: Result<Vec<i32>, _> = pool.map(|n| n * n, 1..=4).collect();
            /// assert_eq!(squares?, [1, 4, 9, 16]);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn map<'a, F, I, R>(&'a self, f: F, items: I) -> Map<'a, I::IntoIter, R>
            where
                I: IntoIterator,
                F: Fn(I::Item) -> R + Captureless,
                Call<F, (I::Item,)>: Portable + Job<Output = R>,
            {
                Executor::map(self, f, items)
            }

            /// The same, with options.
            pub fn map_with<'a, F, I, R>(
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
                Executor::map_with(self, options, f, items)
            }

            /// Calls `f` with each of `items`, waits for all of them, and gives the failures. Items
            /// are taken as there is room for them, as by [`map`](Self::map).
            ///
            /// # Errors
            ///
            /// [`ForEachError`] when some failed or were refused; the others ran all the same.
            pub fn for_each<F, I>(&self, f: F, items: I) -> Result<(), ForEachError>
            where
                I: IntoIterator,
                F: Fn(I::Item) + Captureless,
                Call<F, (I::Item,)>: Portable + Job<Output = ()>,
            {
                Executor::for_each(self, f, items)
            }

            /// Ends a task of this pool even if it runs: then its worker is told to end, and
            /// killed after the pool's [`grace`](crate::Builder::grace), and the future fails
            /// with [`TaskError::Died`](crate::TaskError::Died). One that has not started is
            /// cancelled. Other tasks are not touched.
            ///
            /// False when the future is done already. This does not wait for the end.
            ///
            /// ```
            /// use pool_process::ProcessPoolExecutor;
            ///
            /// fn hang() {
            ///     loop {
            ///         std::thread::park();
            ///     }
            /// }
            ///
            /// let pool = ProcessPoolExecutor::new(1)?;
            /// let future = pool.call(hang, ())?;
            /// assert!(pool.kill(&future));
            /// assert!(future.result().is_err());
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn kill(&self, future: &impl AsFuture) -> bool {
                self.kill_after(future, self.shared.grace())
            }

            /// The same with a grace of its own; zero kills at once.
            pub fn kill_after(&self, future: &impl AsFuture, grace: Duration) -> bool {
                let future = future.as_future();
                if future.done() {
                    return false;
                }
                if !future.cancel() {
                    self.shared.command(Command::Kill {
                        id: future.id(),
                        grace: nanos(grace),
                    });
                }
                true
            }

            /// Takes no more tasks, and waits until all that were submitted are done, and all
            /// worker processes and threads have ended. Can be called again and from anywhere.
            ///
            /// In a callback or a waker of one of the pool's futures it does not wait, for that
            /// would be for itself; [`shutdown_with`](Self::shutdown_with) says so.
            ///
            /// ```
            /// use pool_process::ProcessPoolExecutor;
            ///
            /// let pool = ProcessPoolExecutor::new(1)?;
            /// let future = pool.call(u32::count_ones, (5,))?;
            /// pool.shutdown();
            /// assert!(future.done());
            /// assert!(pool.call(u32::count_ones, (5,)).unwrap_err().is_shutdown());
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn shutdown(&self) {
                // The only error without a time limit: called in a callback, as documented.
                let _ = self.shutdown_with(ShutdownOptions::new());
            }

            /// Takes no more tasks, and what else `options` say.
            ///
            /// # Errors
            ///
            /// [`ShutdownError`] when it is to wait and cannot: time was up, or this is a
            /// callback of one of the pool's futures. The pool is shut down all the same.
            pub fn shutdown_with(&self, options: ShutdownOptions) -> Result<(), ShutdownError> {
                self.shared.close(options.cancel_futures);
                if options.wait {
                    self.shared.wait(options.timeout)
                } else {
                    Ok(())
                }
            }

            /// Takes no more tasks, cancels those that have not started, and tells all workers to
            /// end (SIGTERM); those that have not ended after `grace` are killed. What they were
            /// running fails with [`TaskError::Died`](crate::TaskError::Died). Does not wait;
            /// [`shutdown`](Self::shutdown) does.
            ///
            /// ```
            /// use pool_process::ProcessPoolExecutor;
            /// use std::time::Duration;
            ///
            /// fn hang() {
            ///     loop {
            ///         std::thread::park();
            ///     }
            /// }
            ///
            /// let pool = ProcessPoolExecutor::new(1)?;
            /// let future = pool.call(hang, ())?;
            /// pool.terminate_workers(Duration::from_secs(5));
            /// assert!(future.result().is_err());
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn terminate_workers(&self, grace: Duration) {
                self.shared.close(true);
                self.shared.command(Command::KillAll {
                    grace: nanos(grace),
                });
            }

            /// The same with SIGKILL at once.
            pub fn kill_workers(&self) {
                self.terminate_workers(Duration::ZERO);
            }

            /// What the pool is doing.
            #[must_use]
            pub fn stats(&self) -> Stats {
                self.shared.stats()
            }
        }

        impl Executor for $executor {
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

            fn map_window(&self) -> usize {
                self.shared.max_workers() * crate::limits::CHUNKS_AHEAD
            }

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
                crate::chunk::map(&self.shared, options, f, items)
            }

            fn for_each<F, I>(&self, f: F, items: I) -> Result<(), ForEachError>
            where
                I: IntoIterator,
                F: Fn(I::Item) + Captureless,
                Call<F, (I::Item,)>: Portable + Job<Output = ()>,
            {
                ForEachError::of(Executor::map(self, f, items))
            }

            fn shutdown(&self) {
                Self::shutdown(self);
            }
        }

        /// The status line: `ProcessPoolExecutor { "procs-0": running, workers 4 (3 busy), queued
        /// 12, done 1000, restarts 0 }`.
        impl fmt::Debug for $executor {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.shared.stats(), f)
            }
        }
    };
}
pub(crate) use verbs;
