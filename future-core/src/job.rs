//! What an executor runs.

/// A piece of work with a result.
///
/// Every closure is one. A type of one's own that implements it can be sent where closures with
/// captures cannot, to another process.
///
/// ```
/// use future_core::Job;
///
/// struct Resize { width: u32 }
///
/// impl Job for Resize {
///     type Output = u32;
///     fn run(self) -> u32 {
///         self.width * 2
///     }
/// }
///
/// assert_eq!(Resize { width: 4 }.run(), 8);
/// assert_eq!((|| 8).run(), 8);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a job",
    label = "a job is a closure without arguments (`move || …`), or a type that implements `Job`"
)]
pub trait Job {
    /// What the work gives.
    type Output;

    /// Does the work.
    fn run(self) -> Self::Output;

    /// What messages call the job: a job that wraps another names that one.
    #[doc(hidden)]
    fn name() -> &'static str
    where
        Self: Sized,
    {
        std::any::type_name::<Self>()
    }
}

impl<F: FnOnce() -> T, T> Job for F {
    type Output = T;

    #[inline]
    fn run(self) -> T {
        self()
    }
}

/// A call of a function with arguments, as a job: Python's `submit(fn, *args)`.
///
/// ```
/// use future_core::{Call, Job};
///
/// fn add(a: u32, b: u32) -> u32 {
///     a + b
/// }
/// assert_eq!(Call(add, (1, 2)).run(), 3);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Call<F, A>(
    /// The function.
    pub F,
    /// Its arguments, as a tuple.
    pub A,
);

impl<F: Function<A>, A> Job for Call<F, A> {
    type Output = F::Output;

    #[inline]
    fn run(self) -> F::Output {
        self.0.apply(self.1)
    }

    fn name() -> &'static str {
        std::any::type_name::<F>()
    }
}

/// A function that takes its arguments as a tuple: every `Fn` of up to eight arguments.
pub trait Function<A> {
    /// What it returns.
    type Output;

    /// Calls it.
    fn apply(&self, args: A) -> Self::Output;
}

macro_rules! function {
    ($($arg:ident $at:tt),*) => {
        impl<Func, R, $($arg),*> Function<($($arg,)*)> for Func
        where
            Func: Fn($($arg),*) -> R,
        {
            type Output = R;

            #[inline]
            fn apply(&self, _args: ($($arg,)*)) -> R {
                self($(_args.$at),*)
            }
        }
    };
}
function!();
function!(A 0);
function!(A 0, B 1);
function!(A 0, B 1, C 2);
function!(A 0, B 1, C 2, D 3);
function!(A 0, B 1, C 2, D 3, E 4);
function!(A 0, B 1, C 2, D 3, E 4, F 5);
function!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
function!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
