// SPDX-License-Identifier: GPL-2.0

//! Telling the driver that the configuration has changed.
//!
//! The vhost crate takes the channel for such messages from QEMU, and has no way to send this one.
//! So the descriptor is found among those of this process, by what is new, and duplicated.

use std::{
    collections::HashSet,
    fs,
    io::{self, Write},
    os::{
        fd::{BorrowedFd, RawFd},
        unix::net::UnixStream,
    },
};

/// Number of the message in the vhost-user protocol.
const CONFIG_CHANGE: u32 = 2;

/// The version of the protocol, in the flags of a message.
const VERSION: u32 = 1;

/// The sockets that were open before the channel came.
#[derive(Default)]
pub(crate) struct Sockets(HashSet<RawFd>);

impl Sockets {
    /// The sockets of this process that are open now.
    pub(crate) fn open() -> io::Result<Self> {
        let mut sockets = HashSet::new();
        for entry in fs::read_dir("/proc/self/fd")? {
            let path = entry?.path();
            // The directory itself is among them, and gone when it is looked at.
            let is_socket = fs::read_link(&path)
                .is_ok_and(|link| link.to_string_lossy().starts_with("socket:"));
            let name = path.file_name().and_then(|name| name.to_str());
            let number = name.and_then(|name| name.parse::<RawFd>().ok());
            sockets.extend(number.filter(|_| is_socket));
        }
        Ok(Self(sockets))
    }

    /// A second descriptor of the only socket that is open now and was not then.
    pub(crate) fn new_one(&self) -> io::Result<UnixStream> {
        duplicate(self.only_new(&Self::open()?)?)
    }

    fn only_new(&self, now: &Self) -> io::Result<RawFd> {
        let new: Vec<&RawFd> = now.0.difference(&self.0).collect();
        match new[..] {
            [number] => Ok(*number),
            _ => Err(io::Error::other(format!("{} new sockets", new.len()))),
        }
    }
}

#[expect(unsafe_code)]
fn duplicate(number: RawFd) -> io::Result<UnixStream> {
    // SAFETY: The descriptor was open a moment ago, and belongs to the object by which the caller
    // is told of the channel. It is not -1.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    Ok(UnixStream::from(borrowed.try_clone_to_owned()?))
}

/// Sends the message; nothing is answered.
pub(crate) fn send(mut channel: &UnixStream) -> io::Result<()> {
    let words = [CONFIG_CHANGE, VERSION, 0];
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    channel.write_all(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Read, os::fd::AsRawFd};

    #[test]
    fn sockets_are_seen() {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        let open = Sockets::open().expect("sockets").0;
        assert!(open.contains(&ours.as_raw_fd()) && open.contains(&theirs.as_raw_fd()));
    }

    #[test]
    fn only_one_may_be_new() {
        let set = |numbers: &[RawFd]| Sockets(numbers.iter().copied().collect());
        let before = set(&[3, 5]);
        assert_eq!(before.only_new(&set(&[3, 5, 9])).ok(), Some(9));
        assert_eq!(before.only_new(&set(&[5, 4])).ok(), Some(4));
        assert!(before.only_new(&set(&[3, 5])).is_err());
        assert!(before.only_new(&set(&[3, 4, 5, 6])).is_err());
    }

    #[test]
    fn a_notice_is_a_header_alone() {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair");
        let ours = duplicate(ours.as_raw_fd()).expect("a second descriptor");
        send(&ours).expect("to send");
        let mut message = [0; 12];
        theirs.read_exact(&mut message).expect("to receive");
        assert_eq!(message[..4], CONFIG_CHANGE.to_ne_bytes());
        assert_eq!(message[8..], [0; 4]);
    }
}
