//! Length-prefixed messages over a socket pair, each with some file descriptors.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The largest message: the description of a very long enhanced multi-frame object.
const MESSAGE_LIMIT: usize = 256 << 20;

/// Descriptors of one message, at most. The system's own limit is 253 (unix(7), SCM_RIGHTS).
pub(super) const MAX_FILES: usize = 192;

/// Sends `message`, and `files` with it.
pub(super) fn send(
    stream: &mut UnixStream,
    message: &impl Serialize,
    files: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let body = postcard::to_stdvec(message).map_err(io::Error::other)?;
    let len = u32::try_from(body.len()).map_err(io::Error::other)?.to_le_bytes();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FILES))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !files.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(io::Error::other("too many files for one message"));
    }
    // Short messages go out in one call, with the descriptors on their first byte.
    let parts = [IoSlice::new(&len), IoSlice::new(&body)];
    let sent = rustix::net::sendmsg(&*stream, &parts, &mut ancillary, SendFlags::NOSIGNAL)?;
    let header_sent = sent.min(len.len());
    stream.write_all(len.get(header_sent..).unwrap_or_default())?;
    stream.write_all(body.get(sent.saturating_sub(len.len())..).unwrap_or_default())
}

/// Receives one message and the files that came with it; `None` at the end of the stream.
pub(super) fn receive<T: DeserializeOwned>(stream: &mut UnixStream) -> io::Result<Option<(T, Vec<File>)>> {
    let mut len = [0u8; 4];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FILES))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut len)];
    let got = rustix::net::recvmsg(&*stream, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?.bytes;
    if got == 0 {
        return Ok(None);
    }
    let fds: Vec<OwnedFd> = ancillary
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(fds) => Some(fds),
            _ => None,
        })
        .flatten()
        .collect();
    stream.read_exact(len.get_mut(got..).unwrap_or_default())?;
    let len = u32::from_le_bytes(len) as usize;
    if len > MESSAGE_LIMIT {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a message of {len} bytes"),
        ));
    }
    let mut body = Vec::new();
    (&mut *stream).take(len as u64).read_to_end(&mut body)?;
    if body.len() < len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let message = postcard::from_bytes(&body).map_err(io::Error::other)?;
    Ok(Some((message, fds.into_iter().map(File::from).collect())))
}
