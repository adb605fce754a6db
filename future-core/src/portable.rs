//! Jobs that may leave the process.

#![allow(unsafe_code)]

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::Job;

/// A job that can run in another process: its data and its output can be serialised, and its
/// code is known to every copy of the program.
///
/// With the feature `serde` two kinds of jobs are portable: a [`Call`](crate::Call) of a
/// function without captures whose arguments and result are serialisable, and a serialisable
/// type that implements [`Job`]. There is nothing to register.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot run in another process",
    label = "needs a `Call` of a function without captures, or a job that can be serialised",
    note = "pass what the closure captures as arguments instead: `executor.call(function, (a, b))`",
    note = "the arguments and the result must implement `serde::Serialize` and `serde::Deserialize`, and the crate needs its feature `serde`",
    note = "for an error type that does not, return `RemoteError`: `?` makes one of every error"
)]
pub trait Portable: Job<Output: Send + 'static> + Send + 'static {
    /// For authors of executors: appends the job's data to `to`.
    ///
    /// # Errors
    ///
    /// When the data's own `Serialize` fails.
    fn encode(&self, to: &mut Vec<u8>) -> Result<(), PortableError>;

    /// For authors of executors: the job again.
    ///
    /// # Safety
    ///
    /// `from` was written by [`encode`](Self::encode) of a job of this very type, in this process
    /// or another one of the same build: the type stands for code, and a closure that captured a
    /// zero-sized value, a proof for example, is made again from nothing.
    ///
    /// # Errors
    ///
    /// When `from` is not what `encode` wrote.
    unsafe fn decode(from: &[u8]) -> Result<Self, PortableError>
    where
        Self: Sized;

    /// For authors of executors: appends an output to `to`.
    ///
    /// # Errors
    ///
    /// When the output's own `Serialize` fails.
    fn encode_output(output: &Self::Output, to: &mut Vec<u8>) -> Result<(), PortableError>;

    /// For authors of executors: an output again.
    ///
    /// # Errors
    ///
    /// When `from` is not what [`encode_output`](Self::encode_output) wrote.
    fn decode_output(from: &[u8]) -> Result<Self::Output, PortableError>;
}

/// A function that every copy of the program has: a function item, or a closure without captures.
///
/// The type checker sees captures that are not `Copy`; those that are, the compiler refuses when
/// it builds the program.
#[diagnostic::on_unimplemented(
    message = "`{Self}` captures something, so it cannot run in another process",
    label = "this must be a function, or a closure without captures",
    note = "pass what it captures as arguments instead: `executor.call(function, (a, b))`, or zip it to the items"
)]
pub trait Captureless: Copy + Send + 'static {
    /// Makes the compiler check that there is nothing captured.
    #[doc(hidden)]
    const CHECK: () = assert!(
        size_of::<Self>() == 0,
        "only functions and closures without captures can run in another process"
    );
}

#[diagnostic::do_not_recommend]
impl<F: Copy + Send + 'static> Captureless for F {}

/// A value could not be written for another process, or what came from there could not be read.
/// Clones share the cause.
#[derive(Clone, Debug)]
pub struct PortableError(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    writing: bool,
    type_name: Cow<'static, str>,
    source: Box<dyn Error + Send + Sync>,
}

impl PortableError {
    /// For authors of executors: a value of this type could not be written.
    pub fn writing(
        type_name: impl Into<Cow<'static, str>>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self(Arc::new(Inner {
            writing: true,
            type_name: type_name.into(),
            source: source.into(),
        }))
    }

    /// For authors of executors: no value of this type could be read.
    pub fn reading(
        type_name: impl Into<Cow<'static, str>>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self(Arc::new(Inner {
            writing: false,
            type_name: type_name.into(),
            source: source.into(),
        }))
    }

    /// The type that was to be written or read.
    #[must_use]
    pub fn type_name(&self) -> &str {
        &self.0.type_name
    }

    /// Whether the value was to be written; otherwise it was to be read.
    #[must_use]
    pub fn is_writing(&self) -> bool {
        self.0.writing
    }
}

impl fmt::Display for PortableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.0.writing {
            "serialise"
        } else {
            "deserialise"
        };
        write!(
            f,
            "cannot {verb} a value of type `{}`: {}",
            self.0.type_name, self.0.source
        )
    }
}

impl Error for PortableError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0.source)
    }
}

#[cfg(feature = "serde")]
mod with_serde {
    use std::any::type_name;

    use postcard::ser_flavors::Flavor;
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::{Captureless, Portable, PortableError};
    use crate::{Call, Function, Job};

    /// Appends, whole slices at once.
    struct Append<'a>(&'a mut Vec<u8>);

    impl Flavor for Append<'_> {
        type Output = ();

        fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
            self.0.push(byte);
            Ok(())
        }

        fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
            // Numbers come here, as one to ten bytes each, for which calling a copy of any length
            // costs more than the bytes.
            if bytes.len() <= 10 {
                for &byte in bytes {
                    self.0.push(byte);
                }
            } else {
                self.0.extend_from_slice(bytes);
            }
            Ok(())
        }

        fn finalize(self) -> postcard::Result<()> {
            Ok(())
        }
    }

    fn write<T: Serialize>(value: &T, to: &mut Vec<u8>) -> Result<(), PortableError> {
        let before = to.len();
        postcard::serialize_with_flavor(value, Append(to)).map_err(|source| {
            to.truncate(before);
            PortableError::writing(type_name::<T>(), source)
        })
    }

    fn read<T: DeserializeOwned>(from: &[u8]) -> Result<T, PortableError> {
        let error = |source: Box<dyn std::error::Error + Send + Sync>| {
            PortableError::reading(type_name::<T>(), source)
        };
        match postcard::take_from_bytes(from) {
            Ok((value, [])) => Ok(value),
            Ok((_, rest)) => Err(error(format!("{} bytes too many", rest.len()).into())),
            Err(source) => Err(error(source.into())),
        }
    }

    #[diagnostic::do_not_recommend]
    impl<J> Portable for J
    where
        J: Job<Output: Serialize + DeserializeOwned + Send + 'static>
            + Serialize
            + DeserializeOwned
            + Send
            + 'static,
    {
        fn encode(&self, to: &mut Vec<u8>) -> Result<(), PortableError> {
            write(self, to)
        }

        unsafe fn decode(from: &[u8]) -> Result<Self, PortableError> {
            read(from)
        }

        fn encode_output(output: &Self::Output, to: &mut Vec<u8>) -> Result<(), PortableError> {
            write(output, to)
        }

        fn decode_output(from: &[u8]) -> Result<Self::Output, PortableError> {
            read(from)
        }
    }

    #[diagnostic::do_not_recommend]
    impl<F, A> Portable for Call<F, A>
    where
        F: Function<A, Output: Serialize + DeserializeOwned + Send + 'static> + Captureless,
        A: Serialize + DeserializeOwned + Send + 'static,
    {
        fn encode(&self, to: &mut Vec<u8>) -> Result<(), PortableError> {
            const { F::CHECK };
            write(&self.1, to)
        }

        unsafe fn decode(from: &[u8]) -> Result<Self, PortableError> {
            // SAFETY: the caller's promise: a value of the function's type exists elsewhere.
            let function = unsafe { crate::conjure::conjure() };
            Ok(Self(function, read(from)?))
        }

        fn encode_output(output: &F::Output, to: &mut Vec<u8>) -> Result<(), PortableError> {
            write(output, to)
        }

        fn decode_output(from: &[u8]) -> Result<F::Output, PortableError> {
            read(from)
        }
    }

    #[cfg(all(test, not(cf_loom)))]
    mod tests {
        use super::*;

        fn add(a: u32, b: u32) -> u32 {
            a + b
        }

        fn round_trip<J: Portable>(job: &J) -> J::Output {
            let mut bytes = Vec::new();
            job.encode(&mut bytes).unwrap();
            // SAFETY: written just now, by the same type.
            let output = unsafe { J::decode(&bytes) }.unwrap().run();
            let mut bytes = Vec::new();
            J::encode_output(&output, &mut bytes).unwrap();
            J::decode_output(&bytes).unwrap()
        }

        #[test]
        fn calls_survive_the_journey() {
            assert_eq!(round_trip(&Call(add, (2, 3))), 5);
            assert_eq!(
                round_trip(&Call(|s: String| s.len(), ("four".to_owned(),))),
                4
            );
        }

        #[test]
        fn own_jobs_survive_the_journey() {
            #[derive(serde::Serialize, serde::Deserialize)]
            struct Double(u32);
            impl Job for Double {
                type Output = u32;
                fn run(self) -> u32 {
                    self.0 * 2
                }
            }
            assert_eq!(round_trip(&Double(21)), 42);
        }

        #[test]
        fn garbage_names_the_type() {
            let error =
                Call::<fn(u32, u32) -> u32, (u32, u32)>::decode_output(&[1, 2]).unwrap_err();
            assert_eq!(
                error.to_string(),
                "cannot deserialise a value of type `u32`: 1 bytes too many"
            );
        }

        #[test]
        fn a_failed_write_leaves_the_buffer() {
            struct Never;
            impl Serialize for Never {
                fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                    Err(serde::ser::Error::custom("never"))
                }
            }
            let mut bytes = vec![1, 2];
            assert!(write(&(7_u8, Never), &mut bytes).is_err());
            assert_eq!(bytes, [1, 2]);
        }
    }
}
