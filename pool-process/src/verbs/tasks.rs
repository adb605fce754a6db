//! Single tasks, and many at once.

macro_rules! tasks {
    ($executor:ident) => {
        impl $executor {
            /// Queues `job`; its result comes through the future. A panic fails it, and so does
            /// the death of its worker.
            ///
            /// The job is serialised here, in the calling thread; a job that cannot be is its
            /// future's failure ([`TaskError::Portable`](crate::TaskError::Portable)). serde takes
            /// a `Vec<u8>` byte by byte: many bytes are to be [`Bytes`](crate::Bytes), or
            /// [`SharedBytes`](crate::SharedBytes) when tasks only read them.
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
            #[track_caller]
            pub fn submit<J: Portable>(&self, job: J) -> Result<Future<J::Output>, SubmitError<J>> {
                self.submit_with(TaskOptions::new(), job)
            }

            /// The same, with options.
            ///
            /// # Errors
            ///
            /// As [`submit`](Self::submit).
            #[track_caller]
            pub fn submit_with<J: Portable>(
                &self,
                options: TaskOptions,
                job: J,
            ) -> Result<Future<J::Output>, SubmitError<J>> {
                self.shared
                    .submit(job, Receive::<J>::new(), options.deadline, Origin::here())
            }

            /// Queues a job that may return an error, which then is the future's failure. The
            /// error travels, so it can be serialised, or is a
            /// [`RemoteError`](crate::RemoteError).
            ///
            /// # Errors
            ///
            /// As [`submit`](Self::submit).
            #[track_caller]
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
            #[track_caller]
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
                self.shared.submit(
                    job,
                    ReceiveFallible::<J>::new(),
                    options.deadline,
                    Origin::here(),
                )
            }

            /// Queues a call of `f` with `args`, a tuple: Python's `submit(f, *args)`. `f` is a
            /// function, or a closure without captures. Large raw bytes are to be
            /// [`Bytes`](crate::Bytes) or [`SharedBytes`](crate::SharedBytes).
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
            #[track_caller]
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
            #[track_caller]
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
            #[track_caller]
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
            #[track_caller]
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

            /// Queues many jobs at once, which is faster than one by one. All of them or none.
            ///
            /// A job that cannot be serialised is the failure of its own future.
            ///
            /// # Errors
            ///
            /// As [`submit`](Self::submit), with all jobs.
            ///
            /// ```
            /// use pool_process::{Call, ProcessPoolExecutor};
            ///
            /// let pool = ProcessPoolExecutor::new(2)?;
            /// let futures = pool.submit_all((0..3).map(|n| Call(i32::pow, (n, 2))))?;
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
                J: Portable,
            {
                self.submit_all_with(TaskOptions::new(), jobs)
            }

            /// The same, with options for each of them.
            ///
            /// # Errors
            ///
            /// As [`submit`](Self::submit), with all jobs.
            #[track_caller]
            pub fn submit_all_with<I, J>(
                &self,
                options: TaskOptions,
                jobs: I,
            ) -> Result<Vec<Future<J::Output>>, SubmitError<Vec<J>>>
            where
                I: IntoIterator<Item = J>,
                J: Portable,
            {
                let jobs = jobs.into_iter();
                self.shared
                    .submit_all(jobs, Receive::<J>::new, options.deadline, Origin::here())
            }
        }
    };
}
pub(crate) use tasks;
