//! One function, or job, for many items.

macro_rules! maps {
    ($executor:ident) => {
        impl $executor {
            /// Calls `f` with each of `items`; the results come in the order of the items, and a
            /// failure belongs to its item.
            ///
            /// Items that take microseconds travel several at a time, so many that a worker is busy
            /// with them for some tenths of a millisecond;
            /// [`MapOptions::chunksize`](crate::MapOptions::chunksize) chooses. When a worker dies,
            /// all items of its chunk share its fate.
            ///
            /// A window of items is submitted at the call, and more as there is room: `items` may
            /// be endless. [`map_with`](Self::map_with) has the size of the window, a time limit,
            /// and taking everything at once. Dropping the iterator cancels what has not started.
            ///
            /// ```
            /// use pool_process::ProcessPoolExecutor;
            ///
            /// let pool = ProcessPoolExecutor::new(2)?;
            /// let squares: Result<Vec<i32>, _> = pool.map(|n| n * n, 1..=4).collect();
            /// assert_eq!(squares?, [1, 4, 9, 16]);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[track_caller]
            pub fn map<'a, F, I, R>(&'a self, f: F, items: I) -> Map<'a, I::IntoIter, R>
            where
                I: IntoIterator,
                F: Fn(I::Item) -> R + Captureless,
                Call<F, (I::Item,)>: Portable + Job<Output = R>,
            {
                Executor::map(self, f, items)
            }

            /// The same, with options.
            ///
            /// ```
            /// use pool_process::{MapOptions, ProcessPoolExecutor};
            /// use std::num::NonZeroUsize;
            ///
            /// let pool = ProcessPoolExecutor::new(2)?;
            /// let options = MapOptions::new().chunksize(NonZeroUsize::new(100).unwrap());
            /// let sum: u64 = pool.map_with(options, |n: u64| n * 2, 0..1000).flatten().sum();
            /// assert_eq!(sum, 999_000);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[track_caller]
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

            /// As [`map`](Self::map) for a function that may return an error, which then is its
            /// item's. The error travels, so it can be serialised, or is a
            /// [`RemoteError`](crate::RemoteError).
            ///
            /// ```
            /// use pool_process::{ProcessPoolExecutor, RemoteError};
            ///
            /// fn parse(word: &str) -> Result<i32, RemoteError> {
            ///     Ok(word.parse()?)
            /// }
            ///
            /// let pool = ProcessPoolExecutor::new(2)?;
            /// let words = ["1", "x", "3"].map(String::from);
            /// let numbers = pool.map_fallible(|word: String| parse(&word), words);
            /// let sum: i32 = numbers.flatten().sum();
            /// assert_eq!(sum, 4);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[track_caller]
            pub fn map_fallible<'a, F, I, T, E>(&'a self, f: F, items: I) -> Map<'a, I::IntoIter, T>
            where
                I: IntoIterator,
                F: Fn(I::Item) -> Result<T, E> + Captureless,
                Call<F, (I::Item,)>: Portable + Job<Output = Result<T, E>>,
                T: Send + 'static,
                E: Into<Box<dyn Error + Send + Sync>> + 'static,
            {
                Executor::map_fallible(self, f, items)
            }

            /// The same, with options.
            #[track_caller]
            pub fn map_fallible_with<'a, F, I, T, E>(
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
                Executor::map_fallible_with(self, options, f, items)
            }

            /// As [`map`](Self::map) for a function of several arguments and items that are
            /// tuples of them: Python's `starmap`, and with `zip` its `map` over several inputs.
            ///
            /// ```
            /// use pool_process::ProcessPoolExecutor;
            ///
            /// let pool = ProcessPoolExecutor::new(2)?;
            /// let powers = pool.starmap(i32::pow, [2, 3, 4].into_iter().zip([5, 2, 1, 9]));
            /// let powers: Result<Vec<i32>, _> = powers.collect();
            /// assert_eq!(powers?, [32, 9, 4]);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[track_caller]
            pub fn starmap<'a, F, I, R>(&'a self, f: F, items: I) -> Map<'a, I::IntoIter, R>
            where
                I: IntoIterator,
                F: Function<I::Item> + Captureless,
                Call<F, I::Item>: Portable + Job<Output = R>,
            {
                Executor::starmap(self, f, items)
            }

            /// The same, with options.
            #[track_caller]
            pub fn starmap_with<'a, F, I, R>(
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
                Executor::starmap_with(self, options, f, items)
            }

            /// As [`starmap`](Self::starmap) for a function that may return an error, which then
            /// is its item's.
            ///
            /// ```
            /// use pool_process::ProcessPoolExecutor;
            ///
            /// fn divide(a: u32, b: u32) -> Result<u32, String> {
            ///     a.checked_div(b).ok_or_else(|| format!("{a} / {b}"))
            /// }
            ///
            /// let pool = ProcessPoolExecutor::new(2)?;
            /// let quotients: Vec<_> = pool.starmap_fallible(divide, [(6, 3), (1, 0)]).collect();
            /// assert_eq!(*quotients[0].as_ref().unwrap(), 2);
            /// assert!(quotients[1].is_err());
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[track_caller]
            pub fn starmap_fallible<'a, F, I, T, E>(
                &'a self,
                f: F,
                items: I,
            ) -> Map<'a, I::IntoIter, T>
            where
                I: IntoIterator,
                F: Function<I::Item> + Captureless,
                Call<F, I::Item>: Portable + Job<Output = Result<T, E>>,
                T: Send + 'static,
                E: Into<Box<dyn Error + Send + Sync>> + 'static,
            {
                Executor::starmap_fallible(self, f, items)
            }

            /// Calls `f` with each of `items`, waits for all of them, and gives the failures. Items
            /// are taken as there is room for them, as by [`map`](Self::map).
            ///
            /// # Errors
            ///
            /// [`ForEachError`] when some failed or were refused; the others ran all the same.
            ///
            /// ```
            /// use pool_process::ProcessPoolExecutor;
            ///
            /// fn is_even(n: u32) {
            ///     assert!(n % 2 == 0, "{n} is odd");
            /// }
            ///
            /// let pool = ProcessPoolExecutor::new(2)?;
            /// let odd = pool.for_each(is_even, [2, 3, 4]).unwrap_err();
            /// assert_eq!(odd.failures()[0].0, 1);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[track_caller]
            pub fn for_each<F, I>(&self, f: F, items: I) -> Result<(), ForEachError>
            where
                I: IntoIterator,
                F: Fn(I::Item) + Captureless,
                Call<F, (I::Item,)>: Portable + Job<Output = ()>,
            {
                Executor::for_each(self, f, items)
            }

            /// As [`for_each`](Self::for_each) for a function that may return an error.
            ///
            /// # Errors
            ///
            /// As [`for_each`](Self::for_each), those that `f` returned included.
            ///
            /// ```
            /// use pool_process::{ProcessPoolExecutor, RemoteError};
            ///
            /// fn remove(path: String) -> Result<(), RemoteError> {
            ///     Ok(std::fs::remove_file(path)?)
            /// }
            ///
            /// let pool = ProcessPoolExecutor::new(2)?;
            /// let gone = ["/no/such/file", "/nor/this/one"].map(String::from);
            /// let error = pool.for_each_fallible(remove, gone).unwrap_err();
            /// assert_eq!(error.failures().len(), 2);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[track_caller]
            pub fn for_each_fallible<F, I, E>(&self, f: F, items: I) -> Result<(), ForEachError>
            where
                I: IntoIterator,
                F: Fn(I::Item) -> Result<(), E> + Captureless,
                Call<F, (I::Item,)>: Portable + Job<Output = Result<(), E>>,
                E: Into<Box<dyn Error + Send + Sync>> + 'static,
            {
                Executor::for_each_fallible(self, f, items)
            }
        }
    };
}
pub(crate) use maps;
