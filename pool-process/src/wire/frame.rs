use super::{Failure, GENERATIONS, HEADER, Hello, PLACES, PROTOCOL, WINDOW_MAX, WireError};

/// A task on its way to a worker: its claim slot, and the use of that slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// Below [`WINDOW_MAX`].
    pub slot: u16,
    /// Below [`GENERATIONS`].
    pub generation: u32,
}

/// A place in the arena with a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The number of the place, below [`PLACES`].
    pub place: u16,
    /// Where it starts, in bytes from the start of the memory.
    pub at: u64,
    /// The length of the payload in bytes.
    pub len: u64,
}

/// A task's data, or its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// In the frame itself.
    Inline(&'a [u8]),
    /// In the arena.
    Placed(Placed),
}

/// A task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task<'a> {
    /// To be claimed before anything of it is believed.
    pub ticket: Ticket,
    /// The offset of its code's entry.
    pub entry: u64,
    /// Whether its start is to be noted.
    pub timed: bool,
    /// Whether regions come with it.
    pub attached: bool,
    /// Its data.
    pub payload: Payload<'a>,
}

/// What a worker is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order<'a> {
    /// Who speaks.
    Hello(Hello),
    /// Get ready: run this initializer, if there is one.
    Begin(Option<(u64, &'a [u8])>),
    /// Run this.
    Task(Task<'a>),
    /// There will be no more: end.
    Goodbye,
}

/// What a worker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// Who speaks.
    Hello(Hello),
    /// It cannot work for this parent, and ends.
    Refused(&'a str),
    /// The initializer has run: tasks can come.
    Ready,
    /// The initializer has failed: the worker ends.
    InitializerFailed(Failure),
    /// A task's output.
    Finished {
        /// Which task.
        ticket: Ticket,
        /// What it gave.
        payload: Payload<'a>,
        /// What of it lies in the arena for itself.
        pieces: Vec<Placed>,
        /// Whether something that came with the task is still in use.
        held: bool,
    },
    /// A task that has none.
    Failed {
        /// Which task.
        ticket: Ticket,
        /// Why.
        failure: Failure,
        /// Whether something that came with the task is still in use.
        held: bool,
    },
    /// A task that was taken back before the worker came to it.
    Skipped(Ticket),
}

pub(super) mod kind {
    pub(crate) const HELLO: u8 = 1;
    pub(crate) const BEGIN: u8 = 2;
    pub(crate) const TASK: u8 = 3;
    pub(crate) const GOODBYE: u8 = 4;
    pub(crate) const REFUSED: u8 = 16;
    pub(crate) const READY: u8 = 17;
    pub(crate) const INITIALIZER_FAILED: u8 = 18;
    pub(crate) const FINISHED: u8 = 19;
    pub(crate) const FAILED: u8 = 20;
    pub(crate) const SKIPPED: u8 = 21;
}

pub(super) mod flag {
    /// The payload lies in the arena.
    pub(crate) const PLACED: u8 = 1;
    /// The start is to be noted.
    pub(crate) const TIMED: u8 = 2;
    /// There is an initializer.
    pub(crate) const INITIALIZER: u8 = 4;
    /// Regions come with the task.
    pub(crate) const ATTACHED: u8 = 8;
    /// The last two bytes say how many places stand before them.
    pub(crate) const PIECES: u8 = 16;
    /// Something that came with the task is still in use.
    pub(crate) const HELD: u8 = 32;
}

/// Which way frames go.
pub trait Direction {
    /// What is read.
    type Frame<'a>;

    /// Whether frames of this kind go this way: asked as soon as a header is there.
    fn has_kind(kind: u8) -> bool;

    /// Reads a whole frame.
    ///
    /// # Errors
    ///
    /// When it is none.
    fn parse<'a>(header: Header, body: &'a [u8]) -> Result<Self::Frame<'a>, WireError>;
}

/// To the worker.
#[derive(Debug)]
pub enum ToWorker {}

/// From the worker.
#[derive(Debug)]
pub enum FromWorker {}

/// A frame's header, taken apart.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    pub(super) length: usize,
    pub(super) kind: u8,
    flags: u8,
    slot: u16,
}

impl Header {
    pub(super) fn parse(bytes: [u8; HEADER]) -> Self {
        let [l0, l1, l2, l3, kind, flags, s0, s1] = bytes;
        Self {
            length: u32::from_le_bytes([l0, l1, l2, l3]) as usize,
            kind,
            flags,
            slot: u16::from_le_bytes([s0, s1]),
        }
    }

    fn allow(&self, flags: u8) -> Result<(), WireError> {
        if self.flags & !flags == 0 {
            Ok(())
        } else {
            Err(WireError::UnknownFlags {
                kind: self.kind,
                flags: self.flags,
            })
        }
    }

    /// A frame of no task has no slot.
    fn slotless(&self) -> Result<(), WireError> {
        match self.slot {
            0 => Ok(()),
            slot => Err(WireError::BadSlot { slot }),
        }
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn ticket(&self, body: &mut Body<'_>) -> Result<Ticket, WireError> {
        let generation = body.u32()?;
        if usize::from(self.slot) >= WINDOW_MAX {
            return Err(WireError::BadSlot { slot: self.slot });
        }
        if generation >= GENERATIONS {
            return Err(WireError::BadGeneration { generation });
        }
        Ok(Ticket {
            slot: self.slot,
            generation,
        })
    }
}

impl Direction for ToWorker {
    type Frame<'a> = Order<'a>;

    fn has_kind(kind: u8) -> bool {
        (kind::HELLO..=kind::GOODBYE).contains(&kind)
    }

    fn parse<'a>(header: Header, body: &'a [u8]) -> Result<Order<'a>, WireError> {
        let mut body = Body::new(header, body);
        match header.kind {
            kind::HELLO => {
                header.allow(0)?;
                header.slotless()?;
                Ok(Order::Hello(body.hello()?))
            }
            kind::BEGIN => {
                header.allow(flag::INITIALIZER)?;
                header.slotless()?;
                if header.has(flag::INITIALIZER) {
                    let entry = body.u64()?;
                    Ok(Order::Begin(Some((entry, body.rest()))))
                } else {
                    body.end()?;
                    Ok(Order::Begin(None))
                }
            }
            kind::TASK => {
                header.allow(flag::PLACED | flag::TIMED | flag::ATTACHED)?;
                let ticket = header.ticket(&mut body)?;
                let entry = body.u64()?;
                Ok(Order::Task(Task {
                    ticket,
                    entry,
                    timed: header.has(flag::TIMED),
                    attached: header.has(flag::ATTACHED),
                    payload: body.payload()?,
                }))
            }
            kind::GOODBYE => {
                header.allow(0)?;
                header.slotless()?;
                body.end()?;
                Ok(Order::Goodbye)
            }
            kind => Err(WireError::UnknownKind { kind }),
        }
    }
}

impl Direction for FromWorker {
    type Frame<'a> = Answer<'a>;

    fn has_kind(kind: u8) -> bool {
        kind == kind::HELLO || (kind::REFUSED..=kind::SKIPPED).contains(&kind)
    }

    fn parse<'a>(header: Header, body: &'a [u8]) -> Result<Answer<'a>, WireError> {
        let mut body = Body::new(header, body);
        if header.kind == kind::FINISHED {
            header.allow(flag::PLACED | flag::PIECES | flag::HELD)?;
            return Ok(Answer::Finished {
                ticket: header.ticket(&mut body)?,
                pieces: body.pieces()?,
                payload: body.payload()?,
                held: header.has(flag::HELD),
            });
        }
        if header.kind == kind::FAILED {
            header.allow(flag::HELD)?;
            return Ok(Answer::Failed {
                ticket: header.ticket(&mut body)?,
                failure: body.postcard()?,
                held: header.has(flag::HELD),
            });
        }
        header.allow(0)?;
        if header.kind == kind::SKIPPED {
            let ticket = header.ticket(&mut body)?;
            body.end()?;
            return Ok(Answer::Skipped(ticket));
        }
        header.slotless()?;
        match header.kind {
            kind::HELLO => Ok(Answer::Hello(body.hello()?)),
            kind::REFUSED => Ok(Answer::Refused(body.text()?)),
            kind::READY => {
                body.end()?;
                Ok(Answer::Ready)
            }
            kind::INITIALIZER_FAILED => Ok(Answer::InitializerFailed(body.postcard()?)),
            kind => Err(WireError::UnknownKind { kind }),
        }
    }
}

/// The length of a place.
const PLACED: usize = 2 + 8 + 8;

/// A body that is read from its start.
struct Body<'a> {
    header: Header,
    rest: &'a [u8],
}

impl<'a> Body<'a> {
    fn new(header: Header, rest: &'a [u8]) -> Self {
        Self { header, rest }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(self.bad_length())?;
        self.rest = rest;
        Ok(*taken)
    }

    fn u16(&mut self) -> Result<u16, WireError> {
        self.take().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, WireError> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, WireError> {
        self.take().map(u64::from_le_bytes)
    }

    fn rest(self) -> &'a [u8] {
        self.rest
    }

    fn end(self) -> Result<(), WireError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.bad_length())
        }
    }

    fn payload(mut self) -> Result<Payload<'a>, WireError> {
        if !self.header.has(flag::PLACED) {
            return Ok(Payload::Inline(self.rest));
        }
        let placed = self.placed()?;
        self.end()?;
        Ok(Payload::Placed(placed))
    }

    fn placed(&mut self) -> Result<Placed, WireError> {
        let place = self.u16()?;
        let at = self.u64()?;
        let len = self.u64()?;
        if usize::from(place) >= PLACES {
            return Err(WireError::BadPlace { place });
        }
        Ok(Placed { place, at, len })
    }

    /// The pieces, which stand at the end.
    fn pieces(&mut self) -> Result<Vec<Placed>, WireError> {
        if !self.header.has(flag::PIECES) {
            return Ok(Vec::new());
        }
        let (rest, count) = self.rest.split_last_chunk().ok_or(self.bad_length())?;
        let count = usize::from(u16::from_le_bytes(*count));
        let payload = rest.len().checked_sub(count * PLACED);
        let (payload, pieces) = rest.split_at(payload.ok_or(self.bad_length())?);
        if count > PLACES {
            return Err(self.bad_length());
        }
        let mut body = Self::new(self.header, pieces);
        self.rest = payload;
        (0..count).map(|_| body.placed()).collect()
    }

    fn hello(mut self) -> Result<Hello, WireError> {
        let protocol = self.u32()?;
        if protocol == PROTOCOL {
            self.postcard()
        } else {
            Err(self.bad(format!("protocol {protocol}, where {PROTOCOL} is spoken")))
        }
    }

    fn text(self) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.rest).map_err(|error| self.bad(error.to_string()))
    }

    fn postcard<T: serde::Deserialize<'a>>(self) -> Result<T, WireError> {
        match postcard::take_from_bytes(self.rest) {
            Ok((value, [])) => Ok(value),
            Ok((_, rest)) => Err(self.bad(format!("{} bytes too many", rest.len()))),
            Err(error) => Err(self.bad(error.to_string())),
        }
    }

    fn bad(&self, what: String) -> WireError {
        WireError::BadBody {
            kind: self.header.kind,
            what,
        }
    }

    fn bad_length(&self) -> WireError {
        WireError::BadLength {
            kind: self.header.kind,
            length: self.header.length,
        }
    }
}
