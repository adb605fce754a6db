//! The memory that a parent shares with one worker: an anonymous file.
//!
//! Its start is mapped by both: the claim words, the start times, and the worker's outbox. Behind
//! it lie the two arenas, which nobody maps: payloads are written into and read from the file, so
//! that neither end ever holds a reference to bytes that the other may change, and none can be
//! ended by a fault. The file cannot be made shorter.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};
use rustix::mm::{Advice, MapFlags, ProtFlags};

use crate::claims::Claim;
use crate::wire::{PLACES, WINDOW_MAX};

/// How many bytes a worker can have finished and not yet sent.
pub(crate) const OUTBOX: usize = 64 * 1024;

/// A large piece of memory, in bytes.
const HUGE: usize = 2 << 20;

/// For so many bytes it is worth a system call to ask for it.
const MUCH: usize = 2 * HUGE;

/// What both ends map.
#[repr(C)]
pub(crate) struct Page {
    /// Not 0 once a stack of the worker has overflowed.
    overflowed: AtomicU32,
    /// The place in the stream of answers up to which the outbox is filled.
    pub(crate) outbox_end: AtomicU64,
    pub(crate) claims: [Claim; WINDOW_MAX],
    /// When the task in a slot was begun, in nanoseconds of the monotonic clock, if it is timed.
    pub(crate) started: [AtomicU64; WINDOW_MAX],
    /// Not 0 while the parent has not taken the output out of a place of the worker's arena.
    pub(crate) outputs: [AtomicU32; PLACES],
    /// The byte at place `p` of the stream of answers is at `p % OUTBOX`.
    outbox: [AtomicU8; OUTBOX],
}

/// Where the parent's arena starts: behind the page.
pub(crate) const TASKS_AT: u64 = 1 << 20;

/// Where the worker's starts. Only what is written takes memory.
pub(crate) const OUTPUTS_AT: u64 = 1 << 40;

const _: () = assert!(size_of::<Page>() <= TASKS_AT as usize);

/// The memory, with its start mapped.
#[derive(Debug)]
pub(crate) struct Memory {
    file: OwnedFd,
    page: NonNull<Page>,
}

// SAFETY: the mapping lives as long as the value and has only atomics in it.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// New memory, all zero.
    pub(crate) fn create() -> io::Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        if file_size_limit() < size_of::<Page>() as u64 {
            // The system would end this process for trying.
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "the limit on the size of files (`ulimit -f`) is too low for shared memory",
            ));
        }
        let file = rustix::fs::memfd_create(c"concurrent-futures", flags)?;
        rustix::fs::ftruncate(&file, size_of::<Page>() as u64)?;
        // Then a mapped page cannot vanish.
        rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::SEAL)?;
        Self::map(file)
    }

    /// The memory that came from the parent.
    pub(crate) fn open(file: OwnedFd) -> io::Result<Self> {
        if rustix::fs::fstat(&file)?.st_size < size_of::<Page>() as i64 {
            return Err(io::Error::other("the shared memory is too short"));
        }
        Self::map(file)
    }

    fn map(file: OwnedFd) -> io::Result<Self> {
        // SAFETY: a new mapping of a file that has this length and never gets shorter. Everything
        // in it is an atomic, so it does not matter who writes to it meanwhile.
        let at = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                size_of::<Page>(),
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                &file,
                0,
            )?
        };
        let page = NonNull::new(at.cast()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { file, page })
    }

    pub(crate) fn page(&self) -> &Page {
        // SAFETY: mapped until drop, aligned to a page, and valid whatever its bytes are.
        unsafe { self.page.as_ref() }
    }

    /// Writes a payload at a place of an arena.
    pub(crate) fn write(&self, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match rustix::io::pwrite(&self.file, bytes, at) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = &bytes[written..];
                    at += written as u64;
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Appends a payload from a place of an arena.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check), and when there is no memory for it.
    pub(crate) fn read(&self, at: u64, len: u64, to: &mut Vec<u8>) -> io::Result<()> {
        self.check(at, len)?;
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
        append(self.file.as_fd(), at, len, to)
    }

    /// The other end names the length. It is believed only if that much memory is really there.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub(crate) fn check(&self, at: u64, len: u64) -> io::Result<()> {
        let stat = rustix::fs::fstat(&self.file)?;
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        let held = u64::try_from(stat.st_blocks)
            .unwrap_or(0)
            .saturating_mul(512);
        if at.checked_add(len).is_none_or(|end| end > size) || len > held {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{len} bytes at {at} are more than was written"),
            ));
        }
        Ok(())
    }

    /// Copies a payload of `to.len()` bytes from a place of an arena.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub(crate) fn copy(&self, mut at: u64, mut to: &mut [u8]) -> io::Result<()> {
        while !to.is_empty() {
            match rustix::io::pread(&self.file, &mut *to, at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    at += read as u64;
                    to = &mut to[read..];
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Gives the memory of a place back. Its bytes are then zero.
    pub(crate) fn give_back(&self, at: u64, len: u64) {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        // Memory that cannot be given back stays until the worker ends.
        let _ = rustix::fs::fallocate(&self.file, flags, at, len);
    }
}

/// Appends bytes of a file from place `at` on.
pub(crate) fn append(
    file: BorrowedFd<'_>,
    mut at: u64,
    len: usize,
    to: &mut Vec<u8>,
) -> io::Result<()> {
    let end = to.len().saturating_add(len);
    to.try_reserve_exact(len)?;
    expect_much(to);
    while to.len() < end {
        let left = end - to.len();
        let space = &mut to.spare_capacity_mut()[..left];
        match rustix::io::pread(file, &mut *space, at) {
            Ok(([], _)) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok((read, _)) => {
                let read = read.len();
                at += read as u64;
                // SAFETY: the kernel has just written these bytes behind the old length.
                unsafe { to.set_len(to.len() + read) };
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Fresh memory comes a page at a time, which takes several times as long as to fill it, unless
/// the system is told that all of it is going to be used: then it comes in larger pieces.
pub(crate) fn expect_much(buffer: &mut Vec<u8>) {
    let space = buffer.spare_capacity_mut();
    if space.len() < MUCH {
        return;
    }
    let start = space.as_mut_ptr().cast::<u8>();
    let skip = start.align_offset(HUGE);
    let len = space.len().saturating_sub(skip) / HUGE * HUGE;
    // SAFETY: wholly inside the buffer; its contents do not change. What the system refuses is
    // only slower.
    let _ = unsafe { rustix::mm::madvise(start.add(skip).cast(), len, Advice::LinuxHugepage) };
}

/// A process is ended when it writes to a file beyond this, shared memory included.
pub(crate) fn file_size_limit() -> u64 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize);
    limit.current.unwrap_or(u64::MAX)
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: mapped by `map` with this length, and nobody can have a reference any more.
        let _ = unsafe { rustix::mm::munmap(self.page.as_ptr().cast(), size_of::<Page>()) };
    }
}

impl AsFd for Memory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Page {
    /// Worker, in a signal handler: a stack has overflowed.
    pub(crate) fn set_overflowed(&self) {
        // ORDERING: the parent looks when the worker is dead.
        self.overflowed.store(1, Ordering::Relaxed);
    }

    pub(crate) fn overflowed(&self) -> bool {
        // ORDERING: the worker is dead.
        self.overflowed.load(Ordering::Relaxed) != 0
    }

    /// Copies into the outbox, as the stream's bytes from place `at` on.
    pub(crate) fn put(&self, at: u64, bytes: &[u8]) {
        debug_assert!(bytes.len() <= OUTBOX);
        let (head, tail) = self.parts(at, bytes.len());
        let (first, second) = bytes.split_at(head.len());
        for (cells, bytes) in [(head, first), (tail, second)] {
            // SAFETY: the cells are inside the mapping, and of this process's threads only the
            // one that holds the outbox's lock gets here. An atomic has the layout of its byte;
            // the other process reads only what `outbox_end` has published.
            unsafe {
                std::ptr::copy_nonoverlapping(
                    bytes.as_ptr(),
                    cells.as_ptr().cast_mut().cast(),
                    bytes.len(),
                );
            }
        }
    }

    /// The stream's bytes from place `at` on, as they lie in the outbox, to be sent.
    ///
    /// Only for the worker itself, under the outbox's lock: nobody else changes these bytes, and
    /// what a sibling of malice would change goes to the kernel unread.
    pub(crate) fn filled(&self, at: u64, len: usize) -> [&[u8]; 2] {
        let (head, tail) = self.parts(at, len);
        // SAFETY: an atomic has the layout of its byte. `put` is the only writer, and is called
        // under the same lock.
        [head, tail]
            .map(|cells| unsafe { std::slice::from_raw_parts(cells.as_ptr().cast(), cells.len()) })
    }

    /// Copies out of the outbox, whatever the worker left there.
    pub(crate) fn copy(&self, at: u64, len: usize) -> Vec<u8> {
        let (head, tail) = self.parts(at, len);
        // ORDERING: published by `outbox_end`, which was read before. The writer is dead; a
        // descendant of it that still writes garbles only its own answers.
        let byte = |cell: &AtomicU8| cell.load(Ordering::Relaxed);
        head.iter().chain(tail).map(byte).collect()
    }

    fn parts(&self, at: u64, len: usize) -> (&[AtomicU8], &[AtomicU8]) {
        let start = (at % OUTBOX as u64) as usize;
        let len = len.min(OUTBOX);
        let head = len.min(OUTBOX - start);
        (
            &self.outbox[start..start + head],
            &self.outbox[..len - head],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_see_the_same_page() {
        let parent = Memory::create().unwrap();
        let worker = Memory::open(parent.as_fd().try_clone_to_owned().unwrap()).unwrap();
        worker.page().put(OUTBOX as u64 - 2, b"abcd");
        assert_eq!(parent.page().copy(OUTBOX as u64 - 2, 4), b"abcd");
        assert_eq!(parent.page().filled(OUTBOX as u64 - 2, 4), [b"ab", b"cd"]);
        worker.page().set_overflowed();
        assert!(parent.page().overflowed());
    }

    #[test]
    fn the_memory_cannot_be_made_shorter() {
        let memory = Memory::create().unwrap();
        assert!(rustix::fs::ftruncate(&memory, 0).is_err());
    }

    #[test]
    fn a_length_that_was_never_written_is_refused_before_anything_is_allocated() {
        let memory = Memory::create().unwrap();
        memory.write(b"payload", OUTPUTS_AT).unwrap();
        let mut read = Vec::new();
        memory.read(OUTPUTS_AT, 7, &mut read).unwrap();
        assert_eq!(read, b"payload");
        for (at, len) in [
            (OUTPUTS_AT, 8),
            (OUTPUTS_AT, u64::MAX),
            (u64::MAX, 1),
            // A hole: within the file, but no memory.
            (TASKS_AT, 1 << 39),
        ] {
            let mut read = Vec::new();
            assert!(memory.read(at, len, &mut read).is_err());
            assert_eq!(read.capacity(), 0);
        }
    }

    #[test]
    fn memory_is_given_back() {
        let memory = Memory::create().unwrap();
        memory.write(&vec![1; 1 << 20], TASKS_AT).unwrap();
        let held = || rustix::fs::fstat(&memory).unwrap().st_blocks;
        assert!(held() >= 2048);
        memory.give_back(TASKS_AT, 1 << 20);
        assert!(held() < 1024);
    }
}
