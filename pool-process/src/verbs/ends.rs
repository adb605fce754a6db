//! The end of a task, of the workers, of the pool; and what it is doing.

macro_rules! ends {
    ($executor:ident) => {
        impl $executor {
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
                self.shared.close(options.get_cancel_futures());
                if options.get_wait() {
                    self.shared.wait(options.get_timeout())
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

        /// The status line: `ProcessPoolExecutor { "procs-0": running, workers 4 (3 busy), queued
        /// 12, done 1000, restarts 0 }`.
        impl fmt::Debug for $executor {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.shared.stats(), f)
            }
        }
    };
}
pub(crate) use ends;
