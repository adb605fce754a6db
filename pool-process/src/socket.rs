//! A channel over one end of a pair of connected sockets.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recv, recvmsg, sendmsg, socketpair,
};

use crate::channel::Channel;

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
    pub(crate) fn send_with(&self, bytes: &[u8], descriptor: BorrowedFd<'_>) -> io::Result<()> {
        let descriptors = [descriptor];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
        let bytes_sent = retry(|| {
            sendmsg(
                &self.0,
                &[IoSlice::new(bytes)],
                &mut control,
                SendFlags::NOSIGNAL | SendFlags::DONTWAIT,
            )
        })?;
        if bytes_sent == bytes.len() {
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

/// Waits for bytes, and takes the descriptor that came with them.
pub(crate) fn receive_with(
    from: BorrowedFd<'_>,
    into: &mut Vec<u8>,
) -> io::Result<(usize, Option<OwnedFd>)> {
    let start = into.len();
    into.resize(into.capacity(), 0);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = retry(|| {
        recvmsg(
            from,
            &mut [io::IoSliceMut::new(&mut into[start..])],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        )
    });
    let received = received.map(|message| message.bytes);
    into.truncate(start + received.unwrap_or(0));
    let descriptor = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    Ok((received?, descriptor))
}

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}
