use std::marker::PhantomData;

use super::frame::{Direction, Header};
use super::{HEADER, MAX_BODY, WireError};

/// How many bytes are asked for at a time.
const CHUNK: usize = 64 * 1024;

/// A buffer that has grown beyond this is given back when it is empty.
const KEPT: usize = 1024 * 1024;

/// Takes frames out of what has come, in pieces of any size.
#[derive(Debug)]
pub struct Decoder<D> {
    buffer: Vec<u8>,
    /// Where the next frame starts.
    at: usize,
    error: Option<WireError>,
    direction: PhantomData<fn() -> D>,
}

impl<D> Default for Decoder<D> {
    fn default() -> Self {
        Self {
            buffer: Vec::new(),
            at: 0,
            error: None,
            direction: PhantomData,
        }
    }
}

impl<D: Direction> Decoder<D> {
    /// Where to append what comes: there is room for a good piece of it.
    pub fn space(&mut self) -> &mut Vec<u8> {
        if self.at == self.buffer.len() {
            self.buffer.clear();
            self.at = 0;
            if self.buffer.capacity() > KEPT {
                self.buffer = Vec::new();
            }
        } else if self.at >= CHUNK {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        // Room comes with the bytes, not with what a header promises.
        self.buffer.reserve(CHUNK);
        &mut self.buffer
    }

    /// Appends what has come.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.space().extend_from_slice(bytes);
    }

    /// The next frame, if it has come whole.
    ///
    /// # Errors
    ///
    /// When the bytes are no frame; the same error for ever after.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<D::Frame<'_>>, WireError> {
        let (header, end) = match self.complete_at(self.at) {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(None),
            Err(error) => return Err(self.fail(error)),
        };
        let start = std::mem::replace(&mut self.at, end) + HEADER;
        match D::parse(header, &self.buffer[start..end]) {
            Ok(frame) => Ok(Some(frame)),
            Err(error) => {
                self.error = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Whether after the next frame there is another one, whole.
    #[must_use]
    pub fn has_two(&self) -> bool {
        match self.complete_at(self.at) {
            Ok(Some((_, end))) => matches!(self.complete_at(end), Ok(Some(_))),
            _ => false,
        }
    }

    /// To be called when nothing more will come.
    ///
    /// # Errors
    ///
    /// When the bytes ended inside a frame.
    pub fn finish(&mut self) -> Result<(), WireError> {
        match (&self.error, self.buffer.len() - self.at) {
            (Some(error), _) => Err(error.clone()),
            (None, 0) => Ok(()),
            (None, have) => Err(self.fail(WireError::Truncated { have })),
        }
    }

    /// Header and end of the frame that starts at `at`, if it has come whole.
    fn complete_at(&self, at: usize) -> Result<Option<(Header, usize)>, WireError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let rest = &self.buffer[at..];
        let Some(header) = rest.first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let header = Header::parse(*header);
        if !D::has_kind(header.kind) {
            return Err(WireError::UnknownKind { kind: header.kind });
        }
        if header.length > MAX_BODY {
            return Err(WireError::Oversize {
                length: header.length,
            });
        }
        let end = at + HEADER + header.length;
        Ok((end <= self.buffer.len()).then_some((header, end)))
    }

    fn fail(&mut self, error: WireError) -> WireError {
        self.error = Some(error.clone());
        error
    }
}
