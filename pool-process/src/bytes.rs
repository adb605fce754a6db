//! Raw bytes that are copied as such.

use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::out_of_band::{self, Token};

/// Bytes, as an argument or a result of a task.
///
/// serde takes a `Vec<u8>` apart into its elements, which takes many times longer than to copy it.
/// This type is written and read as a whole. Of 64 KiB and more only a mark stands in the task's
/// data, also when they are deep inside other types; the bytes themselves go beside it, through
/// memory that both processes see: one copy into it, and one out of it, which is the receiver's
/// own.
///
/// A large argument that a task only reads, or that many tasks have in common, is better a
/// [`SharedBytes`](crate::SharedBytes), which is not copied for each task.
///
/// ```
/// use pool_process::Bytes;
///
/// fn reversed(mut bytes: Bytes) -> Bytes {
///     bytes.reverse();
///     bytes
/// }
/// assert_eq!(reversed(Bytes(vec![1, 2, 3])).0, [3, 2, 1]);
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(
    /// The bytes.
    pub Vec<u8>,
);

impl Deref for Bytes {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Bytes {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<Bytes> for Vec<u8> {
    fn from(bytes: Bytes) -> Self {
        bytes.0
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({})", self.0.len())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match out_of_band::put(&self.0).map_err(serde::ser::Error::custom)? {
            Some(token) => serializer.serialize_bytes(&token),
            None => serializer.serialize_bytes(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let whole = Whole {
            exchange: Token::copy,
            make: |bytes| bytes,
        };
        deserializer.deserialize_byte_buf(whole).map(Self)
    }
}

/// Reads bytes as a whole.
pub(crate) struct Whole<V> {
    /// Gets what travelled beside the data.
    pub(crate) exchange: fn(Token) -> io::Result<V>,
    pub(crate) make: fn(Vec<u8>) -> V,
}

impl<'de, V> Visitor<'de> for Whole<V> {
    type Value = V;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<V, E> {
        match Token::read(bytes) {
            Some(token) => (self.exchange)(token).map_err(E::custom),
            None => Ok((self.make)(bytes.to_vec())),
        }
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<V, E> {
        match Token::read(&bytes) {
            Some(token) => (self.exchange)(token).map_err(E::custom),
            None => Ok((self.make)(bytes)),
        }
    }

    // Formats for people have no bytes of their own.
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<V, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = items.next_element()? {
            bytes.push(byte);
        }
        self.visit_byte_buf(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_as_one_piece_with_their_length_before_them() {
        let bytes = Bytes(vec![7; 300]);
        let written = postcard::to_stdvec(&bytes).unwrap();
        assert_eq!(written.len(), 302);
        assert_eq!(postcard::from_bytes::<Bytes>(&written).unwrap(), bytes);
    }
}
