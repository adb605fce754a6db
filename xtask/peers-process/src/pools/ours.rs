//! This library's, and the ways in which it sends bytes.

use std::marker::PhantomData;
use std::num::NonZeroUsize;

use anyhow::{Result, anyhow};
use pool_process::{Bytes, Future, MapOptions, ProcessPoolExecutor, SharedBytes};

use crate::pool::Pool;
use crate::task::{Echo, Nothing, Task, Travels};

/// The pool, which sends bytes as `W` says.
pub(crate) struct Ours<W>(ProcessPoolExecutor, PhantomData<W>);

/// A way to send bytes.
pub(crate) trait Way {
    type Payload: Travels;

    fn payload(bytes: &mut Vec<u8>) -> Self::Payload;

    fn check(payload: Self::Payload, bytes: &mut Vec<u8>) -> (usize, u8);
}

/// A vector of the task's own, and one of the caller's own back.
pub(crate) struct Owned;

/// Shared memory, which the worker hands back as it is.
pub(crate) struct Shared;

impl Way for Owned {
    type Payload = Bytes;

    fn payload(bytes: &mut Vec<u8>) -> Bytes {
        Bytes(std::mem::take(bytes))
    }

    fn check(payload: Bytes, bytes: &mut Vec<u8>) -> (usize, u8) {
        *bytes = payload.0;
        (bytes.len(), bytes.last().copied().unwrap_or(0))
    }
}

impl Way for Shared {
    type Payload = SharedBytes;

    fn payload(bytes: &mut Vec<u8>) -> SharedBytes {
        SharedBytes::copy_of(bytes)
    }

    fn check(payload: SharedBytes, _: &mut Vec<u8>) -> (usize, u8) {
        (payload.len(), payload.last().copied().unwrap_or(0))
    }
}

impl<W: Way> Pool for Ours<W> {
    type Handle<T: Travels> = Future<T>;
    type Payload = W::Payload;

    fn new(workers: usize) -> Result<Self> {
        Ok(Self(ProcessPoolExecutor::new(workers)?, PhantomData))
    }

    fn submit<T: Task>(&self, input: T::In) -> Result<Future<T::Out>> {
        let future = self.0.call(T::run, (input,));
        // The error has the call in it, which is not for every thread.
        future.map_err(|refused| anyhow!("{refused}"))
    }

    fn result<T: Travels>(handle: Future<T>) -> Result<T> {
        Ok(handle.result()?)
    }

    fn echo(&self, payload: W::Payload) -> Result<W::Payload> {
        Self::result(self.submit::<Echo<W::Payload>>(payload)?)
    }

    fn payload(bytes: &mut Vec<u8>) -> W::Payload {
        W::payload(bytes)
    }

    fn check(payload: W::Payload, bytes: &mut Vec<u8>) -> (usize, u8) {
        W::check(payload, bytes)
    }

    fn map(&self, items: u64, chunk: Option<NonZeroUsize>) -> Option<Result<u64>> {
        let mut options = MapOptions::new();
        if let Some(chunk) = chunk {
            options = options.chunksize(chunk);
        }
        let mut sum = 0;
        for output in self.0.map_with(options, Nothing::run, 0..items) {
            match output {
                Ok(output) => sum += output,
                Err(error) => return Some(Err(error.into())),
            }
        }
        Some(Ok(sum))
    }
}
