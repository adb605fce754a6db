//! The contract of every executor. A `map`, of whatever kind, is in chunks.

macro_rules! contract {
    ($executor:ident) => {
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
                self.shared.max_workers() * crate::limits::CHUNKS_AHEAD
            }

            fn shutdown(&self) {
                Self::shutdown(self);
            }

            fn map_jobs<'a, I, J>(
                &'a self,
                options: MapOptions,
                job: impl FnMut(I::Item) -> J + Send + 'a,
                items: I,
            ) -> Map<'a, I::IntoIter, J::Output>
            where
                I: IntoIterator,
                J: Portable,
            {
                crate::chunk::map(&self.shared, options, job, items, Ok, Origin::here())
            }

            fn map_fallible_jobs<'a, I, J, T, E>(
                &'a self,
                options: MapOptions,
                job: impl FnMut(I::Item) -> J + Send + 'a,
                items: I,
            ) -> Map<'a, I::IntoIter, T>
            where
                I: IntoIterator,
                J: Portable + Job<Output = Result<T, E>>,
                T: Send + 'static,
                E: Into<Box<dyn Error + Send + Sync>> + 'static,
            {
                crate::chunk::map(
                    &self.shared,
                    options,
                    job,
                    items,
                    receive::fallible::<J, T, E>,
                    Origin::here(),
                )
            }
        }
    };
}
pub(crate) use contract;
