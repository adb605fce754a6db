//! procspawn's, and the ways in which it sends bytes.

use std::marker::PhantomData;

use anyhow::Result;
use procspawn::JoinHandle;
use procspawn::serde::{Shmem, with_ipc_mode};

use crate::pool::Pool;
use crate::task::{Echo, Renew, Renewable, Task, Travels};

/// The pool, which sends bytes as `W` says.
pub(crate) struct Procspawn<W>(procspawn::Pool, PhantomData<W>);

/// A way to send bytes.
pub(crate) trait Way {
    type Payload: Travels;
    type Echo: Task<In = Self::Payload, Out = Self::Payload>;

    fn payload(bytes: &mut Vec<u8>) -> Self::Payload;

    fn check(payload: Self::Payload, bytes: &mut Vec<u8>) -> (usize, u8);
}

/// A vector, through the socket.
pub(crate) struct Copied;

/// Shared memory, which the worker hands back as it is.
pub(crate) struct Shared;

/// Shared memory, and the worker hands back new one: what a task that computes something does.
pub(crate) struct Renewed;

impl Way for Copied {
    type Payload = Vec<u8>;
    type Echo = Echo<Vec<u8>>;

    fn payload(bytes: &mut Vec<u8>) -> Vec<u8> {
        std::mem::take(bytes)
    }

    fn check(payload: Vec<u8>, bytes: &mut Vec<u8>) -> (usize, u8) {
        *bytes = payload;
        (bytes.len(), bytes.last().copied().unwrap_or(0))
    }
}

impl Way for Shared {
    type Payload = Shmem;
    type Echo = Echo<Shmem>;

    fn payload(bytes: &mut Vec<u8>) -> Shmem {
        Shmem::from_bytes(bytes)
    }

    fn check(payload: Shmem, _: &mut Vec<u8>) -> (usize, u8) {
        (payload.len(), payload.last().copied().unwrap_or(0))
    }
}

impl Way for Renewed {
    type Payload = Shmem;
    type Echo = Renew<Shmem>;

    fn payload(bytes: &mut Vec<u8>) -> Shmem {
        Shared::payload(bytes)
    }

    fn check(payload: Shmem, bytes: &mut Vec<u8>) -> (usize, u8) {
        Shared::check(payload, bytes)
    }
}

impl Renewable for Shmem {
    fn renewed(&self) -> Self {
        Self::from_bytes(self)
    }
}

impl<W: Way> Pool for Procspawn<W> {
    type Handle<T: Travels> = JoinHandle<T>;
    type Payload = W::Payload;

    // A pending task takes several descriptors; with 20000 it panics.
    const MOST_PENDING: usize = 1000;

    fn new(workers: usize) -> Result<Self> {
        Ok(Self(procspawn::Pool::new(workers)?, PhantomData))
    }

    fn submit<T: Task>(&self, input: T::In) -> Result<JoinHandle<T::Out>> {
        Ok(self.0.spawn(input, T::run))
    }

    fn result<T: Travels>(handle: JoinHandle<T>) -> Result<T> {
        Ok(handle.join()?)
    }

    fn echo(&self, payload: W::Payload) -> Result<W::Payload> {
        // Its pool writes arguments as if they were not for another process, and the worker then
        // cannot read its own shared memory: without this no `Shmem` arrives.
        let handle = with_ipc_mode(|| self.submit::<W::Echo>(payload))?;
        Self::result(handle)
    }

    fn payload(bytes: &mut Vec<u8>) -> W::Payload {
        W::payload(bytes)
    }

    fn check(payload: W::Payload, bytes: &mut Vec<u8>) -> (usize, u8) {
        W::check(payload, bytes)
    }
}
