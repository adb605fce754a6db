//! Memory of this process that workers read in place.
//!
//! A region is an anonymous file that only this process can write to, through the one mapping that
//! it made before it sealed the file: whoever is given the descriptor can read and map it, but the
//! kernel refuses every other write, and every change of its length. So bytes of a region are as
//! good as bytes of the heap, whatever a worker does. It is written while nobody else has it, and
//! never after.
//!
//! Making one costs several times what filling it does, so some are kept for the next, and a buffer
//! of the ordinary kind as well.

#![allow(unsafe_code)]

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags};

use crate::linux_memory::file_size_limit;

/// Lengths are rounded up to this many bytes, so that more of what is kept fits.
const STEP: usize = 64 * 1024;

/// So many bytes are kept in all: a payload of 64 MiB and what is round it.
const KEPT_BYTES: usize = 80 << 20;

/// So many regions are kept.
const KEPT: usize = 8;

/// What was kept for so long is given back.
const IDLE: Duration = Duration::from_secs(1);

/// There are never more: each of them takes a descriptor, and programs have other uses for these.
const MOST: usize = 256;

static LIVE: AtomicUsize = AtomicUsize::new(0);

static KEEPER: Mutex<Keeper> = Mutex::new(Keeper {
    kept: Vec::new(),
    bytes: 0,
    buffer: None,
    leases: 0,
});

struct Keeper {
    /// The oldest first.
    kept: Vec<(Mapped, Instant)>,
    bytes: usize,
    /// Memory of this process alone, for outputs that are read as a whole.
    buffer: Option<(Vec<u8>, Instant)>,
    /// How many pools there are.
    leases: usize,
}

fn keeper() -> MutexGuard<'static, Keeper> {
    // Nothing in here panics.
    KEEPER.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Keeper {
    /// The smallest one that holds `len` bytes and is not much larger, or else room for a new one.
    fn take(&mut self, len: usize) -> Option<Mapped> {
        let most = len.saturating_mul(2).max(1 << 20);
        let fitting = self.kept.iter().enumerate();
        let (at, _) = fitting
            .filter(|(_, (m, _))| (len..=most).contains(&m.capacity))
            .min_by_key(|(_, (m, _))| m.capacity)?;
        let (mapped, _) = self.kept.remove(at);
        self.bytes -= mapped.capacity;
        Some(mapped)
    }

    /// Makes room for one of `bytes` by what was kept longest, which is to be dropped without the
    /// lock.
    fn make_room(&mut self, bytes: usize) -> Vec<(Mapped, Instant)> {
        let mut left = self.bytes;
        let gone = self.kept.iter().take_while(|(m, _)| {
            let full = left + bytes > KEPT_BYTES;
            left -= m.capacity;
            full
        });
        let gone = gone.count().max((self.kept.len() + 1).saturating_sub(KEPT));
        self.remove(gone)
    }

    fn remove(&mut self, first: usize) -> Vec<(Mapped, Instant)> {
        let gone: Vec<_> = self.kept.drain(..first).collect();
        self.bytes -= gone.iter().map(|(m, _)| m.capacity).sum::<usize>();
        gone
    }
}

/// While there is one of these, regions are kept.
#[derive(Debug)]
pub(crate) struct Lease(());

impl Lease {
    pub(crate) fn new() -> Self {
        keeper().leases += 1;
        Self(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut keeper = keeper();
        keeper.leases -= 1;
        let gone = (keeper.leases == 0).then(|| {
            let all = keeper.kept.len();
            (keeper.remove(all), keeper.buffer.take())
        });
        drop(keeper);
        drop(gone);
    }
}

/// A buffer for an output; one that was used before, if there is one.
pub(crate) fn take_buffer() -> Vec<u8> {
    keeper()
        .buffer
        .take()
        .map(|(buffer, _)| buffer)
        .unwrap_or_default()
}

/// Keeps a buffer for the next output, if there is none yet and it is not too large.
pub(crate) fn keep_buffer(buffer: Vec<u8>) {
    let mut keeper = keeper();
    let wanted = keeper.buffer.is_none() && keeper.leases > 0;
    if wanted && buffer.capacity() <= KEPT_BYTES {
        keeper.buffer = Some((buffer, Instant::now()));
    } else {
        drop(keeper);
        drop(buffer);
    }
}

/// Gives back what was kept for long. When to do it again, if something is kept.
pub(crate) fn give_back() -> Option<Duration> {
    let mut keeper = keeper();
    let old = |kept: &&(Mapped, Instant)| kept.1.elapsed() >= IDLE;
    let old = keeper.kept.iter().take_while(old).count();
    let gone = keeper.remove(old);
    let buffer = keeper.buffer.take_if(|(_, since)| since.elapsed() >= IDLE);
    let region = keeper.kept.first().map(|(_, since)| *since);
    let kept = keeper.buffer.as_ref().map(|(_, since)| *since);
    let oldest = region.into_iter().chain(kept).min();
    drop(keeper);
    drop((gone, buffer));
    oldest.map(|since| IDLE.saturating_sub(since.elapsed()))
}

/// A file, and the one writable mapping of it.
#[derive(Debug)]
struct Mapped {
    file: OwnedFd,
    at: NonNull<u8>,
    capacity: usize,
}

// SAFETY: the mapping lives as long as the value; who may read and write it is up to the owner.
unsafe impl Send for Mapped {}
// SAFETY: nothing is done by a shared reference.
unsafe impl Sync for Mapped {}

impl Mapped {
    /// New memory, all zero and all there.
    fn create(capacity: usize) -> io::Result<Self> {
        let refuse = |why| Err(io::Error::other(why));
        let descriptors = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let most = descriptors.map_or(MOST, |all| (all / 8).min(MOST as u64) as usize);
        // The system would end this process for trying.
        if file_size_limit() < capacity as u64 {
            return refuse("the limit on the size of files is too low");
        }
        // ORDERING: it only counts.
        if LIVE.fetch_add(1, Ordering::Relaxed) >= most {
            LIVE.fetch_sub(1, Ordering::Relaxed);
            return refuse("there are too many regions");
        }
        // From here on `Drop` counts it.
        Self::map(capacity).inspect_err(|_| {
            // ORDERING: as above.
            LIVE.fetch_sub(1, Ordering::Relaxed);
        })
    }

    fn map(capacity: usize) -> io::Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = rustix::fs::memfd_create(c"concurrent-futures-shared", flags)?;
        rustix::fs::ftruncate(&file, capacity as u64)?;
        // SAFETY: a new mapping of a file of this length.
        let at = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                capacity,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                &file,
                0,
            )?
        };
        let unmap = |error| {
            // SAFETY: mapped just now, and used by nobody.
            let _ = unsafe { rustix::mm::munmap(at, capacity) };
            Err(io::Error::from(error))
        };
        // Memory that is not there when it is written to would end this process.
        // SAFETY: the mapping is ours, and its contents do not change.
        let populated =
            match unsafe { rustix::mm::madvise(at, capacity, Advice::LinuxPopulateWrite) } {
                Err(Errno::INVAL) => {
                    let flags = FallocateFlags::empty();
                    rustix::fs::fallocate(&file, flags, 0, capacity as u64)
                }
                other => other,
            };
        if let Err(error) = populated {
            return unmap(error);
        }
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::FUTURE_WRITE | SealFlags::SEAL;
        if let Err(error) = rustix::fs::fcntl_add_seals(&file, seals) {
            return unmap(error);
        }
        let Some(at) = NonNull::new(at.cast()) else {
            return unmap(Errno::INVAL);
        };
        Ok(Self { file, at, capacity })
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: mapped by `map` with this length, and nobody can have a reference any more.
        let _ = unsafe { rustix::mm::munmap(self.at.as_ptr().cast(), self.capacity) };
        // ORDERING: it only counts.
        LIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Bytes that do not change any more.
#[derive(Debug)]
pub(crate) struct Region {
    mapped: ManuallyDrop<Mapped>,
    len: usize,
    /// A worker still has it, though the task is over for which it was sent.
    held: AtomicBool,
}

impl Region {
    /// One whose `len` bytes `fill` writes, which finds zeros, or anything if `dirty`.
    ///
    /// # Errors
    ///
    /// Those of `fill`, and when the system has no memory or descriptor for it, or cannot seal it.
    pub(crate) fn new(
        len: usize,
        dirty: bool,
        fill: impl FnOnce(&mut [u8]) -> io::Result<()>,
    ) -> io::Result<Self> {
        let kept = keeper().take(len);
        let (mapped, zero) = match kept {
            Some(mapped) => (mapped, false),
            None => {
                let capacity = len.max(1).checked_next_multiple_of(STEP);
                let capacity = capacity.ok_or(io::ErrorKind::OutOfMemory)?;
                (Mapped::create(capacity)?, true)
            }
        };
        // Before `fill`, so that it is not lost when that panics.
        let mut region = Self {
            mapped: ManuallyDrop::new(mapped),
            len,
            held: AtomicBool::new(false),
        };
        let bytes = region.bytes_mut();
        if !zero && !dirty {
            bytes.fill(0);
        }
        fill(bytes)?;
        Ok(region)
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: mapped until drop, at least this long, and always initialised. Nobody else has
        // this region, or had it and was not done with it; no other process can write to it.
        unsafe { std::slice::from_raw_parts_mut(self.mapped.at.as_ptr(), self.len) }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: as above; this process does not write to it after `new`.
        unsafe { std::slice::from_raw_parts(self.mapped.at.as_ptr(), self.len) }
    }

    /// A worker has kept its view of it: nothing else may ever be written there.
    pub(crate) fn hold(&self) {
        // ORDERING: whoever drops the last reference to the region sees it by that.
        self.held.store(true, Ordering::Relaxed);
    }
}

impl AsFd for Region {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.mapped.file.as_fd()
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: here only, and not used afterwards.
        let mapped = unsafe { ManuallyDrop::take(&mut self.mapped) };
        if *self.held.get_mut() || mapped.capacity > KEPT_BYTES {
            return;
        }
        let mut keeper = keeper();
        if keeper.leases > 0 {
            let gone = keeper.make_room(mapped.capacity);
            keeper.bytes += mapped.capacity;
            keeper.kept.push((mapped, Instant::now()));
            drop(keeper);
            drop(gone);
        } else {
            drop(keeper);
            drop(mapped);
        }
    }
}

/// In a worker: a region of the parent's, mapped for reading.
#[derive(Debug)]
pub(crate) struct View {
    at: NonNull<u8>,
    len: usize,
}

// SAFETY: only read.
unsafe impl Send for View {}
// SAFETY: only read.
unsafe impl Sync for View {}

impl View {
    /// All of it, whatever part is wanted.
    ///
    /// # Errors
    ///
    /// When it is no region, or the system refuses.
    pub(crate) fn new(file: BorrowedFd<'_>) -> io::Result<Self> {
        let seals = rustix::fs::fcntl_get_seals(file)?;
        if !seals.contains(SealFlags::SHRINK | SealFlags::FUTURE_WRITE) {
            return Err(io::Error::other("the memory is not sealed"));
        }
        let len = region_len(file)?;
        // SAFETY: a new mapping of a file of this length, which cannot change. The parent writes
        // to it no more, as long as a worker has it.
        let at = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                len,
                ProtFlags::READ,
                MapFlags::SHARED,
                file,
                0,
            )?
        };
        let at = NonNull::new(at.cast()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { at, len })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: mapped until drop, always initialised, and not written to while the parent knows
        // that it is held, which the answer to the task says.
        unsafe { std::slice::from_raw_parts(self.at.as_ptr(), self.len) }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // SAFETY: mapped by `new` with this length, and nobody has a reference any more.
        let _ = unsafe { rustix::mm::munmap(self.at.as_ptr().cast(), self.len) };
    }
}

fn region_len(file: BorrowedFd<'_>) -> io::Result<usize> {
    usize::try_from(rustix::fs::fstat(file)?.st_size)
        .ok()
        .filter(|len| *len > 0)
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// In a worker: copies a part of a region.
///
/// # Errors
///
/// When there is no such part, or no memory for it.
pub(crate) fn copy_of(file: BorrowedFd<'_>, at: u64, len: u64) -> io::Result<Vec<u8>> {
    let end = at.checked_add(len);
    if end.is_none_or(|end| region_len(file).is_ok_and(|size| end > size as u64)) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut bytes = Vec::new();
    crate::linux_memory::append(file, at, len as usize, &mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(len: usize, with: u8) -> Region {
        let region = Region::new(len, true, |bytes| {
            bytes.fill(with);
            Ok(())
        });
        region.unwrap()
    }

    /// Nothing else may write to it, in whatever way.
    // P11
    #[test]
    fn whoever_has_the_descriptor_can_read_and_nothing_else() {
        let region = filled(100_000, 7);
        let file = region.as_fd();
        assert!(rustix::io::pwrite(file, b"x", 0).is_err());
        assert!(rustix::io::write(file, b"x").is_err());
        assert!(rustix::fs::ftruncate(file, 0).is_err());
        assert!(rustix::fs::ftruncate(file, 1 << 20).is_err());
        let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        assert!(rustix::fs::fallocate(file, punch, 0, 4096).is_err());
        assert!(rustix::fs::fcntl_add_seals(file, SealFlags::WRITE).is_err());
        let map = |protection| {
            let start = std::ptr::null_mut();
            // SAFETY: a new mapping, of which nothing is made.
            unsafe { rustix::mm::mmap(start, 4096, protection, MapFlags::SHARED, file, 0) }
        };
        assert!(map(ProtFlags::READ | ProtFlags::WRITE).is_err());
        let readable = map(ProtFlags::READ).unwrap();
        let writable = rustix::mm::MprotectFlags::READ | rustix::mm::MprotectFlags::WRITE;
        // SAFETY: mapped just now, and used by nobody.
        unsafe {
            assert!(rustix::mm::mprotect(readable, 4096, writable).is_err());
            rustix::mm::munmap(readable, 4096).unwrap();
        }
        // Nor by a file that is opened anew.
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
        if let Ok(again) = std::fs::OpenOptions::new().write(true).open(path) {
            assert!(rustix::io::pwrite(&again, b"x", 0).is_err());
        }
        assert!(region.bytes().iter().eq(&[7; 100_000]));
    }

    #[test]
    fn a_view_shows_the_region_and_takes_no_other_file() {
        let region = filled(70_000, 9);
        let view = View::new(region.as_fd()).unwrap();
        assert_eq!(view.bytes()[..70_000], *region.bytes());
        let copy = copy_of(region.as_fd(), 69_990, 10).unwrap();
        assert_eq!(copy, [9; 10]);
        for (at, len) in [(0, u64::MAX), (u64::MAX, 1), (1 << 20, 1), (100, 1 << 20)] {
            assert!(copy_of(region.as_fd(), at, len).is_err());
        }
        let other = rustix::fs::memfd_create(c"other", MemfdFlags::CLOEXEC).unwrap();
        assert!(View::new(other.as_fd()).is_err());
    }

    #[test]
    fn zeros_are_found_also_where_something_else_was() {
        let _lease = Lease::new();
        for _ in 0..3 {
            let region = Region::new(200_000, false, |bytes| {
                assert!(bytes.iter().all(|byte| *byte == 0));
                bytes.fill(5);
                Ok(())
            });
            drop(region.unwrap());
        }
    }

    #[test]
    fn a_fill_that_fails_or_panics_costs_nothing() {
        let refused = Region::new(100_000, true, |_| Err(io::ErrorKind::InvalidData.into()));
        assert!(refused.is_err());
        let panicked = std::panic::catch_unwind(|| Region::new(100_000, true, |_| panic!("oh")));
        assert!(panicked.is_err());
    }

    #[test]
    fn what_is_kept_has_a_bound_and_is_given_back() {
        let mapped = |capacity| Mapped::create(capacity).unwrap();
        let mut keeper = Keeper {
            kept: Vec::new(),
            bytes: 0,
            buffer: None,
            leases: 1,
        };
        let keep = |keeper: &mut Keeper, capacity| {
            let gone = keeper.make_room(capacity).len();
            keeper.bytes += capacity;
            keeper.kept.push((mapped(capacity), Instant::now()));
            gone
        };
        for _ in 0..KEPT {
            assert_eq!(keep(&mut keeper, STEP), 0);
        }
        assert_eq!(keep(&mut keeper, STEP), 1);
        assert_eq!(keeper.kept.len(), KEPT);
        assert_eq!(keep(&mut keeper, KEPT_BYTES), KEPT);
        assert_eq!((keeper.kept.len(), keeper.bytes), (1, KEPT_BYTES));
        // One that is much larger than what is asked for is not taken.
        assert!(keeper.take(KEPT_BYTES + 1).is_none());
        assert!(keeper.take(KEPT_BYTES / 4).is_none());
        assert_eq!(keeper.take(KEPT_BYTES - 5).unwrap().capacity, KEPT_BYTES);
        assert_eq!(keeper.bytes, 0);
    }
}
