// SPDX-License-Identifier: GPL-2.0

//! What can be said of a memory slot before a guest touches it.
//!
//! Nothing is mapped yet, so this cannot allow anything that [`decide`](super::decision::decide)
//! would not. It can say no early, to the caller who made the mistake, and it is the only place
//! that can refuse to log writes.

use super::{
    decision::Refusal,
    facts::{
        Frames,
        Grant,
        Host,
        HostType,
        Page, //
    },
};

/// A part of a slot that one virtual memory area is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotArea {
    pub(crate) frames: Frames,
    pub(crate) host_type: HostType,
    pub(crate) grant: Grant,
    /// What its first page is; [`None`] as long as there is none, or nobody knows.
    pub(crate) first: Option<Page>,
    /// Writes of the guest are to be logged.
    pub(crate) log_dirty: bool,
}

impl SlotArea {
    /// Returns what is behind the area, as far as it is certain.
    ///
    /// A grant is given for devices only.
    const fn page(&self) -> Option<Page> {
        match (self.first, self.host_type, self.grant) {
            (
                Some(page),
                HostType::Cacheable | HostType::Uncached,
                Grant::None | Grant::AnyUncached,
            ) => Some(page),
            (None, HostType::Uncached, Grant::AnyUncached) => Some(Page::Io),
            (None, HostType::Uncached, Grant::None)
            | (None, HostType::Cacheable, Grant::None | Grant::AnyUncached) => None,
        }
    }
}

/// Checks an area of a slot that is made, moved, or given other flags.
///
/// `VM_PFNMAP` is treated as in C, which has nothing to say of `VM_MIXEDMAP`. There may be a device
/// behind that as well, but also memory that has always worked: it is refused what cannot work.
pub(crate) const fn check(host: &Host, area: &SlotArea) -> Result<(), Refusal> {
    match (area.frames, area.page()) {
        (Frames::Managed, Some(Page::Ram | Page::Io) | None) => Ok(()),
        (Frames::Mixed, Some(Page::Ram)) => Ok(()),
        (Frames::Mixed, None) => unknown(area),
        (Frames::Raw, Some(Page::Ram) | None) => raw(host, area),
        (Frames::Mixed | Frames::Raw, Some(Page::Io)) => match raw(host, area) {
            Ok(()) if host.protected => Err(Refusal::Protected),
            Ok(()) => Ok(()),
            Err(refusal) => Err(refusal),
        },
    }
}

const fn raw(host: &Host, area: &SlotArea) -> Result<(), Refusal> {
    if area.log_dirty {
        return Err(Refusal::DirtyLog);
    }
    match area.host_type {
        HostType::Cacheable if !host.keeps_caches_coherent() => Err(Refusal::NotCoherent),
        HostType::Cacheable | HostType::Uncached => Ok(()),
    }
}

/// Pages of a mixed area that the host does not cache are a device's rather than memory, and writes
/// to a device are never logged.
const fn unknown(area: &SlotArea) -> Result<(), Refusal> {
    match (area.host_type, area.log_dirty) {
        (HostType::Uncached, true) => Err(Refusal::DirtyLog),
        (HostType::Uncached, false) | (HostType::Cacheable, true | false) => Ok(()),
    }
}
