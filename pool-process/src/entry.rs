//! Where a task's code is: as the offset of a record that the compiler made for its type.
//!
//! A process sends the offset, another one of the same build adds its own load address. What it
//! finds there it believes only if the offset is aligned and the record lies wholly inside the
//! executable's RELRO segment (which nobody can write to, and which the linker filled), tested
//! before the first read, and if the record then begins with the magic number that only such
//! records have. So whoever can write to the channel can call the entries of the build, and no
//! other code.

#![allow(unsafe_code)]

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use future_core::{Job, Portable};

use crate::linux_image::Image;
use crate::out_of_band;
use crate::wire::Failure;
use crate::worker::panic_hook;

const MAGIC: [u64; 2] = [0x9d3c_51e8_06f7_ab42, 0x71d4_cb0e_5f29_8a63];

/// Reads a job's data, runs it, and appends its output.
type Run = unsafe fn(&[u8], &mut Vec<u8>) -> Result<(), Failure>;

/// How the code of a job type is called.
#[repr(C, align(16))]
#[derive(Debug)]
pub struct Entry {
    magic: [u64; 2],
    run: Run,
    name: fn() -> &'static str,
}

impl Entry {
    /// One of a generic type's own, which has to be a constant: then the compiler puts it where
    /// [`EntryId::resolve`] looks.
    const fn new(run: Run, name: fn() -> &'static str) -> Self {
        Self {
            magic: MAGIC,
            run,
            name,
        }
    }

    /// What messages call the job.
    #[must_use]
    pub fn name(&self) -> &'static str {
        (self.name)()
    }

    /// Reads the job's data, runs it, and appends its output. Panics are caught.
    ///
    /// # Safety
    ///
    /// `payload` was encoded by this entry's job type, in a process of this build.
    ///
    /// # Errors
    ///
    /// Why there is no output; what was appended then is to be ignored.
    pub unsafe fn run(&self, payload: &[u8], output: &mut Vec<u8>) -> Result<(), Failure> {
        // SAFETY: the caller's promise.
        unsafe { (self.run)(payload, output) }
    }
}

/// What workers can be told to run: each type has its entry.
pub(crate) trait Code {
    /// Promoted to a constant in memory. It has pointers, so that a relocatable executable has
    /// it in its RELRO segment.
    const ENTRY: &'static Entry = &Entry::new(Self::run, Self::name);

    /// Runs what `payload` says, and appends what came of it.
    ///
    /// # Safety
    ///
    /// `payload` was written for this code, in a process of this build.
    unsafe fn run(payload: &[u8], output: &mut Vec<u8>) -> Result<(), Failure>;

    /// What messages call it.
    fn name() -> &'static str;
}

/// A single job.
pub(crate) struct Of<J>(PhantomData<J>);

impl<J: Portable> Code for Of<J> {
    unsafe fn run(payload: &[u8], output: &mut Vec<u8>) -> Result<(), Failure> {
        // SAFETY: the caller's promise.
        unsafe { run::<J>(payload, output) }
    }

    fn name() -> &'static str {
        J::name()
    }
}

/// # Safety
///
/// `payload` was encoded by a `J`, in a process of this build.
pub(crate) unsafe fn run<J: Portable>(payload: &[u8], output: &mut Vec<u8>) -> Result<(), Failure> {
    // SAFETY: the caller's promise.
    let job = guarded(|| out_of_band::reading(|| unsafe { J::decode(payload) }))?
        .map_err(|e| Failure::undecodable(&e))?;
    let value = guarded(|| job.run())?;
    let written = guarded(|| out_of_band::writing(|| J::encode_output(&value, output)));
    // The output is on its way: a panic while the value is dropped is not the task's failure. The
    // hook has printed it.
    let _ = guarded(|| drop(value));
    written?.map_err(|error| Failure::unencodable(&error))
}

/// Calls user code. What it left behind after a panic is dropped or never seen again.
pub(crate) fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| {
        let failure = panic_hook::failure_of(&*payload);
        // A payload may panic when it is dropped; what that panic carries is left alone.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(again);
        }
        failure
    })
}

/// Where a job type's entry is, the same in every process of this build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntryId(u64);

impl EntryId {
    /// The entry of a job type.
    ///
    /// # Errors
    ///
    /// When workers could not find it: the code is in a shared library, or the executable has no
    /// RELRO segment.
    pub fn of<J: Portable>() -> Result<Self, EntryError> {
        Self::of_code::<Of<J>>()
    }

    /// The entry of a code.
    ///
    /// # Errors
    ///
    /// As for [`of`](Self::of).
    pub(crate) fn of_code<C: Code>() -> Result<Self, EntryError> {
        let image = Image::get();
        let address = std::ptr::from_ref(C::ENTRY) as usize;
        match check(image, address) {
            Ok(()) => Ok(Self((address - image.base) as u64)),
            Err(reason) => Err(EntryError {
                job: C::name(),
                reason,
            }),
        }
    }

    /// One that came from elsewhere. A worker believes it only by [`resolve`](Self::resolve).
    #[must_use]
    pub fn from_offset(offset: u64) -> Self {
        Self(offset)
    }

    /// For the wire.
    #[must_use]
    pub fn offset(self) -> u64 {
        self.0
    }

    /// An entry that every build has.
    ///
    /// # Errors
    ///
    /// As for [`of`](Self::of): then no job can be sent from this process.
    pub(crate) fn sentinel() -> Result<Self, EntryError> {
        if Image::get().relocatable {
            Self::of::<Sentinel>()
        } else {
            // This crate may have been compiled to be relocated, but other code was not, and
            // needs no relocations: its entries are elsewhere.
            Err(EntryError {
                job: Sentinel::name(),
                reason: NoEntry::Outside,
            })
        }
    }

    /// What is at an offset that came over a channel.
    ///
    /// # Errors
    ///
    /// Which rule it breaks; then nothing was read.
    pub fn resolve(offset: u64) -> Result<&'static Entry, NoEntry> {
        let image = Image::get();
        let address = usize::try_from(offset)
            .ok()
            .and_then(|offset| image.base.checked_add(offset))
            .ok_or(NoEntry::Outside)?;
        check(image, address)?;
        let entry = address as *const Entry;
        // SAFETY: aligned, and wholly inside a segment that is mapped, initialised and read-only.
        // Any bytes are a valid magic number.
        let magic = unsafe { (&raw const (*entry).magic).read() };
        if magic != MAGIC {
            return Err(NoEntry::Magic);
        }
        // SAFETY: only entries begin with this number: it stands nowhere else in a constant that
        // has an address.
        Ok(unsafe { &*entry })
    }
}

/// The part of the rule that needs no read.
fn check(image: &Image, address: usize) -> Result<(), NoEntry> {
    if image.relro.is_empty() {
        return Err(NoEntry::NoRelro);
    }
    if address % align_of::<Entry>() != 0 {
        return Err(NoEntry::Unaligned);
    }
    let end = address.checked_add(size_of::<Entry>());
    if address < image.relro.start || end.is_none_or(|end| end > image.relro.end) {
        return Err(NoEntry::Outside);
    }
    Ok(())
}

/// The job type of the entry that every build has.
#[derive(serde::Serialize, serde::Deserialize)]
struct Sentinel;

impl Job for Sentinel {
    type Output = ();

    fn run(self) {}
}

/// Why an offset is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoEntry {
    /// The executable has no RELRO segment.
    NoRelro,
    /// Entries begin at multiples of 16.
    Unaligned,
    /// Not wholly inside the RELRO segment of the executable.
    Outside,
    /// Something else is there.
    Magic,
}

impl fmt::Display for NoEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRelro => "the executable has no RELRO segment",
            Self::Unaligned => "it is not aligned",
            Self::Outside => "it is not inside the RELRO segment of the executable",
            Self::Magic => "there is something else",
        })
    }
}

impl Error for NoEntry {}

/// A job's code is not where workers could find it.
#[derive(Clone, Debug)]
pub struct EntryError {
    job: &'static str,
    reason: NoEntry,
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "workers cannot find the code of `{}`: ", self.job)?;
        if Image::get().relocatable && self.reason == NoEntry::Outside {
            f.write_str(
                "it is in a shared library, and only code of the executable itself can be sent; \
                 link the crate statically (a plain `rlib` dependency, without `-C prefer-dynamic`)",
            )
        } else {
            f.write_str(
                "the executable is not position-independent, or was linked without RELRO; \
                 build it without `-C relocation-model=static` and `-C relro-level=off`",
            )
        }
    }
}

impl Error for EntryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.reason)
    }
}
