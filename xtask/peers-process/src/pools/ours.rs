//! This library's.

use std::num::NonZeroUsize;

use anyhow::{Result, anyhow};
use pool_process::{Bytes, Future, MapOptions, ProcessPoolExecutor};

use crate::pool::Pool;
use crate::task::{Echo, Nothing, Task, Travels};

pub(crate) struct Ours(ProcessPoolExecutor);

impl Pool for Ours {
    type Handle<T: Travels> = Future<T>;
    type Payload = Bytes;

    fn new(workers: usize) -> Result<Self> {
        Ok(Self(ProcessPoolExecutor::new(workers)?))
    }

    fn submit<T: Task>(&self, input: T::In) -> Result<Future<T::Out>> {
        let future = self.0.call(T::run, (input,));
        // The error has the call in it, which is not for every thread.
        future.map_err(|refused| anyhow!("{refused}"))
    }

    fn result<T: Travels>(handle: Future<T>) -> Result<T> {
        Ok(handle.result()?)
    }

    fn echo(&self, payload: Bytes) -> Result<Bytes> {
        Self::result(self.submit::<Echo<Bytes>>(payload)?)
    }

    fn payload(bytes: &mut Vec<u8>) -> Bytes {
        Bytes(std::mem::take(bytes))
    }

    fn check(payload: Bytes, bytes: &mut Vec<u8>) -> (usize, u8) {
        *bytes = payload.0;
        (bytes.len(), bytes.last().copied().unwrap_or(0))
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
