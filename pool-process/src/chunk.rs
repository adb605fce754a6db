//! Several items of a `map` as one task. Each has an outcome of its own: what cannot be
//! serialised, panics or fails, costs its item only.

#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use future_core::{Job, Map, MapOptions, Portable, PortableError, TaskError};

use crate::entry::{self, Code};
use crate::limits::{CHUNK_MAX, CHUNK_NANOS, CHUNKS_AHEAD, GIVEN_CHUNKS_AHEAD};
use crate::out_of_band;
use crate::receive::{self, Receiver};
use crate::shared::Shared;
use crate::spans::{Origin, TaskSpan};
use crate::wire::Failure;
use crate::work::{self, Encoded};

/// A chunk's buffer is not made larger than this, in bytes, before its items are seen.
const ROOM: usize = 1 << 16;

/// The code of a chunk: its payload is the items' pieces.
struct Chunk<J>(PhantomData<fn() -> J>);

impl<J: Portable> Code for Chunk<J> {
    /// Runs the items where they lie. Appends the nanoseconds that it took, then a piece for each
    /// of them: an output, or a failure.
    unsafe fn run(pieces: &[u8], outcomes: &mut Vec<u8>) -> Result<(), Failure> {
        let start = Instant::now();
        let nanos_at = outcomes.len();
        outcomes.extend([0; 8]);
        for item in Pieces(pieces) {
            let at = outcomes.len();
            outcomes.extend([0; 4]);
            // SAFETY: the caller's promise.
            let ran = unsafe { entry::run::<J>(item.bytes, outcomes) };
            let failed = ran.is_err();
            if let Err(failure) = ran {
                outcomes.truncate(at + 4);
                // Into memory it cannot fail; an empty failure could not be read, and would say so.
                outcomes.extend(postcard::to_stdvec(&failure).unwrap_or_default());
            }
            close(outcomes, at, failed);
        }
        let nanos = work::nanos(start.elapsed());
        outcomes[nanos_at..nanos_at + 8].copy_from_slice(&nanos.to_le_bytes());
        Ok(())
    }

    fn name() -> &'static str {
        J::name()
    }
}

/// The length that says that the true one follows.
const LONG: u32 = u32::MAX >> 1;

/// Writes the header of a piece that began at `at`: four bytes, of which the lowest bit says that
/// it failed, the others how long it is, or that its length follows in eight bytes.
fn close(to: &mut Vec<u8>, at: usize, failed: bool) {
    let (len, long) = short(to.len() - at - 4);
    let header = len << 1 | u32::from(failed);
    to[at..at + 4].copy_from_slice(&header.to_le_bytes());
    if let Some(long) = long {
        to.splice(at + 4..at + 4, long.to_le_bytes());
    }
}

/// A length as a header has it, and as it follows if that does not hold it.
fn short(len: usize) -> (u32, Option<u64>) {
    match u32::try_from(len) {
        Ok(len) if len < LONG => (len, None),
        _ => (LONG, Some(len as u64)),
    }
}

/// A piece of a message.
struct Piece<'a> {
    bytes: &'a [u8],
    failed: bool,
}

/// The pieces of a message; ends where it makes no sense.
struct Pieces<'a>(&'a [u8]);

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let (header, mut rest) = self.0.split_first_chunk()?;
        let header = u32::from_le_bytes(*header);
        let mut len = u64::from(header >> 1);
        if header >> 1 == LONG {
            let long;
            (long, rest) = rest.split_first_chunk()?;
            len = u64::from_le_bytes(*long);
        }
        let (bytes, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(Piece {
            bytes,
            failed: header & 1 != 0,
        })
    }
}

/// In this process: what becomes of the chunk's items.
struct Receive<J: Job, R> {
    len: usize,
    /// Items that could not be sent, by number.
    unsent: Vec<(usize, TaskError)>,
    /// Nanoseconds that an item took.
    cost: Arc<AtomicU64>,
    outcome: Outcome<J, R>,
}

/// Makes an item's outcome of its job's output.
type Outcome<J, R> = fn(<J as Job>::Output) -> Result<R, TaskError>;

impl<J: Portable, R: Send + 'static> Receiver for Receive<J, R> {
    type Output = Vec<Result<R, TaskError>>;

    fn receive(self) -> Result<Self::Output, TaskError> {
        let Self {
            len,
            unsent,
            cost,
            outcome,
        } = self;
        receive::with_output::<J, _>(|bytes| {
            let (nanos, pieces) = bytes.split_first_chunk().unwrap_or((&[0; 8], &[]));
            let nanos = u64::from_le_bytes(*nanos);
            // ORDERING: a hint.
            cost.store((nanos / len.max(1) as u64).max(1), Ordering::Relaxed);
            let mut unsent = unsent.into_iter().peekable();
            let mut pieces = Pieces(pieces);
            (0..len)
                .map(|number| match unsent.next_if(|(at, _)| *at == number) {
                    Some((_, error)) => Err(error),
                    None => output::<J>(pieces.next()).and_then(outcome),
                })
                .collect()
        })
    }

    fn name() -> &'static str {
        J::name()
    }
}

/// What a worker made of an item.
fn output<J: Portable>(piece: Option<Piece<'_>>) -> Result<J::Output, TaskError> {
    let Some(piece) = piece else {
        return Err(PortableError::reading(J::name(), "a chunk's answer is cut short").into());
    };
    if piece.failed {
        let failure = postcard::from_bytes::<Failure>(piece.bytes)
            .map_err(|error| PortableError::reading(J::name(), error))?;
        return Err(receive::error_of(J::name(), failure));
    }
    match catch_unwind(AssertUnwindSafe(|| J::decode_output(piece.bytes))) {
        Ok(output) => Ok(output?),
        Err(panic) => Err(work::panicked(J::name(), panic)),
    }
}

/// A `map` whose items go in chunks: of as many as `options` say, or of as many as take a worker
/// some tenths of a millisecond.
pub(crate) fn map<'a, I, J, R>(
    shared: &'a Shared,
    options: MapOptions,
    mut job: impl FnMut(I::Item) -> J + Send + 'a,
    items: I,
    outcome: Outcome<J, R>,
    origin: Origin,
) -> Map<'a, I::IntoIter, R>
where
    I: IntoIterator,
    J: Portable,
    R: Send + 'static,
{
    let cost = Arc::new(AtomicU64::new(0));
    let seen = cost.clone();
    let fixed = options.get_chunksize();
    let size = move || match fixed {
        Some(size) => size.get(),
        // ORDERING: a hint.
        None => match seen.load(Ordering::Relaxed) {
            0 => 1,
            cost => (CHUNK_NANOS / cost).clamp(1, CHUNK_MAX) as usize,
        },
    };
    let each = if fixed.is_some() {
        GIVEN_CHUNKS_AHEAD
    } else {
        CHUNKS_AHEAD
    };
    let origin = shared.wanted(origin);
    let ahead = shared.max_workers().saturating_mul(each);
    // What the last chunk took: the next one is likely to be as large.
    let mut room = 0;
    Map::in_chunks(options, ahead, items.into_iter(), size, move |items| {
        let len = items.len();
        let span = TaskSpan::open(J::name(), origin);
        let mut pieces = Vec::with_capacity(room);
        span.begin(&mut pieces);
        let mut unsent = Vec::new();
        let ((), attached) = out_of_band::collect(|| {
            for (number, item) in items.into_iter().enumerate() {
                let at = pieces.len();
                pieces.extend([0; 4]);
                match work::encode(&job(item), &mut pieces) {
                    Ok(()) => close(&mut pieces, at, false),
                    Err(error) => {
                        pieces.truncate(at);
                        unsent.push((number, error));
                    }
                }
            }
        });
        room = pieces.len().min(ROOM);
        let entry = span.entry::<Chunk<J>>();
        let entry = entry.map_err(|error| work::refused(J::name(), error));
        let receiver = Receive::<J, R> {
            len,
            unsent,
            cost: cost.clone(),
            outcome,
        };
        let chunk = entry.map(|entry| Encoded {
            entry,
            payload: pieces,
            attached,
        });
        shared.submit_chunk(chunk, receiver, len, span)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_that_a_header_does_not_hold_follows_it() {
        assert_eq!(short(0), (0, None));
        assert_eq!(short((1 << 31) - 2), ((1 << 31) - 2, None));
        for len in [(1 << 31) - 1, 1 << 31, 1 << 32, (1 << 32) + 5] {
            assert_eq!(short(len), (LONG, Some(len as u64)));
        }
        let mut bytes = (LONG << 1 | 1).to_le_bytes().to_vec();
        bytes.extend(3_u64.to_le_bytes());
        bytes.extend(b"abc");
        bytes.extend([2 << 1, 0, 0, 0]);
        bytes.extend(b"de");
        let pieces: Vec<_> = Pieces(&bytes).map(|p| (p.bytes, p.failed)).collect();
        assert_eq!(pieces, [(&b"abc"[..], true), (b"de", false)]);
        // Cut short anywhere, it ends.
        for end in 0..bytes.len() {
            assert!(Pieces(&bytes[..end]).count() < 2);
        }
        let vast = [(LONG << 1).to_le_bytes(), [0xff; 4], [0xff; 4]].concat();
        assert_eq!(Pieces(&vast).count(), 0);
    }
}
