//! A channel over one end of a pair of connected sockets.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recv, recvmsg,
    sendmsg, socketpair,
};

use crate::channel::Channel;
use crate::wire::ATTACHED_MAX;

/// The parent's end.
#[derive(Debug)]
pub(crate) struct Socket(OwnedFd);

impl Socket {
    /// A pair of ends: the parent's, and the worker's, which blocks.
    pub(crate) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = socketpair(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )?;
        Ok((Self(ours), theirs))
    }

    /// Sends bytes, all of them, with a descriptor: to be used before anything else is sent, when
    /// there is room.
    pub(crate) fn begin_with(
        &mut self,
        bytes: &[u8],
        descriptor: BorrowedFd<'_>,
    ) -> io::Result<()> {
        if self.send_with(bytes, &[descriptor])? == bytes.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::WriteZero.into())
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Channel for Socket {
    fn send(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        send(self.as_fd(), bytes, flags)
    }

    fn send_with(&mut self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(ATTACHED_MAX))];
        let sent = retry(|| {
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
                return Err(Errno::TOOMANYREFS);
            }
            sendmsg(
                &self.0,
                &[IoSlice::new(bytes)],
                &mut control,
                SendFlags::NOSIGNAL | SendFlags::DONTWAIT,
            )
        });
        match sent {
            // Too many are on their way, to this worker or to anybody: there will be room.
            Err(Errno::TOOMANYREFS) => Err(io::ErrorKind::WouldBlock.into()),
            sent => Ok(sent?),
        }
    }

    fn receive(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        let (received, _) = retry(|| recv(&self.0, spare_capacity(into), RecvFlags::DONTWAIT))?;
        Ok(received)
    }
}

/// Sends without a signal when the other end is gone.
pub(crate) fn send(
    to: BorrowedFd<'_>,
    bytes: &[IoSlice<'_>],
    flags: SendFlags,
) -> io::Result<usize> {
    let mut control = SendAncillaryBuffer::default();
    Ok(retry(|| {
        sendmsg(to, bytes, &mut control, flags | SendFlags::NOSIGNAL)
    })?)
}

/// The descriptors that were passed by one [`Channel::send_with`].
#[derive(Debug)]
pub(crate) struct Passed {
    pub(crate) descriptors: Vec<OwnedFd>,
    /// The system had no room for all of them.
    pub(crate) lacks_some: bool,
}

/// Receives bytes, which are appended, and takes the descriptors that came with them: never those
/// of more than one message, and never later than its first byte.
pub(crate) fn receive_with(
    from: BorrowedFd<'_>,
    flags: RecvFlags,
    scratch: &mut [u8],
    into: &mut Vec<u8>,
) -> io::Result<(usize, Option<Passed>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(ATTACHED_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let message = retry(|| {
        recvmsg(
            from,
            &mut [io::IoSliceMut::new(scratch)],
            &mut control,
            flags | RecvFlags::CMSG_CLOEXEC,
        )
    })?;
    into.extend_from_slice(&scratch[..message.bytes]);
    let lacks_some = message.flags.contains(ReturnFlags::CTRUNC);
    let mut descriptors = Vec::new();
    let mut passed = lacks_some;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(some) = message {
            descriptors.extend(some);
            passed = true;
        }
    }
    let passed = passed.then_some(Passed {
        descriptors,
        lacks_some,
    });
    Ok((message.bytes, passed))
}

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}
