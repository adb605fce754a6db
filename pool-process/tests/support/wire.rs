//! What the fuzzer and the tests do with bytes: see that the decoders take any.

use pool_process::parts::wire::{Decoder, Direction, FromWorker, ToWorker, WireError};

/// Decodes the bytes as orders and as answers, in one piece and in many, which must give the same.
pub(crate) fn decode_all(bytes: &[u8]) {
    both::<ToWorker>(bytes);
    both::<FromWorker>(bytes);
}

fn both<D>(bytes: &[u8])
where
    D: Direction,
    for<'a> D::Frame<'a>: std::fmt::Debug,
{
    let whole = decode::<D>(bytes.chunks(bytes.len().max(1)));
    assert_eq!(decode::<D>(bytes.chunks(1)), whole);
    assert_eq!(decode::<D>(bytes.chunks(7)), whole);
}

/// The frames as text, and the error that ended them.
fn decode<'b, D>(pieces: impl Iterator<Item = &'b [u8]>) -> (Vec<String>, Option<WireError>)
where
    D: Direction,
    for<'a> D::Frame<'a>: std::fmt::Debug,
{
    let mut decoder = Decoder::<D>::default();
    let mut frames = Vec::new();
    for piece in pieces {
        decoder.feed(piece);
        loop {
            match decoder.next() {
                Ok(Some(frame)) => frames.push(format!("{frame:?}")),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, decoder.finish().err())
}
