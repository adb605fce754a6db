//! Bytes that are not copied again for each worker.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::io;
use std::ops::{Bound, Deref, Range, RangeBounds};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::bytes::Whole;
use crate::linux_region::{Region, View};
use crate::out_of_band::{self, Token};
use crate::wire::LARGE;

/// Bytes in shared memory, as an argument or a result of tasks: a worker reads them in place.
///
/// They are copied once, when they are made, whatever number of tasks and workers they are sent
/// to afterwards, whole or in part ([`slice`](Self::slice)), and a clone costs nothing. So this is
/// for a large argument that a task only reads, and above all for one that many tasks have in
/// common. A task that wants to change what it gets, or to keep it, asks for
/// [`Bytes`](crate::Bytes), which is a copy of its own; for less than 64 KiB there is no
/// difference.
///
/// What a task returns of its argument, all of it or a part, does not travel: the caller gets it
/// where it lies. What a task has made is copied.
///
/// The memory can be read by workers, and written by nobody: the kernel sees to that. It is given
/// back with the last clone, here and in the workers. A value takes a descriptor of this process;
/// where there are none, or too many values already (some hundreds), or no shared memory, the
/// bytes are on the heap and are copied for each task.
///
/// ```
/// use pool_process::{ProcessPoolExecutor, SharedBytes};
///
/// fn count(text: SharedBytes, letter: u8) -> usize {
///     text.iter().filter(|byte| **byte == letter).count()
/// }
///
/// let pool = ProcessPoolExecutor::new(2)?;
/// let text = SharedBytes::from("some text, but longer ".repeat(10_000).into_bytes());
/// let letters = b'a'..=b'z';
/// let counts: Vec<_> = letters
///     .map(|letter| pool.call(count, (text.clone(), letter)))
///     .collect::<Result<_, _>>()?;
/// let most = counts.into_iter().map(|count| count.result().unwrap()).max();
/// assert_eq!(most, Some(30_000));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Parts of a large whole, one for each task:
///
/// ```
/// use pool_process::{ProcessPoolExecutor, SharedBytes};
///
/// fn sum(part: SharedBytes) -> u64 {
///     part.iter().map(|&byte| u64::from(byte)).sum()
/// }
///
/// let pool = ProcessPoolExecutor::new(2)?;
/// // Filled in place: nothing is copied at all.
/// let whole = SharedBytes::with_len(1_000_000, |bytes| bytes.fill(3));
/// let parts = (0..10).map(|n| whole.slice(n * 100_000..(n + 1) * 100_000));
/// let sums: Result<Vec<u64>, _> = pool.map(sum, parts).collect();
/// assert_eq!(sums?.into_iter().sum::<u64>(), 3_000_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SharedBytes {
    storage: Storage,
    part: Range<usize>,
}

/// Where they are.
#[derive(Clone)]
pub(crate) enum Storage {
    Heap(Arc<Vec<u8>>),
    /// In memory that only this process writes.
    Region(Arc<Region>),
    /// In memory that only the parent writes.
    View(Arc<View>),
}

impl Storage {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Heap(bytes) => bytes,
            Self::Region(region) => region.bytes(),
            Self::View(view) => view.bytes(),
        }
    }
}

impl SharedBytes {
    /// A copy of `bytes`.
    ///
    /// ```
    /// use pool_process::SharedBytes;
    ///
    /// assert_eq!(*SharedBytes::copy_of(b"abc"), *b"abc");
    /// ```
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Self {
        Self::try_region(bytes).unwrap_or_else(|| Self::on_heap(bytes.to_vec()))
    }

    /// So many bytes, as `fill` writes them, which finds zeros.
    ///
    /// # Panics
    ///
    /// When `fill` does.
    ///
    /// ```
    /// use pool_process::SharedBytes;
    ///
    /// let bytes = SharedBytes::with_len(4, |bytes| bytes[2] = 7);
    /// assert_eq!(*bytes, [0, 0, 7, 0]);
    /// ```
    #[must_use]
    pub fn with_len(len: usize, fill: impl FnOnce(&mut [u8])) -> Self {
        let mut fill = Some(fill);
        if len >= LARGE && !crate::is_worker() {
            let region = Region::new(len, false, |bytes| {
                if let Some(fill) = fill.take() {
                    fill(bytes);
                }
                Ok(())
            });
            if let Ok(region) = region {
                return Self::whole(Storage::Region(Arc::new(region)));
            }
        }
        let mut bytes = vec![0; len];
        if let Some(fill) = fill {
            fill(&mut bytes);
        }
        Self::on_heap(bytes)
    }

    /// The bytes of `range` of these; nothing is copied, and all of the memory stays as long as
    /// there is a part of it.
    ///
    /// # Panics
    ///
    /// When the range does not lie within the bytes.
    ///
    /// ```
    /// use pool_process::SharedBytes;
    ///
    /// assert_eq!(*SharedBytes::copy_of(b"abcdef").slice(2..4), *b"cd");
    /// ```
    #[must_use]
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Self {
        let len = self.part.len();
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last.saturating_add(1),
            Bound::Excluded(&end) => end,
            Bound::Unbounded => len,
        };
        assert!(
            start <= end && end <= len,
            "the range {start}..{end} is not within {len} bytes"
        );
        Self {
            storage: self.storage.clone(),
            part: self.part.start + start..self.part.start + end,
        }
    }

    /// A part of what is stored, if it lies within.
    pub(crate) fn part(storage: Storage, part: Range<usize>) -> Option<Self> {
        let within = part.start <= part.end && part.end <= storage.bytes().len();
        within.then_some(Self { storage, part })
    }

    pub(crate) fn storage(&self) -> (&Storage, Range<usize>) {
        (&self.storage, self.part.clone())
    }

    fn whole(storage: Storage) -> Self {
        let part = 0..storage.bytes().len();
        Self { storage, part }
    }

    fn on_heap(bytes: Vec<u8>) -> Self {
        Self::whole(Storage::Heap(Arc::new(bytes)))
    }

    /// In a worker nobody could be given it: it returns copies.
    fn try_region(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < LARGE || crate::is_worker() {
            return None;
        }
        let region = Region::new(bytes.len(), true, |to| {
            to.copy_from_slice(bytes);
            Ok(())
        });
        Some(Self::whole(Storage::Region(Arc::new(region.ok()?))))
    }
}

/// What `read` writes into `len` bytes: in shared memory, if there is some.
pub(crate) fn storage_of(
    len: usize,
    read: impl FnOnce(&mut [u8]) -> io::Result<()>,
) -> io::Result<Storage> {
    let mut read = Some(read);
    let region = Region::new(len, true, |bytes| match read.take() {
        Some(read) => read(bytes),
        None => Ok(()),
    });
    match (region, read) {
        (Ok(region), _) => Ok(Storage::Region(Arc::new(region))),
        (Err(error), None) => Err(error),
        (Err(_), Some(read)) => {
            let mut bytes = Vec::new();
            bytes.try_reserve_exact(len)?;
            bytes.resize(len, 0);
            read(&mut bytes)?;
            Ok(Storage::Heap(Arc::new(bytes)))
        }
    }
}

impl Deref for SharedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // Within: looked at when it was made.
        &self.storage.bytes()[self.part.clone()]
    }
}

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Borrow<[u8]> for SharedBytes {
    fn borrow(&self) -> &[u8] {
        self
    }
}

/// Copies them, if they are many; else they stay where they are.
impl From<Vec<u8>> for SharedBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::try_region(&bytes).unwrap_or_else(|| Self::on_heap(bytes))
    }
}

impl From<&[u8]> for SharedBytes {
    fn from(bytes: &[u8]) -> Self {
        Self::copy_of(bytes)
    }
}

impl Default for SharedBytes {
    fn default() -> Self {
        Self::on_heap(Vec::new())
    }
}

impl PartialEq for SharedBytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for SharedBytes {}

impl Hash for SharedBytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for SharedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedBytes({})", self.len())
    }
}

impl Serialize for SharedBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match out_of_band::put_shared(self).map_err(serde::ser::Error::custom)? {
            Some(token) => serializer.serialize_bytes(&token),
            None => serializer.serialize_bytes(self),
        }
    }
}

impl<'de> Deserialize<'de> for SharedBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let whole = Whole {
            exchange: Token::share,
            make: Self::from,
        };
        deserializer.deserialize_byte_buf(whole)
    }
}
