//! Large bytes travel beside the data that they belong to, so that they are copied once and not
//! looked at.
//!
//! serde knows of no such thing. So while a task or an output is written, [`Bytes`] and
//! [`SharedBytes`] leave their contents here and write a token in their place, and while it is
//! read, they exchange the token for them. A token is believed only as far as it names something
//! that came with the same task: what the parent reads from a worker is at worst another part of
//! what it sent to it, or of what the worker sent.
//!
//! To a worker bytes go in regions, whose descriptors it is given. From a worker they come in its
//! arena; what it got and gives back unchanged is only named.
//!
//! [`Bytes`]: crate::Bytes
//! [`SharedBytes`]: crate::SharedBytes

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::arena::Arena;
use crate::control::Large;
use crate::linux_memory::Memory;
use crate::linux_region::{Region, View, copy_of};
use crate::shared_bytes::{SharedBytes, Storage};
use crate::wire::{ATTACHED_MAX, LARGE, Placed};
use crate::worker::linux_fork;

/// How every token begins. Bytes that begin so by chance, or because somebody wants to deceive,
/// are never written as they are.
const MARK: [u8; 16] = *b"\x93\xf1cf-out-of-band";

/// The length of a token: the mark, the kind, the number, the part.
const TOKEN: usize = 16 + 1 + 2 + 8 + 8;

/// What a token looks like when it is written.
pub(crate) type Written = [u8; TOKEN];

/// A region that goes with a task.
#[derive(Clone, Debug)]
pub struct Attached(pub(crate) Arc<Region>);

impl AsFd for Attached {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Whoever serialises something now does it for himself.
    Off,
    Writing,
    Reading,
}

/// Where buffers are left, and taken from.
enum Buffers {
    Nowhere,
    /// In the parent: a task is written.
    OfTask(Vec<Attached>),
    /// In the parent: an output is read.
    OfOutput {
        pieces: Vec<Option<Large>>,
        attached: Vec<Attached>,
    },
    /// In a worker, for as long as the task is in its hands.
    InWorker(Box<InWorker>),
}

/// What a worker needs for the buffers of a task and its output.
#[derive(Debug)]
pub(crate) struct InWorker {
    memory: &'static Memory,
    arena: Arena,
    attached: Vec<Received>,
    pieces: Vec<Placed>,
}

#[derive(Debug)]
struct Received {
    file: OwnedFd,
    /// Made when it is asked for.
    view: Option<Arc<View>>,
}

thread_local! {
    static MODE: Cell<Mode> = const { Cell::new(Mode::Off) };
    static BUFFERS: RefCell<Buffers> = const { RefCell::new(Buffers::Nowhere) };
}

/// Puts things back, also when code of the user's panics.
struct Restore(Mode, Buffers);

impl Restore {
    fn replace(mode: Mode, buffers: Buffers) -> Self {
        Self(MODE.replace(mode), BUFFERS.replace(buffers))
    }

    /// Puts things back, and returns what was there in the meantime.
    fn now(mut self) -> Buffers {
        let before = std::mem::replace(&mut self.1, Buffers::Nowhere);
        let after = BUFFERS.replace(before);
        MODE.set(self.0);
        std::mem::forget(self);
        after
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        MODE.set(self.0);
        drop(BUFFERS.replace(std::mem::replace(&mut self.1, Buffers::Nowhere)));
    }
}

/// In the parent: calls `write`, which writes a task, and returns what it left here.
pub fn collect<R>(write: impl FnOnce() -> R) -> (R, Vec<Attached>) {
    let restore = Restore::replace(Mode::Writing, Buffers::OfTask(Vec::new()));
    let written = write();
    match restore.now() {
        Buffers::OfTask(attached) => (written, attached),
        _ => (written, Vec::new()),
    }
}

/// In the parent: calls `read`, which reads an output that came with these.
pub(crate) fn unpack<R>(
    pieces: Vec<Large>,
    attached: Vec<Attached>,
    read: impl FnOnce() -> R,
) -> R {
    let pieces = pieces.into_iter().map(Some).collect();
    let _restore = Restore::replace(Mode::Reading, Buffers::OfOutput { pieces, attached });
    read()
}

/// In a worker: calls `read`, which reads the task in hand.
pub(crate) fn reading<R>(read: impl FnOnce() -> R) -> R {
    in_mode(Mode::Reading, read)
}

/// In a worker: calls `write`, which writes the output of the task in hand.
pub(crate) fn writing<R>(write: impl FnOnce() -> R) -> R {
    in_mode(Mode::Writing, write)
}

fn in_mode<R>(mode: Mode, call: impl FnOnce() -> R) -> R {
    struct Back(Mode);
    impl Drop for Back {
        fn drop(&mut self) {
            MODE.set(self.0);
        }
    }
    let _back = Back(MODE.replace(mode));
    call()
}

impl InWorker {
    pub(crate) fn new(memory: &'static Memory, arena: Arena) -> Box<Self> {
        Box::new(Self {
            memory,
            arena,
            attached: Vec::new(),
            pieces: Vec::new(),
        })
    }

    /// Calls `run`, which reads, runs and writes a task that these came with.
    pub(crate) fn in_task<R>(
        mut self: Box<Self>,
        files: Vec<OwnedFd>,
        run: impl FnOnce() -> R,
    ) -> (Box<Self>, R) {
        let received = |file| Received { file, view: None };
        self.attached = files.into_iter().map(received).collect();
        let restore = Restore::replace(Mode::Off, Buffers::InWorker(self));
        let ran = run();
        match restore.now() {
            Buffers::InWorker(this) => (this, ran),
            // Whoever replaces it puts it back.
            _ => unreachable!("the buffers of a task are gone"),
        }
    }

    /// What the output that was written has left in the arena.
    pub(crate) fn pieces(&self) -> &[Placed] {
        &self.pieces
    }

    /// The output is on its way.
    pub(crate) fn sent(&mut self) {
        self.pieces.clear();
    }

    /// There is no output after all.
    pub(crate) fn take_back(&mut self) {
        for placed in self.pieces.drain(..) {
            // ORDERING: the next use is in this thread.
            self.memory.page().outputs[usize::from(placed.place)].store(0, Ordering::Relaxed);
        }
    }

    /// Ends what the task got. True: something of it has outlived the task, so the parent must
    /// never write there again. What is returned takes a while to drop.
    #[must_use]
    pub(crate) fn end(&mut self) -> (bool, impl Sized + use<>) {
        let mut held = false;
        let mut gone = Vec::new();
        for received in self.attached.drain(..) {
            if let Some(view) = received.view {
                match Arc::into_inner(view) {
                    Some(view) => gone.push(view),
                    None => held = true,
                }
            }
        }
        (held, gone)
    }

    /// Writes to the arena. `None`: there is no room.
    pub(crate) fn place(&mut self, bytes: &[u8]) -> Option<Placed> {
        linux_fork::end_if_copy();
        let page = self.memory.page();
        // ORDERING: Acquire, pairs with the Release of the parent, which has read what was there.
        let is_free = |place: usize| page.outputs[place].load(Ordering::Acquire) == 0;
        let placed = self.arena.write(self.memory, bytes, is_free)?;
        // ORDERING: the parent learns of the place through the channel.
        page.outputs[usize::from(placed.place)].store(1, Ordering::Relaxed);
        Some(placed)
    }
}

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    kind: Kind,
    /// Which of them.
    number: u16,
    at: u64,
    len: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A part of a region that went with the task.
    Attached = 0,
    /// A piece that came with the output.
    Piece = 1,
}

impl Token {
    fn write(self) -> Written {
        let mut bytes = [0; TOKEN];
        bytes[..16].copy_from_slice(&MARK);
        bytes[16] = self.kind as u8;
        bytes[17..19].copy_from_slice(&self.number.to_le_bytes());
        bytes[19..27].copy_from_slice(&self.at.to_le_bytes());
        bytes[27..].copy_from_slice(&self.len.to_le_bytes());
        bytes
    }

    /// The token that was read, if it is one.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        if MODE.get() != Mode::Reading {
            return None;
        }
        let rest = <&Written>::try_from(bytes).ok()?.strip_prefix(&MARK)?;
        let (&[kind], rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (at, rest) = rest.split_first_chunk()?;
        Some(Self {
            kind: match kind {
                0 => Kind::Attached,
                1 => Kind::Piece,
                _ => return None,
            },
            number: u16::from_le_bytes(*number),
            at: u64::from_le_bytes(*at),
            len: u64::from_le_bytes(rest.try_into().ok()?),
        })
    }

    /// A copy of what it stands for.
    ///
    /// # Errors
    ///
    /// When it stands for nothing, or there is no memory.
    pub(crate) fn copy(self) -> io::Result<Vec<u8>> {
        BUFFERS.with_borrow_mut(|buffers| match (self.kind, buffers) {
            (Kind::Attached, Buffers::InWorker(task)) => {
                let received = task.attached.get(usize::from(self.number));
                copy_of(
                    received.ok_or_else(nothing)?.file.as_fd(),
                    self.at,
                    self.len,
                )
            }
            (Kind::Attached, Buffers::OfOutput { attached, .. }) => {
                let region = attached.get(usize::from(self.number)).ok_or_else(nothing)?;
                let bytes = region.0.bytes().get(self.part()?).ok_or_else(nothing)?;
                let mut copy = Vec::new();
                copy.try_reserve_exact(bytes.len())?;
                crate::linux_memory::expect_much(&mut copy);
                copy.extend_from_slice(bytes);
                Ok(copy)
            }
            (Kind::Piece, Buffers::OfOutput { pieces, .. }) => self.piece(pieces)?.read(),
            _ => Err(nothing()),
        })
    }

    /// What it stands for, where it is.
    ///
    /// # Errors
    ///
    /// When it stands for nothing, or there is no memory.
    pub(crate) fn share(self) -> io::Result<SharedBytes> {
        let shared = BUFFERS.with_borrow_mut(|buffers| match (self.kind, buffers) {
            (Kind::Attached, Buffers::InWorker(task)) => {
                let received = task.attached.get_mut(usize::from(self.number));
                let Received { file, view } = received.ok_or_else(nothing)?;
                let view = match view {
                    Some(view) => view.clone(),
                    None => view.insert(Arc::new(View::new(file.as_fd())?)).clone(),
                };
                Ok(Storage::View(view))
            }
            (Kind::Attached, Buffers::OfOutput { attached, .. }) => {
                let region = attached.get(usize::from(self.number)).ok_or_else(nothing)?;
                Ok(Storage::Region(region.0.clone()))
            }
            (Kind::Piece, Buffers::OfOutput { pieces, .. }) => self.piece(pieces)?.share(),
            _ => Err(nothing()),
        });
        SharedBytes::part(shared?, self.part()?).ok_or_else(nothing)
    }

    fn part(self) -> io::Result<std::ops::Range<usize>> {
        let at = usize::try_from(self.at).map_err(|_| nothing())?;
        let len = usize::try_from(self.len).map_err(|_| nothing())?;
        Ok(at..at.checked_add(len).ok_or_else(nothing)?)
    }

    fn piece(self, pieces: &mut [Option<Large>]) -> io::Result<Large> {
        let piece = pieces.get_mut(usize::from(self.number));
        let piece = piece.and_then(Option::take).ok_or_else(nothing)?;
        if self.at == 0 && piece.len() == self.len {
            Ok(piece)
        } else {
            Err(nothing())
        }
    }
}

fn nothing() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "bytes that travel beside the data are missing",
    )
}

/// Leaves a copy of `bytes` here, if they are many. `None`: they are to be written as they are.
///
/// # Errors
///
/// When they cannot be written as they are, and there is no room for a copy.
pub(crate) fn put(bytes: &[u8]) -> io::Result<Option<Written>> {
    if MODE.get() != Mode::Writing {
        return Ok(None);
    }
    let poses = bytes.starts_with(&MARK);
    if bytes.len() < LARGE && !poses {
        return Ok(None);
    }
    let put = BUFFERS.with_borrow_mut(|buffers| match buffers {
        Buffers::OfTask(attached) if attached.len() < ATTACHED_MAX => {
            let copied = Region::new(bytes.len(), true, |to| {
                to.copy_from_slice(bytes);
                Ok(())
            });
            attached.push(Attached(Arc::new(copied.ok()?)));
            Some((Kind::Attached, attached.len() - 1))
        }
        Buffers::InWorker(task) => {
            let placed = task.place(bytes)?;
            task.pieces.push(placed);
            Some((Kind::Piece, task.pieces.len() - 1))
        }
        _ => None,
    });
    match put {
        Some((kind, number)) => {
            let token = Token {
                kind,
                number: number as u16,
                at: 0,
                len: bytes.len() as u64,
            };
            Ok(Some(token.write()))
        }
        None if poses => Err(io::Error::new(
            io::ErrorKind::OutOfMemory,
            "there is no shared memory for bytes that cannot be sent without it",
        )),
        None => Ok(None),
    }
}

/// Names a part of a region, or leaves a copy of the bytes here. `None`: they are to be written as
/// they are.
///
/// # Errors
///
/// As [`put`].
pub(crate) fn put_shared(bytes: &SharedBytes) -> io::Result<Option<Written>> {
    if MODE.get() != Mode::Writing {
        return Ok(None);
    }
    let (storage, part) = bytes.storage();
    let number = BUFFERS.with_borrow_mut(|buffers| match (storage, buffers) {
        (Storage::Region(region), Buffers::OfTask(attached)) => {
            let same = |other: &Attached| Arc::ptr_eq(&other.0, region);
            let known = attached.iter().position(same);
            known.or_else(|| {
                (attached.len() < ATTACHED_MAX).then(|| {
                    attached.push(Attached(region.clone()));
                    attached.len() - 1
                })
            })
        }
        (Storage::View(view), Buffers::InWorker(task)) => {
            let same = |other: &Arc<View>| Arc::ptr_eq(other, view);
            let mut attached = task.attached.iter();
            attached.position(|received| received.view.as_ref().is_some_and(same))
        }
        _ => None,
    });
    match number {
        Some(number) => {
            let token = Token {
                kind: Kind::Attached,
                number: number as u16,
                at: part.start as u64,
                len: part.len() as u64,
            };
            Ok(Some(token.write()))
        }
        None => put(bytes),
    }
}
